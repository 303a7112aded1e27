//! The server nonce (NONCE page of Apple's documentation).
//!
//! ```text
//! POST nonce_endpoint   Accept: application/json, client-request-id: UUID
//! grant_type=srv_challenge, + the configuration's
//! -> 200 {"Nonce":"..."}
//! ```
//! The value is opaque and copied as it is into the request.

use serde_json::Value;

use crate::config::{Config, lookup};
use crate::http::{self, HttpClient, HttpRequest};
use crate::{Error, form};

const ENDPOINT: &str = "nonce endpoint";
/// In bytes. Published nonces have about 110 characters.
const MAX_NONCE_LEN: usize = 4096;

/// Fetches a nonce under the request id that the login will carry as well.
pub(crate) fn fetch(client: &dyn HttpClient, config: &Config, request_id: &str) -> Result<String, Error> {
    let more = config.custom().nonce.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<(&str, &str)> = std::iter::once(("grant_type", "srv_challenge")).chain(more).collect();
    let body = form::encode(&fields);
    let request = HttpRequest::post(config.nonce_endpoint().url(), "application/json", form::CONTENT_TYPE, body)
        .with_header("client-request-id", request_id);
    let response = http::exchange(client, ENDPOINT, &request, &[200])?;
    let answer = http::json_object(ENDPOINT, &response)?;
    let path = config.nonce_response_keypath();
    let why = match lookup(&answer, path) {
        Some(Value::String(nonce)) if nonce.len() > MAX_NONCE_LEN => {
            format!("the nonce is longer than {MAX_NONCE_LEN} bytes")
        }
        Some(Value::String(nonce)) if !nonce.is_empty() => return Ok(nonce.clone()),
        Some(_) => {
            format!("what is at \"{}\" (nonce_response_keypath) is not a text with something in it", path.join("."))
        }
        None => format!("no nonce at \"{}\" (nonce_response_keypath)", path.join(".")),
    };
    Err(Error::UnexpectedAnswer { endpoint: ENDPOINT, why })
}
