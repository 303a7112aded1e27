//! The card as a signer of JOSE messages.

use identity::KeyAlgorithm;
use jose::{Algorithm, Signer, SignerError};
use piv::{AlgorithmId, Hash, Slot, VerifiedSession};

use crate::Error;

/// A key on a card that signs JWS signing inputs, in a session whose PIN was verified: one command for each signature with
/// extended length. The card belongs to this program as long as the signer lives.
pub struct CardSigner<'a> {
    session: VerifiedSession<'a>,
    slot: Slot,
    key: AlgorithmId,
    algorithm: Algorithm,
}

impl<'a> CardSigner<'a> {
    /// A signer for the key in `slot`, whose kind is `key`.
    ///
    /// # Errors
    ///
    /// [`Error::Algorithm`] if such a key cannot sign with `algorithm`.
    pub fn new(
        session: VerifiedSession<'a>,
        slot: Slot,
        key: &KeyAlgorithm,
        algorithm: Algorithm,
    ) -> Result<Self, Error> {
        let unfit = || Error::Algorithm { key: key.to_string(), algorithm: algorithm.to_string() };
        let id = algorithm_id(key).ok_or_else(unfit)?;
        let fits = match algorithm {
            Algorithm::Es256 => id == AlgorithmId::EccP256,
            Algorithm::Es384 => id == AlgorithmId::EccP384,
            _ => matches!(id, AlgorithmId::Rsa2048 | AlgorithmId::Rsa3072 | AlgorithmId::Rsa4096),
        };
        if fits { Ok(Self { session, slot, key: id, algorithm }) } else { Err(unfit()) }
    }
}

impl Signer for CardSigner<'_> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn sign(&mut self, signing_input: &[u8]) -> Result<Vec<u8>, SignerError> {
        let signature = self.session.sign(self.slot, self.key, hash(self.algorithm), signing_input)?;
        match self.algorithm {
            Algorithm::Es256 => Ok(jose::ecdsa::der_to_raw(&signature, 32)?),
            Algorithm::Es384 => Ok(jose::ecdsa::der_to_raw(&signature, 48)?),
            _ => Ok(signature),
        }
    }
}

/// The number of a key's algorithm in the card's commands; `None` for a key that PIV cannot sign with.
pub(crate) fn algorithm_id(key: &KeyAlgorithm) -> Option<AlgorithmId> {
    match key {
        KeyAlgorithm::Rsa { bits: 2048 } => Some(AlgorithmId::Rsa2048),
        KeyAlgorithm::Rsa { bits: 3072 } => Some(AlgorithmId::Rsa3072),
        KeyAlgorithm::Rsa { bits: 4096 } => Some(AlgorithmId::Rsa4096),
        KeyAlgorithm::P256 => Some(AlgorithmId::EccP256),
        KeyAlgorithm::P384 => Some(AlgorithmId::EccP384),
        _ => None,
    }
}

fn hash(algorithm: Algorithm) -> Hash {
    match algorithm {
        Algorithm::Es256 | Algorithm::Rs256 => Hash::Sha256,
        Algorithm::Es384 | Algorithm::Rs384 => Hash::Sha384,
        Algorithm::Rs512 => Hash::Sha512,
    }
}
