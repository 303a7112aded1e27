//! What macOS computes from a certificate.

use std::path::Path;

use sha1::{Digest as _, Sha1};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::Error;

/// A certificate, as much of it as tools show.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) der: Vec<u8>,
    /// SHA-1 over the contents of the subjectPublicKey bit string, 40 upper-case hexadecimal digits.
    pub(crate) hash: String,
    pub(crate) common_name: String,
    pub(crate) key: Key,
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Rsa {
        bits: usize,
    },
    Ec {
        bits: usize,
    },
    /// A kind that CryptoTokenKit cannot use.
    Other,
}

impl Certificate {
    /// A certificate in DER; `None` if it is none.
    pub(crate) fn parse(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let spki = certificate.public_key();
        let key = match spki.parsed() {
            Ok(PublicKey::RSA(key)) => Key::Rsa { bits: key.key_size() },
            Ok(PublicKey::EC(key)) => Key::Ec { bits: key.key_size() },
            _ => Key::Other,
        };
        let common_name = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        Some(Self {
            der: der.to_vec(),
            hash: hex::encode_upper(Sha1::digest(&spki.subject_public_key.data)),
            common_name: common_name.unwrap_or_default().to_owned(),
            key,
            not_before: certificate.validity().not_before.to_datetime(),
            not_after: certificate.validity().not_after.to_datetime(),
        })
    }

    /// A certificate file, PEM or DER.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let der = match x509_parser::pem::parse_x509_pem(&bytes) {
            Ok((_, pem)) => pem.contents,
            Err(_) => bytes,
        };
        Self::parse(&der).ok_or_else(|| Error::Certificate { path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    #[test]
    fn the_hash_is_the_one_that_macos_printed() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/data/pairing.json")).unwrap();
        let vector = &vectors["certificates"][0];
        let der = base64::engine::general_purpose::STANDARD.decode(vector["der_base64"].as_str().unwrap()).unwrap();
        let certificate = Certificate::parse(&der).unwrap();
        assert_eq!(certificate.hash, vector["pairing_hash"].as_str().unwrap());
        assert_eq!(certificate.key, Key::Ec { bits: 256 });
    }
}
