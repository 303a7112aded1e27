//! `POST /psso/register`: two device keys and a user. The document is pivkit's own; what goes over
//! the wire at a registration is left to each identity provider.
//!
//! Anybody who can reach the server can register a device for a known user. A device alone opens
//! nothing: a login needs the user's card.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer;
use crate::device::{DeviceKey, RegisterError, Registered};
use crate::idp::Idp;
use crate::party_info::is_key_id;
use crate::routes::form::media_type;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registration {
    schema_version: u32,
    client_id: String,
    user: String,
    device_signing_key: Key,
    device_encryption_key: Key,
    #[serde(default)]
    attestation: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    x963: String,
    kid: String,
}

/// Registers a device for a user: 201, or 200 when it was already.
pub(super) async fn register(State(idp): State<Arc<Idp>>, headers: HeaderMap, body: Bytes) -> Response {
    let (registration, signing, encryption) = match read(&headers, &body) {
        Ok(read) => read,
        Err(why) => return answer::malformed(why),
    };
    if registration.client_id != idp.identifiers.client_id {
        return answer::error(StatusCode::BAD_REQUEST, "invalid_client", "The client_id is not ours.");
    }
    if idp.user(&registration.user).is_none() {
        return answer::error(StatusCode::FORBIDDEN, "access_denied", "The user is not known here.");
    }
    let device_id = signing.kid.clone();
    let status = match idp.devices().register(signing, encryption, &registration.user) {
        Ok(Registered::New) => StatusCode::CREATED,
        Ok(Registered::Already) => StatusCode::OK,
        Err(RegisterError::Store(error)) => return answer::failed(&error),
        Err(error @ RegisterError::OtherEncryptionKey) => {
            return answer::error(StatusCode::CONFLICT, "invalid_request", &sentence(&error));
        }
        Err(error @ RegisterError::Full) => {
            return answer::error(StatusCode::INSUFFICIENT_STORAGE, "server_error", &sentence(&error));
        }
    };
    tracing::info!(device = device_id, user = registration.user, new = status == StatusCode::CREATED, "registered");
    answer::json(status, json!({"schema_version": 1, "device_id": device_id, "user": registration.user}))
}

/// The document and its two keys, all of it checked that does not depend on this server's state.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<(Registration, DeviceKey, DeviceKey), &'static str> {
    if media_type(headers).as_deref() != Some("application/json") {
        return Err("The body must be application/json.");
    }
    let document = jose::json::parse_object("registration", body).map_err(|_| "The body is not a JSON object.")?;
    let registration: Registration = serde_json::from_value(Value::Object(document))
        .map_err(|_| "The body has a member too few, too many, or of another type.")?;
    if registration.schema_version != 1 {
        return Err("Only schema_version 1 is understood.");
    }
    if !registration.attestation.is_null() {
        return Err("An attestation cannot be verified here; leave it null.");
    }
    let signing = key(&registration.device_signing_key)?;
    let encryption = key(&registration.device_encryption_key)?;
    if signing == encryption {
        return Err("One key cannot be both the signing key and the encryption key.");
    }
    Ok((registration, signing, encryption))
}

fn key(key: &Key) -> Result<DeviceKey, &'static str> {
    let device_key =
        DeviceKey::from_base64(&key.x963).ok_or("A device key is not the base64 of an uncompressed point on P-256.")?;
    if is_key_id(&key.kid, &device_key.x963) { Ok(device_key) } else { Err("A kid is not the SHA-256 of its key.") }
}

/// An error of ours as a sentence.
fn sentence(error: &RegisterError) -> String {
    format!("The device is not registered: {error}.")
}
