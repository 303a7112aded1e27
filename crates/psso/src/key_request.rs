//! Key requests and key exchanges, signed by the device key (KEYS page of Apple's documentation).
//!
//! ```text
//! typ     platformsso-key-request+jwt, for both
//! claims  those of every request, and version=1.0, request_type=key_request | key_exchange, key_purpose=user_unlock,
//!         sub = username = the user, aud = audience of the configuration, refresh_token;
//!         an exchange also other_publickey = base64 of an X9.63 point, and key_context where there is one
//! form    platform_sso_version=2.0
//! ```
//! `aud` is in the documentation's table and absent from its samples and from captured traffic; it is sent, because a
//! server that follows the table asks for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::{KeyType, PublicKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::config::{Config, Custom, Endpoint};
use crate::request::{Nonces, Request, Signed};
use crate::secret_json::SecretMap;
use crate::{DeviceKeys, Error, key_response};

/// `typ` of both requests.
pub(crate) const TYP: &str = "platformsso-key-request+jwt";
/// `platform_sso_version` of the key service.
const VERSION: &str = "2.0";

/// Who asks the key service.
pub(crate) struct KeyService<'a> {
    config: &'a Config,
    endpoint: &'a Endpoint,
    nonces: &'a Nonces,
    user: &'a str,
    refresh_token: &'a SecretString,
}

/// Where the key service is.
pub(crate) fn endpoint(config: &Config) -> Result<&Endpoint, Error> {
    config.key_endpoint().ok_or_else(|| {
        Error::config("the configuration has no key_endpoint; Apple's default for it is the token endpoint")
    })
}

impl<'a> KeyService<'a> {
    pub(crate) fn new(
        config: &'a Config,
        nonces: &'a Nonces,
        user: &'a str,
        refresh_token: &'a SecretString,
    ) -> Result<Self, Error> {
        Ok(Self { config, endpoint: endpoint(config)?, nonces, user, refresh_token })
    }

    /// Asks for a new key, which stays with the identity provider.
    pub(crate) fn request(&self, keys: &DeviceKeys) -> Result<Signed, Error> {
        self.sign(self.claims("key_request"), &self.config.custom().key_request, keys)
    }

    /// Asks for the secret that the identity provider's key shares with another one.
    pub(crate) fn exchange(
        &self,
        other: &PublicKey,
        key_context: Option<&SecretString>,
        keys: &DeviceKeys,
    ) -> Result<Signed, Error> {
        let point = match (other.key_type(), other.x963()) {
            (KeyType::P256, Some(point)) => point,
            _ => return Err(Error::config("a key exchange needs a key on P-256")),
        };
        let mut claims = self.claims("key_exchange");
        claims.insert("other_publickey".to_owned(), json!(STANDARD.encode(point)));
        if let Some(context) = key_context {
            claims.insert("key_context".to_owned(), Value::String(context.expose_secret().to_owned()));
        }
        self.sign(claims, &self.config.custom().key_exchange, keys)
    }

    fn claims(&self, request_type: &str) -> SecretMap {
        let mut claims = SecretMap::from(json!({
            "version": "1.0",
            "request_type": request_type,
            "key_purpose": "user_unlock",
            "sub": self.user,
            "username": self.user,
            "aud": self.config.audience(),
        }));
        claims.insert("refresh_token".to_owned(), Value::String(self.refresh_token.expose_secret().to_owned()));
        claims
    }

    fn sign(&self, claims: SecretMap, custom: &Custom, keys: &DeviceKeys) -> Result<Signed, Error> {
        let request = Request {
            config: self.config,
            nonces: self.nonces,
            endpoint: self.endpoint,
            typ: TYP,
            version: VERSION,
            accept: key_response::MEDIA_TYPE,
            custom,
        };
        request.sign(claims, keys)
    }
}
