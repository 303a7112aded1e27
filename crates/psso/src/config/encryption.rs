//! The key to which a password is encrypted (`loginRequestEncryptionPublicKey` and its kin).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::{KeyType, PublicKey};
use x509_parser::pem::Pem;

use super::reader::{Found, Reader};
use crate::error::shown;

/// To whom, and under which name, a password is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRequestEncryption {
    pub(crate) key: PublicKey,
    pub(crate) apv_prefix: String,
}

impl LoginRequestEncryption {
    /// The identity provider's key, on P-256.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The first field of PartyVInfo; `APPLEEMBEDDED` unless configured.
    #[must_use]
    pub fn apv_prefix(&self) -> &str {
        &self.apv_prefix
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<LoginRequestEncryption> {
    let prefix = reader.text(PREFIX_FIELD);
    let algorithm = reader.text("login_request_encryption_algorithm");
    let key = reader.lines("login_request_encryption_key");
    if let Some(Found { value, at }) = &algorithm {
        match value.as_str() {
            ECDH_ES | ECDH_ES_PRINTED => {}
            hpke if hpke.to_ascii_uppercase().starts_with("HPKE") => {
                reader.error(*at, "HPKE is not specified publicly for this protocol, and not supported");
            }
            other => reader.error(*at, format!("\"{}\" is not supported; only {ECDH_ES} is", shown(other, 60))),
        }
    }
    if key.is_none() {
        for Found { at, .. } in prefix.iter().chain(&algorithm) {
            reader.warning(*at, "it means nothing without login_request_encryption_key");
        }
    }
    if let Some(Found { value, at }) = &prefix
        && value != PREFIX
    {
        reader.warning(*at, format!("Apple's sample has \"{PREFIX}\""));
    }
    let apv_prefix = prefix.map_or_else(|| PREFIX.to_owned(), |prefix| prefix.value);
    let Found { value, at } = key?;
    match public_key(&value) {
        Ok(key) => Some(LoginRequestEncryption { key, apv_prefix }),
        Err(why) => {
            reader.error(at, why);
            None
        }
    }
}

/// A P-256 key as the base64 of its X9.63 point, or as PEM.
fn public_key(text: &str) -> Result<PublicKey, String> {
    let key = if text.contains("-----BEGIN") {
        let block = Pem::iter_from_buffer(text.as_bytes()).next().and_then(Result::ok).ok_or("malformed PEM")?;
        match block.label.as_str() {
            "PUBLIC KEY" => PublicKey::from_spki_der(&block.contents).map_err(|error| error.to_string())?,
            label => return Err(format!("PEM with \"{}\" is no public key", shown(label, 40))),
        }
    } else {
        let point = STANDARD.decode(text.trim()).map_err(|_| "neither base64 with padding nor PEM")?;
        PublicKey::from_x963(&point).map_err(|error| error.to_string())?
    };
    if key.key_type() != KeyType::P256 {
        return Err("not a key on P-256".to_owned());
    }
    Ok(key)
}

const PREFIX_FIELD: &str = "login_request_encryption_apv_prefix";
/// The prefix in Apple's sample (ENCPW).
const PREFIX: &str = "APPLEEMBEDDED";
const ECDH_ES: &str = "ECDH-ES";
/// What a Mac prints for the same (`app-sso platform -s`).
const ECDH_ES_PRINTED: &str = "ECDHE-A256GCM";
