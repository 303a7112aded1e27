//! The refresh request, signed by the device key (REFRESH page of Apple's documentation).
//!
//! ```text
//! typ     platformsso-refresh-request+jwt
//! claims  those of every request, and client_id, aud = the refresh endpoint, scope, grant_type=refresh_token,
//!         refresh_token
//! form    platform_sso_version=1.0; no source says what a refresh has there
//! ```
//! It names no user: neither `sub` nor `username` nor `assertion`.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::config::Config;
use crate::request::{Nonces, Request, Signed};
use crate::secret_json::SecretMap;
use crate::{DeviceKeys, Error, login_request, login_response};

/// `typ` of the refresh request.
pub(crate) const TYP: &str = "platformsso-refresh-request+jwt";

/// Signs the refresh request with the device key.
pub(crate) fn sign(
    config: &Config,
    nonces: &Nonces,
    refresh_token: &SecretString,
    keys: &DeviceKeys,
) -> Result<Signed, Error> {
    let endpoint = config.refresh_endpoint();
    let mut claims = SecretMap::from(json!({
        "client_id": config.client_id(),
        "aud": endpoint.audience(),
        "scope": config.scope(),
        "grant_type": "refresh_token",
    }));
    claims.insert("refresh_token".to_owned(), Value::String(refresh_token.expose_secret().to_owned()));
    let request = Request {
        config,
        nonces,
        endpoint,
        typ: TYP,
        version: login_request::VERSION,
        accept: login_response::MEDIA_TYPE,
        custom: &config.custom().refresh,
    };
    request.sign(claims, keys)
}
