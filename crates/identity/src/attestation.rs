//! What a YubiKey states about a key that it made, and whether it is a YubiKey that states it.
//!
//! ```text
//! root, from a file of the caller's ──signs──> F9 certificate ──signs──> attestation of the key in a slot
//!   (Yubico publishes its own)                  (object 5FFF01)            (instruction F9)
//! ```
//!
//! The attestation carries the public key of the slot and, in Yubico's own extensions below 1.3.6.1.4.1.41482.3:
//!
//! | extension | content | there |
//! |---|---|---|
//! | .3 | firmware: major, minor, patch, one byte each | always |
//! | .7 | serial number, a DER INTEGER | unless the card is set not to show it |
//! | .8 | PIN policy, touch policy, one byte each | always |
//! | .9 | form factor, one byte; its top bit says FIPS, the next one CSPN | from firmware 5 |
//!
//! The source is Yubico's description of PIV attestation; `tests/oracle` has two attestations that people have published.
//!
//! What is not checked, because real cards would fail it: dates (a YubiKey has no clock; the attestation repeats those of
//! the F9 certificate), the path length (one of Yubico's roots says 0 and has a certificate below it that signs
//! attestations), and that the F9 certificate says it is an authority, where it says nothing and calls itself
//! `Yubico PIV Attestation` (early YubiKey 4).
//!
//! Every certificate of the caller's file counts as a root, also those that another one signed. From firmware 5.7.4 on
//! Yubico puts intermediate authorities between its root and F9; they must be in the file.

mod extension;

use x509_parser::prelude::{FromDer, X509Certificate};

pub use extension::{FormFactor, PinPolicy, TouchPolicy};

use crate::{Certificate, Error, Hash, PublicKey, load};

/// Certificates that the caller trusts to vouch for YubiKeys.
#[derive(Debug, Clone)]
pub struct Roots {
    certificates: Vec<Certificate>,
}

impl Roots {
    /// Reads the certificates in a file: PEM, several of them, DER or PKCS#7.
    ///
    /// # Errors
    ///
    /// Those of [`load::certificates`], for the first certificate that cannot be read: a root that is passed over in silence
    /// would look like a forged card.
    pub fn read(file: &[u8]) -> Result<Self, Error> {
        let certificates = load::certificates(file).into_iter().collect::<Result<_, _>>()?;
        Ok(Self { certificates })
    }
}

/// A key that a YubiKey has made and that never left it, as the card itself states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// The key.
    pub public_key: PublicKey,
    /// The firmware: major, minor, patch.
    pub firmware: (u8, u8, u8),
    /// The serial number, unless the card does not show it.
    pub serial: Option<u32>,
    /// When the key wants the PIN.
    pub pin_policy: PinPolicy,
    /// When the key wants a touch.
    pub touch_policy: TouchPolicy,
    /// The form of the card, if it says.
    pub form_factor: Option<FormFactor>,
    /// The slot that the card names in the subject, two hexadecimal digits in lower case.
    pub slot: Option<String>,
}

/// Why an attestation does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttestationError {
    /// A certificate cannot be read.
    #[error("the {which} cannot be read")]
    Unreadable {
        /// Which one, such as "attestation".
        which: &'static str,
        /// Why.
        source: Error,
    },
    /// No root of the file issued the card's attestation certificate.
    #[error("none of the given roots issued the card's attestation certificate")]
    UnknownRoot,
    /// A signature in the chain is not by the key that it should be by.
    #[error("the signature on the {which} is not valid")]
    Signature {
        /// Which certificate.
        which: &'static str,
        /// Why.
        source: Error,
    },
    /// The certificate that should have signed may not sign others.
    #[error("the {which} does not belong to an authority")]
    NotAnAuthority {
        /// Which certificate.
        which: &'static str,
    },
    /// The attestation was signed by another card, or is none.
    #[error("the attestation was not issued by the card's attestation certificate")]
    OtherIssuer,
    /// An extension is missing, stands twice, or does not have its form.
    #[error("the attestation does not state the {what} as it should")]
    Extension {
        /// What the extension is about, such as "firmware".
        what: &'static str,
    },
    /// The attestation is about another key or slot.
    #[error("the attestation is about another {what}")]
    OtherKey {
        /// "key" or "slot".
        what: &'static str,
    },
}

impl Attestation {
    /// Reads an attestation and believes it: no signature is checked.
    ///
    /// # Errors
    ///
    /// [`AttestationError::Unreadable`], [`AttestationError::Extension`].
    pub fn read(attestation: &[u8]) -> Result<Self, AttestationError> {
        let certificate = read(attestation, ATTESTATION)?;
        let (_, parsed) = X509Certificate::from_der(attestation).map_err(|_| unreadable(ATTESTATION))?;
        Ok(Self {
            public_key: certificate.public_key().clone(),
            firmware: extension::firmware(&parsed)?,
            serial: extension::serial(&parsed)?,
            pin_policy: extension::policies(&parsed)?.0,
            touch_policy: extension::policies(&parsed)?.1,
            form_factor: extension::form_factor(&parsed)?,
            slot: certificate.common_name().and_then(slot_named),
        })
    }

    /// Reads an attestation and checks it: one of `roots` issued `intermediate` (the certificate of F9, DER), that one issued
    /// `attestation` (DER), and it is about `key`, the key in `slot` (two hexadecimal digits).
    ///
    /// # Errors
    ///
    /// Each of [`AttestationError`].
    pub fn verify(
        attestation: &[u8],
        intermediate: &[u8],
        roots: &Roots,
        slot: &str,
        key: &PublicKey,
    ) -> Result<Self, AttestationError> {
        let device = Link::read(intermediate, DEVICE)?;
        let leaf = Link::read(attestation, ATTESTATION)?;
        device.check_authority()?;
        let mut result = Err(AttestationError::UnknownRoot);
        for root in &roots.certificates {
            let root = Link::read(root.der(), ROOT)?;
            if root.is_issuer_of(&device) {
                result = root.check_authority().and_then(|()| root.check_signature_on(&device));
            }
            if result.is_ok() {
                break;
            }
        }
        result?;
        if !device.is_issuer_of(&leaf) {
            return Err(AttestationError::OtherIssuer);
        }
        device.check_signature_on(&leaf)?;
        let read = Self::read(attestation)?;
        if read.public_key != *key {
            return Err(AttestationError::OtherKey { what: "key" });
        }
        if read.slot.as_deref().is_some_and(|named| !named.eq_ignore_ascii_case(slot)) {
            return Err(AttestationError::OtherKey { what: "slot" });
        }
        Ok(read)
    }
}

impl Certificate {
    /// Whether `issuer` issued this certificate: its name stands in it as the issuer's, and the signature is by its key. Dates
    /// and what the issuer may do are not looked at. `None` when the name fits and the signature cannot be checked here, for
    /// want of the algorithm.
    pub fn is_issued_by(&self, issuer: &Certificate) -> Option<bool> {
        let (Ok(issuer), Ok(own)) = (Link::read(issuer.der(), ROOT), Link::read(self.der(), ATTESTATION)) else {
            return Some(false);
        };
        if !issuer.is_issuer_of(&own) {
            return Some(false);
        }
        match issuer.check_signature_on(&own) {
            Ok(()) => Some(true),
            Err(AttestationError::Signature { source: Error::NotSupported { .. }, .. }) => None,
            Err(_) => Some(false),
        }
    }
}

/// One certificate of the chain.
struct Link<'a> {
    which: &'static str,
    certificate: Certificate,
    parsed: X509Certificate<'a>,
}

impl<'a> Link<'a> {
    fn read(der: &'a [u8], which: &'static str) -> Result<Self, AttestationError> {
        let certificate = read(der, which)?;
        let (_, parsed) = X509Certificate::from_der(der).map_err(|_| unreadable(which))?;
        Ok(Self { which, certificate, parsed })
    }

    fn is_issuer_of(&self, other: &Self) -> bool {
        self.parsed.subject().as_raw() == other.parsed.issuer().as_raw()
    }

    fn check_authority(&self) -> Result<(), AttestationError> {
        let silent_early_device = self.which == DEVICE && self.certificate.common_name() == Some(EARLY_DEVICE);
        match self.parsed.basic_constraints() {
            Ok(Some(constraints)) if constraints.value.ca => Ok(()),
            Ok(None) if silent_early_device => Ok(()),
            _ => Err(AttestationError::NotAnAuthority { which: self.which }),
        }
    }

    fn check_signature_on(&self, other: &Self) -> Result<(), AttestationError> {
        let invalid = |source| AttestationError::Signature { which: other.which, source };
        let named = other.parsed.signature_algorithm.algorithm.to_id_string();
        let hash = HASHES.iter().find(|(oid, _)| *oid == named).map(|(_, hash)| *hash);
        // RFC 5280, 4.1.1.2: the algorithm stands in two places, and must be the same.
        let hash = hash.filter(|_| other.parsed.signature_algorithm == other.parsed.tbs_certificate.signature);
        let unknown = || invalid(Error::NotSupported { what: format!("the signature algorithm {named}") });
        let hash = hash.ok_or_else(unknown)?;
        let message = other.parsed.tbs_certificate.as_ref();
        let key = self.certificate.public_key();
        key.verify(hash, message, &other.parsed.signature_value.data).map_err(invalid)
    }
}

fn read(der: &[u8], which: &'static str) -> Result<Certificate, AttestationError> {
    Certificate::from_der(der).map_err(|source| AttestationError::Unreadable { which, source })
}

fn unreadable(which: &'static str) -> AttestationError {
    AttestationError::Unreadable { which, source: Error::malformed("the certificate", "it is not X.509") }
}

/// `YubiKey PIV Attestation 9a`.
fn slot_named(common_name: &str) -> Option<String> {
    let slot = common_name.strip_prefix("YubiKey PIV Attestation ")?;
    (slot.len() == 2 && slot.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| slot.to_ascii_lowercase())
}

/// How the certificates of the chain are called in errors.
const ROOT: &str = "root certificate";
const DEVICE: &str = "card's attestation certificate";
const ATTESTATION: &str = "attestation";

/// The subject of F9 certificates that say nothing about being an authority.
const EARLY_DEVICE: &str = "Yubico PIV Attestation";

/// Signature algorithms (RFC 4055 5, RFC 5758 3.2) and the hash in them; the key decides about the rest.
const HASHES: [(&str, Hash); 6] = [
    ("1.2.840.113549.1.1.11", Hash::Sha256),
    ("1.2.840.113549.1.1.12", Hash::Sha384),
    ("1.2.840.113549.1.1.13", Hash::Sha512),
    ("1.2.840.10045.4.3.2", Hash::Sha256),
    ("1.2.840.10045.4.3.3", Hash::Sha384),
    ("1.2.840.10045.4.3.4", Hash::Sha512),
];
