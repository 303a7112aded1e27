//! Public keys and what they are written as.

use std::fmt;

use der::asn1::{ObjectIdentifier, UintRef};
use der::{Decode as _, Encode as _, Sequence};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use rsa::pkcs1::{DecodeRsaPublicKey as _, EncodeRsaPublicKey as _};
use rsa::pkcs1v15;
use rsa::traits::PublicKeyParts as _;
use sha2::{Sha256, Sha384, Sha512};
use spki::{EncodePublicKey as _, SubjectPublicKeyInfoRef};

use crate::{Algorithm, Error, Jwk, base64url};

/// What kind of key, with its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// EC on P-256.
    P256,
    /// EC on P-384.
    P384,
    /// RSA.
    Rsa {
        /// Length of the modulus in bits, 2048 to 8192.
        bits: usize,
    },
}

/// A public key that is valid: a point on its curve, not the identity; or an RSA key of 2048 to 8192 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(Inner);

#[derive(Clone, PartialEq, Eq)]
enum Inner {
    P256(p256::PublicKey),
    P384(p384::PublicKey),
    Rsa(rsa::RsaPublicKey),
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo (RFC 5280 4.1.2.7) as DER.
    ///
    /// # Errors
    /// [`Error::Key`] when it is not strict DER, not an EC key on P-256 or P-384 with an uncompressed point, not an
    /// RSA key of 2048 to 8192 bits, or the point is not on its curve.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, Error> {
        let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(|error| Error::key(error.to_string()))?;
        let key =
            spki.subject_public_key.as_bytes().ok_or_else(|| Error::key("the key's bit string is not whole bytes"))?;
        if spki.algorithm.oid == RSA_ENCRYPTION {
            return Self::from_pkcs1_der(key);
        }
        if spki.algorithm.oid != EC_PUBLIC_KEY {
            return Err(Error::key(format!("key algorithm {} is not supported", spki.algorithm.oid)));
        }
        let curve = spki
            .algorithm
            .parameters
            .and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok())
            .ok_or_else(|| Error::key("an EC key without a named curve"))?;
        let parsed = Self::from_x963(key)?;
        match (curve, parsed.key_type()) {
            (SECP256R1, KeyType::P256) | (SECP384R1, KeyType::P384) => Ok(parsed),
            _ => Err(Error::key(format!("a point that does not belong to curve {curve}"))),
        }
    }

    /// Reads an uncompressed point `04 ‖ X ‖ Y` (ANSI X9.63; SEC 1 2.3.3): 65 bytes for P-256, 97 for P-384.
    ///
    /// # Errors
    /// [`Error::Key`] for another length or form, the identity, or a point that is not on the curve.
    pub fn from_x963(point: &[u8]) -> Result<Self, Error> {
        let off_curve = || Error::key("the point is not on its curve");
        match (point.first(), point.len()) {
            (Some(4), 65) => {
                p256::PublicKey::from_sec1_bytes(point).map(|key| Self(Inner::P256(key))).map_err(|_| off_curve())
            }
            (Some(4), 97) => {
                p384::PublicKey::from_sec1_bytes(point).map(|key| Self(Inner::P384(key))).map_err(|_| off_curve())
            }
            _ => Err(Error::key("not an uncompressed point on P-256 (65 bytes) or P-384 (97 bytes)")),
        }
    }

    /// Reads a public JWK (RFC 7518 6.2.1, 6.3.1).
    ///
    /// # Errors
    /// [`Error::Malformed`] when a member is missing or not base64url, [`Error::Key`] when a coordinate does not have
    /// the full width of its curve, or the key is not one that [`from_x963`](Self::from_x963) or
    /// [`from_spki_der`](Self::from_spki_der) would take.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, Error> {
        match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("EC", Some(crv @ ("P-256" | "P-384"))) => {
                let width = if crv == "P-256" { 32 } else { 48 };
                let mut point = vec![4];
                for (name, member) in [("x", &jwk.x), ("y", &jwk.y)] {
                    let coordinate = jwk_bytes(name, member.as_deref())?;
                    if coordinate.len() != width {
                        return Err(Error::key(format!(
                            "coordinate {name} has {} bytes, {crv} needs exactly {width}",
                            coordinate.len()
                        )));
                    }
                    point.extend_from_slice(&coordinate);
                }
                Self::from_x963(&point)
            }
            ("RSA", _) => Self::from_rsa_parts(&jwk_bytes("n", jwk.n.as_deref())?, &jwk_bytes("e", jwk.e.as_deref())?),
            ("EC", _) => Err(Error::key("an EC key that is not on P-256 or P-384")),
            _ => Err(Error::key(format!("key type {:?} is not supported", crate::error::short(&jwk.kty)))),
        }
    }

    /// The key as a JWK, without `kid`.
    #[must_use]
    pub fn to_jwk(&self) -> Jwk {
        let ec = |crv: &str, point: &[u8]| {
            let (x, y) = point.split_at(point.len() / 2);
            Jwk {
                kty: "EC".to_owned(),
                crv: Some(crv.to_owned()),
                x: Some(base64url::encode(x)),
                y: Some(base64url::encode(y)),
                ..Jwk::default()
            }
        };
        match &self.0 {
            Inner::P256(key) => ec("P-256", coordinates(key.to_sec1_point(false).as_bytes())),
            Inner::P384(key) => ec("P-384", coordinates(key.to_sec1_point(false).as_bytes())),
            Inner::Rsa(key) => Jwk {
                kty: "RSA".to_owned(),
                n: Some(base64url::encode(&key.n_bytes())),
                e: Some(base64url::encode(&key.e_bytes())),
                ..Jwk::default()
            },
        }
    }

    /// What kind of key this is.
    #[must_use]
    pub fn key_type(&self) -> KeyType {
        match &self.0 {
            Inner::P256(_) => KeyType::P256,
            Inner::P384(_) => KeyType::P384,
            Inner::Rsa(key) => KeyType::Rsa { bits: rsa_bits(key) },
        }
    }

    /// The point `04 ‖ X ‖ Y` at full width; nothing for an RSA key.
    #[must_use]
    pub fn x963(&self) -> Option<Vec<u8>> {
        match &self.0 {
            Inner::P256(key) => Some(key.to_sec1_point(false).as_bytes().to_vec()),
            Inner::P384(key) => Some(key.to_sec1_point(false).as_bytes().to_vec()),
            Inner::Rsa(_) => None,
        }
    }

    /// The RSAPublicKey of PKCS#1 (RFC 8017 A.1.1) as DER; nothing for an EC key.
    #[must_use]
    pub fn pkcs1_der(&self) -> Option<Vec<u8>> {
        match &self.0 {
            Inner::Rsa(key) => key.to_pkcs1_der().ok().map(|der| der.as_bytes().to_vec()),
            Inner::P256(_) | Inner::P384(_) => None,
        }
    }

    /// The SubjectPublicKeyInfo as DER.
    ///
    /// # Errors
    /// [`Error::Key`] if the encoder fails, which no valid key brings about.
    pub fn spki_der(&self) -> Result<Vec<u8>, Error> {
        let der = match &self.0 {
            Inner::P256(key) => key.to_public_key_der(),
            Inner::P384(key) => key.to_public_key_der(),
            Inner::Rsa(key) => key.to_public_key_der(),
        };
        der.map(|der| der.as_bytes().to_vec()).map_err(|error| Error::key(error.to_string()))
    }

    /// Verifies a signature in its JOSE form over a message, which is hashed here.
    ///
    /// # Errors
    /// [`Error::Key`] when the algorithm is not one of this kind of key; [`Error::Signature`] when the signature is
    /// wrong, also when it has the wrong length.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        let verified = match (&self.0, algorithm) {
            (Inner::P256(key), Algorithm::Es256) => {
                use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier as _};
                Signature::from_slice(signature)
                    .is_ok_and(|signature| VerifyingKey::from(*key).verify(message, &signature).is_ok())
            }
            (Inner::P384(key), Algorithm::Es384) => {
                use p384::ecdsa::{Signature, VerifyingKey, signature::Verifier as _};
                Signature::from_slice(signature)
                    .is_ok_and(|signature| VerifyingKey::from(*key).verify(message, &signature).is_ok())
            }
            (Inner::Rsa(key), Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512) => {
                verify_rsa(key, algorithm, message, signature)
            }
            _ => return Err(Error::key(format!("{algorithm} is not an algorithm of {self:?}"))),
        };
        if verified { Ok(()) } else { Err(Error::Signature) }
    }

    /// The P-256 key, for ECDH.
    pub(crate) fn as_p256(&self) -> Option<&p256::PublicKey> {
        match &self.0 {
            Inner::P256(key) => Some(key),
            _ => None,
        }
    }

    pub(crate) fn from_p256(key: p256::PublicKey) -> Self {
        Self(Inner::P256(key))
    }

    /// Builds an RSA key from big-endian numbers; leading zeros, which some servers send, do not change them.
    fn from_rsa_parts(n: &[u8], e: &[u8]) -> Result<Self, Error> {
        #[derive(Sequence)]
        struct RsaPublicKey<'a> {
            n: UintRef<'a>,
            e: UintRef<'a>,
        }
        let encode = || RsaPublicKey { n: UintRef::new(n)?, e: UintRef::new(e)? }.to_der();
        let der = encode().map_err(|error| Error::key(error.to_string()))?;
        Self::from_pkcs1_der(&der)
    }

    fn from_pkcs1_der(der: &[u8]) -> Result<Self, Error> {
        let key = rsa::RsaPublicKey::from_pkcs1_der(der)
            .map_err(|_| Error::key("not a usable RSA key of at most 8192 bits"))?;
        let bits = rsa_bits(&key);
        if bits < MIN_RSA_BITS {
            return Err(Error::key(format!("an RSA key of {bits} bits; at least {MIN_RSA_BITS} are needed")));
        }
        Ok(Self(Inner::Rsa(key)))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key_type() {
            KeyType::P256 => formatter.write_str("PublicKey(P-256)"),
            KeyType::P384 => formatter.write_str("PublicKey(P-384)"),
            KeyType::Rsa { bits } => write!(formatter, "PublicKey(RSA-{bits})"),
        }
    }
}

/// RSASSA-PKCS1-v1_5 (RFC 8017 8.2.2); the signature must be as long as the modulus.
fn verify_rsa(key: &rsa::RsaPublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    use pkcs1v15::{Signature, VerifyingKey};
    use rsa::signature::Verifier as _;
    if signature.len() != key.size() {
        return false;
    }
    let Ok(signature) = Signature::try_from(signature) else {
        return false;
    };
    match algorithm {
        Algorithm::Rs256 => VerifyingKey::<Sha256>::new(key.clone()).verify(message, &signature),
        Algorithm::Rs384 => VerifyingKey::<Sha384>::new(key.clone()).verify(message, &signature),
        Algorithm::Rs512 => VerifyingKey::<Sha512>::new(key.clone()).verify(message, &signature),
        Algorithm::Es256 | Algorithm::Es384 => return false,
    }
    .is_ok()
}

fn rsa_bits(key: &rsa::RsaPublicKey) -> usize {
    usize::try_from(key.n().bits_vartime()).unwrap_or(usize::MAX)
}

/// X ‖ Y of an uncompressed point.
fn coordinates(point: &[u8]) -> &[u8] {
    point.get(1..).unwrap_or_default()
}

fn jwk_bytes(name: &'static str, member: Option<&str>) -> Result<Vec<u8>, Error> {
    let text = member.ok_or_else(|| Error::malformed("JWK", format!("{name} is missing")))?;
    base64url::decode("JWK", text)
}

/// RFC 7518 3.3: a key of 2048 bits or larger must be used.
const MIN_RSA_BITS: usize = 2048;
/// rsaEncryption (RFC 3279 2.3.1).
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// id-ecPublicKey (RFC 5480 2.1.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// secp256r1, P-256 (RFC 5480 2.1.1.1).
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// secp384r1, P-384 (RFC 5480 2.1.1.1).
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

#[cfg(test)]
mod tests;
