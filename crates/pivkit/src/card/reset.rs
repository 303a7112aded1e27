//! `pivkit card reset`.

use piv::Session;

use crate::choice::connect_one;
use crate::report::{ResetReport, SCHEMA_VERSION};
use crate::session::in_session;
use crate::transport::CardReaders;
use crate::{CardChoice, Error, Ui, parse_guid};

/// What `pivkit card reset` was asked.
#[derive(Clone, Debug)]
pub struct ResetRequest {
    /// Which card.
    pub card: CardChoice,
    /// The serial number or GUID of the card (the reader's name for a card that has neither), as somebody typed it; without it, a person is asked to type it now.
    pub confirmation: Option<String>,
    /// Only say what would be lost.
    pub dry_run: bool,
}

/// What a card is known by: its serial number or GUID, or where it is if it tells neither, as an empty YubiKey 4.
struct Names {
    reader: String,
    serial: Option<u32>,
    guid: Option<[u8; 16]>,
}

/// Resets the PIV application of a card: every key, certificate and object is destroyed, and PIN, PUK and management key are
/// those of the factory. Before that PIN and PUK are blocked, because the card resets itself only then.
///
/// Whether the card can be reset at all is found out first: a card of another maker is left as it is.
///
/// # Errors
///
/// [`Error::NotConfirmed`]; [`Error::Card`] with [`piv::Error::NotSupported`]; [`Error::NotReset`] if PIN and PUK were blocked
/// and the reset failed, or whether the card was reset is not known; those of choosing a card.
pub fn reset(readers: &mut CardReaders, request: &ResetRequest, ui: &mut dyn Ui) -> Result<ResetReport, Error> {
    let mut card = connect_one(readers, &request.card, ui)?;
    let reader = card.reader().to_owned();
    let in_reader = |source| Error::Card { reader: reader.clone(), source };
    let (names, plan) = in_session(&mut card, |mut session| look(&mut session, &reader).map_err(in_reader))?;
    if !request.dry_run {
        let typed = match &request.confirmation {
            Some(typed) => typed.clone(),
            None => ui.type_name(&plan, &names.question())?,
        };
        if !names.are(&typed) {
            return Err(Error::NotConfirmed { typed });
        }
        in_session(&mut card, |mut session| destroy(&mut session, in_reader))?;
    }
    Ok(ResetReport {
        schema_version: SCHEMA_VERSION,
        reader,
        serial: names.serial,
        guid: names.guid.map(hex::encode_upper),
        plan,
        reset: !request.dry_run,
    })
}

/// What the card is called, and what would be lost.
fn look(session: &mut Session<'_>, reader: &str) -> Result<(Names, Vec<String>), piv::Error> {
    if session.version()?.is_none() {
        return Err(piv::Error::NotSupported { what: "a reset" });
    }
    let serial = session.yubikey_serial()?;
    let guid = match session.chuid() {
        Err(error) if error.ends_session() => return Err(error),
        chuid => chuid.ok().flatten().and_then(|chuid| chuid.guid),
    };
    let names = Names { reader: reader.to_owned(), serial, guid };
    let mut lost = Vec::new();
    for slot in piv::Slot::STANDARD {
        match session.certificate(slot) {
            Err(error) if error.ends_session() => return Err(error),
            Ok(None) => {}
            // A certificate that cannot be read is lost like any other.
            Ok(Some(_)) | Err(_) => lost.push(slot.to_string()),
        }
    }
    let certificates = match lost.as_slice() {
        [] => String::new(),
        slots => format!(", those in {} among them", slots.join(", ")),
    };
    let plan = vec![
        "block the PIN and the PUK with wrong ones, because the card resets itself only then".to_owned(),
        format!(
            "destroy every key, certificate and data object in all slots of the card{certificates}; nothing brings them back"
        ),
        "set PIN, PUK and management key to those of the factory".to_owned(),
    ];
    Ok((names, plan))
}

/// The card is asked to reset itself before anything is blocked: one that cannot says so, and one whose PIN and PUK are
/// blocked does it at once.
fn destroy(session: &mut Session<'_>, in_reader: impl Fn(piv::Error) -> Error) -> Result<(), Error> {
    match session.reset() {
        Err(piv::Error::NotBlocked { .. }) => {}
        // A blocked card may be empty by now.
        Err(source) if source.leaves_doubt() => return Err(Error::NotReset { source }),
        result => return result.map_err(in_reader),
    }
    session.block_pin_and_puk().and_then(|()| session.reset()).map_err(|source| Error::NotReset { source })
}

impl Names {
    fn question(&self) -> String {
        let serial = self.serial.map(|serial| format!("serial number {serial}"));
        let guid = self.guid.map(|guid| format!("GUID {}", hex::encode_upper(guid)));
        let mut names: Vec<_> = [serial, guid].into_iter().flatten().collect();
        if names.is_empty() {
            names.push(format!("name of the reader, {}", self.reader));
        }
        format!("Type the {} to destroy all of it", names.join(" or the "))
    }

    fn are(&self, typed: &str) -> bool {
        let typed = typed.trim();
        let serial = self.serial.is_some_and(|serial| typed == serial.to_string());
        let guid = self.guid.is_some() && self.guid == parse_guid(typed);
        let reader = self.serial.is_none() && self.guid.is_none() && typed == self.reader;
        serial || guid || reader
    }
}
