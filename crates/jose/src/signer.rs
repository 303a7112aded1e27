//! Whatever can sign: a smart card, a key in software.

use crate::Algorithm;

/// The error of a signer: of the card, of its reader. Kept as the source of [`Error::Signer`](crate::Error::Signer).
pub type SignerError = Box<dyn std::error::Error + Send + Sync>;

/// A private key that stays where it is and signs what it is given.
pub trait Signer {
    /// The algorithm of the signatures that [`sign`](Self::sign) makes.
    fn algorithm(&self) -> Algorithm;

    /// Signs a message. The signer hashes it as its [`algorithm`](Self::algorithm) says.
    ///
    /// The signature has the JOSE form: for ECDSA `r‖s`, each half padded to the width of the curve
    /// (convert a card's DER with [`ecdsa::der_to_raw`](crate::ecdsa::der_to_raw)); for RSA the
    /// RSASSA-PKCS1-v1_5 octets, as long as the modulus.
    ///
    /// # Errors
    /// Whatever the key's keeper reports.
    fn sign(&mut self, signing_input: &[u8]) -> Result<Vec<u8>, SignerError>;
}
