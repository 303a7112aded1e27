//! The answers that are not a login response: JSON, never stored by anybody.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::check::{Check, Refusal};

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: Value) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// An error in the form of OAuth (RFC 6749 section 5.2).
pub(crate) fn error(status: StatusCode, code: &str, description: &str) -> Response {
    json(status, json!({"error": code, "error_description": description}))
}

/// A request that cannot be understood.
pub(crate) fn malformed(description: &str) -> Response {
    error(StatusCode::BAD_REQUEST, "invalid_request", description)
}

/// A request that is refused, with the name of the check that failed.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    let (status, code) = match refusal.check {
        Check::OuterFormat => (StatusCode::BAD_REQUEST, "invalid_request"),
        Check::PasswordTries => (StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable"),
        _ => (StatusCode::UNAUTHORIZED, "invalid_grant"),
    };
    let description = format!("The login was refused: {}.", refusal.why);
    let mut answer =
        json(status, json!({"error": code, "error_description": description, "check": refusal.check.name()}));
    if let Some(seconds) = refusal.retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

/// A wrong password, in the form in which Entra was seen to answer.
pub(crate) fn invalid_credential() -> Response {
    let body = json!({
        "error": "invalid_grant", "error_description": "The password is wrong.", "errorCode": "C0000006",
        "suberror": "invalid_password",
    });
    json(StatusCode::BAD_REQUEST, body)
}

/// A failure of ours. The reason goes to the log, not to the client.
pub(crate) fn failed(error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error, "request failed");
    self::error(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "The identity provider failed; its log says why.")
}
