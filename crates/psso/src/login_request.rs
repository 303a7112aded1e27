//! The login request, signed by the device key (LOGIN page of Apple's documentation).
//!
//! ```text
//! typ     platformsso-login-request+jwt
//! claims  those of every request, and client_id, sub = username = the user, aud = the token endpoint, scope,
//!         grant_type and assertion, or grant_type=password and password; optionally claims (groups), amr,
//!         the previous refresh token
//! form    platform_sso_version=1.0
//! ```
//! `amr` only where it is configured: its value for a smart card is unknown.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::login::PendingLogin;
use crate::request::{self, Request, Signed};
use crate::secret_json::SecretMap;
use crate::{DeviceKeys, Error, login_response};

pub(crate) use crate::request::JWT_BEARER;

/// `typ` of the login request (SDK of macOS 14 and later).
pub(crate) const TYP: &str = "platformsso-login-request+jwt";
/// 1.0 also where the extension speaks protocol 2.0; 2.0 is for the key service only.
pub(crate) const VERSION: &str = "1.0";

/// What says who the user is.
#[derive(Clone)]
pub(crate) enum Proof {
    /// A signed assertion, of a card or of a user key.
    Assertion(Zeroizing<String>),
    /// An assertion that is encrypted and has the password in it.
    EncryptedPassword(Zeroizing<String>),
    /// The password.
    Password(SecretString),
}

/// Signs the login request with the device key.
pub(crate) fn sign(config: &Config, login: &PendingLogin, proof: &Proof, keys: &DeviceKeys) -> Result<Signed, Error> {
    let mut claims = SecretMap::from(json!({
        "client_id": config.client_id(),
        "sub": login.user,
        "username": login.user,
        "aud": config.token_endpoint().audience(),
        "scope": config.scope(),
    }));
    let (grant_type, name, secret) = match proof {
        Proof::Assertion(token) | Proof::EncryptedPassword(token) => (JWT_BEARER, "assertion", token.as_str()),
        Proof::Password(password) => ("password", "password", password.expose_secret()),
    };
    claims.insert("grant_type".to_owned(), json!(grant_type));
    claims.insert(name.to_owned(), Value::String(secret.to_owned()));
    if let (Some(name), Some(token)) = (config.previous_refresh_token_claim(), &login.previous_refresh_token) {
        claims.insert(name.to_owned(), Value::String(token.expose_secret().to_owned()));
    }
    if let Some(groups) = request::requested_groups(config) {
        claims.insert("claims".to_owned(), groups);
    }
    if !config.amr().is_empty() {
        claims.insert("amr".to_owned(), json!(config.amr()));
    }
    let request = Request {
        config,
        nonces: &login.nonces,
        endpoint: config.token_endpoint(),
        typ: TYP,
        version: VERSION,
        accept: login_response::MEDIA_TYPE,
        custom: &config.custom().login,
    };
    request.sign(claims, keys)
}
