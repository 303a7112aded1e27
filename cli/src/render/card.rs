//! Readers, cards, certificates.

use pivkit::report::{
    CardReport, HashEntry, HashReport, IdentitiesReport, IdentityReport, ReadError, ReaderEvent, ReaderEventKind,
    ReadersReport,
};

use super::safe;
use super::table::table;

pub(crate) fn readers(report: &ReadersReport) -> String {
    let line = |reader: &pivkit::report::ReaderReport| {
        let state = match &reader.atr {
            None => "empty".to_owned(),
            Some(_) if reader.mute => "a card that does not respond".to_owned(),
            Some(atr) if reader.exclusive => format!("card {atr}, in use by another program"),
            Some(atr) => format!("card {atr}"),
        };
        format!("{}: {state}\n", safe(&reader.reader))
    };
    report.readers.iter().map(line).collect()
}

pub(crate) fn reader_event(event: &ReaderEvent) -> String {
    let what = match event.event {
        ReaderEventKind::ReaderAttached => "reader attached",
        ReaderEventKind::ReaderDetached => "reader detached",
        ReaderEventKind::CardInserted => "card inserted",
        ReaderEventKind::CardRemoved => "card removed",
    };
    let atr = event.atr.as_ref().map(|atr| format!(" {atr}")).unwrap_or_default();
    format!("{}: {what}{atr}\n", safe(&event.reader))
}

pub(crate) fn identities(report: &IdentitiesReport) -> String {
    let cards = report.cards.iter().map(card);
    let files = report.files.iter().map(|file| format!("{}\n{}", safe(&file.path), certificates(&file.identities)));
    cards.chain(files).collect::<Vec<_>>().join("\n")
}

fn card(card: &CardReport) -> String {
    let serial = card.serial.map(|serial| format!("serial {serial}"));
    let token = match &card.token_id {
        Some(token_id) => format!("token {}", safe(token_id)),
        None => "no GUID, so macOS makes no token of it".to_owned(),
    };
    let tries = card.pin_retries.map(|tries| match tries {
        0 => "PIN blocked".to_owned(),
        1 => "1 PIN try left".to_owned(),
        tries => format!("{tries} PIN tries left"),
    });
    let facts: Vec<_> = [serial, Some(token), tries].into_iter().flatten().collect();
    format!("{}\n  {}\n{}", safe(&card.reader), facts.join(", "), certificates(&card.identities))
}

fn certificates(identities: &[IdentityReport]) -> String {
    if identities.is_empty() {
        return "  no certificates\n".to_owned();
    }
    let row = |identity: &IdentityReport| {
        let slot = identity.slot.clone().unwrap_or_else(|| "-".to_owned());
        let until = identity.not_after.split('T').next().unwrap_or_default().to_owned();
        let good_for =
            if identity.usable_for.is_empty() { "nothing".to_owned() } else { identity.usable_for.join(", ") };
        let name = identity.upn.clone().unwrap_or_else(|| identity.subject.clone());
        vec![slot, identity.pairing_hash.clone(), identity.algorithm.clone(), until, good_for, name]
    };
    let rows: Vec<_> = identities.iter().map(row).collect();
    let mut text = table(&["SLOT", "PAIRING HASH", "KEY", "UNTIL", "GOOD FOR", "NAME"], &rows);
    for identity in identities {
        for problem in &identity.problems {
            let place = identity.slot.as_deref().unwrap_or(&identity.pairing_hash);
            text.push_str(&format!("  ! {place}: {}\n", safe(problem)));
        }
    }
    text
}

pub(crate) fn hashes(report: &HashReport) -> String {
    let line = |entry: &HashEntry| {
        let place = entry.path.as_ref().or(entry.slot.as_ref()).map(|place| safe(place)).unwrap_or_default();
        format!("{}\t{place}\n", entry.pairing_hash)
    };
    report.hashes.iter().map(line).collect()
}

/// What could not be read, for standard error.
pub(crate) fn read_errors(errors: &[ReadError]) -> Vec<String> {
    let line = |error: &ReadError| {
        let slot = error.slot.as_ref().map(|slot| format!("slot {slot}"));
        let place: Vec<_> = [error.reader.clone(), slot, error.path.clone()].into_iter().flatten().collect();
        format!("pivkit: {}: {}.", safe(&place.join(", ")), safe(&error.error))
    };
    let mut lines: Vec<String> = errors.iter().map(line).collect();
    if errors.iter().any(|error| error.path.is_some()) {
        lines.push("Check the path and its permissions; certificates are read from PEM, DER and PKCS#7.".to_owned());
    } else if !errors.is_empty() {
        lines.push("The rest was read; take the card out, insert it again, and try again.".to_owned());
    }
    lines
}
