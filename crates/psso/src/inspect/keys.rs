//! Reading keys to inspect with: JWK, JWK Set, PEM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::{EcPrivateKey, Jwk, JwkSet, PublicKey};
use serde_json::{Value, json};
use x509_parser::pem::Pem;

use crate::{Error, x5c};

/// A key to verify a signature with, and the name that a JWK Set gives it.
#[derive(Debug, Clone)]
pub struct VerificationKey {
    /// The key.
    pub key: PublicKey,
    /// `kid` of the JWK; a key from PEM has none.
    pub kid: Option<String>,
    /// The entry of a JWK Set, among which an id_token's `kid` chooses as at a login; nothing for a key that came otherwise.
    pub entry: Option<Jwk>,
}

/// Reads the keys of a text: a JWK, a JWK Set, PEM with public keys or certificates, or the public keys of a device
/// (`device_signing_key` with `x963`, the base64 of an X9.63 point, as `pivkit psso keys --json` prints them), of which the signing
/// key counts.
///
/// # Errors
/// [`Error::Unreadable`] when there is no usable key in it.
pub fn verification_keys(text: &str) -> Result<Vec<VerificationKey>, Error> {
    let unusable = |error| Error::unreadable("the verification key cannot be used", error);
    if !text.trim_start().starts_with('{') {
        return pem_keys(text);
    }
    if let Some(key) = device_signing_key(text)? {
        return Ok(vec![VerificationKey { key, kid: None, entry: None }]);
    }
    if let Ok(set) = JwkSet::from_json(text) {
        let keys: Vec<_> = set
            .keys
            .into_iter()
            // As at a login: a key for encryption signs nothing.
            .filter(|jwk| jwk.key_use.as_deref() != Some("enc"))
            .filter_map(|jwk| {
                let key = PublicKey::from_jwk(&jwk).ok()?;
                Some(VerificationKey { key, kid: jwk.kid.clone(), entry: Some(jwk) })
            })
            .collect();
        return if keys.is_empty() { Err(Error::unreadable("the JWK Set has no usable key", None)) } else { Ok(keys) };
    }
    let jwk = Jwk::from_json(&completed(text)?).map_err(unusable)?;
    Ok(vec![VerificationKey { key: PublicKey::from_jwk(&jwk).map_err(unusable)?, kid: jwk.kid, entry: None }])
}

fn device_signing_key(text: &str) -> Result<Option<PublicKey>, Error> {
    let document = jose::json::parse_object("key document", text.as_bytes());
    let Some(key) = document.ok().and_then(|mut document| document.remove("device_signing_key")) else {
        return Ok(None);
    };
    let point = key.get("x963").and_then(Value::as_str).and_then(|point| STANDARD.decode(point).ok());
    match point.map(|point| PublicKey::from_x963(&point)) {
        Some(Ok(key)) => Ok(Some(key)),
        Some(Err(error)) => Err(Error::unreadable("the device_signing_key cannot be used", error)),
        None => Err(Error::unreadable("the device_signing_key has no x963 in base64", None)),
    }
}

/// Reads a private P-256 key: a JWK with `d`, or PEM (PKCS#8 or SEC 1).
///
/// # Errors
/// [`Error::Unreadable`] when it is none.
pub fn decryption_key(text: &str) -> Result<EcPrivateKey, Error> {
    let unusable = |error| Error::unreadable("the decryption key cannot be used", error);
    if text.trim_start().starts_with('{') {
        return EcPrivateKey::from_jwk_json(&completed(text)?).map_err(unusable);
    }
    EcPrivateKey::from_pem(text).map_err(unusable)
}

/// A JWK with `x` and `y` but neither `kty` nor `crv`, as Apple's documentation prints its keys, is on P-256.
fn completed(text: &str) -> Result<String, Error> {
    let mut jwk = jose::json::parse_object("JWK", text.as_bytes())
        .map_err(|error| Error::unreadable("the key is not a JWK", error))?;
    if !jwk.contains_key("kty") && !jwk.contains_key("crv") && jwk.contains_key("x") && jwk.contains_key("y") {
        jwk.insert("kty".to_owned(), json!("EC"));
        jwk.insert("crv".to_owned(), json!("P-256"));
    }
    Ok(Value::Object(jwk).to_string())
}

fn pem_keys(text: &str) -> Result<Vec<VerificationKey>, Error> {
    let unusable = |why: String| Error::unreadable(format!("the verification key cannot be used: {why}"), None);
    let mut keys = Vec::new();
    for block in Pem::iter_from_buffer(text.as_bytes()) {
        let block = block.map_err(|_| unusable("malformed PEM".to_owned()))?;
        let key = match block.label.as_str() {
            "CERTIFICATE" => x5c::public_key(&block.contents).map_err(unusable)?,
            "PUBLIC KEY" => PublicKey::from_spki_der(&block.contents).map_err(|error| unusable(error.to_string()))?,
            label => return Err(unusable(format!("PEM with \"{}\"", crate::error::shown(label, 40)))),
        };
        keys.push(VerificationKey { key, kid: None, entry: None });
    }
    if keys.is_empty() { Err(unusable("neither a JWK nor PEM".to_owned())) } else { Ok(keys) }
}
