//! The identity provider's public keys (JWK set, RFC 7517 5).
//!
//! They are fetched before a request is posted that uses something up, a nonce or a refresh token: what cannot be checked
//! is not asked for. An answer that was signed with a key which came since has them fetched once more.

use jose::JwkSet;
use serde_json::Value;

use crate::Error;
use crate::config::Config;
use crate::http::{self, HttpClient, HttpRequest};

const ENDPOINT: &str = "JWKS endpoint";

/// Fetches the set.
pub(crate) fn fetch(client: &dyn HttpClient, config: &Config) -> Result<JwkSet, Error> {
    let request = HttpRequest::get(config.jwks_endpoint().url(), "application/json");
    let response = http::exchange(client, ENDPOINT, &request, &[200])?;
    http::json_object(ENDPOINT, &response)?;
    std::str::from_utf8(&response.body)
        .map_err(|_| "it is not text".to_owned())
        .and_then(|text| JwkSet::from_json(text).map_err(|error| error.to_string()))
        .map_err(|why| Error::UnexpectedAnswer { endpoint: ENDPOINT, why })
}

/// The set to verify `token` with: `keys`, unless the token names a key that is not among them.
pub(crate) fn fetch_if_rotated(
    client: &dyn HttpClient,
    config: &Config,
    keys: JwkSet,
    token: &str,
) -> Result<JwkSet, Error> {
    let header = jose::peek_header(token).unwrap_or_default();
    match header.get("kid").and_then(Value::as_str) {
        Some(kid) if keys.find(kid).is_none() => fetch(client, config),
        _ => Ok(keys),
    }
}
