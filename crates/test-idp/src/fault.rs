//! What the token endpoint can be told to do wrong, one line a fault, for the tests of clients.
//!
//! Every login is verified first, and refused as always when it deserves it. Only an answer that
//! would have been good is spoilt, in [`apply`] and nowhere else.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer;
use crate::error::Error;
use crate::response::Draft;

/// Something that the token endpoint does wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The id_token carries another `nonce`.
    WrongNonce,
    /// The id_token is signed by a key that is not in the JWKS, under the `kid` of one that is.
    WrongKey,
    /// The id_token carries another `aud`.
    WrongAud,
    /// The id_token carries another `iss`.
    WrongIss,
    /// The id_token expired an hour ago.
    Expired,
    /// The id_token's `nbf` is an hour ahead.
    NotYetValid,
    /// The `apu` of the response names another key than its `epk`.
    WrongApu,
    /// Status 200, but a page in HTML.
    Html,
    /// Status 500.
    Error500,
    /// Status 401.
    Refuse401,
    /// Status 307 to another path.
    Redirect,
    /// The right answer, two minutes late.
    Slow,
}

/// The name of each fault.
const TABLE: [(&str, Fault); 12] = [
    ("wrong-nonce", Fault::WrongNonce),
    ("wrong-key", Fault::WrongKey),
    ("wrong-aud", Fault::WrongAud),
    ("wrong-iss", Fault::WrongIss),
    ("expired", Fault::Expired),
    ("not-yet-valid", Fault::NotYetValid),
    ("wrong-apu", Fault::WrongApu),
    ("html", Fault::Html),
    ("error-500", Fault::Error500),
    ("refuse-401", Fault::Refuse401),
    ("redirect", Fault::Redirect),
    ("slow", Fault::Slow),
];

/// What becomes of a login that was accepted.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Answer with this.
    Login(Box<Draft>),
    /// Answer with that instead.
    Instead(Response),
}

/// Spoils an answer as the faults say; without faults it stays as it is.
///
/// `now` is in seconds since 1970.
pub(crate) async fn apply(faults: &[Fault], mut draft: Draft, now: i64) -> Outcome {
    for fault in faults {
        let mut claim = |name: &str, value: Value| draft.claims.insert(name.to_owned(), value);
        match fault {
            Fault::WrongNonce => {
                claim("nonce", json!(Uuid::new_v4().to_string().to_uppercase()));
            }
            Fault::WrongAud => {
                claim("aud", json!("another-client"));
            }
            Fault::WrongIss => {
                claim("iss", json!("https://another-idp.invalid"));
            }
            Fault::Expired => {
                claim("iat", json!(now - 2 * HOUR));
                claim("nbf", json!(now - 2 * HOUR));
                claim("exp", json!(now - HOUR));
            }
            Fault::NotYetValid => {
                claim("nbf", json!(now + HOUR));
                claim("exp", json!(now + 2 * HOUR));
            }
            Fault::WrongKey => draft.signed_by_stranger = true,
            Fault::WrongApu => draft.apu_of_stranger = true,
            Fault::Html => {
                let page = Html("<!doctype html><title>Sign in</title><p>Please sign in.</p>");
                return Outcome::Instead(page.into_response());
            }
            Fault::Error500 => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                return Outcome::Instead(answer::error(status, "server_error", "The fault error-500 is on."));
            }
            Fault::Refuse401 => {
                let status = StatusCode::UNAUTHORIZED;
                return Outcome::Instead(answer::error(status, "invalid_grant", "The fault refuse-401 is on."));
            }
            Fault::Redirect => {
                let there = [(header::LOCATION, "/psso/elsewhere")];
                return Outcome::Instead((StatusCode::TEMPORARY_REDIRECT, there).into_response());
            }
            Fault::Slow => tokio::time::sleep(SLOWNESS).await,
        }
    }
    Outcome::Login(Box::new(draft))
}

impl Fault {
    /// Every fault there is.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(_, fault)| *fault)
    }

    /// The names of all faults, separated by commas.
    #[must_use]
    pub fn names() -> String {
        TABLE.map(|(name, _)| name).join(", ")
    }

    /// How much longer than usual a request may take.
    pub(crate) fn extra_time(faults: &[Self]) -> Duration {
        let slow = faults.iter().filter(|fault| **fault == Self::Slow).count();
        SLOWNESS * u32::try_from(slow).unwrap_or(u32::MAX)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = TABLE.iter().find(|(_, fault)| fault == self).map(|(name, _)| *name);
        f.write_str(name.unwrap_or_default())
    }
}

impl FromStr for Fault {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        TABLE
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, fault)| *fault)
            .ok_or_else(|| Error::UnknownFault { name: text.to_owned(), known: Self::names() })
    }
}

/// In seconds.
const HOUR: i64 = 3600;

/// Longer than a client should wait.
const SLOWNESS: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_own_name() {
        for fault in Fault::all() {
            assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
        }
        let error = "wrong".parse::<Fault>().unwrap_err().to_string();
        assert!(error.contains("`wrong`") && error.contains("wrong-nonce") && error.contains("slow"), "{error}");
    }
}
