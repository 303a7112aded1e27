//! Registering the device's keys with an identity provider.
//!
//! Every identity provider has its own way; Apple defines only the API on the device. This is this project's:
//!
//! ```text
//! POST registration_endpoint   application/json
//! {"schema_version":1,"client_id":"..","user":"alice",
//!  "device_signing_key":{"x963":"b64","kid":"b64"},"device_encryption_key":{"x963":"b64","kid":"b64"},"attestation":null}
//! -> 201, or 200 when the same was registered before
//! {"schema_version":1,"device_id":"<kid of the signing key>","user":"alice"}
//! ```
//! Other answers carry `{"error":"..","error_description":".."}`.

use serde::Serialize;
use serde_json::{Value, json};

use crate::config::Config;
use crate::error::shown;
use crate::http::{self, HttpClient, HttpRequest};
use crate::kid::same_key_id;
use crate::{DeviceKeys, Error};

const ENDPOINT: &str = "registration endpoint";

/// A registration that the identity provider confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Registration {
    /// The device's id: the key id of its signing key.
    pub device_id: String,
    /// The user whose device it is.
    pub user: String,
    /// Whether it is new; registering the same again is no error.
    pub created: bool,
}

/// The body of a registration: also what to enter by hand at an identity provider that has no such endpoint.
#[must_use]
pub fn registration_request(config: &Config, keys: &DeviceKeys, user: &str) -> Value {
    json!({
        "schema_version": 1,
        "client_id": config.client_id(),
        "user": user,
        "device_signing_key": keys.signing_public(),
        "device_encryption_key": keys.encryption_public(),
        "attestation": null,
    })
}

pub(crate) fn register(
    client: &dyn HttpClient,
    config: &Config,
    keys: &DeviceKeys,
    user: &str,
) -> Result<Registration, Error> {
    let endpoint = config
        .registration_endpoint()
        .ok_or_else(|| Error::config("the configuration has no registration_endpoint"))?;
    let body = registration_request(config, keys, user).to_string().into_bytes();
    let request = HttpRequest::post(endpoint.url(), "application/json", "application/json", body);
    let response = http::exchange(client, ENDPOINT, &request, &[200, 201])?;
    let answer = http::json_object(ENDPOINT, &response)?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();

    let kid = keys.signing_public().kid;
    if !same_key_id(text("device_id"), &kid) {
        let why = format!("\"{}\" is not the key id of this device, \"{kid}\"", shown(text("device_id"), 80));
        return Err(Error::rejected("device_id", why));
    }
    if text("user") != user {
        let why = format!("\"{}\" is not the user to register, \"{user}\"", shown(text("user"), 80));
        return Err(Error::rejected("user", why));
    }
    Ok(Registration { device_id: kid, user: user.to_owned(), created: response.status == 201 })
}
