//! Proof of possession: the card owns the private key of the certificate.
//!
//! ```text
//! Challenge::fresh() -> message: "pivkit proof of possession 1" 00 || 32 random bytes
//! card signs the message  ->  Challenge::verify(certificate, hash, signature) -> Proof
//! ```
//!
//! The fixed beginning keeps a signature made here from being taken for one over something else,
//! such as a TLS handshake or a token; the random bytes keep an old signature from being used
//! again. Checking consumes the challenge, so it is good for one signature.

use std::fmt;

use crate::{Certificate, Error, Hash, PairingHash};

/// A message that nobody could know before, to be signed by the card.
pub struct Challenge {
    message: Vec<u8>,
}

impl Challenge {
    /// Makes a new challenge.
    ///
    /// # Errors
    ///
    /// [`Error::Random`] when the system gives no random bytes.
    pub fn fresh() -> Result<Self, Error> {
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(|error| Error::Random(Box::new(error)))?;
        Ok(Challenge { message: [DOMAIN, &random].concat() })
    }

    /// The message to sign; the signer hashes it.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Checks the signature that the card made over [`message`](Challenge::message), in the
    /// forms of [`PublicKey::verify`](crate::PublicKey::verify).
    ///
    /// # Errors
    ///
    /// [`Error::SignatureInvalid`] when the signature is not by the key of the certificate;
    /// [`Error::NotSupported`] when that key checks no signatures.
    pub fn verify(self, certificate: &Certificate, hash: Hash, signature: &[u8]) -> Result<Proof, Error> {
        certificate.public_key().verify(hash, &self.message, signature)?;
        Ok(Proof { certificate: certificate.clone() })
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenge(..)")
    }
}

/// Evidence that a fresh challenge was signed with the key of a certificate. Only
/// [`Challenge::verify`] makes one.
#[derive(Debug)]
pub struct Proof {
    certificate: Certificate,
}

impl Proof {
    /// The certificate whose key signed.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The pairing hash of the key that signed.
    pub fn pairing_hash(&self) -> PairingHash {
        self.certificate.pairing_hash()
    }
}

const DOMAIN: &[u8] = b"pivkit proof of possession 1\0";
const RANDOM_BYTES: usize = 32;

#[cfg(test)]
mod tests;
