//! Registering the device's keys with an identity provider.
//!
//! Every identity provider has its own way; Apple defines only the API on the device. This is this project's:
//!
//! ```text
//! POST registration_endpoint   application/json
//! {"schema_version":1,"client_id":"..","user":"alice",
//!  "device_signing_key":{"x963":"b64","kid":"b64"},"device_encryption_key":{"x963":"b64","kid":"b64"},
//!  "user_key":{"x963":"b64","kid":"b64"},     only for the Secure Enclave key method
//!  "user_certificate":"b64 of DER",           only where a card's certificate is pinned to the user
//!  "registration_token":"..",                 only where the identity provider wants one
//!  "attestation":null}                        reserved
//! -> 201, or 200 when the same was registered before
//! {"schema_version":1,"device_id":"<kid of the signing key>","user":"alice"}
//! ```
//! Other answers carry `{"error":"..","error_description":".."}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::{KeyType, PublicKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::{Value, json};

use crate::client::check_user;
use crate::config::Config;
use crate::error::shown;
use crate::http::{self, HttpClient, HttpRequest};
use crate::kid::{key_id, same_key_id};
use crate::secret_json::SecretMap;
use crate::{DeviceKeys, Error, x5c};

const ENDPOINT: &str = "registration endpoint";

/// Who, and what beside the device's keys, is to be registered.
#[derive(Debug, Clone, Copy)]
pub struct RegistrationRequest<'a> {
    /// The user, as the identity provider knows them.
    pub user: &'a str,
    /// The user key of the Secure Enclave key method, on P-256.
    pub user_key: Option<&'a PublicKey>,
    /// The certificate of the user's card as DER, where the identity provider is to know it.
    pub user_certificate: Option<&'a [u8]>,
    /// What the identity provider gave out to those who may register.
    pub registration_token: Option<&'a SecretString>,
}

impl<'a> RegistrationRequest<'a> {
    /// Of a user, with the device's keys alone.
    #[must_use]
    pub fn new(user: &'a str) -> Self {
        Self { user, user_key: None, user_certificate: None, registration_token: None }
    }
}

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
///
/// The registration token is not in it, because this is for people's eyes.
///
/// # Errors
/// [`Error::Config`] with a user name, key or certificate that cannot be one.
pub fn registration_request(
    config: &Config,
    keys: &DeviceKeys,
    request: &RegistrationRequest<'_>,
) -> Result<Value, Error> {
    check_user(request.user)?;
    check(request)?;
    let mut body = json!({
        "schema_version": 1,
        "client_id": config.client_id(),
        "user": request.user,
        "device_signing_key": keys.signing_public(),
        "device_encryption_key": keys.encryption_public(),
    });
    if let (Some(key), Some(body)) = (request.user_key, body.as_object_mut()) {
        let x963 = STANDARD.encode(key.x963().unwrap_or_default());
        body.insert("user_key".to_owned(), json!({"x963": x963, "kid": key_id(key)}));
    }
    if let (Some(certificate), Some(body)) = (request.user_certificate, body.as_object_mut()) {
        body.insert("user_certificate".to_owned(), json!(STANDARD.encode(certificate)));
    }
    if let Some(body) = body.as_object_mut() {
        body.insert("attestation".to_owned(), Value::Null);
    }
    Ok(body)
}

pub(crate) fn register(
    client: &dyn HttpClient,
    config: &Config,
    keys: &DeviceKeys,
    request: &RegistrationRequest<'_>,
) -> Result<Registration, Error> {
    let endpoint = config
        .registration_endpoint()
        .ok_or_else(|| Error::config("the configuration has no registration_endpoint"))?;
    let mut body = SecretMap::from(registration_request(config, keys, request)?);
    if let Some(token) = request.registration_token {
        body.insert("registration_token".to_owned(), Value::String(token.expose_secret().to_owned()));
    }
    let post = HttpRequest::post(endpoint.url(), "application/json", "application/json", body.to_json().to_vec());
    let response = http::exchange(client, ENDPOINT, &post, &[200, 201])?;
    let answer = http::json_object(ENDPOINT, &response)?;
    let text = |name: &'static str| match answer.get(name) {
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(Error::rejected(name, "it is not a text")),
        None => Err(Error::rejected(name, "it is missing")),
    };

    let (kid, user) = (keys.signing_public().kid, request.user);
    let (device_id, registered) = (text("device_id")?, text("user")?);
    if !same_key_id(device_id, &kid) {
        let why = format!("\"{}\" is not the key id of this device, \"{kid}\"", shown(device_id, 80));
        return Err(Error::rejected("device_id", why));
    }
    if registered != user {
        let why = format!("\"{}\" is not the user to register, \"{user}\"", shown(registered, 80));
        return Err(Error::rejected("user", why));
    }
    Ok(Registration { device_id: kid, user: user.to_owned(), created: response.status == 201 })
}

/// What no identity provider could use is not sent.
fn check(request: &RegistrationRequest<'_>) -> Result<(), Error> {
    if request.user_key.is_some_and(|key| key.key_type() != KeyType::P256) {
        return Err(Error::config("a user key is on P-256; Apple's documentation has no other"));
    }
    if let Some(certificate) = request.user_certificate {
        x5c::public_key(certificate)
            .map_err(|why| Error::config(format!("the user's certificate cannot be registered: {why}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    #[test]
    fn what_is_printed_is_what_could_be_sent() {
        let dir = tempfile::tempdir().unwrap();
        let keys = DeviceKeys::open_or_create(&dir.path().join("state")).unwrap();
        let config = config("https://idp.example");
        let request = |user: &str| registration_request(&config, &keys, &RegistrationRequest::new(user));
        assert_eq!(request("Zo\u{eb} \u{645}\u{6cc}\u{200c}\u{62e}").unwrap()["schema_version"], 1);
        for user in ["", " ", "a\u{1}", "a\u{202e}b", "a\u{200b}", &"a".repeat(257)] {
            assert!(matches!(request(user), Err(Error::Config { .. })), "{user:?}");
        }
        let bad = RegistrationRequest { user_certificate: Some(b"none"), ..RegistrationRequest::new("alice") };
        assert!(matches!(registration_request(&config, &keys, &bad), Err(Error::Config { .. })));
    }
}
