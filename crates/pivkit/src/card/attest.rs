//! `pivkit card attest`.

use identity::attestation::{Attestation, Roots};
use identity::{PublicKey, pem};
use piv::{Metadata, Session, Slot};

use crate::choice::connect_one;
use crate::provision::attestation_report;
use crate::report::{AttestationReport, SCHEMA_VERSION};
use crate::session::in_session;
use crate::transport::CardReaders;
use crate::{CardChoice, Error, Ui};

/// Has the card state that it made the key in `slot` itself, and with `roots` checks that a maker's root stands behind it and
/// that it is about the key in the slot: two commands after SELECT, and one or two more to know that key.
///
/// # Errors
///
/// [`Error::Card`] with [`piv::Error::NotSupported`] or [`piv::Error::NotAttested`]; [`Error::Attestation`] if it does not hold;
/// [`Error::UnreadableCertificate`]; those of choosing a card.
pub fn attest(
    readers: &mut CardReaders,
    choice: &CardChoice,
    slot: Slot,
    roots: Option<&Roots>,
    ui: &mut dyn Ui,
) -> Result<AttestationReport, Error> {
    let mut card = connect_one(readers, choice, ui)?;
    let reader = card.reader().to_owned();
    let (attestation, intermediate, key) = in_session(&mut card, |mut session| {
        let read = read(&mut session, slot, roots.is_some());
        read.map_err(|source| Error::Card { reader: reader.clone(), source })
    })?;
    let said = identity::Certificate::from_der(&attestation)
        .map_err(|source| Error::UnreadableCertificate { slot, source })?;
    let key = key.unwrap_or_else(|| said.public_key().clone());
    let says = match roots {
        Some(roots) => {
            let intermediate = intermediate.as_deref().unwrap_or_default();
            let verified = Attestation::verify(&attestation, intermediate, roots, &slot.to_string(), &key);
            Some(verified.map_err(|source| Error::Attestation { slot, source })?)
        }
        None => Attestation::read(&attestation).ok(),
    };
    Ok(AttestationReport {
        schema_version: SCHEMA_VERSION,
        reader,
        slot: slot.to_string(),
        algorithm: said.public_key().algorithm().to_string(),
        pairing_hash: said.pairing_hash().to_string(),
        attestation: pem::encode(CERTIFICATE, &attestation),
        intermediate: intermediate.as_deref().map(|der| pem::encode(CERTIFICATE, der)),
        says: says.as_ref().map(attestation_report),
        verified: roots.is_some(),
    })
}

/// The card's statement, the certificate of its attestation key, and the key in the slot as the card knows it otherwise.
type Read = (Vec<u8>, Option<Vec<u8>>, Option<PublicKey>);

fn read(session: &mut Session<'_>, slot: Slot, with_key: bool) -> Result<Read, piv::Error> {
    let attestation = session.attestation(slot)?;
    let intermediate = session.attestation_certificate()?;
    let key = if with_key { key_in_slot(session, slot)? } else { None };
    Ok((attestation, intermediate, key))
}

/// From the metadata where the card has such, else from the certificate; `None` if neither is there.
fn key_in_slot(session: &mut Session<'_>, slot: Slot) -> Result<Option<PublicKey>, piv::Error> {
    if let Metadata::Present(piv::KeyMetadata { public_key: Some(key), .. }) = session.key_metadata(slot)? {
        return Ok(PublicKey::from_spki_der(&key.to_spki_der()).ok());
    }
    let certificate = session.certificate(slot)?;
    let certificate = certificate.and_then(|object| identity::Certificate::from_der(&object.der).ok());
    Ok(certificate.map(|certificate| certificate.public_key().clone()))
}

const CERTIFICATE: &str = "CERTIFICATE";
