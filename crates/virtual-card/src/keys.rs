//! Private keys: making, reading and writing as files (SP 800-78; RFC 5958, RFC 8017 A.1.2, RFC 5915, RFC 8410). How they
//! come onto the card and leave it as public keys is in [`template`](crate::template).

use std::fmt;

use getrandom::SysRng;
use getrandom::rand_core::TryCryptoRng;
use p256::elliptic_curve::Generate;
use rsa::RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::traits::PublicKeyParts;
use zeroize::Zeroizing;

use crate::curve25519;
use crate::random::Fallible;
use crate::{Algorithm, Error, Source};

/// A private key. It is wiped from memory when it is dropped.
#[derive(Clone)]
pub struct PrivateKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) material: Material,
}

#[derive(Clone)]
pub(crate) enum Material {
    Rsa(Box<RsaPrivateKey>),
    P256(p256::SecretKey),
    P384(p384::SecretKey),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    X25519(Box<x25519_dalek::StaticSecret>),
}

impl PrivateKey {
    /// Makes a key with the system's random numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] if that fails.
    pub fn generate(algorithm: Algorithm) -> Result<Self, Error> {
        let failed = |source| Error::Issue { what: "a key", source };
        let material = match algorithm {
            Algorithm::Rsa1024 => generate_rsa(1024, Fallible::system()).map_err(failed)?,
            Algorithm::Rsa2048 => generate_rsa(2048, Fallible::system()).map_err(failed)?,
            Algorithm::Rsa3072 => generate_rsa(3072, Fallible::system()).map_err(failed)?,
            Algorithm::Rsa4096 => generate_rsa(4096, Fallible::system()).map_err(failed)?,
            Algorithm::P256 => p256::SecretKey::try_generate_from_rng(&mut SysRng)
                .map(Material::P256)
                .map_err(|error| failed(error.into()))?,
            Algorithm::P384 => p384::SecretKey::try_generate_from_rng(&mut SysRng)
                .map(Material::P384)
                .map_err(|error| failed(error.into()))?,
            Algorithm::Ed25519 | Algorithm::X25519 => {
                let mut seed = Zeroizing::new([0; 32]);
                getrandom::fill(seed.as_mut_slice()).map_err(|error| failed(error.into()))?;
                Material::of_seed(algorithm, &seed).ok_or_else(|| failed("no such curve".into()))?
            }
        };
        Ok(Self { algorithm, material })
    }

    /// Reads a key in PKCS#8, PKCS#1 or SEC 1, in DER.
    ///
    /// # Errors
    ///
    /// [`Error::PrivateKey`] if it is none of these, or of a kind or size that the card does not have.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let rsa = RsaPrivateKey::from_pkcs8_der(der).ok().or_else(|| RsaPrivateKey::from_pkcs1_der(der).ok());
        if let Some(key) = rsa {
            return Self::from_rsa(key);
        }
        let p256 = p256::SecretKey::from_pkcs8_der(der).ok().or_else(|| p256::SecretKey::from_sec1_der(der).ok());
        if let Some(key) = p256 {
            return Ok(Self { algorithm: Algorithm::P256, material: Material::P256(key) });
        }
        let p384 = p384::SecretKey::from_pkcs8_der(der).ok().or_else(|| p384::SecretKey::from_sec1_der(der).ok());
        if let Some(key) = p384 {
            return Ok(Self { algorithm: Algorithm::P384, material: Material::P384(key) });
        }
        if let Some((algorithm, seed)) = curve25519::read_pkcs8(der)
            && let Some(material) = Material::of_seed(algorithm, &seed)
        {
            return Ok(Self { algorithm, material });
        }
        Err(Error::PrivateKey {
            reason: "it is neither RSA, P-256, P-384, Ed25519 nor X25519 in PKCS#8, PKCS#1 or SEC 1",
        })
    }

    pub(crate) fn from_rsa(key: RsaPrivateKey) -> Result<Self, Error> {
        let algorithm = Algorithm::of_rsa_bits(key.n().bits())
            .ok_or(Error::PrivateKey { reason: "RSA keys have 1024, 2048, 3072 or 4096 bits" })?;
        Ok(Self { algorithm, material: Material::Rsa(Box::new(key)) })
    }

    /// What the key is for, and its size.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key as a SubjectPublicKeyInfo in DER (RFC 5280, 4.1.2.7).
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] if it cannot be encoded.
    pub fn public_key_der(&self) -> Result<Vec<u8>, Error> {
        let document = match &self.material {
            Material::Rsa(key) => key.to_public_key().to_public_key_der(),
            Material::P256(key) => key.public_key().to_public_key_der(),
            Material::P384(key) => key.public_key().to_public_key_der(),
            Material::Ed25519(key) => return curve25519::spki(self.algorithm, key.verifying_key().as_bytes()),
            Material::X25519(key) => {
                return curve25519::spki(self.algorithm, x25519_dalek::PublicKey::from(&**key).as_bytes());
            }
        };
        let document = document.map_err(|source| Error::Issue { what: "a public key", source: source.into() })?;
        Ok(document.into_vec())
    }

    /// The key as PKCS#8 in PEM.
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] if it cannot be encoded.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, Error> {
        let pem = match &self.material {
            Material::Rsa(key) => key.to_pkcs8_pem(LineEnding::LF),
            Material::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
            Material::P384(key) => key.to_pkcs8_pem(LineEnding::LF),
            Material::Ed25519(key) => return curve25519::pkcs8_pem(self.algorithm, key.as_bytes()),
            Material::X25519(key) => return curve25519::pkcs8_pem(self.algorithm, key.as_bytes()),
        };
        pem.map_err(|source| Error::Issue { what: "a key file", source: source.into() })
    }
}

impl Material {
    /// A key of Curve25519 from its 32 bytes; `None` for another algorithm.
    pub(crate) fn of_seed(algorithm: Algorithm, seed: &[u8; 32]) -> Option<Self> {
        match algorithm {
            Algorithm::Ed25519 => Some(Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed)))),
            Algorithm::X25519 => Some(Self::X25519(Box::new(x25519_dalek::StaticSecret::from(*seed)))),
            _ => None,
        }
    }
}

/// The library takes no random numbers that can fail, so the key is thrown away afterwards if some did.
fn generate_rsa<S>(bits: usize, mut random: Fallible<S>) -> Result<Material, Source>
where
    S: TryCryptoRng<Error: Send + Sync + 'static>,
{
    let key = RsaPrivateKey::new(&mut random, bits);
    match random.into_error() {
        Some(error) => Err(error.into()),
        None => Ok(Material::Rsa(Box::new(key?))),
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, ..)", self.algorithm)
    }
}

#[cfg(test)]
mod tests {
    use getrandom::rand_core::TryRng;

    use super::*;

    /// The system's random numbers, so many times.
    struct Limited(u32);

    impl Limited {
        fn draw<T>(&mut self, draw: impl FnOnce() -> T) -> Result<T, getrandom::Error> {
            self.0 = self.0.checked_sub(1).ok_or(getrandom::Error::UNSUPPORTED)?;
            Ok(draw())
        }
    }

    impl TryRng for Limited {
        type Error = getrandom::Error;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            self.draw(|| SysRng.try_next_u32())?
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            self.draw(|| SysRng.try_next_u64())?
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            self.draw(|| SysRng.try_fill_bytes(bytes))?
        }
    }

    impl TryCryptoRng for Limited {}

    #[test]
    fn without_random_numbers_there_is_no_key_and_no_panic() {
        for enough_for in [0, 1] {
            let error = generate_rsa(2048, Fallible::of(Limited(enough_for))).err().unwrap();
            assert!(error.downcast_ref() == Some(&getrandom::Error::UNSUPPORTED), "{error}");
        }
        assert!(generate_rsa(2048, Fallible::of(Limited(u32::MAX))).is_ok());
    }
}
