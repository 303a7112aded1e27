//! One card: what it is, and what was done to it.

use pivkit::report::{
    AttestationReport, CardInfoReport, KeyReport, PinReport, PinTriesReport, ResetReport, RetriesReport,
    SecretChangeReport, SignatureReport,
};

use super::safe;
use super::table::table;

pub(crate) fn info(report: &CardInfoReport) -> String {
    let none = || "not told".to_owned();
    let text = |value: &Option<String>| value.as_deref().map_or_else(none, safe);
    let maker = match (&report.vendor, &report.firmware) {
        (Some(vendor), Some(firmware)) => format!("{}, firmware {firmware}", safe(vendor)),
        (None, Some(firmware)) => format!("not told, firmware {firmware}"),
        (vendor, None) => vendor.as_deref().map_or_else(none, safe),
    };
    let facts = [
        ("reader", safe(&report.reader)),
        ("ATR", report.atr.clone()),
        ("AID", text(&report.aid)),
        ("label", text(&report.label)),
        ("maker", maker),
        ("serial number", report.serial.map_or_else(none, |serial| serial.to_string())),
        ("GUID", report.guid.clone().unwrap_or_else(|| "none".to_owned())),
        ("token", report.token_id.clone().unwrap_or_else(|| "none: macOS makes none without a GUID".to_owned())),
        ("PIN policy", format!("{}, {} PIN", text(&report.pin_usage_policy), report.pin_in_use)),
        ("PIN", tries(&report.pin)),
        ("global PIN", report.global_pin.as_ref().map_or("not used".to_owned(), tries)),
        ("PUK", tries(&report.puk)),
        ("management key", management_key(report)),
    ];
    let mut text: String = facts.iter().map(|(name, value)| format!("{name:<16}{value}\n")).collect();
    text.push_str(&slots(report));
    for problem in &report.problems {
        text.push_str(&format!("! {}\n", safe(problem)));
    }
    text
}

fn tries(report: &PinTriesReport) -> String {
    let left = match (report.retries, report.retries_total) {
        (Some(0), _) => "blocked".to_owned(),
        (Some(left), Some(total)) => format!("{left} of {total} tries left"),
        (Some(1), None) => "1 try left".to_owned(),
        (Some(left), None) => format!("{left} tries left"),
        (None, _) => "tries not told".to_owned(),
    };
    let verified = if report.verified { ", verified at present" } else { "" };
    let default = if report.is_default == Some(true) { ", the factory's" } else { "" };
    format!("{left}{verified}{default}")
}

fn management_key(report: &CardInfoReport) -> String {
    let Some(key) = &report.management_key else { return "not told".to_owned() };
    let algorithm = key.algorithm.clone().unwrap_or_else(|| "of an unknown kind".to_owned());
    let touch = key.touch_policy.as_ref().map(|policy| format!(", touch {policy}")).unwrap_or_default();
    let default = if key.is_default == Some(true) { ", the factory's" } else { "" };
    let stored = if key.stored_under_pin { ", stored under the PIN" } else { "" };
    format!("{algorithm}{touch}{default}{stored}")
}

fn slots(report: &CardInfoReport) -> String {
    if report.slots.is_empty() {
        return "no slot holds anything\n".to_owned();
    }
    let row = |slot: &pivkit::report::SlotReport| {
        let certified = || slot.certificate.as_ref().map(|certificate| certificate.algorithm.clone());
        let key = slot.key.as_ref().map(key).or_else(certified).unwrap_or_else(|| "not told".to_owned());
        let (hash, until, name) = match &slot.certificate {
            Some(certificate) => (
                certificate.pairing_hash.clone(),
                certificate.not_after.split('T').next().unwrap_or_default().to_owned(),
                certificate.upn.clone().unwrap_or_else(|| certificate.subject.clone()),
            ),
            None => ("no certificate".to_owned(), String::new(), String::new()),
        };
        vec![slot.slot.clone(), key, hash, until, name]
    };
    let rows: Vec<_> = report.slots.iter().map(row).collect();
    let mut text = table(&["SLOT", "KEY", "PAIRING HASH", "UNTIL", "NAME"], &rows);
    for slot in &report.slots {
        for problem in slot.certificate.iter().flat_map(|certificate| &certificate.problems) {
            text.push_str(&format!("  ! {}: {}\n", slot.slot, safe(problem)));
        }
    }
    text
}

fn key(key: &KeyReport) -> String {
    let pin = key.pin_policy.as_ref().map(|policy| format!("PIN {policy}"));
    let touch = key.touch_policy.as_ref().map(|policy| format!("touch {policy}"));
    let facts = [key.algorithm.clone(), key.origin.map(str::to_owned), pin, touch];
    facts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub(crate) fn verified(report: &PinReport) -> String {
    let before = report.pin_retries_before.map(|tries| format!("; there were {tries} tries left")).unwrap_or_default();
    format!("the {} PIN of the card in {} is right{before}\n", report.pin, safe(&report.reader))
}

/// A change of PIN or PUK, `done` or only planned.
pub(crate) fn changed(report: &SecretChangeReport, done: &str) -> String {
    if !report.changed {
        return planned(&report.plan);
    }
    let left =
        |what: &str, tries: Option<u8>| tries.map(|tries| format!("; {tries} {what} tries left")).unwrap_or_default();
    format!("{done}{}{}\n", left("PIN", report.pin_retries), left("PUK", report.puk_retries))
}

pub(crate) fn retries_set(report: &RetriesReport) -> String {
    if !report.changed {
        return planned(&report.plan);
    }
    let puk = if report.puk_is_default {
        "the PUK is the factory's now, 12345678: change it with `pivkit card change-puk`\n"
    } else {
        ""
    };
    format!("the PIN has {} tries, the PUK {}\n{puk}", report.pin_retries, report.puk_retries)
}

pub(crate) fn reset(report: &ResetReport) -> String {
    if !report.reset {
        return planned(&report.plan);
    }
    format!(
        "the PIV application of the card in {} is as from the factory: PIN 123456, PUK 12345678\n",
        safe(&report.reader)
    )
}

fn planned(plan: &[String]) -> String {
    let steps: String = plan.iter().map(|step| format!("  {}\n", safe(step))).collect();
    format!("would:\n{steps}dry run: nothing was changed\n")
}

/// What the card says, and behind it the certificates, which programs that look for PEM find there.
pub(crate) fn attested(report: &AttestationReport) -> String {
    let verified = if report.verified { "verified up to a given root" } else { "not verified: no root was given" };
    let mut facts = vec![
        ("key", format!("{}, made on the card", safe(&report.algorithm))),
        ("pairing hash", report.pairing_hash.clone()),
        ("statement", verified.to_owned()),
    ];
    if let Some(says) = &report.says {
        let serial = says.serial.map_or_else(|| "not told".to_owned(), |serial| serial.to_string());
        facts.push(("firmware", safe(&says.firmware)));
        facts.push(("serial number", serial));
        facts.push(("policies", format!("PIN {}, touch {}", safe(&says.pin_policy), safe(&says.touch_policy))));
        facts.extend(says.form_factor.as_ref().map(|form| ("form", safe(form))));
    }
    let facts: String = facts.iter().map(|(name, value)| format!("{name:<16}{value}\n")).collect();
    format!("slot {}\n{facts}{}{}", report.slot, report.attestation, report.intermediate.as_deref().unwrap_or_default())
}

pub(crate) fn signed(report: &SignatureReport) -> String {
    format!("signed with the {} key in slot {} ({})", report.key, report.slot, report.algorithm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_card_says_of_itself_cannot_steer_the_terminal() {
        let hostile = "\u{1b}[2J\u{202e}\n".to_owned();
        let none = PinTriesReport::default;
        let report = CardInfoReport {
            schema_version: 1,
            reader: hostile.clone(),
            atr: "3B00".to_owned(),
            aid: None,
            label: Some(hostile.clone()),
            vendor: None,
            firmware: None,
            serial: None,
            guid: None,
            token_id: None,
            pin_usage_policy: None,
            pin_in_use: "application",
            pin: none(),
            global_pin: None,
            puk: none(),
            management_key: None,
            key_history: None,
            slots: vec![],
            problems: vec![hostile],
            errors: vec![],
        };
        let text = info(&report);
        let steers = |character: char| character.is_control() && character != '\n' || character == '\u{202e}';
        assert!(!text.contains(steers), "{text:?}");
        assert_eq!(text.lines().count(), 15, "a line for each fact, one for the slots, one for the problem: {text}");
    }
}
