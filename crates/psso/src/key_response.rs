//! The answers of the key service (KEYS page of Apple's documentation).
//!
//! ```text
//! application/platformsso-key-response+jwt
//! key request   { certificate: base64url of DER, iat, exp, key_context? }
//! key exchange  { key: base64 of 32 bytes, iat, exp, key_context? }
//! ```
//! Servers write the certificate in either alphabet of base64; both are read.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jose::KeyType;
use secrecy::SecretString;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::clock::{CLOCK_SKEW, timely};
use crate::response::Kind;
use crate::secret_json::SecretMap;
use crate::{Error, x5c};

pub(crate) const MEDIA_TYPE: &str = "application/platformsso-key-response+jwt";
/// `typ` of the response.
pub(crate) const TYP: &str = "platformsso-key-response+jwt";
pub(crate) const KIND: Kind = Kind { media_type: MEDIA_TYPE, typ: TYP, check: "key_response" };

/// A key that the identity provider made and keeps.
#[derive(Debug)]
#[non_exhaustive]
pub struct ProvidedKey {
    /// The certificate of the key, on P-256, as DER. Nothing vouches for it but the identity provider.
    pub certificate_der: Vec<u8>,
    /// What the identity provider wants to see again in a key exchange. A secret; `Debug` shows nothing of it.
    pub key_context: Option<SecretString>,
    /// `iat`, Unix time.
    pub issued_at: i64,
    /// `exp`, Unix time.
    pub expires_at: i64,
}

/// The secret that the identity provider's key shares with another one. `Debug` shows nothing of it.
#[non_exhaustive]
pub struct ExchangedKey {
    /// The X coordinate of the shared point, big-endian. Moving it leaves copies on the stack, as with any array.
    pub key: Zeroizing<[u8; 32]>,
    /// What the identity provider wants to see in the next key exchange.
    pub key_context: Option<SecretString>,
    /// `iat`, Unix time.
    pub issued_at: i64,
    /// `exp`, Unix time.
    pub expires_at: i64,
}

impl fmt::Debug for ExchangedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExchangedKey")
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Reads the answer to a key request.
pub(crate) fn provided(mut content: SecretMap, now: i64) -> Result<ProvidedKey, Error> {
    let (issued_at, expires_at) = validity(&content, now)?;
    let key_context = key_context(&mut content)?;
    let text = content.require_text("certificate").map_err(|why| Error::rejected("certificate", why))?;
    let (certificate_der, _) = certificate(&text).map_err(|why| Error::rejected("certificate", why))?;
    Ok(ProvidedKey { certificate_der: certificate_der.to_vec(), key_context, issued_at, expires_at })
}

/// Reads the answer to a key exchange.
pub(crate) fn exchanged(mut content: SecretMap, now: i64) -> Result<ExchangedKey, Error> {
    let (issued_at, expires_at) = validity(&content, now)?;
    let key_context = key_context(&mut content)?;
    let text = content.require_text("key").map(Zeroizing::new).map_err(|why| Error::rejected("key", why))?;
    let key = shared_key(&text).map_err(|why| Error::rejected("key", why))?;
    Ok(ExchangedKey { key, key_context, issued_at, expires_at })
}

fn key_context(content: &mut SecretMap) -> Result<Option<SecretString>, Error> {
    context(content).map_err(|why| Error::rejected("key_context", why))?;
    Ok(content.take_text("key_context").map(SecretString::from))
}

/// Reads the certificate of a provided key: its DER, and what it says.
pub(crate) fn certificate(text: &str) -> Result<(Zeroizing<Vec<u8>>, x5c::Leaf), String> {
    let der = decode(text).ok_or("it is neither base64url nor base64")?;
    let leaf = x5c::read(&der)?;
    if leaf.key.key_type() != KeyType::P256 {
        return Err("its key is not on P-256".to_owned());
    }
    Ok((der, leaf))
}

/// Reads the result of an exchange: the X coordinate of the shared point, at its full width.
pub(crate) fn shared_key(text: &str) -> Result<Zeroizing<[u8; 32]>, String> {
    let bytes = decode(text).ok_or("it is neither base64url nor base64")?;
    let mut key = Zeroizing::new([0; 32]);
    match bytes.len() {
        32 => key.copy_from_slice(&bytes),
        len @ 24..32 => return Err(format!("{len} bytes, not 32: its zeros on the left are missing")),
        len => return Err(format!("{len} bytes, not 32")),
    }
    Ok(key)
}

/// The length of the context in bytes, if there is one.
pub(crate) fn context(content: &Map<String, Value>) -> Result<Option<usize>, String> {
    match content.get("key_context") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() > MAX_CONTEXT_LEN => {
            Err(format!("it is longer than {MAX_CONTEXT_LEN} bytes"))
        }
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.len())),
        Some(_) => Err("it is not a text with something in it".to_owned()),
    }
}

/// `iat`, not in the future, and `exp`, in the future.
fn validity(content: &SecretMap, now: i64) -> Result<(i64, i64), Error> {
    let moment = |name: &'static str| {
        let seconds = timely(content, name, now, CLOCK_SKEW).map_err(|why| Error::rejected(name, why))?;
        seconds.ok_or_else(|| Error::rejected(name, "it is missing"))
    };
    Ok((moment("iat")?, moment("exp")?))
}

/// base64 in either alphabet, with padding or without.
fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    GeneralPurpose::new(alphabet, lenient).decode(text).ok().map(Zeroizing::new)
}

/// It is opaque; a wrapped key with its certificate has a few hundred bytes.
const MAX_CONTEXT_LEN: usize = 64 * 1024;

#[cfg(test)]
mod tests;
