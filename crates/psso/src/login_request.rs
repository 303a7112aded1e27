//! The login request around the assertion, signed by the device key (LOGIN page of Apple's documentation).
//!
//! ```text
//! header  typ platformsso-login-request+jwt, alg ES256, kid of the device signing key
//! claims  iss = client_id, client_id, sub = username = the user, aud = the token endpoint, iat, exp = iat + 300,
//!         nonce, request_nonce, scope, grant_type, assertion, jwe_crypto { alg, enc, apv }
//! form    platform_sso_version=1.0, grant_type, assertion=<this>
//! ```
//! No `amr`: its value for a smart card is unknown. No `x5c`: the device has no certificate.

use jose::{base64url, jws};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::assertion::object;
use crate::client::SignedLogin;
use crate::config::Config;
use crate::http::HttpRequest;
use crate::kid::key_id;
use crate::{DeviceKeys, Error, clock, form};

/// `typ` of the login request (SDK of macOS 14 and later).
pub(crate) const TYP: &str = "platformsso-login-request+jwt";
/// `grant_type` of the form, and of the claims for the SmartCard method.
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Signs the login request with the device key.
pub(crate) fn sign(config: &Config, login: &SignedLogin, keys: &DeviceKeys, apv: &[u8]) -> Result<String, Error> {
    let now = clock::now();
    let header = json!({"typ": TYP, "alg": "ES256", "kid": key_id(&keys.signing().public())});
    let pending = &login.pending;
    let mut claims = object(json!({
        "iss": config.client_id(),
        "client_id": config.client_id(),
        "sub": pending.user,
        "username": pending.user,
        "aud": config.token_endpoint().audience(),
        "iat": now,
        "exp": now + clock::REQUEST_LIFETIME,
        "nonce": pending.nonce,
        "scope": config.scope(),
        "grant_type": JWT_BEARER,
        "assertion": login.assertion,
        "jwe_crypto": {"alg": "ECDH-ES", "enc": "A256GCM", "apv": base64url::encode(apv)},
    }));
    claims.insert(config.server_nonce_claim().to_owned(), json!(pending.request_nonce));
    let payload = Zeroizing::new(Value::Object(claims).to_string());
    jws::sign(&object(header), payload.as_bytes(), &mut keys.signing())
        .map_err(|error| Error::crypto("the login request could not be signed", error))
}

/// The POST that carries the login request.
pub(crate) fn post(config: &Config, request_id: &str, login_request: &str) -> HttpRequest {
    let body = form::encode(&[
        // 1.0 also where the extension speaks protocol 2.0; 2.0 is for the key service only.
        ("platform_sso_version", "1.0"),
        ("grant_type", JWT_BEARER),
        (config.jwt_parameter(), login_request),
    ]);
    HttpRequest::post(config.token_endpoint().url(), crate::login_response::MEDIA_TYPE, form::CONTENT_TYPE, body)
        .with_header("client-request-id", request_id)
}
