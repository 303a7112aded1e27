//! Is a refusal about the credential? (JWE page of Apple's documentation, `invalidCredentialPredicate`)
//!
//! | configuration | answer | wrong credential |
//! |---|---|---|
//! | a predicate | 400 or 401 with a JSON object | where the predicate holds |
//! | none | 401 | for a password, unless the answer names a check that is not about one |
//!
//! Apple counts every 401 so where there is no predicate. A card has checked its PIN itself before it signs, and nobody
//! can type a key: there a 401 is what the server says it is, and its own words are shown. The same holds where the server
//! says that it was something else, such as a device that is not registered (`outer.kid`).

use crate::Error;
use crate::config::Config;
use crate::http::{self, HttpResponse};

/// The error for an answer to a login that is not a success.
pub(crate) fn refusal(config: &Config, endpoint: &'static str, response: &HttpResponse, is_password: bool) -> Error {
    match http::refusal(endpoint, response) {
        Error::Endpoint { endpoint, status, oauth_error, description, check }
            if is_wrong_credential(config, response, is_password && is_about_password(check.as_deref())) =>
        {
            Error::InvalidCredential { endpoint, status, oauth_error, description, check }
        }
        error => error,
    }
}

/// Names of checks are the server's own; one that says nothing of a password is not about it.
fn is_about_password(check: Option<&str>) -> bool {
    check.is_none_or(|check| check.to_ascii_lowercase().contains("password"))
}

fn is_wrong_credential(config: &Config, response: &HttpResponse, is_password: bool) -> bool {
    match (config.invalid_credential_predicate(), response.status) {
        (Some(predicate), 400 | 401) => {
            jose::json::parse_object("error", &response.body).is_ok_and(|object| predicate.holds(&object))
        }
        (None, 401) => is_password,
        _ => false,
    }
}
