//! A P-256 private key in software: a device key, or the key of a test identity provider.

use std::fmt;

use p256::ecdsa::SigningKey;
use p256::elliptic_curve::Generate as _;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use zeroize::Zeroizing;

use crate::{Algorithm, Error, PublicKey, Signer, SignerError, base64url, json};

/// A P-256 private key. Zeroed on drop; `Debug` shows nothing of it.
#[derive(Clone)]
pub struct EcPrivateKey(p256::SecretKey);

impl EcPrivateKey {
    /// Makes a new key from the operating system's random bytes.
    ///
    /// # Errors
    /// [`Error::Random`] when there are none.
    pub fn generate() -> Result<Self, Error> {
        p256::SecretKey::try_generate().map(Self).map_err(Error::random)
    }

    /// Reads a PEM file with one key, PKCS#8 (`PRIVATE KEY`, RFC 5958) or SEC 1 (`EC PRIVATE KEY`, RFC 5915).
    ///
    /// # Errors
    /// [`Error::Key`] when it is neither, or not a P-256 key.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        p256::SecretKey::from_pkcs8_pem(pem)
            .or_else(|_| p256::SecretKey::from_sec1_pem(pem))
            .map(Self)
            .map_err(|_| Error::key("not a P-256 private key in PEM (PKCS#8 or SEC 1)"))
    }

    /// Reads a private JWK (RFC 7518 6.2.2): `kty` EC, `crv` P-256, `d`, and `x` and `y`, which must belong to `d`.
    ///
    /// # Errors
    /// [`Error::Json`], [`Error::Malformed`] or [`Error::Key`] when it is not one.
    pub fn from_jwk_json(text: &str) -> Result<Self, Error> {
        let jwk = json::parse_object("JWK", text.as_bytes())?;
        let member = |name: &str| jwk.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        if (member("kty"), member("crv")) != ("EC", "P-256") {
            return Err(Error::key("not a JWK of an EC key on P-256"));
        }
        let d = Zeroizing::new(base64url::decode("JWK", member("d"))?);
        if d.len() != 32 {
            return Err(Error::key("d is missing or not 32 bytes"));
        }
        let key = p256::SecretKey::from_slice(&d).map(Self).map_err(|_| Error::key("d is not a P-256 private key"))?;
        if PublicKey::from_jwk(&crate::Jwk::from_json(text)?)? != key.public() {
            return Err(Error::key("x and y do not belong to d"));
        }
        Ok(key)
    }

    /// The key as PEM, PKCS#8.
    ///
    /// # Errors
    /// [`Error::Key`] if the encoder fails, which no valid key brings about.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, Error> {
        self.0.to_pkcs8_pem(LineEnding::LF).map_err(|error| Error::key(error.to_string()))
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::from_p256(self.0.public_key())
    }

    /// ECDH (SP 800-56A 5.7.1.2): Z, the X coordinate of the shared point, always 32 bytes.
    ///
    /// # Errors
    /// [`Error::Key`] when the other key is not on P-256.
    pub fn diffie_hellman(&self, peer: &PublicKey) -> Result<Zeroizing<[u8; 32]>, Error> {
        let peer = peer.as_p256().ok_or_else(|| Error::key("ECDH needs a P-256 key on both sides"))?;
        let shared = self.0.diffie_hellman(peer);
        Ok(Zeroizing::new((*shared.raw_secret_bytes()).into()))
    }
}

impl Signer for EcPrivateKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Es256
    }

    fn sign(&mut self, signing_input: &[u8]) -> Result<Vec<u8>, SignerError> {
        (&*self).sign(signing_input)
    }
}

/// A borrowed key signs as well: it does not change.
impl Signer for &EcPrivateKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Es256
    }

    fn sign(&mut self, signing_input: &[u8]) -> Result<Vec<u8>, SignerError> {
        use p256::ecdsa::signature::Signer as _;
        let signature: p256::ecdsa::Signature = SigningKey::from(&self.0).try_sign(signing_input)?;
        Ok(signature.to_bytes().to_vec())
    }
}

impl fmt::Debug for EcPrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EcPrivateKey(..)")
    }
}

#[cfg(test)]
mod tests;
