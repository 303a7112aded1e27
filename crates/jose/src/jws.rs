//! JSON Web Signature, compact serialisation (RFC 7515).
//!
//! ```text
//! BASE64URL(header) . BASE64URL(payload) . BASE64URL(signature)
//! ```
//! The signature covers the ASCII of the first two parts as they stand; nothing is decoded and encoded again.

use std::fmt;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::error::short;
use crate::{Algorithm, Error, PublicKey, Signer, base64url, compact, json};

/// Signs a payload under a header, and returns the compact JWS.
///
/// The header is taken as it is; its `alg` must be the signer's.
///
/// # Errors
/// [`Error::AlgorithmMismatch`] when `alg` is missing or not the signer's; [`Error::HeaderRefused`] for `crit`;
/// [`Error::Signer`] when the signer fails; [`Error::Malformed`] when its signature has an impossible length.
pub fn sign(header: &Map<String, Value>, payload: &[u8], signer: &mut dyn Signer) -> Result<String, Error> {
    let algorithm = signer.algorithm();
    let alg = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    if alg != algorithm.name() {
        return Err(Error::AlgorithmMismatch { header: short(alg), signer: algorithm });
    }
    if header.contains_key("crit") {
        return Err(Error::HeaderRefused { name: "crit", why: "no critical extension is supported" });
    }
    let header = serde_json::to_vec(header).map_err(|source| Error::Json { what: "header", source })?;
    // The payload may carry a password or a token: nothing of it stays behind in a buffer that was too small.
    let header = base64url::encode(&header);
    let payload = Zeroizing::new(base64url::encode(payload));
    let mut token = Zeroizing::new(String::with_capacity(header.len() + payload.len() + MAX_SIGNATURE_TEXT_LEN));
    token.push_str(&header);
    token.push('.');
    token.push_str(&payload);
    let signature = signer.sign(token.as_bytes()).map_err(Error::Signer)?;
    let fits = match algorithm.signature_len() {
        Some(len) => signature.len() == len,
        None => signature.len() >= MIN_RSA_SIGNATURE_LEN,
    };
    if !fits {
        return Err(Error::malformed(
            "signature",
            format!("the signer returned {} bytes for {algorithm}", signature.len()),
        ));
    }
    token.push('.');
    token.push_str(&base64url::encode(&signature));
    Ok(std::mem::take(&mut *token))
}

/// A signature of the smallest RSA key allowed, 2048 bits (RFC 7518 3.3).
const MIN_RSA_SIGNATURE_LEN: usize = 256;
/// Two dots and a signature of the largest RSA key, 8192 bits, as base64url.
const MAX_SIGNATURE_TEXT_LEN: usize = 2 + 1366;

/// A JWS that is well formed. Nothing about it is true before [`verify`](Self::verify) says so.
#[derive(Clone)]
pub struct Jws {
    header: Map<String, Value>,
    payload: Zeroizing<Vec<u8>>,
    signature: Vec<u8>,
    /// The first two parts with their dot, as received; may carry a password or a refresh token.
    signing_input: Zeroizing<String>,
}

impl Jws {
    /// Takes a compact JWS apart.
    ///
    /// # Errors
    /// [`Error::TooLarge`] over [`MAX_TOKEN_LEN`](crate::MAX_TOKEN_LEN); [`Error::Malformed`] or [`Error::Json`]
    /// when it is not three parts of strict base64url with a JSON object in front; [`Error::HeaderRefused`] for
    /// `crit`. The algorithm is judged by [`algorithm`](Self::algorithm) and [`verify`](Self::verify).
    pub fn parse(token: &str) -> Result<Self, Error> {
        let [header, payload, signature] = compact::split("JWS", token)?;
        let signing_input_len = header.len() + 1 + payload.len();
        Ok(Self {
            header: compact::header(header)?,
            payload: Zeroizing::new(base64url::decode("payload", payload)?),
            signature: base64url::decode("signature", signature)?,
            signing_input: Zeroizing::new(token.get(..signing_input_len).unwrap_or_default().to_owned()),
        })
    }

    /// The protected header.
    #[must_use]
    pub fn header(&self) -> &Map<String, Value> {
        &self.header
    }

    /// A header member that is text, such as `kid` or `typ`.
    #[must_use]
    pub fn header_text(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }

    /// The payload's bytes.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload as claims (RFC 7519): a JSON object.
    ///
    /// # Errors
    /// [`Error::Json`] or [`Error::Malformed`] when it is none, or names a claim twice.
    pub fn claims(&self) -> Result<Map<String, Value>, Error> {
        json::parse_object("claims", &self.payload)
    }

    /// The signature's bytes.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// What is signed: the first two parts and the dot between them.
    #[must_use]
    pub fn signing_input(&self) -> &[u8] {
        self.signing_input.as_bytes()
    }

    /// The algorithm in the header.
    ///
    /// # Errors
    /// [`Error::AlgorithmRefused`] for `none`, HMAC and everything unknown; [`Error::Malformed`] without `alg`.
    pub fn algorithm(&self) -> Result<Algorithm, Error> {
        compact::text(&self.header, "alg")?.parse()
    }

    /// Verifies the signature with a key that the caller trusts, if the algorithm is one that the caller allows.
    ///
    /// Keys and URLs in the header (`jwk`, `x5c`, `jku`, `x5u`) are never followed here.
    ///
    /// # Errors
    /// [`Error::AlgorithmRefused`] when the algorithm is unknown or not in `allowed`; [`Error::Key`] when it is not
    /// an algorithm of this kind of key; [`Error::Signature`] when the signature is wrong.
    pub fn verify(&self, key: &PublicKey, allowed: &[Algorithm]) -> Result<(), Error> {
        let algorithm = self.algorithm()?;
        if !allowed.contains(&algorithm) {
            return Err(Error::AlgorithmRefused {
                name: algorithm.name().to_owned(),
                why: "not among the allowed algorithms",
            });
        }
        key.verify(algorithm, self.signing_input(), &self.signature)
    }
}

impl fmt::Debug for Jws {
    /// The header only: the payload may hold secrets, and with the signature the whole is a bearer token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Jws").field("header", &self.header).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
