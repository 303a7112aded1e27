//! The public key of a certificate, and the signatures it can check.

use std::fmt;

use der::Decode;
use der::asn1::UintRef;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::pkcs1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::{Error, PairingHash};

/// The hash that a signature covers (FIPS 180-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The digest of a message: 32, 48 or 64 bytes.
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => Sha256::digest(message).to_vec(),
            Hash::Sha384 => Sha384::digest(message).to_vec(),
            Hash::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}

/// What kind of key it is. Prints as `RSA2048`, `P256`, `P384`, or a name such as `Ed25519`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// RSA; `bits` is the length of the modulus.
    Rsa {
        /// Length of the modulus in bits.
        bits: u32,
    },
    /// The NIST curve P-256 with an uncompressed point.
    P256,
    /// The NIST curve P-384 with an uncompressed point.
    P384,
    /// Ed25519 (RFC 8410). It signs whole messages. Whether a Mac logs in with one is unknown.
    Ed25519,
    /// X25519 (RFC 8410). It agrees on keys and signs nothing. Whether a Mac uses one is unknown.
    X25519,
    /// Any other key, and every key whose bytes do not fit its algorithm: a name, or the object
    /// identifier in dotted form. Such a key has a pairing hash but checks no signature.
    Other(String),
}

impl KeyAlgorithm {
    /// Whether such a key is known to log people in: RSA with 2048 to 4096 bits, P-256, P-384. [`PublicKey::verify`] works
    /// with these, and with Ed25519.
    pub fn is_supported(&self) -> bool {
        match self {
            KeyAlgorithm::Rsa { bits } => (MIN_RSA_BITS..=MAX_RSA_BITS).contains(bits),
            KeyAlgorithm::P256 | KeyAlgorithm::P384 => true,
            KeyAlgorithm::Ed25519 | KeyAlgorithm::X25519 | KeyAlgorithm::Other(_) => false,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyAlgorithm::Rsa { bits } => write!(f, "RSA{bits}"),
            KeyAlgorithm::P256 => f.pad("P256"),
            KeyAlgorithm::P384 => f.pad("P384"),
            KeyAlgorithm::Ed25519 => f.pad("Ed25519"),
            KeyAlgorithm::X25519 => f.pad("X25519"),
            KeyAlgorithm::Other(name) => f.pad(name),
        }
    }
}

/// A public key as it stands in a certificate: every byte kept, so that the pairing hash is
/// exact also for keys this crate cannot compute with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: KeyAlgorithm,
    bytes: Vec<u8>,
}

impl PublicKey {
    /// Makes the key from the parts of a SubjectPublicKeyInfo (RFC 5280 4.1.2.7): the object
    /// identifiers of the algorithm and, where the parameters are one, of the curve.
    pub(crate) fn new(algorithm: &str, curve: Option<&str>, bytes: Vec<u8>) -> Self {
        PublicKey { algorithm: classify(algorithm, curve, &bytes), bytes }
    }

    /// Reads a SubjectPublicKeyInfo in DER (RFC 5280 4.1.2.7), as a card gives it for a key that has no certificate yet.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when it is none, or the key is not a whole number of octets.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, Error> {
        const WHAT: &str = "the public key";
        let malformed = || Error::malformed(WHAT, "it is not a SubjectPublicKeyInfo in DER");
        let (rest, key) = SubjectPublicKeyInfo::from_der(der).map_err(|_| malformed())?;
        if !rest.is_empty() || key.subject_public_key.unused_bits != 0 {
            return Err(malformed());
        }
        let curve = key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok()).map(|oid| oid.to_id_string());
        let algorithm = key.algorithm.algorithm.to_id_string();
        Ok(Self::new(&algorithm, curve.as_deref(), key.subject_public_key.data.to_vec()))
    }

    /// What kind of key it is.
    pub fn algorithm(&self) -> &KeyAlgorithm {
        &self.algorithm
    }

    /// The contents of the subjectPublicKey BIT STRING: a PKCS#1 RSAPublicKey in DER, or
    /// `04 || X || Y` for an elliptic curve.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The pairing hash of this key.
    pub fn pairing_hash(&self) -> PairingHash {
        PairingHash::of_public_key(&self.bytes)
    }

    /// Checks a signature over `message`, which is hashed here.
    ///
    /// RSA: RSASSA-PKCS1-v1_5 (RFC 8017 8.2.2), the signature as long as the modulus. P-256 and
    /// P-384: ECDSA (FIPS 186-5 6.4.2), the signature in DER as a PIV card returns it (RFC 3279
    /// 2.2.3). Ed25519: PureEdDSA over the whole message (RFC 8032 5.1.7), 64 bytes; `hash` is not
    /// looked at.
    ///
    /// # Errors
    ///
    /// [`Error::SignatureInvalid`] when the signature does not match or is no signature at all;
    /// [`Error::NotSupported`] for RSA below 2048 or above 4096 bits, an RSA public exponent of 1
    /// or above 33 bits, and every other key.
    pub fn verify(&self, hash: Hash, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        match &self.algorithm {
            KeyAlgorithm::Rsa { .. } if self.algorithm.is_supported() => self.verify_rsa(hash, message, signature),
            KeyAlgorithm::P256 => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&self.bytes);
                let key = key.map_err(|_| self.not_supported())?;
                let signature = p256::ecdsa::Signature::from_der(signature);
                let signature = signature.map_err(|_| Error::SignatureInvalid)?;
                key.verify_prehash(&hash.digest(message), &signature).map_err(|_| Error::SignatureInvalid)
            }
            KeyAlgorithm::P384 => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&self.bytes);
                let key = key.map_err(|_| self.not_supported())?;
                let signature = p384::ecdsa::Signature::from_der(signature);
                let signature = signature.map_err(|_| Error::SignatureInvalid)?;
                key.verify_prehash(&hash.digest(message), &signature).map_err(|_| Error::SignatureInvalid)
            }
            KeyAlgorithm::Ed25519 => {
                let key = <[u8; 32]>::try_from(self.bytes.as_slice()).map_err(|_| self.not_supported())?;
                let key = ed25519_dalek::VerifyingKey::from_bytes(&key).map_err(|_| self.not_supported())?;
                let signature = ed25519_dalek::Signature::from_slice(signature);
                let signature = signature.map_err(|_| Error::SignatureInvalid)?;
                key.verify_strict(message, &signature).map_err(|_| Error::SignatureInvalid)
            }
            KeyAlgorithm::Rsa { .. } | KeyAlgorithm::X25519 | KeyAlgorithm::Other(_) => Err(self.not_supported()),
        }
    }

    fn verify_rsa(&self, hash: Hash, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        use rsa::pkcs1v15::{Signature, VerifyingKey};

        let key = <rsa::RsaPublicKey as pkcs1::DecodeRsaPublicKey>::from_pkcs1_der(&self.bytes);
        let key = key.map_err(|_| self.not_supported())?;
        if signature.len() != rsa::traits::PublicKeyParts::size(&key) {
            return Err(Error::SignatureInvalid);
        }
        let signature = Signature::try_from(signature).map_err(|_| Error::SignatureInvalid)?;
        match hash {
            Hash::Sha256 => VerifyingKey::<Sha256>::new(key).verify(message, &signature),
            Hash::Sha384 => VerifyingKey::<Sha384>::new(key).verify(message, &signature),
            Hash::Sha512 => VerifyingKey::<Sha512>::new(key).verify(message, &signature),
        }
        .map_err(|_| Error::SignatureInvalid)
    }

    fn not_supported(&self) -> Error {
        Error::NotSupported { what: format!("a key of the kind {}", self.algorithm) }
    }
}

/// The smallest RSA modulus that checks signatures, in bits (SP 800-78-4 table 3-1).
pub(crate) const MIN_RSA_BITS: u32 = 2048;
/// The largest RSA modulus that checks signatures, in bits.
const MAX_RSA_BITS: u32 = 4096;

/// Object identifiers of public keys (RFC 3279 2.3, RFC 4055 1.2, RFC 5480 2.1.1, RFC 8410 3).
const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const ED25519: &str = "1.3.101.112";
const X25519: &str = "1.3.101.110";
const NAMED: [(&str, &str); 6] = [
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.113549.1.1.7", "RSAES-OAEP"),
    ("1.2.840.10040.4.1", "DSA"),
    (X25519, "X25519 (malformed)"),
    ("1.3.101.111", "X448"),
    ("1.3.101.113", "Ed448"),
];

fn classify(algorithm: &str, curve: Option<&str>, bytes: &[u8]) -> KeyAlgorithm {
    match algorithm {
        RSA_ENCRYPTION => match pkcs1::RsaPublicKey::<UintRef<'_>>::from_der(bytes) {
            Ok(key) => KeyAlgorithm::Rsa { bits: bit_length(key.modulus.as_bytes()) },
            Err(_) => KeyAlgorithm::Other("RSA (malformed)".to_owned()),
        },
        EC_PUBLIC_KEY => classify_ec(curve, bytes),
        ED25519 => match <[u8; 32]>::try_from(bytes).map(|key| ed25519_dalek::VerifyingKey::from_bytes(&key)) {
            Ok(Ok(_)) => KeyAlgorithm::Ed25519,
            _ => KeyAlgorithm::Other("Ed25519 (not a point of the curve)".to_owned()),
        },
        X25519 if bytes.len() == 32 => KeyAlgorithm::X25519,
        other => {
            let name = NAMED.iter().find(|(oid, _)| *oid == other).map_or(other, |(_, name)| name);
            KeyAlgorithm::Other(name.to_owned())
        }
    }
}

/// Names the curve (RFC 5480 2.1.1.1) and makes sure that the point is on it.
fn classify_ec(curve: Option<&str>, bytes: &[u8]) -> KeyAlgorithm {
    let Some(curve) = curve else {
        return KeyAlgorithm::Other("EC (curve not named)".to_owned());
    };
    let uncompressed = bytes.first() == Some(&0x04);
    match curve {
        "1.2.840.10045.3.1.7" => match p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes) {
            Ok(_) if uncompressed => KeyAlgorithm::P256,
            Ok(_) => KeyAlgorithm::Other("P256 (compressed point)".to_owned()),
            Err(_) => KeyAlgorithm::Other("P256 (not a point of the curve)".to_owned()),
        },
        "1.3.132.0.34" => match p384::ecdsa::VerifyingKey::from_sec1_bytes(bytes) {
            Ok(_) if uncompressed => KeyAlgorithm::P384,
            Ok(_) => KeyAlgorithm::Other("P384 (compressed point)".to_owned()),
            Err(_) => KeyAlgorithm::Other("P384 (not a point of the curve)".to_owned()),
        },
        "1.3.132.0.35" => KeyAlgorithm::Other("P521".to_owned()),
        "1.3.132.0.33" => KeyAlgorithm::Other("P224".to_owned()),
        "1.3.132.0.10" => KeyAlgorithm::Other("secp256k1".to_owned()),
        other => KeyAlgorithm::Other(format!("EC {other}")),
    }
}

/// The number of bits of a big-endian number.
fn bit_length(number: &[u8]) -> u32 {
    let digits = number.iter().skip_while(|&&byte| byte == 0);
    let top = digits.clone().next().map_or(0, |byte| 8 - byte.leading_zeros());
    let rest = u32::try_from(digits.count().saturating_sub(1)).unwrap_or(u32::MAX / 8);
    rest * 8 + top
}
