//! What a Mac would say to an identity, before a person is asked for anything.

use pairing::macos::{Candidate, Finding, KeyManagement, Survey};
use piv::{Session, Slot};

use crate::Error;
use crate::login_identity::LoginIdentity;
use crate::scan::{self, ScanError};

/// What was found about the card; reads the certificate in 9d, whose key protects the login keychain.
///
/// # Errors
///
/// [`Error::MacRefuses`]; [`Error::Card`] when the connection is lost.
pub(crate) fn on_mac(
    survey: &Survey,
    session: &mut Session<'_>,
    reader: &str,
    chosen: &LoginIdentity,
) -> Result<Vec<Finding>, Error> {
    let read = match scan::read_slot(session, Slot::KeyManagement, None) {
        Err(ScanError::Card(error)) if error.ends_session() => return Err(ScanError::from(error).in_reader(reader)),
        read => read,
    };
    let key_management = match &read {
        Ok(Some(found)) => KeyManagement::Certificate(&found.identity.certificate),
        Ok(None) => KeyManagement::Empty,
        Err(_) => KeyManagement::Unreadable,
    };
    judged(survey, chosen, key_management)
}

/// As [`on_mac`], of a card whose slot 9d was read already.
///
/// # Errors
///
/// [`Error::MacRefuses`].
pub(crate) fn judged(
    survey: &Survey,
    chosen: &LoginIdentity,
    key_management: KeyManagement<'_>,
) -> Result<Vec<Finding>, Error> {
    let (slot, certificate) = (Some(chosen.identity.slot.as_str()), &chosen.identity.certificate);
    let findings = survey.findings(&Candidate { slot, certificate, key_management });
    let (blocking, findings): (Vec<_>, Vec<_>) = findings.into_iter().partition(Finding::is_blocking);
    if blocking.is_empty() {
        return Ok(findings);
    }
    Err(Error::MacRefuses { slot: chosen.identity.slot.clone(), findings: blocking })
}
