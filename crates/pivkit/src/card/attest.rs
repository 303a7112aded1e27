//! `pivkit card attest`.

use identity::Certificate;
use identity::pem;
use piv::Slot;

use crate::choice::connect_one;
use crate::report::{AttestationReport, SCHEMA_VERSION};
use crate::session::in_session;
use crate::transport::CardReaders;
use crate::{CardChoice, Error, Ui};

/// Has the card state that it made the key in `slot` itself: two commands after SELECT. Whether its maker's root stands behind
/// the statement is not checked here.
///
/// # Errors
///
/// [`Error::Card`] with [`piv::Error::NotSupported`] or [`piv::Error::NotAttested`]; [`Error::UnreadableCertificate`]; those of
/// choosing a card.
pub fn attest(
    readers: &mut CardReaders,
    choice: &CardChoice,
    slot: Slot,
    ui: &mut dyn Ui,
) -> Result<AttestationReport, Error> {
    let mut card = connect_one(readers, choice, ui)?;
    let reader = card.reader().to_owned();
    let (attestation, intermediate) = in_session(&mut card, |mut session| {
        let attested = session.attestation(slot).and_then(|attestation| {
            let intermediate = session.attestation_certificate()?;
            Ok((attestation, intermediate))
        });
        attested.map_err(|source| Error::Card { reader: reader.clone(), source })
    })?;
    let certificate =
        Certificate::from_der(&attestation).map_err(|source| Error::UnreadableCertificate { slot, source })?;
    Ok(AttestationReport {
        schema_version: SCHEMA_VERSION,
        reader,
        slot: slot.to_string(),
        algorithm: certificate.public_key().algorithm().to_string(),
        pairing_hash: certificate.pairing_hash().to_string(),
        attestation: pem::encode(CERTIFICATE, &attestation),
        intermediate: intermediate.as_deref().map(|der| pem::encode(CERTIFICATE, der)),
    })
}

const CERTIFICATE: &str = "CERTIFICATE";
