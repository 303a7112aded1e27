//! `pivkit readers`, `pivkit identities`: what is there, without a PIN.

use std::panic::resume_unwind;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use identity::{Certificate, Identity, TokenId};
use piv::{PinStatus, Slot};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::choice::{CardChoice, connect_one};
use crate::report::{
    CardReport, FileReport, HashEntry, HashReport, IdentitiesReport, IdentityReport, ReadError, ReaderReport,
    ReadersReport, SCHEMA_VERSION,
};
use crate::scan::{self, Found, Scan, Slots};
use crate::session::in_session;
use crate::transport::CardReaders;
use crate::with_causes;
use crate::{Error, Ui, files};

/// The readers and what is in them.
///
/// # Errors
///
/// [`Error::Transport`].
pub fn readers(readers: &mut CardReaders) -> Result<ReadersReport, Error> {
    Ok(ReadersReport { schema_version: SCHEMA_VERSION, readers: readers.list()? })
}

/// The certificates on every PIV card that `choice` means. One command for each object on a card with extended length.
///
/// What could not be read is listed in the report. If no card at all could be read, the report comes with the reason of the
/// first one.
///
/// # Errors
///
/// [`Error::NoReader`] or [`Error::NoCard`] if there is nothing to read, [`Error::Transport`] if the way to the cards is
/// closed.
pub fn identities(
    readers: &mut CardReaders,
    choice: &CardChoice,
    slots: Slots,
) -> Result<(IdentitiesReport, Option<Error>), Error> {
    let all = readers.list()?;
    if all.is_empty() {
        return Err(Error::NoReader);
    }
    let mut report = IdentitiesReport { schema_version: SCHEMA_VERSION, cards: vec![], files: vec![], errors: vec![] };
    let mut first_error = None;
    let with_card: Vec<_> = choice.readers(&all).into_iter().filter(|reader| reader.has_card()).collect();
    for (reader, read) in with_card.iter().zip(read_cards(readers, &with_card, choice, slots)) {
        match read {
            Ok(Some((card, errors))) => {
                report.cards.push(card);
                report.errors.extend(errors);
            }
            Ok(None) => {}
            Err(error) => {
                let text = with_causes(&error);
                report.errors.push(ReadError {
                    reader: Some(reader.reader.clone()),
                    slot: None,
                    path: None,
                    error: text,
                });
                first_error = first_error.or(Some(error));
            }
        }
    }
    match first_error {
        None if report.cards.is_empty() => Err(Error::NoCard { wanted: choice.describe() }),
        first_error => {
            let reason = first_error.filter(|_| report.cards.is_empty());
            Ok((report, reason))
        }
    }
}

/// What a card is and what could not be read of it; `None` if another card is meant.
type ReadCard = Option<(CardReport, Vec<ReadError>)>;

/// Reads all cards at the same time: each is slow, and none waits for the others.
fn read_cards(
    readers: &CardReaders,
    with_card: &[&ReaderReport],
    choice: &CardChoice,
    slots: Slots,
) -> Vec<Result<ReadCard, Error>> {
    let reading = |reader: &str| read_card(readers, reader, choice, slots);
    if let [only] = with_card {
        return vec![reading(&only.reader)];
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = with_card.iter().map(|reader| scope.spawn(|| reading(&reader.reader))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

fn read_card(readers: &CardReaders, reader: &str, choice: &CardChoice, slots: Slots) -> Result<ReadCard, Error> {
    let mut card = readers.connect(reader)?;
    let ask_serial = choice.serial.is_some() || piv::is_yubikey(card.atr());
    let scan = in_session(&mut card, |mut session| {
        let scan = scan::everything(&mut session, slots, ask_serial);
        scan.map_err(|source| Error::Card { reader: reader.to_owned(), source })
    })?;
    if !choice.fits(scan.guid, scan.serial) {
        return Ok(None);
    }
    let errors = scan.errors.iter().map(|(slot, error)| ReadError {
        reader: Some(reader.to_owned()),
        slot: slot.map(|slot| slot.to_string()),
        path: None,
        error: with_causes(error),
    });
    Ok(Some((card_report(reader, &scan), errors.collect())))
}

fn card_report(reader: &str, scan: &Scan) -> CardReport {
    let now = OffsetDateTime::now_utc();
    let token_id = scan.guid.and_then(|guid| TokenId::from_guid(&guid).ok());
    CardReport {
        reader: reader.to_owned(),
        guid: scan.guid.map(hex::encode_upper),
        serial: scan.serial,
        token_id: token_id.map(|token_id| token_id.to_string()),
        pin_retries: match scan.pin_status {
            Some(PinStatus::TriesLeft(tries)) => Some(tries),
            Some(PinStatus::Blocked) => Some(0),
            _ => None,
        },
        identities: scan.found.iter().map(|found| on_card(found, now)).collect(),
    }
}

pub(crate) fn on_card(found: &Found, now: OffsetDateTime) -> IdentityReport {
    let Identity { slot, certificate, .. } = &found.identity;
    let mut problems: Vec<String> = found.identity.problems_at(now).iter().map(ToString::to_string).collect();
    problems.extend(found.object_problems.iter().map(|problem| (*problem).to_owned()));
    let usable_for = found.identity.usable_for().iter().map(ToString::to_string).collect();
    IdentityReport { slot: Some(slot.clone()), usable_for, problems, ..facts(certificate) }
}

pub(crate) fn in_file(certificate: &Certificate, now: OffsetDateTime) -> IdentityReport {
    let problems = certificate.problems_at(now).iter().map(ToString::to_string).collect();
    let usable_for = certificate.usable_for().iter().map(ToString::to_string).collect();
    IdentityReport { usable_for, problems, ..facts(certificate) }
}

fn facts(certificate: &Certificate) -> IdentityReport {
    IdentityReport {
        slot: None,
        subject: certificate.subject().to_owned(),
        issuer: certificate.issuer().to_owned(),
        serial_number: certificate.serial_number().to_owned(),
        upn: certificate.upn().map(str::to_owned),
        email: certificate.emails().to_vec(),
        algorithm: certificate.public_key().algorithm().to_string(),
        pairing_hash: certificate.pairing_hash().to_string(),
        not_before: rfc3339(certificate.not_before()),
        not_after: rfc3339(certificate.not_after()),
        usable_for: Vec::new(),
        usage: None,
        trusted: None,
        problems: Vec::new(),
        certificate: STANDARD.encode(certificate.der()),
    }
}

/// The pairing hash of the certificate in one slot of one card: two commands with extended length.
///
/// # Errors
///
/// Those of choosing a card; [`Error::EmptySlot`], [`Error::UnreadableCertificate`] or [`Error::Card`].
pub fn hash_in_slot(
    readers: &mut CardReaders,
    choice: &CardChoice,
    slot: Slot,
    ui: &mut dyn Ui,
) -> Result<HashReport, Error> {
    let mut card = connect_one(readers, choice, ui)?;
    let reader = card.reader().to_owned();
    let found = in_session(&mut card, |mut session| {
        let found = scan::read_slot(&mut session, slot, None).map_err(|error| error.in_reader(&reader))?;
        found.ok_or(Error::EmptySlot { slot })
    })?;
    let certificate = &found.identity.certificate;
    let hash = HashEntry {
        pairing_hash: certificate.pairing_hash().to_string(),
        path: None,
        reader: Some(reader),
        slot: Some(slot.to_string()),
        subject: certificate.subject().to_owned(),
    };
    Ok(HashReport { schema_version: SCHEMA_VERSION, hashes: vec![hash], errors: vec![] })
}

/// The certificates in files, instead of cards. What could not be read is listed in the report.
#[must_use]
pub fn identities_in_files(paths: &[PathBuf]) -> IdentitiesReport {
    let now = OffsetDateTime::now_utc();
    let mut report = IdentitiesReport { schema_version: SCHEMA_VERSION, cards: vec![], files: vec![], errors: vec![] };
    for path in paths {
        let certificates = match files::certificates(path) {
            Ok(certificates) => certificates,
            Err(error) => {
                report.errors.push(ReadError::in_file(path, &error));
                continue;
            }
        };
        let mut identities = Vec::new();
        for certificate in certificates {
            match certificate {
                Ok(certificate) => identities.push(in_file(&certificate, now)),
                Err(error) => report.errors.push(ReadError::in_file(path, &error)),
            }
        }
        report.files.push(FileReport { path: path.display().to_string(), identities });
    }
    report
}

/// RFC 3339 with seconds, in UTC.
pub(crate) fn rfc3339(time: OffsetDateTime) -> String {
    // Certificates hold years 1950 to 9999, all of which have a form.
    time.format(&Rfc3339).unwrap_or_default()
}
