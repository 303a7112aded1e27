//! What is wanted of one account, independent of what is there.

use std::fmt;

use identity::{Certificate, PairingHash};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::Remark;

/// A key that is to open an account, as much of it as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The whole certificate.
    Certificate(Box<Certificate>),
    /// Only the name that macOS has for the key. For backends that keep such names.
    Hash(PairingHash),
}

impl Key {
    /// The pairing hash of the key.
    pub fn hash(&self) -> PairingHash {
        match self {
            Key::Certificate(certificate) => certificate.pairing_hash(),
            Key::Hash(hash) => *hash,
        }
    }

    /// The certificate, where it is known.
    pub fn certificate(&self) -> Option<&Certificate> {
        match self {
            Key::Certificate(certificate) => Some(certificate),
            Key::Hash(_) => None,
        }
    }
}

impl From<&Certificate> for Key {
    fn from(certificate: &Certificate) -> Self {
        Key::Certificate(Box::new(certificate.clone()))
    }
}

/// What is to become of the pairings of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// The key is to open it, beside those that do.
    Pair(Key),
    /// One pairing is to go, or all of them.
    Unpair(Selection),
    /// The key is to open it instead of another: a renewed card. The old pairing goes only when the new one is there.
    Replace {
        /// The new key.
        new: Key,
        /// The old pairing; [`Selection::All`] means the only other one.
        old: Selection,
    },
}

impl Request {
    /// The key that is to open the account, and the pairings that are to go.
    pub(crate) fn parts(&self) -> (Option<&Key>, Option<&Selection>) {
        match self {
            Request::Pair(key) => (Some(key), None),
            Request::Unpair(selection) => (None, Some(selection)),
            Request::Replace { new, old } => (Some(new), Some(old)),
        }
    }
}

/// Which pairings of an account are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    All,
    /// Those of the key with this hash.
    Hash(PairingHash),
    /// Those of the key of this certificate: also for backends that keep something of the certificate, not of its key.
    Certificate(Box<Certificate>),
}

impl Selection {
    /// One hash, or all.
    pub fn of(hash: Option<&PairingHash>) -> Self {
        hash.map_or(Selection::All, |hash| Selection::Hash(*hash))
    }
}

/// What a backend keeps of a key that opens an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PairedKey {
    /// A certificate, of which only the public key counts.
    Certificate(Box<Certificate>),
    /// The name that macOS has for the key.
    Hash(PairingHash),
    /// The SHA-1 or SHA-2 digest of a DER certificate. A renewed certificate for the same key is another one. The
    /// certificate itself where the backend knows it.
    Digest {
        /// The digest, 20, 32, 48 or 64 bytes.
        digest: Vec<u8>,
        /// The certificate, where a copy is kept.
        certificate: Option<Box<Certificate>>,
        /// What was written down of the certificate, where it was.
        remark: Option<Box<Remark>>,
    },
    /// A rule by which the login module recognises certificates by their names.
    Rule {
        /// The rule as the login module has it.
        rule: String,
        /// The certificate for which it was made, where a copy is kept.
        certificate: Option<Box<Certificate>>,
        /// What was written down of the certificate, where it was.
        remark: Option<Box<Remark>>,
    },
    /// A value of the account that the system computes from names in the certificate.
    Value {
        /// The value, such as `Kerberos:alice@EXAMPLE.TEST`.
        value: String,
    },
}

impl PairedKey {
    /// The pairing hash of the key, where it is known.
    pub fn hash(&self) -> Option<PairingHash> {
        match self {
            PairedKey::Hash(hash) => Some(*hash),
            _ => self.certificate().map(Certificate::pairing_hash).or_else(|| self.remark().map(|remark| remark.hash)),
        }
    }

    /// What was written down of the certificate, for backends that do not keep it.
    pub fn remark(&self) -> Option<&Remark> {
        match self {
            PairedKey::Digest { remark, .. } | PairedKey::Rule { remark, .. } => remark.as_deref(),
            PairedKey::Certificate(_) | PairedKey::Hash(_) | PairedKey::Value { .. } => None,
        }
    }

    /// Whether the certificate opens the account by this, as far as can be said without asking the backend: by the key, by
    /// the digest of the certificate, or because it is the very one for which a rule was made. Of a value only its backend
    /// knows which certificates lead to it.
    pub fn is_of(&self, certificate: &Certificate) -> bool {
        match self {
            PairedKey::Certificate(_) | PairedKey::Hash(_) => self.hash() == Some(certificate.pairing_hash()),
            PairedKey::Digest { digest, .. } if digest.len() == 20 => Sha1::digest(certificate.der())[..] == digest[..],
            PairedKey::Digest { digest, .. } => match digest.len() {
                48 => Sha384::digest(certificate.der())[..] == digest[..],
                64 => Sha512::digest(certificate.der())[..] == digest[..],
                _ => Sha256::digest(certificate.der())[..] == digest[..],
            },
            PairedKey::Rule { certificate: made_for, .. } => made_for.as_deref() == Some(certificate),
            PairedKey::Value { .. } => false,
        }
    }

    /// The certificate, where it is known.
    pub fn certificate(&self) -> Option<&Certificate> {
        match self {
            PairedKey::Certificate(certificate) => Some(certificate),
            PairedKey::Digest { certificate, .. } | PairedKey::Rule { certificate, .. } => certificate.as_deref(),
            PairedKey::Hash(_) | PairedKey::Value { .. } => None,
        }
    }
}

impl fmt::Display for PairedKey {
    /// The name by which the backend itself knows it: hash, digest with colons, rule or value. Not escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PairedKey::Certificate(certificate) => certificate.pairing_hash().fmt(f),
            PairedKey::Hash(hash) => hash.fmt(f),
            PairedKey::Digest { digest, .. } => {
                let octets: Vec<_> = digest.iter().map(|octet| format!("{octet:02X}")).collect();
                f.pad(&octets.join(":"))
            }
            PairedKey::Rule { rule, .. } => f.pad(rule),
            PairedKey::Value { value } => f.pad(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> Certificate {
        let key = rcgen::KeyPair::generate().unwrap();
        let made = rcgen::CertificateParams::default().self_signed(&key).unwrap();
        Certificate::from_der(made.der()).unwrap()
    }

    #[test]
    fn what_is_kept_of_a_key_knows_its_certificate() {
        let (mine, other) = (certificate(), certificate());
        let copy = || Some(Box::new(mine.clone()));
        let digest = |digest: &[u8]| PairedKey::Digest { digest: digest.to_vec(), certificate: None, remark: None };
        for key in [
            PairedKey::Certificate(Box::new(mine.clone())),
            PairedKey::Hash(mine.pairing_hash()),
            digest(&Sha1::digest(mine.der())),
            digest(&Sha256::digest(mine.der())),
            digest(&Sha384::digest(mine.der())),
            digest(&Sha512::digest(mine.der())),
            PairedKey::Rule { rule: "<SUBJECT>.*".to_owned(), certificate: copy(), remark: None },
        ] {
            assert!(key.is_of(&mine) && !key.is_of(&other), "{key:?}");
        }
        for key in [
            digest(&[]),
            PairedKey::Rule { rule: "<SUBJECT>.*".to_owned(), certificate: None, remark: None },
            PairedKey::Value { value: "Kerberos:alice".to_owned() },
        ] {
            assert!(!key.is_of(&mine), "{key:?}");
        }
    }
}
