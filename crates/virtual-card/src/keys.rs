//! Private keys: kinds, making, reading and writing (SP 800-78; RFC 5958, RFC 8017 A.1.2, RFC 5915).

use std::fmt;

use getrandom::SysRng;
use getrandom::rand_core::TryCryptoRng;
use p256::elliptic_curve::Generate;
use rsa::RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::traits::PublicKeyParts;
use zeroize::Zeroizing;

use crate::random::Fallible;
use crate::{Error, Source};

/// What a key is for, and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with a modulus of 2048 bits, 07.
    Rsa2048,
    /// RSA with a modulus of 3072 bits, 05.
    Rsa3072,
    /// RSA with a modulus of 4096 bits, 16: not in SP 800-78, as YubiKeys have it.
    Rsa4096,
    /// ECDSA and ECDH on P-256, 11.
    P256,
    /// ECDSA and ECDH on P-384, 14.
    P384,
}

impl Algorithm {
    const ALL: [Self; 5] = [Self::Rsa2048, Self::Rsa3072, Self::Rsa4096, Self::P256, Self::P384];

    /// The algorithm identifier (P1 of GENERAL AUTHENTICATE; SP 800-78, key algorithm identifiers).
    #[must_use]
    pub fn identifier(self) -> u8 {
        match self {
            Self::Rsa2048 => 0x07,
            Self::Rsa3072 => 0x05,
            Self::Rsa4096 => 0x16,
            Self::P256 => 0x11,
            Self::P384 => 0x14,
        }
    }

    /// The algorithm of an identifier; `None` for those that this card does not have, RSA-1024 (06) among them.
    #[must_use]
    pub fn from_identifier(identifier: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.identifier() == identifier)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa2048 => "RSA2048",
            Self::Rsa3072 => "RSA3072",
            Self::Rsa4096 => "RSA4096",
            Self::P256 => "P256",
            Self::P384 => "P384",
        })
    }
}

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
}

impl PrivateKey {
    /// Makes a key with the system's random numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] if that fails.
    pub fn generate(algorithm: Algorithm) -> Result<Self, Error> {
        let failed = |source| Error::Issue { what: "a key", source };
        let rsa = |bits| generate_rsa(bits, Fallible::system()).map_err(failed);
        let material = match algorithm {
            Algorithm::Rsa2048 => rsa(2048)?,
            Algorithm::Rsa3072 => rsa(3072)?,
            Algorithm::Rsa4096 => rsa(4096)?,
            Algorithm::P256 => p256::SecretKey::try_generate_from_rng(&mut SysRng)
                .map(Material::P256)
                .map_err(|error| failed(error.into()))?,
            Algorithm::P384 => p384::SecretKey::try_generate_from_rng(&mut SysRng)
                .map(Material::P384)
                .map_err(|error| failed(error.into()))?,
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
        Err(Error::PrivateKey { reason: "it is neither RSA, P-256 nor P-384 in PKCS#8, PKCS#1 or SEC 1" })
    }

    fn from_rsa(key: RsaPrivateKey) -> Result<Self, Error> {
        let algorithm = match key.n().bits() {
            2048 => Algorithm::Rsa2048,
            3072 => Algorithm::Rsa3072,
            4096 => Algorithm::Rsa4096,
            _ => return Err(Error::PrivateKey { reason: "RSA keys have 2048, 3072 or 4096 bits" }),
        };
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
        };
        pem.map_err(|source| Error::Issue { what: "a key file", source: source.into() })
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
