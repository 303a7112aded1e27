//! What is wrong with an id_token: its claims, its signature.

use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use jose::{PublicKey, base64url, jws};
use p256::pkcs8::{Document, LineEnding};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::{Fault, Faults};
use crate::error::Error;
use crate::id_token_key::IdTokenKey;
use crate::options::IdTokenAlgorithm;
use crate::store::SigningKey;

impl Faults {
    /// Changes the claims of an id_token; `now` is in seconds since 1970.
    pub(crate) fn spoil_claims(&self, claims: &mut Map<String, Value>, now: i64) {
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        for fault in self.iter() {
            match fault {
                Fault::WrongNonce => {
                    claim("nonce", json!(Uuid::new_v4().to_string().to_uppercase()));
                }
                Fault::WrongAud => {
                    claim("aud", json!("another-client"));
                }
                Fault::WrongIss => {
                    claim("iss", json!("https://another-idp.invalid"));
                }
                Fault::Expired => {
                    claim("iat", json!(now - 2 * HOUR));
                    claim("nbf", json!(now - 2 * HOUR));
                    claim("exp", json!(now - HOUR));
                }
                Fault::NotYetValid => {
                    claim("nbf", json!(now + HOUR));
                    claim("exp", json!(now + 2 * HOUR));
                }
                _ => {}
            }
        }
    }

    /// Signs an id_token with our key, as its header says; or wrongly.
    ///
    /// # Errors
    /// Those of the signature.
    pub(crate) fn sign(
        &self,
        header: &Map<String, Value>,
        claims: &[u8],
        signing: &SigningKey,
    ) -> Result<String, Error> {
        let mut header = header.clone();
        let mut set = |name: &str, value: &str| header.insert(name.to_owned(), json!(value));
        if self.has(Fault::AlgNone) {
            set("alg", "none");
            return Ok(signing_input(&header, claims) + ".");
        }
        if self.has(Fault::Hs256PublicKey) {
            set("alg", "HS256");
            let input = signing_input(&header, claims);
            let mac = hmac(public_pem(&signing.public)?.as_bytes(), input.as_bytes());
            return Ok(format!("{input}.{}", base64url::encode(&mac)));
        }
        if self.has(Fault::UnknownKid) {
            set("kid", &base64url::encode(Uuid::new_v4().as_bytes()));
        }
        if self.has(Fault::WrongKey) || self.has(Fault::UnknownKid) {
            let stranger = stranger(signing.algorithm())?;
            return Ok(jws::sign(&header, claims, &mut &*stranger)?);
        }
        Ok(jws::sign(&header, claims, &mut &signing.key)?)
    }
}

/// The first two parts of a JWS (RFC 7515 section 7.1).
fn signing_input(header: &Map<String, Value>, claims: &[u8]) -> String {
    let header = Value::Object(header.clone()).to_string();
    format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(claims))
}

/// HMAC with SHA-256 (RFC 2104), the HS256 of RFC 7518 section 3.2; it takes keys of any length.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

/// The public key as a careless verifier may keep it: SubjectPublicKeyInfo in PEM (RFC 7468 section 13).
fn public_pem(key: &PublicKey) -> Result<String, Error> {
    let unusable = |error: p256::pkcs8::der::Error| jose::Error::Key { why: error.to_string() };
    let spki = Document::try_from(key.spki_der()?).map_err(unusable)?;
    Ok(spki.to_pem("PUBLIC KEY", LineEnding::LF).map_err(unusable)?)
}

/// A key that nobody has published. On P-256 it is a new one each time; one of RSA takes long to make, and is kept.
fn stranger(algorithm: IdTokenAlgorithm) -> Result<Arc<IdTokenKey>, Error> {
    static RSA: Mutex<Option<Arc<IdTokenKey>>> = Mutex::new(None);
    if algorithm != IdTokenAlgorithm::Rs256 {
        return Ok(Arc::new(IdTokenKey::generate(algorithm)?));
    }
    // Whoever comes meanwhile waits, and makes no second one.
    let mut kept = RSA.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(stranger) = &*kept {
        return Ok(Arc::clone(stranger));
    }
    let stranger = Arc::new(IdTokenKey::generate(algorithm)?);
    *kept = Some(Arc::clone(&stranger));
    Ok(stranger)
}

/// In seconds.
const HOUR: i64 = 3600;
