//! Public keys as a card gives them, and as the rest of the world wants them (SP 800-73-4 Part 2, 3.3.2 and table 11;
//! RFC 5280 4.1.2.7, RFC 3279 2.3, RFC 5480 2, RFC 8410 4).
//!
//! ```text
//! card      81 modulus   82 exponent          86 point: 04 X Y, or 32 bytes of Ed25519 and X25519
//! SPKI DER  30 { 30 { 06 algorithm, parameters }   03 { 00 key } }
//! ```

use smartcard::tlv::{self, Tag};

use crate::{AlgorithmId, Error};

/// The public half of a key on a card. That a point lies on its curve is not checked here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA.
    Rsa {
        /// The modulus, big-endian, exactly as long as the algorithm says: 128 to 512 bytes.
        modulus: Vec<u8>,
        /// The public exponent, big-endian, without leading zeros.
        exponent: Vec<u8>,
    },
    /// P-256: 04, X, Y; 65 bytes.
    P256(Vec<u8>),
    /// P-384: 04, X, Y; 97 bytes.
    P384(Vec<u8>),
    /// Ed25519, as RFC 8032 encodes it.
    Ed25519([u8; 32]),
    /// X25519, as RFC 7748 encodes it.
    X25519([u8; 32]),
}

impl PublicKey {
    /// Reads what a card gives for a key of `algorithm`. `command` names the answer in an error.
    pub(crate) fn parse(algorithm: AlgorithmId, data: &[u8], command: &'static str) -> Result<Self, Error> {
        let value = |tag| tlv::find(data, tag).map_err(|error| Error::malformed_answer(command, error));
        let wrong = |reason| Error::wrong_answer(command, reason);
        if algorithm.is_rsa() {
            let modulus = without_zeros(value(MODULUS)?.unwrap_or_default());
            let exponent = without_zeros(value(EXPONENT)?.unwrap_or_default());
            if modulus.len() != algorithm.length() {
                return Err(wrong("the modulus is not as long as the algorithm says"));
            }
            if exponent.is_empty() || exponent.len() > MAX_EXPONENT {
                return Err(wrong("the public exponent is missing or too long"));
            }
            return Ok(Self::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec() });
        }
        let point = value(POINT)?.unwrap_or_default();
        let uncompressed = point.first() == Some(&0x04) && point.len() == 1 + 2 * algorithm.length();
        let raw = <[u8; 32]>::try_from(point);
        match (algorithm, raw) {
            (AlgorithmId::EccP256, _) if uncompressed => Ok(Self::P256(point.to_vec())),
            (AlgorithmId::EccP384, _) if uncompressed => Ok(Self::P384(point.to_vec())),
            (AlgorithmId::Ed25519, Ok(key)) => Ok(Self::Ed25519(key)),
            (AlgorithmId::X25519, Ok(key)) => Ok(Self::X25519(key)),
            _ => Err(wrong("the point is missing, or not of the curve's length")),
        }
    }

    /// The algorithm of the key.
    #[must_use]
    pub fn algorithm(&self) -> AlgorithmId {
        match self {
            Self::Rsa { modulus, .. } => match modulus.len() {
                0..=128 => AlgorithmId::Rsa1024,
                129..=256 => AlgorithmId::Rsa2048,
                257..=384 => AlgorithmId::Rsa3072,
                _ => AlgorithmId::Rsa4096,
            },
            Self::P256(_) => AlgorithmId::EccP256,
            Self::P384(_) => AlgorithmId::EccP384,
            Self::Ed25519(_) => AlgorithmId::Ed25519,
            Self::X25519(_) => AlgorithmId::X25519,
        }
    }

    /// SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn to_spki_der(&self) -> Vec<u8> {
        let null = tlv::encode(Tag(0x05), &[]);
        let (algorithm, key) = match self {
            Self::Rsa { modulus, exponent } => {
                let numbers = [integer(modulus), integer(exponent)].concat();
                ([oid(RSA_ENCRYPTION), null].concat(), tlv::encode(SEQUENCE, &numbers))
            }
            Self::P256(point) => ([oid(EC_PUBLIC_KEY), oid(P256)].concat(), point.clone()),
            Self::P384(point) => ([oid(EC_PUBLIC_KEY), oid(P384)].concat(), point.clone()),
            Self::Ed25519(key) => (oid(ED25519), key.to_vec()),
            Self::X25519(key) => (oid(X25519), key.to_vec()),
        };
        let bits = tlv::encode(BIT_STRING, &[&[0][..], &key].concat());
        tlv::encode(SEQUENCE, &[tlv::encode(SEQUENCE, &algorithm), bits].concat())
    }
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// INTEGER of a positive number without leading zeros.
fn integer(number: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if number.first().is_some_and(|byte| byte & 0x80 != 0) { &[0] } else { &[] };
    tlv::encode(Tag(0x02), &[sign, number].concat())
}

fn oid(content: &[u8]) -> Vec<u8> {
    tlv::encode(Tag(0x06), content)
}

const MODULUS: Tag = Tag(0x81);
const EXPONENT: Tag = Tag(0x82);
const POINT: Tag = Tag(0x86);
const SEQUENCE: Tag = Tag(0x30);
const BIT_STRING: Tag = Tag(0x03);
/// Bytes; SP 800-78-4 wants 65537, and no card is known with more than these.
const MAX_EXPONENT: usize = 8;
/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.10045.2.1
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10045.3.1.7
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.3.132.0.34
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// 1.3.101.112
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// 1.3.101.110
const X25519: &[u8] = &[0x2b, 0x65, 0x6e];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_wrong_length_are_refused() {
        let point = |length| tlv::encode(POINT, &[&[4][..], &vec![7; length]].concat());
        let rsa = |modulus: usize, exponent: &[u8]| {
            [tlv::encode(MODULUS, &vec![0xc1; modulus]), tlv::encode(EXPONENT, exponent)].concat()
        };
        for (algorithm, data) in [
            (AlgorithmId::EccP256, point(63)),
            (AlgorithmId::EccP256, point(96)),
            (AlgorithmId::EccP384, point(64)),
            (AlgorithmId::Ed25519, point(32)),
            (AlgorithmId::X25519, Vec::new()),
            (AlgorithmId::Rsa2048, rsa(255, &[1, 0, 1])),
            (AlgorithmId::Rsa2048, rsa(257, &[1, 0, 1])),
            (AlgorithmId::Rsa2048, rsa(256, &[])),
            (AlgorithmId::Rsa2048, rsa(256, &[1; 9])),
            (AlgorithmId::Rsa2048, vec![0x81, 0x05, 0x00]),
        ] {
            assert!(PublicKey::parse(algorithm, &data, "TEST").is_err(), "{algorithm} {}", data.len());
        }
    }

    #[test]
    fn a_leading_zero_of_the_modulus_is_no_part_of_it() {
        let modulus = [&[0][..], &[0xc1; 256]].concat();
        let data = [tlv::encode(MODULUS, &modulus), tlv::encode(EXPONENT, &[0, 1, 0, 1])].concat();
        let key = PublicKey::parse(AlgorithmId::Rsa2048, &data, "TEST").unwrap();
        assert_eq!(key, PublicKey::Rsa { modulus: vec![0xc1; 256], exponent: vec![1, 0, 1] });
    }
}
