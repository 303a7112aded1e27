//! Reading the certificates of one card within one session.

use identity::{Certificate, Identity, TokenId};
use piv::{KeyHistory, PinStatus, Session, Slot};

use crate::Error;

/// What was read of a card.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) guid: Option<[u8; 16]>,
    pub(crate) serial: Option<u32>,
    pub(crate) pin_status: Option<PinStatus>,
    /// The key history, if it was read and there is one.
    pub(crate) key_history: Option<KeyHistory>,
    pub(crate) found: Vec<Found>,
    /// What could not be read, with the slot it concerns.
    pub(crate) errors: Vec<(Option<Slot>, ScanError)>,
}

/// A certificate in a slot.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) slot: Slot,
    pub(crate) identity: Identity,
    /// Deviations of the object around the certificate.
    pub(crate) object_problems: Vec<&'static str>,
}

/// Why an object was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    #[error(transparent)]
    Card(#[from] piv::Error),
    #[error("the certificate in slot {slot} cannot be read: {source}")]
    Certificate { slot: Slot, source: identity::Error },
}

impl ScanError {
    /// As an error of the use case that needed the object.
    pub(crate) fn in_reader(self, reader: &str) -> Error {
        match self {
            Self::Card(source) => Error::Card { reader: reader.to_owned(), source },
            Self::Certificate { slot, source } => Error::UnreadableCertificate { slot, source },
        }
    }
}

/// Which slots to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slots {
    /// The four standard ones, and retired ones from 82 up until as many certificates are found as the key history counts.
    #[default]
    InUse,
    /// All twenty-four, whatever the key history says.
    All,
}

/// Everything that `identities` shows: the CHUID, the key history, the slots, the retry counter. One command each on a card
/// with extended length.
///
/// # Errors
///
/// That of a lost connection. What is merely unreadable goes to [`Scan::errors`].
pub(crate) fn everything(session: &mut Session<'_>, slots: Slots, is_yubikey: bool) -> Result<Scan, piv::Error> {
    let mut scan = Scan::default();
    let chuid = scan.note(None, session.chuid())?.flatten();
    scan.guid = chuid.and_then(|chuid| chuid.guid);
    if is_yubikey {
        scan.serial = scan.note(None, session.yubikey_serial())?.flatten();
    }
    let history = match slots {
        Slots::InUse => {
            scan.key_history = scan.note(None, session.key_history())?.flatten();
            scan.key_history.unwrap_or_default()
        }
        Slots::All => KeyHistory { on_card: u8::MAX, off_card: 0 },
    };
    for slot in Slot::STANDARD {
        scan.read(session, slot)?;
    }
    let standard = scan.found.len();
    for slot in Slot::retired() {
        // The key history counts, but does not say which slots; some cards leave gaps.
        if scan.found.len() - standard >= usize::from(history.on_card) {
            break;
        }
        scan.read(session, slot)?;
    }
    scan.pin_status = scan.note(None, session.pin_status())?;
    Ok(scan)
}

/// The certificate in one slot, if there is one.
pub(crate) fn read_slot(
    session: &mut Session<'_>,
    slot: Slot,
    guid: Option<[u8; 16]>,
) -> Result<Option<Found>, ScanError> {
    let Some(object) = session.certificate(slot)? else { return Ok(None) };
    let certificate = Certificate::from_der(&object.der).map_err(|source| ScanError::Certificate { slot, source })?;
    let token_id = guid.and_then(|guid| TokenId::from_guid(&guid).ok());
    let identity = Identity { slot: slot.to_string(), certificate, token_id };
    Ok(Some(Found { slot, identity, object_problems: object.problems }))
}

impl Scan {
    fn read(&mut self, session: &mut Session<'_>, slot: Slot) -> Result<(), piv::Error> {
        let found = read_slot(session, slot, self.guid);
        let found = self.note(Some(slot), found)?.flatten();
        self.found.extend(found);
        Ok(())
    }

    /// Keeps a result, or notes why there is none; a lost connection ends the scan.
    fn note<T>(
        &mut self,
        slot: Option<Slot>,
        result: Result<T, impl Into<ScanError>>,
    ) -> Result<Option<T>, piv::Error> {
        match result.map_err(Into::into) {
            Ok(value) => Ok(Some(value)),
            Err(ScanError::Card(error)) if error.ends_session() => Err(error),
            Err(error) => {
                self.errors.push((slot, error));
                Ok(None)
            }
        }
    }
}
