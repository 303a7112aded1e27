//! The key service: key request and key exchange.

use jose::PublicKey;
use secrecy::SecretString;
use serde_json::Value;

use super::Verifier;
use super::answer::{Answer, Certified, Exchanged, Return};
use super::outer;
use super::provider::{Provider, TokenUse};
use super::refresh::token_user;
use super::trail::{Refusal, Trail};
use crate::Error;
use crate::check::{Check, Verdict};
use crate::inspect::Kind;
use crate::judge::claims;

/// What the key service is asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Operation {
    /// A new key, which stays with the identity provider, and a certificate for it.
    KeyRequest,
    /// ECDH between that key and this one.
    KeyExchange {
        /// The Mac's key, on P-256.
        other: PublicKey,
    },
}

/// A request to the key service that may be answered: every check of it held.
pub struct VerifiedKeyRequest {
    /// The user, of the request and of its refresh token.
    pub user: String,
    /// The key id of the device's signing key, in the documented form.
    pub device: String,
    /// What is asked for.
    pub operation: Operation,
    /// What the identity provider gave out with the key, if the device sends it: which key is meant.
    pub key_context: Option<SecretString>,
    /// Every check, in its order.
    pub checks: Vec<Check>,
    to: Return,
}

impl VerifiedKeyRequest {
    /// The answer to a key request, encrypted to the device.
    ///
    /// # Errors
    /// [`Error::Crypto`] when a key exchange was asked for, when the device has no encryption key, or without random bytes.
    pub fn certified(&self, certified: &Certified<'_>) -> Result<Answer, Error> {
        match self.operation {
            Operation::KeyRequest => self.to.certified(certified),
            Operation::KeyExchange { .. } => {
                Err(Error::crypto("a key exchange is not answered with a certificate", None))
            }
        }
    }

    /// The answer to a key exchange, encrypted to the device.
    ///
    /// # Errors
    /// [`Error::Crypto`] when a key was asked for, when the device has no encryption key, when the identity provider's key is
    /// not on the same curve, or without random bytes.
    pub fn exchanged(&self, exchanged: &Exchanged<'_>) -> Result<Answer, Error> {
        match &self.operation {
            Operation::KeyExchange { other } => self.to.exchanged(other, exchanged),
            Operation::KeyRequest => Err(Error::crypto("a key request is not answered with a key", None)),
        }
    }
}

impl std::fmt::Debug for VerifiedKeyRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("VerifiedKeyRequest")
            .field("user", &self.user)
            .field("device", &self.device)
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}

pub(super) fn verify(
    verifier: &Verifier,
    token: &str,
    provider: &mut dyn Provider,
    trail: &mut Trail,
) -> Result<VerifiedKeyRequest, Refusal> {
    let outer = outer::verify(verifier, token, Kind::KeyRequest, provider, trail)?;
    let operation = match outer.text("request_type") {
        Some("key_exchange") => {
            Operation::KeyExchange { other: trail.need("other_publickey", claims::other_public_key(&outer.claims))? }
        }
        _ => Operation::KeyRequest,
    };
    let key_context = match outer.claims.get("key_context") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(SecretString::from(text.as_str())),
        Some(_) => return trail.refuse("key_context", "not a string"),
    };
    let user = token_user(&outer, TokenUse::KeyService, provider, trail)?;
    let same = outer.user() == Some(user.as_str());
    trail.check("refresh_token.sub", Verdict::of(same, "the user of the request", "not the user of the request"))?;
    Ok(VerifiedKeyRequest {
        user,
        operation,
        key_context,
        checks: std::mem::take(&mut trail.checks),
        device: outer.device,
        to: outer.to,
    })
}
