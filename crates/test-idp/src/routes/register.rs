//! `POST /psso/register`: two device keys, a user, and what identifies the user apart from a card. The document is pivkit's
//! own; what goes over the wire at a registration is left to each identity provider.
//!
//! ```json
//! {"schema_version":1, "client_id":"..", "user":"alice",
//!  "device_signing_key":{"x963":"..","kid":".."}, "device_encryption_key":{"x963":"..","kid":".."},
//!  "user_key":{"x963":"..","kid":".."} or null, "user_certificate":"base64 DER" or null,
//!  "registration_token":"text" or null, "attestation":null}
//! ```
//! Without a registration token in the options, anybody who can reach the server can register a device for a known user:
//! that alone opens nothing, a login needs the user's card or password. A `user_key` does open something, and a
//! `user_certificate` shuts out every other card of the user; so without a token both are taken only on a loopback address,
//! from this machine itself. A `user_certificate` must satisfy the certificate policy, too.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jose::PublicKey;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::certificate::{self, MAX_CERTIFICATE};
use crate::device::DeviceKey;
use crate::error::Error;
use crate::idp::Idp;
use crate::options::User;
use crate::page::{is_direct, is_of_foreign_page};
use crate::party_info::is_key_id;
use crate::routes::form::media_type;
use crate::routes::{blocking, request_id};
use crate::store::{NewRequest, RegisterError, Registered, RegisteredCertificate, Registration};
use crate::trail::Trail;
use crate::{answer, clock};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema_version: u32,
    client_id: String,
    user: String,
    device_signing_key: Key,
    device_encryption_key: Key,
    #[serde(default)]
    user_key: Option<Key>,
    #[serde(default)]
    user_certificate: Option<String>,
    #[serde(default)]
    registration_token: Option<String>,
    #[serde(default)]
    attestation: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    x963: String,
    kid: String,
}

/// A registration whose keys are keys.
struct Wanted {
    client_id: String,
    user: String,
    signing: DeviceKey,
    encryption: DeviceKey,
    user_key: Option<DeviceKey>,
    user_certificate: Option<Vec<u8>>,
    token: Option<String>,
}

/// Where a registration comes from, as its headers say.
struct Origin {
    /// From this machine, to it by its own name.
    direct: bool,
    /// From a web page of elsewhere.
    foreign_page: bool,
}

/// Why a registration is refused.
struct Refused {
    status: StatusCode,
    code: &'static str,
    why: String,
}

impl Refused {
    fn new(status: StatusCode, code: &'static str, why: impl Into<String>) -> Self {
        Self { status, code, why: why.into() }
    }
}

/// Registers a device for a user: 201, or 200 when it was already.
pub(super) async fn register(State(idp): State<Arc<Idp>>, headers: HeaderMap, body: Bytes) -> Response {
    let answered = blocking(&idp, move |idp| {
        let read = read(&headers, &body);
        let (user, device) = match &read {
            Ok(wanted) => (Some(wanted.user.chars().take(256).collect()), Some(wanted.signing.kid.clone())),
            Err(_) => (None, None),
        };
        let now = clock::now();
        let registered = match read {
            Ok(wanted) => {
                let origin = Origin { direct: is_direct(&headers), foreign_page: is_of_foreign_page(&headers) };
                store(idp, &wanted, &origin, now)?
            }
            Err(why) => Err(Refused::new(StatusCode::BAD_REQUEST, "invalid_request", why)),
        };
        let refused = registered.as_ref().err().map(|refused| ("registration", refused.why.clone()));
        let request_id = request_id(&headers).ok().flatten().map(str::to_owned);
        let signed = idp.registration.token.is_some() && refused.is_none();
        let request =
            NewRequest { kind: "registration", user, device, request_id, refused, signed, ..NewRequest::default() };
        idp.store.log(&request, now)?;
        Ok(registered)
    });
    match answered.await {
        Ok(Ok((status, body))) => answer::json(status, body),
        Ok(Err(refused)) => {
            tracing::warn!(why = refused.why, "registration refused");
            answer::error(refused.status, refused.code, &refused.why)
        }
        Err(error) => answer::failed(&error),
    }
}

/// Stores a registration that is permitted.
fn store(idp: &Idp, wanted: &Wanted, origin: &Origin, now: i64) -> Result<Result<(StatusCode, Value), Refused>, Error> {
    let certificate = match permitted(idp, wanted, origin, now) {
        Ok(certificate) => certificate,
        Err(refused) => return Ok(Err(refused)),
    };
    let registration = Registration {
        signing: &wanted.signing,
        encryption: &wanted.encryption,
        user: &wanted.user,
        user_key: wanted.user_key.as_ref(),
        user_certificate: certificate.as_ref(),
    };
    let (device, user) = (&wanted.signing.kid, &wanted.user);
    let status = match idp.store.register(&registration, now) {
        Ok(Registered::New) => StatusCode::CREATED,
        Ok(Registered::Already) => StatusCode::OK,
        Err(RegisterError::Store(error)) => return Err(error),
        Err(error) => {
            let why = format!("The device is not registered: {error}.");
            return Ok(Err(match error {
                RegisterError::Full => Refused::new(StatusCode::INSUFFICIENT_STORAGE, "server_error", why),
                _ => Refused::new(StatusCode::CONFLICT, "invalid_request", why),
            }));
        }
    };
    tracing::info!(device, user, new = status == StatusCode::CREATED, "registered");
    Ok(Ok((status, json!({"schema_version": 1, "device_id": device, "user": user}))))
}

/// Whether a registration is permitted; the certificate to pin, when it brings one.
fn permitted(idp: &Idp, wanted: &Wanted, origin: &Origin, now: i64) -> Result<Option<RegisteredCertificate>, Refused> {
    let token = &idp.registration.token;
    if token.as_ref().is_some_and(|token| !wanted.token.as_deref().is_some_and(|given| token.is(given))) {
        let why = "The registration token is missing or wrong.";
        return Err(Refused::new(StatusCode::UNAUTHORIZED, "invalid_token", why));
    }
    if wanted.client_id != idp.identifiers.client_id {
        return Err(Refused::new(StatusCode::BAD_REQUEST, "invalid_client", "The client_id is not ours."));
    }
    let Some(user) = idp.user(&wanted.user) else {
        return Err(Refused::new(StatusCode::FORBIDDEN, "access_denied", "The user is not known here."));
    };
    if token.is_none() && origin.foreign_page {
        let why = "A web page registers nothing without a registration token.";
        return Err(Refused::new(StatusCode::FORBIDDEN, "access_denied", why));
    }
    let identifies = wanted.user_key.is_some() || wanted.user_certificate.is_some();
    if identifies && token.is_none() && !(idp.registration.open && origin.direct) {
        let why = "A user_key or user_certificate is registered only with a registration token, or from this machine on a \
                   loopback address.";
        return Err(Refused::new(StatusCode::FORBIDDEN, "access_denied", why));
    }
    wanted.user_certificate.as_deref().map(|der| pinnable(idp, user, der, now)).transpose()
}

/// A certificate that the policy permits for a user.
fn pinnable(idp: &Idp, user: &User, der: &[u8], now: i64) -> Result<RegisteredCertificate, Refused> {
    let refuse = |why: &str| {
        let why = format!("The user_certificate is not registered: {why}.");
        Refused::new(StatusCode::FORBIDDEN, "access_denied", why)
    };
    let certificate = certificate::parse(der).map_err(refuse)?;
    let key = PublicKey::from_spki_der(certificate.public_key().raw).map_err(|_| refuse("its key is not supported"))?;
    certificate::check(&mut Trail::default(), &certificate, der, &idp.policy, user, &[], now)
        .map_err(|refusal| refuse(&refusal.why))?;
    Ok(RegisteredCertificate::new(der.to_owned(), &key))
}

/// The document, all of it checked that does not depend on this server's state.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<Wanted, &'static str> {
    if media_type(headers).as_deref() != Some("application/json") {
        return Err("The body must be application/json.");
    }
    let document = jose::json::parse_object("registration", body).map_err(|_| "The body is not a JSON object.")?;
    let document: Document = serde_json::from_value(Value::Object(document))
        .map_err(|_| "The body has a member too few, too many, or of another type.")?;
    if document.schema_version != 1 {
        return Err("Only schema_version 1 is understood.");
    }
    if !document.attestation.is_null() {
        return Err("An attestation cannot be verified here; leave it null.");
    }
    let signing = key(&document.device_signing_key)?;
    let encryption = key(&document.device_encryption_key)?;
    let user_key = document.user_key.as_ref().map(key).transpose()?;
    if signing == encryption || user_key.as_ref().is_some_and(|key| *key == signing || *key == encryption) {
        return Err("One key cannot be two of the signing key, the encryption key and the user's key.");
    }
    let certificate = |text: String| {
        let der = if text.len() <= MAX_CERTIFICATE * 4 / 3 + 4 { BASE64_STANDARD.decode(text).ok() } else { None };
        der.ok_or("The user_certificate is not a certificate in base64.")
    };
    let user_certificate = document.user_certificate.map(certificate).transpose()?;
    let Document { client_id, user, registration_token: token, .. } = document;
    Ok(Wanted { client_id, user, signing, encryption, user_key, user_certificate, token })
}

fn key(key: &Key) -> Result<DeviceKey, &'static str> {
    let device_key =
        DeviceKey::from_base64(&key.x963).ok_or("A key is not the base64 of an uncompressed point on P-256.")?;
    if is_key_id(&key.kid, &device_key.x963) { Ok(device_key) } else { Err("A kid is not the SHA-256 of its key.") }
}
