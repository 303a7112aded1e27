//! `pivkit psso verify`: the verdict that an identity provider would give on a request.
//!
//! The checks are those of `psso::verify`. What only an identity provider knows is given by hand: the device's keys, the
//! user's key or the authority of cards, the nonce, the refresh token or the password. What is not given is not checked, and
//! said so. Without what says who the user is there is no verdict.

mod binding;
mod provider;

use std::path::PathBuf;

use ::psso::Config;
use ::psso::verify::{Expected, Verified, Verifier};
use ::psso::{Check, Level};
use secrecy::SecretString;
use serde::Serialize;
use time::OffsetDateTime;

use super::inspect::{read_text, time};
use crate::Error;
use crate::report::SCHEMA_VERSION;
use provider::Given;

pub use binding::Binding;

/// What `pivkit psso verify` was asked.
#[derive(Debug)]
pub struct VerifyRequest {
    /// The file with the request, a compact JWS; `-` is standard input.
    pub message: PathBuf,
    /// The login configuration that the identity provider gave out.
    pub config: Config,
    /// The file with the device's keys: what `pivkit psso keys --json` prints, or the public signing key.
    pub device_key: PathBuf,
    /// The file with the user's public key or certificate.
    pub user_key: Option<PathBuf>,
    /// The file with the authorities of cards.
    pub trust_ca: Option<PathBuf>,
    /// Which name in a card's certificate must be the user's.
    pub binding: Binding,
    /// The private key that passwords are encrypted to, JWK or PEM.
    pub decryption_key: Option<SecretString>,
    /// The user's password.
    pub password: Option<SecretString>,
    /// The refresh token that was given out.
    pub refresh_token: Option<SecretString>,
    /// The nonce that was given out.
    pub request_nonce: Option<String>,
    /// The moment at which times are judged, RFC 3339.
    pub at: Option<String>,
    /// Refuse what deviates from the documentation as well.
    pub strict: bool,
}

/// The verdict.
#[derive(Debug, Serialize)]
pub struct VerifyReport {
    /// Version of this shape: 1.
    pub schema_version: u32,
    /// Whether an identity provider would accept it: nothing failed, and who the user is was checked.
    pub accepted: bool,
    /// The message: `login_request`, `refresh_request`, `key_request`, `key_exchange`; none if it was refused.
    pub kind: Option<&'static str>,
    /// Who asks, where the request says it.
    pub user: Option<String>,
    /// How the user proved who they are, for a login.
    pub method: Option<&'static str>,
    /// Why it was refused.
    pub refused: Option<Refused>,
    /// The checks that nobody made, by name.
    pub not_checked: Vec<String>,
    /// All checks, in their order.
    pub checks: Vec<Check>,
}

/// The check that refused a request.
#[derive(Debug, Serialize)]
pub struct Refused {
    /// Its name.
    pub check: String,
    /// What was expected and what came.
    pub why: String,
}

/// Judges a request as an identity provider would. A refusal is a result, not an error.
///
/// # Errors
///
/// [`Error::File`] if a file cannot be read; [`Error::Input`] if the time is none, or a file of authorities has none;
/// [`Error::Psso`] if a key is none.
pub fn verify(request: &VerifyRequest) -> Result<VerifyReport, Error> {
    let now = match &request.at {
        Some(text) => time(text)?,
        None => OffsetDateTime::now_utc(),
    };
    let message = read_text(&request.message)?;
    let mut given = Given::read(request, &message)?;
    let verifier = Verifier::new(Expected::from(&request.config)).at(now.unix_timestamp());
    let verifier = if request.strict { verifier.strict() } else { verifier };
    Ok(match verifier.any(&message, &mut given) {
        Ok(verified) => accepted(verified, &given),
        Err(refusal) => {
            let refused = Some(Refused { check: refusal.check, why: refusal.why });
            VerifyReport { refused, ..report(given.judged(refusal.checks)) }
        }
    })
}

fn accepted(verified: Verified, given: &Given) -> VerifyReport {
    use psso::verify::{Method, Operation};
    let (kind, user, method, checks) = match verified {
        Verified::Login(login) => {
            let method = match login.method {
                Method::SmartCard => "smart_card",
                Method::SecureEnclaveKey => "secure_enclave_key",
                Method::EncryptedPassword => "encrypted_password",
                _ => "password",
            };
            ("login_request", Some(login.user), Some(method), login.checks)
        }
        Verified::Refresh(refresh) => ("refresh_request", None, None, refresh.checks),
        Verified::KeyRequest(request) => {
            let exchange = matches!(request.operation, Operation::KeyExchange { .. });
            (if exchange { "key_exchange" } else { "key_request" }, Some(request.user), None, request.checks)
        }
        _ => ("unknown", None, None, Vec::new()),
    };
    let checks = given.judged(checks);
    // Who the user is must have been checked by somebody; what else is open does not make a request another's.
    let known = checks.iter().all(|check| check.level != Level::NotChecked || !PROOFS.contains(&check.name.as_str()));
    VerifyReport { accepted: known, kind: Some(kind), user, method, ..report(checks) }
}

/// What says who the user is.
const PROOFS: [&str; 4] = ["password", "assertion.password", "assertion.x5c.trust", "refresh_token"];

fn report(checks: Vec<Check>) -> VerifyReport {
    let open = checks.iter().filter(|check| check.level == Level::NotChecked);
    VerifyReport {
        schema_version: SCHEMA_VERSION,
        accepted: false,
        kind: None,
        user: None,
        method: None,
        refused: None,
        not_checked: open.map(|check| check.name.clone()).collect(),
        checks,
    }
}

#[cfg(test)]
mod tests;
