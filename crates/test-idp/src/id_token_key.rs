//! The private key of the id_tokens, on P-256 (ES256) or RSA with 2048 bits (RS256); as text it is PKCS#8 in PEM (RFC 5958,
//! RFC 7468).
//!
//! RSA signatures are RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2), made with blinding.

use std::fmt;

use getrandom::SysRng;
use jose::{Algorithm, EcPrivateKey, PublicKey, Signer, SignerError};
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::options::IdTokenAlgorithm;
use crate::random::with_random;

/// A private key that signs id_tokens. Zeroed on drop; `Debug` shows nothing of it.
pub(crate) enum IdTokenKey {
    Es256(EcPrivateKey),
    Rs256(Box<SigningKey<Sha256>>),
}

impl IdTokenKey {
    /// Makes a new key; of RSA that takes a good part of a second.
    ///
    /// # Errors
    /// [`Error::Random`] and [`Error::Crypto`] when the system gives no random numbers.
    pub(crate) fn generate(algorithm: IdTokenAlgorithm) -> Result<Self, Error> {
        match algorithm {
            IdTokenAlgorithm::Es256 => Ok(Self::Es256(EcPrivateKey::generate()?)),
            IdTokenAlgorithm::Rs256 => {
                let key = with_random(|random| RsaPrivateKey::new(random, RSA_BITS))?.map_err(unusable)?;
                Ok(Self::Rs256(Box::new(SigningKey::new(key))))
            }
        }
    }

    /// Reads a key of this algorithm.
    ///
    /// # Errors
    /// [`Error::Crypto`] when it is none.
    pub(crate) fn from_pem(algorithm: IdTokenAlgorithm, pem: &str) -> Result<Self, Error> {
        match algorithm {
            IdTokenAlgorithm::Es256 => Ok(Self::Es256(EcPrivateKey::from_pem(pem)?)),
            IdTokenAlgorithm::Rs256 => {
                let key = RsaPrivateKey::from_pkcs8_pem(pem).map_err(unusable)?;
                Ok(Self::Rs256(Box::new(SigningKey::new(key))))
            }
        }
    }

    /// The key as PEM, PKCS#8.
    ///
    /// # Errors
    /// [`Error::Crypto`] if the encoder fails, which no valid key brings about.
    pub(crate) fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, Error> {
        match self {
            Self::Es256(key) => Ok(key.to_pkcs8_pem()?),
            Self::Rs256(key) => key.to_pkcs8_pem(LineEnding::LF).map_err(unusable),
        }
    }

    /// The public key.
    ///
    /// # Errors
    /// [`Error::Crypto`] for an RSA key of a size that nobody may use.
    pub(crate) fn public(&self) -> Result<PublicKey, Error> {
        match self {
            Self::Es256(key) => Ok(key.public()),
            Self::Rs256(key) => {
                let key: &RsaPrivateKey = key.as_ref().as_ref();
                let spki = key.to_public_key().to_public_key_der().map_err(unusable)?;
                Ok(PublicKey::from_spki_der(spki.as_bytes())?)
            }
        }
    }

    /// What it signs with.
    pub(crate) fn algorithm(&self) -> IdTokenAlgorithm {
        match self {
            Self::Es256(_) => IdTokenAlgorithm::Es256,
            Self::Rs256(_) => IdTokenAlgorithm::Rs256,
        }
    }
}

/// A borrowed key signs: it does not change.
impl Signer for &IdTokenKey {
    fn algorithm(&self) -> Algorithm {
        IdTokenKey::algorithm(self).jose()
    }

    fn sign(&mut self, signing_input: &[u8]) -> Result<Vec<u8>, SignerError> {
        match self {
            IdTokenKey::Es256(key) => (&mut &*key).sign(signing_input),
            IdTokenKey::Rs256(key) => Ok(key.try_sign_with_rng(&mut SysRng, signing_input)?.to_vec()),
        }
    }
}

impl fmt::Debug for IdTokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdTokenKey({}, ..)", self.algorithm())
    }
}

fn unusable(error: impl fmt::Display) -> Error {
    Error::Crypto(jose::Error::Key { why: error.to_string() })
}

/// Length of the modulus: the least that RFC 7518 section 3.3 allows, and what most providers have.
const RSA_BITS: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;
    use jose::jws;
    use serde_json::json;

    #[test]
    fn a_key_is_the_same_after_it_was_written_and_read() {
        for algorithm in IdTokenAlgorithm::value_variants().iter().copied() {
            let key = IdTokenKey::generate(algorithm).unwrap();
            let pem = key.to_pkcs8_pem().unwrap();
            assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{algorithm}");
            let again = IdTokenKey::from_pem(algorithm, &pem).unwrap();
            let header = json!({"alg": algorithm.name()});
            let token = jws::sign(header.as_object().unwrap(), b"{}", &mut &again).unwrap();
            let token = jws::Jws::parse(&token).unwrap();
            token.verify(&key.public().unwrap(), &[algorithm.jose()]).unwrap();
            let other = IdTokenAlgorithm::value_variants().iter().find(|other| **other != algorithm).unwrap();
            assert!(IdTokenKey::from_pem(*other, &pem).is_err(), "{algorithm} is no {other}");
            assert_eq!(format!("{again:?}"), format!("IdTokenKey({algorithm}, ..)"));
        }
    }
}
