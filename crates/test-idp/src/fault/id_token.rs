//! What is wrong with an id_token: its claims, its signature.

use hmac::{Hmac, KeyInit, Mac};
use jose::{EcPrivateKey, base64url, jws};
use p256::PublicKey;
use p256::pkcs8::{EncodePublicKey, LineEnding};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::{Fault, Faults};
use crate::error::Error;

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
    pub(crate) fn sign(&self, header: &Map<String, Value>, claims: &[u8], key: &EcPrivateKey) -> Result<String, Error> {
        let mut header = header.clone();
        let mut set = |name: &str, value: &str| header.insert(name.to_owned(), json!(value));
        if self.has(Fault::AlgNone) {
            set("alg", "none");
            return Ok(signing_input(&header, claims) + ".");
        }
        if self.has(Fault::Hs256PublicKey) {
            set("alg", "HS256");
            let input = signing_input(&header, claims);
            let mac = hmac(public_pem(key).as_bytes(), input.as_bytes());
            return Ok(format!("{input}.{}", base64url::encode(&mac)));
        }
        if self.has(Fault::UnknownKid) {
            set("kid", &base64url::encode(Uuid::new_v4().as_bytes()));
        }
        let stranger = self.has(Fault::WrongKey) || self.has(Fault::UnknownKid);
        let mut key = if stranger { EcPrivateKey::generate()? } else { key.clone() };
        Ok(jws::sign(&header, claims, &mut key)?)
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

/// The public key as a careless verifier may keep it: SubjectPublicKeyInfo in PEM.
fn public_pem(key: &EcPrivateKey) -> String {
    let point = key.public().x963().unwrap_or_default();
    let key = PublicKey::from_sec1_bytes(&point).ok();
    key.and_then(|key| key.to_public_key_pem(LineEnding::LF).ok()).unwrap_or_default()
}

/// In seconds.
const HOUR: i64 = 3600;
