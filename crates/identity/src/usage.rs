//! What an identity is good for, and what speaks against it.
//!
//! A slot of a PIV card has a purpose (SP 800-73-4 Part 1, 3.1 and 3.2), and a certificate may
//! restrict what its key is for. Both must agree:
//!
//! | usage              | slots       | key usage, if present              | extended key usage, if present                |
//! |--------------------|-------------|------------------------------------|-----------------------------------------------|
//! | authentication     | 9a, 9c      | digitalSignature                   | clientAuth, smartcardLogon, PKINIT or any     |
//! | signature          | 9c          | digitalSignature or nonRepudiation | not looked at                                 |
//! | key management     | 9d, 82 - 95 | keyEncipherment (RSA), keyAgreement (EC) | not looked at                           |
//! | card authentication| 9e          | digitalSignature                   | id-PIV-cardAuth or any                        |
//!
//! 9e never authenticates a person: its key works without a PIN. A key this crate cannot compute
//! with is good for nothing. Dates are not looked at here; see [`Problem`].

use std::fmt;

use time::OffsetDateTime;

use crate::key::MIN_RSA_BITS;
use crate::{Certificate, ExtendedKeyUsage, KeyAlgorithm, KeyUsage};

/// What the key of an identity may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Usage {
    /// Proving who holds the card, with a PIN: log in, TLS client, Platform SSO.
    Authentication,
    /// Signing documents and mail.
    Signature,
    /// Opening what was encrypted to the holder.
    KeyManagement,
    /// Proving that the card is genuine, without a PIN.
    CardAuthentication,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Usage::Authentication => "authentication",
            Usage::Signature => "signature",
            Usage::KeyManagement => "key_management",
            Usage::CardAuthentication => "card_authentication",
        })
    }
}

const ALL: [Usage; 4] = [Usage::Authentication, Usage::Signature, Usage::KeyManagement, Usage::CardAuthentication];

impl Usage {
    /// Whether the slot, two hexadecimal digits such as `9a`, is meant for this usage.
    pub(crate) fn fits_slot(self, slot: &str) -> bool {
        let retired = matches!(u8::from_str_radix(slot, 16), Ok(0x82..=0x95)) && slot.len() == 2;
        match self {
            Usage::Authentication => ["9a", "9c"].iter().any(|fit| slot.eq_ignore_ascii_case(fit)),
            Usage::Signature => slot.eq_ignore_ascii_case("9c"),
            Usage::KeyManagement => slot.eq_ignore_ascii_case("9d") || retired,
            Usage::CardAuthentication => slot.eq_ignore_ascii_case("9e"),
        }
    }

    fn fits_key_usage(self, usage: KeyUsage, algorithm: &KeyAlgorithm) -> bool {
        match self {
            Usage::Authentication | Usage::CardAuthentication => usage.digital_signature(),
            Usage::Signature => usage.digital_signature() || usage.non_repudiation(),
            Usage::KeyManagement if matches!(algorithm, KeyAlgorithm::Rsa { .. }) => usage.key_encipherment(),
            Usage::KeyManagement => usage.key_agreement(),
        }
    }

    fn fits_purposes(self, purposes: &[ExtendedKeyUsage]) -> bool {
        let any_of = |wanted: &[ExtendedKeyUsage]| purposes.iter().any(|purpose| wanted.contains(purpose));
        match self {
            Usage::Authentication => any_of(&[
                ExtendedKeyUsage::ClientAuth,
                ExtendedKeyUsage::SmartcardLogon,
                ExtendedKeyUsage::PkinitClientAuth,
                ExtendedKeyUsage::Any,
            ]),
            Usage::CardAuthentication => any_of(&[ExtendedKeyUsage::PivCardAuth, ExtendedKeyUsage::Any]),
            Usage::Signature | Usage::KeyManagement => true,
        }
    }
}

/// Something about a certificate that its holder should know. It prints as one plain sentence
/// without texts from the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The last day of validity is over.
    Expired {
        /// The last moment at which it was valid.
        not_after: OffsetDateTime,
    },
    /// The first day of validity is still to come.
    NotYetValid {
        /// The first moment at which it will be valid.
        not_before: OffsetDateTime,
    },
    /// This program cannot compute with the key.
    KeyNotSupported {
        /// What kind of key it is.
        algorithm: KeyAlgorithm,
    },
    /// The key is of a kind of which nobody knows whether a Mac logs in with it.
    UnknownToMac {
        /// What kind of key it is.
        algorithm: KeyAlgorithm,
    },
    /// The RSA modulus is shorter than 2048 bits.
    WeakKey {
        /// Its length in bits.
        bits: u32,
    },
    /// An extension stands twice or cannot be read, so it is taken to allow nothing.
    UnreadableExtension {
        /// Its name in RFC 5280, such as `keyUsage`.
        name: &'static str,
    },
    /// The extended key usage does not list what the slot needs.
    ExtendedKeyUsageLacks {
        /// The name of the purpose that is missing.
        purpose: &'static str,
    },
    /// The key usage does not list what the slot needs.
    KeyUsageLacks {
        /// The name of the bit that is missing.
        bit: &'static str,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Expired { not_after } => write!(f, "expired on {}", not_after.date()),
            Problem::NotYetValid { not_before } => write!(f, "not valid before {}", not_before.date()),
            Problem::KeyNotSupported { algorithm } => write!(f, "the key is not supported: {algorithm}"),
            Problem::UnknownToMac { algorithm } => {
                write!(f, "it is unknown whether macOS logs in with a key of type {algorithm}")
            }
            Problem::WeakKey { bits } => write!(f, "the RSA key is weak: {bits} bits, at least 2048 are needed"),
            Problem::UnreadableExtension { name } => write!(f, "the extension {name} cannot be read"),
            Problem::ExtendedKeyUsageLacks { purpose } => {
                write!(f, "the extended key usage does not list {purpose}")
            }
            Problem::KeyUsageLacks { bit } => write!(f, "the key usage does not list {bit}"),
        }
    }
}

impl Certificate {
    /// What the certificate allows, whatever slot it is in: the rules of the table without its
    /// slot column.
    pub fn usable_for(&self) -> Vec<Usage> {
        ALL.into_iter().filter(|usage| self.allows(*usage)).collect()
    }

    /// Whether the key is supported, and key usage and extended key usage allow `usage`.
    pub fn allows(&self, usage: Usage) -> bool {
        self.public_key().algorithm().is_supported()
            && self.key_usage().is_none_or(|bits| usage.fits_key_usage(bits, self.public_key().algorithm()))
            && self.extended_key_usages().is_none_or(|purposes| usage.fits_purposes(purposes))
    }

    /// What speaks against the certificate at the time `now`, whatever it is used for: its dates,
    /// its key, extensions that cannot be read. A self-signed certificate is no problem here.
    pub fn problems_at(&self, now: OffsetDateTime) -> Vec<Problem> {
        let mut problems = Vec::new();
        if now > self.not_after() {
            problems.push(Problem::Expired { not_after: self.not_after() });
        }
        if now < self.not_before() {
            problems.push(Problem::NotYetValid { not_before: self.not_before() });
        }
        match self.public_key().algorithm() {
            KeyAlgorithm::Rsa { bits } if *bits < MIN_RSA_BITS => problems.push(Problem::WeakKey { bits: *bits }),
            algorithm @ (KeyAlgorithm::Ed25519 | KeyAlgorithm::X25519) => {
                problems.push(Problem::UnknownToMac { algorithm: algorithm.clone() });
            }
            algorithm if !algorithm.is_supported() => {
                problems.push(Problem::KeyNotSupported { algorithm: algorithm.clone() });
            }
            _ => (),
        }
        let unreadable = self.unreadable_extensions().iter();
        problems.extend(unreadable.map(|name| Problem::UnreadableExtension { name }));
        problems
    }

    /// What is missing in key usage and extended key usage for `usage`.
    pub fn problems_for(&self, usage: Usage) -> Vec<Problem> {
        let algorithm = self.public_key().algorithm();
        let mut problems = Vec::new();
        if self.extended_key_usages().is_some_and(|purposes| !usage.fits_purposes(purposes)) {
            let purpose = if usage == Usage::CardAuthentication { "pivCardAuth" } else { "clientAuth" };
            problems.push(Problem::ExtendedKeyUsageLacks { purpose });
        }
        if self.key_usage().is_some_and(|bits| !usage.fits_key_usage(bits, algorithm)) {
            let bit = match usage {
                Usage::KeyManagement if matches!(algorithm, KeyAlgorithm::Rsa { .. }) => "keyEncipherment",
                Usage::KeyManagement => "keyAgreement",
                _ => "digitalSignature",
            };
            problems.push(Problem::KeyUsageLacks { bit });
        }
        problems
    }
}

#[cfg(test)]
mod tests;
