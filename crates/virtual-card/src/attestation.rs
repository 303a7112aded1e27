//! Attestation: a certificate for a key that was made on the card, by the card's own attestation key F9 (Yubico's
//! extension).
//!
//! ```text
//! root ──signs──> certificate of F9 (object 5FFF01) ──signs──> certificate of a key, with what the card knows of it
//! ```
//!
//! A real card has Yubico's root. This one has a root of its own, whose key is gone, so its attestations are good for
//! whoever trusts that root, and for no-one else.

use const_oid::ObjectIdentifier;
use der::Encode;
use der::asn1::OctetString;
use der::flagset::FlagSet;
use smartcard::StatusWord;
use smartcard::tlv::{self, Tag};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};

use crate::authority::{self, Authority, extension, issue};
use crate::policy::{Origin, SlotKey};
use crate::profile::Firmware;
use crate::{Algorithm, CertificateStorage, Content, Error, PrivateKey, Slot, objects};

/// A new attestation key.
pub(crate) struct AttestationKey {
    pub(crate) key: PrivateKey,
    /// The content of its certificate's object.
    pub(crate) certificate_object: Vec<u8>,
    /// The root's certificate, in DER.
    pub(crate) root: Vec<u8>,
}

/// Makes an attestation key (RSA-2048, as YubiKeys have) and a root for it.
///
/// # Errors
///
/// [`Error::Issue`].
pub(crate) fn issue_key() -> Result<AttestationKey, Error> {
    let root = Authority::generate_named("pivkit virtual PIV root CA", 1)?;
    let key = PrivateKey::generate(Algorithm::Rsa2048)?;
    let extensions = vec![
        extension(&BasicConstraints { ca: true, path_len_constraint: Some(0) })?,
        extension(&KeyUsage(FlagSet::from(KeyUsages::KeyCertSign)))?,
    ];
    let certificate = root.certify("CN=Yubico PIV Attestation", &key, extensions)?;
    let certificate_object = objects::certificate(&certificate, CertificateStorage::Plain);
    Ok(AttestationKey { key, certificate_object, root: root.into_certificate() })
}

/// The attestation certificate, in DER, of the key in `slot`.
///
/// # Errors
///
/// 6A88 if there is no such key, 6A80 if it was not made on the card, 6F00 if the certificate cannot be made.
pub(crate) fn attest(content: &Content, firmware: Firmware, slot: Slot) -> Result<Vec<u8>, StatusWord> {
    let key = content.keys.get(&slot).ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
    if key.origin != Origin::Generated {
        return Err(StatusWord::INCORRECT_DATA);
    }
    let issuer = content.keys.get(&Slot::ATTESTATION).ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
    let object = content.object(Slot::ATTESTATION.certificate_tag()).ok_or(StatusWord::NOT_FOUND)?;
    let issuer_certificate = tlv::find(object, Tag(0x70)).ok().flatten().ok_or(StatusWord::NOT_FOUND)?;
    let subject = format!("CN=YubiKey PIV Attestation {slot}");
    let certificate = extensions(content, firmware, key).and_then(|extensions| {
        authority::certify_below(&issuer.key, issuer_certificate, &subject, &key.key, extensions)
    });
    certificate.map_err(|error| {
        tracing::error!(%error, "no attestation");
        StatusWord::NO_DIAGNOSIS
    })
}

fn extensions(content: &Content, firmware: Firmware, key: &SlotKey) -> Result<Vec<Extension>, Error> {
    let serial = content.serial.unwrap_or_default().to_der().map_err(issue)?;
    let policies = [key.pin_policy.code(), key.touch_policy.code()];
    let values: [(ObjectIdentifier, &[u8]); 4] =
        [(FIRMWARE, &firmware), (SERIAL, &serial), (POLICIES, &policies), (FORM_FACTOR, &[USB_A_KEYCHAIN])];
    let extension = |(extn_id, value)| {
        let extn_value = OctetString::new(value).map_err(issue)?;
        Ok(Extension { extn_id, critical: false, extn_value })
    };
    values.into_iter().map(extension).collect()
}

/// Three bytes: major, minor, patch.
const FIRMWARE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.3");
/// An INTEGER in DER.
const SERIAL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.7");
/// Two bytes: PIN policy, touch policy.
const POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.8");
/// One byte.
const FORM_FACTOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.9");
/// A YubiKey with a USB-A plug, to be hung on a key ring.
pub(crate) const USB_A_KEYCHAIN: u8 = 0x01;

#[cfg(test)]
mod tests;
