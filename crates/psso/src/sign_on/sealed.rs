//! The sign-on as a file.
//!
//! ```text
//! {"schema_version":1, "issuer":"..", "client_id":"..", "key":{"place":"kernel-keyring","id":"<UUID>"},   in the clear
//!  "nonce":"<base64, 12 bytes>", "sealed":"<base64, content and tag>"}
//! ```
//! AES-256-GCM (SP 800-38D) over the content, a JSON object, with a random nonce for each writing; what is in the clear is
//! authenticated with it, as the JSON of its members in this order without white space. At most 256 KiB of content.

use std::fmt;
use std::io::{ErrorKind, Write};

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::{Zeroize as _, Zeroizing};

use super::key::{KeyReference, SealingKey};
use super::{KeyPlace, SignOn, SignOnError, UnlockKey};
use crate::{Error, Method};

const SCHEMA_VERSION: u64 = 1;
const NONCE_LEN: usize = 12;
/// The largest content in bytes: tokens of any size that is seen, and a configuration of 64 KiB.
const MAX_CONTENT_LEN: usize = 256 * 1024;
/// The largest file: the content in base64, and what is in the clear.
pub(super) const MAX_FILE_LEN: usize = MAX_CONTENT_LEN * 4 / 3 + 8 * 1024;

/// What the file says without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOnHeader {
    schema_version: u64,
    issuer: String,
    client_id: String,
    key: KeyReference,
}

impl SignOnHeader {
    pub(super) fn new(issuer: &str, client_id: &str, key: KeyReference) -> Self {
        Self { schema_version: SCHEMA_VERSION, issuer: issuer.to_owned(), client_id: client_id.to_owned(), key }
    }

    /// `iss` of the id_token. Not to be relied upon before the content is unsealed.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The client id at that issuer. Not to be relied upon before the content is unsealed.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Where the key is kept.
    #[must_use]
    pub fn key_place(&self) -> KeyPlace {
        self.key.place
    }

    pub(super) fn key(&self) -> &KeyReference {
        &self.key
    }
}

/// The whole file, nothing of it verified.
#[derive(Serialize, Deserialize)]
pub(super) struct SealedFile {
    #[serde(flatten)]
    pub(super) header: SignOnHeader,
    nonce: String,
    sealed: String,
}

impl fmt::Debug for SealedFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SealedFile").field("header", &self.header).finish_non_exhaustive()
    }
}

impl SealedFile {
    /// Reads the file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, SignOnError> {
        let no_json = SignOnError::Damaged { why: "it is not the JSON that was written" };
        #[derive(Deserialize)]
        struct Version {
            schema_version: u64,
        }
        match serde_json::from_slice(bytes) {
            Ok(Version { schema_version: SCHEMA_VERSION }) => {}
            Ok(Version { schema_version: version }) => return Err(SignOnError::Later { version }),
            Err(_) => return Err(no_json),
        }
        serde_json::from_slice(bytes).map_err(|_| no_json)
    }

    /// The file's bytes. Nothing in them is secret.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, SignOnError> {
        let unwritable = |_| SignOnError::Damaged { why: "it cannot be written as JSON" };
        let mut bytes = serde_json::to_vec(self).map_err(unwritable)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Seals a sign-on.
    pub(super) fn seal(sign_on: &SignOn, header: SignOnHeader, key: &SealingKey) -> Result<Self, Error> {
        let content = Content::of(sign_on).to_json()?;
        let mut nonce = [0; NONCE_LEN];
        crate::random::fill(&mut nonce)?;
        let aad = associated_data(&header)?;
        let sealed = cipher(key)
            .encrypt(<&Nonce<_>>::from(&nonce), Payload { msg: &content, aad: &aad })
            .map_err(|_| Error::crypto("the sign-on cannot be sealed", None))?;
        Ok(Self { header, nonce: STANDARD.encode(nonce), sealed: STANDARD.encode(sealed) })
    }

    /// Unseals the sign-on.
    pub(super) fn unseal(&self, key: &SealingKey) -> Result<SignOn, SignOnError> {
        let damaged = |why| SignOnError::Damaged { why };
        let nonce = STANDARD.decode(&self.nonce).ok().and_then(|nonce| <[u8; NONCE_LEN]>::try_from(nonce).ok());
        let nonce = nonce.ok_or(damaged("its nonce is none"))?;
        let sealed = STANDARD.decode(&self.sealed).map_err(|_| damaged("its content is not base64"))?;
        let aad = associated_data(&self.header)?;
        let content = cipher(key)
            .decrypt(<&Nonce<_>>::from(&nonce), Payload { msg: &sealed, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| damaged("it was changed, or sealed with another key"))?;
        let content: Content =
            serde_json::from_slice(&content).map_err(|_| damaged("its content is not what was written"))?;
        Ok(content.into_sign_on(&self.header))
    }
}

fn cipher(key: &SealingKey) -> Aes256Gcm {
    Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key.bytes()))
}

fn associated_data(header: &SignOnHeader) -> Result<Vec<u8>, SignOnError> {
    serde_json::to_vec(header).map_err(|_| SignOnError::Damaged { why: "it cannot be written as JSON" })
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Content {
    user: String,
    method: Method,
    last_login: i64,
    last_refresh: Option<i64>,
    refresh_token: Option<String>,
    refresh_token_expires_at: Option<i64>,
    claims: Map<String, Value>,
    unlock_key: Option<UnlockKeyContent>,
    configuration: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct UnlockKeyContent {
    certificate: String,
    key_context: Option<String>,
    expires_at: Option<i64>,
}

impl Content {
    fn of(sign_on: &SignOn) -> Self {
        let exposed = |secret: &SecretString| secret.expose_secret().to_owned();
        Self {
            user: sign_on.user.clone(),
            method: sign_on.method,
            last_login: sign_on.last_login,
            last_refresh: sign_on.last_refresh,
            refresh_token: sign_on.refresh_token.as_ref().map(exposed),
            refresh_token_expires_at: sign_on.refresh_token_expires_at,
            claims: sign_on.claims.clone(),
            unlock_key: sign_on.unlock_key.as_ref().map(|key| UnlockKeyContent {
                certificate: STANDARD.encode(&key.certificate_der),
                key_context: key.key_context.as_ref().map(exposed),
                expires_at: key.expires_at,
            }),
            configuration: sign_on.configuration.clone(),
        }
    }

    /// In a buffer that does not grow, so that nothing of it is left behind.
    fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, SignOnError> {
        let mut length = Length(0);
        let too_large = |_| SignOnError::TooLarge { limit: MAX_CONTENT_LEN };
        serde_json::to_writer(&mut length, self).map_err(too_large)?;
        let mut json = Zeroizing::new(Vec::with_capacity(length.0));
        serde_json::to_writer(&mut *json, self).map_err(too_large)?;
        Ok(json)
    }

    fn into_sign_on(mut self, header: &SignOnHeader) -> SignOn {
        let unlock_key = self.unlock_key.take().map(|mut key| UnlockKey {
            certificate_der: STANDARD.decode(&key.certificate).unwrap_or_default(),
            key_context: key.key_context.take().map(SecretString::from),
            expires_at: key.expires_at,
        });
        SignOn {
            issuer: header.issuer.clone(),
            client_id: header.client_id.clone(),
            user: std::mem::take(&mut self.user),
            method: self.method,
            last_login: self.last_login,
            last_refresh: self.last_refresh,
            refresh_token: self.refresh_token.take().map(SecretString::from),
            refresh_token_expires_at: self.refresh_token_expires_at,
            claims: std::mem::take(&mut self.claims),
            unlock_key,
            configuration: self.configuration.take(),
        }
    }
}

/// Counts what is written, as long as it is not too much.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        if self.0 > MAX_CONTENT_LEN { Err(ErrorKind::FileTooLarge.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        self.refresh_token.zeroize();
        if let Some(key) = &mut self.unlock_key {
            key.key_context.zeroize();
        }
    }
}
