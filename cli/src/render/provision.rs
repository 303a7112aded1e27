//! A card that was made ready.

use pivkit::report::{ProvisionReport, ProvisionedSlot};

use super::safe;

pub(crate) fn provisioned(report: &ProvisionReport, dry_run: bool) -> String {
    let mut out = String::new();
    if report.plan.is_empty() || (!report.changed && !dry_run) {
        out.push_str("unchanged: everything that was asked for is on the card already\n");
    } else if report.changed {
        out.push_str("done:\n");
    } else {
        out.push_str("would do:\n");
    }
    for step in &report.plan {
        out.push_str(&format!("  {}\n", safe(step)));
    }
    for note in &report.notes {
        out.push_str(&format!("note: {}\n", safe(note)));
    }
    out.push_str(&format!("card in {}{}\n", safe(&report.reader), names(report)));
    report.slots.iter().for_each(|slot| out.push_str(&line(slot)));
    if dry_run {
        out.push_str("dry run: nothing was changed\n");
    } else if report.slots.iter().any(|slot| slot.request.is_some()) {
        out.push_str("next: `pivkit provision import --slot 9a CERT-FILE` when the certificates are issued\n");
    } else {
        out.push_str("next: `pivkit pair --user NAME` lets the card open an account\n");
    }
    out
}

fn names(report: &ProvisionReport) -> String {
    let serial = report.serial.map(|serial| format!(", serial {serial}"));
    let firmware = report.firmware.as_ref().map(|firmware| format!(", firmware {firmware}"));
    let guid = report.guid.as_ref().map(|guid| format!(", GUID {guid}"));
    let key = format!(", management key: {}", report.management_key);
    [serial, firmware, guid, Some(key)].into_iter().flatten().collect()
}

fn line(slot: &ProvisionedSlot) -> String {
    let (Some(algorithm), Some(hash)) = (&slot.algorithm, &slot.pairing_hash) else {
        return format!("  {}  no key that is known\n", slot.slot);
    };
    let subject = slot.subject.as_deref().map_or_else(|| "no certificate".to_owned(), safe);
    let attested = if slot.attestation.is_some() { ", attested" } else { "" };
    let request = slot.request.as_deref().map(|path| format!(", request in {}", safe(path))).unwrap_or_default();
    format!("  {}  {hash}  {algorithm}  {subject}{attested}{request}\n", slot.slot)
}
