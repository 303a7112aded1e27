//! What a login leaves behind, so that the next one needs no card: the sign-on.
//!
//! ```text
//! login  -> SignOn -> sealed with AES-256-GCM -> STATE/sign-on.json
//! refresh, key request, key exchange: lock, unseal, ask the identity provider, seal, unlock
//! logout -> the file and its key are removed
//! ```
//! Tokens and key contexts are on the disk only sealed. The key is kept by the operating system where that keeps keys, and
//! otherwise in a file ([`KeyPlace`]). A sign-on belongs to one issuer and one client id, and is refused with another.
//!
//! [`SignOnStore::lock`] lets one process at a time work with it: a refresh token that is good for one use only would be
//! lost if two processes used it.

mod error;
mod key;
mod sealed;
mod store;

use std::fmt;

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::error::shown;
use crate::{Config, Error, LoginOutcome, Method, clock};

pub use error::SignOnError;
pub use key::{KeyChoice, KeyPlace};
pub use sealed::SignOnHeader;
pub use store::{ForgottenDevice, LockedSignOn, SignOnStore};

/// A sign-on: who signed in where, and what lets them go on. `Debug` shows no secret.
#[non_exhaustive]
pub struct SignOn {
    /// `iss` of the id_token.
    pub issuer: String,
    /// The client id at that issuer.
    pub client_id: String,
    /// Who signed in.
    pub user: String,
    /// How.
    pub method: Method,
    /// When, Unix time.
    pub last_login: i64,
    /// When the tokens were last renewed without a login, Unix time.
    pub last_refresh: Option<i64>,
    /// The refresh token: the SSO token of a Mac.
    pub refresh_token: Option<SecretString>,
    /// When it expires, Unix time.
    pub refresh_token_expires_at: Option<i64>,
    /// Claims of the last id_token that say who somebody is, and when.
    pub claims: Map<String, Value>,
    /// The last answer to a key request, if there was one.
    pub unlock_key: Option<UnlockKey>,
    /// The login configuration as it was given (TOML), so that a refresh needs no file.
    pub configuration: Option<String>,
}

/// The key for unlocking that the identity provider holds (purpose `user_unlock`). `Debug` leaves the context out.
pub struct UnlockKey {
    /// Its certificate, DER.
    pub certificate_der: Vec<u8>,
    /// What the identity provider wants to see again with a key exchange.
    pub key_context: Option<SecretString>,
    /// When the key expires, Unix time.
    pub expires_at: Option<i64>,
}

impl SignOn {
    /// The sign-on after a login.
    #[must_use]
    pub fn after_login(config: &Config, method: Method, outcome: &LoginOutcome) -> Self {
        let mut sign_on = Self {
            issuer: config.issuer().to_owned(),
            client_id: config.client_id().to_owned(),
            user: outcome.user.clone(),
            method,
            last_login: clock::now(),
            last_refresh: None,
            refresh_token: None,
            refresh_token_expires_at: None,
            claims: Map::new(),
            unlock_key: None,
            configuration: None,
        };
        sign_on.take_tokens(outcome, sign_on.last_login);
        sign_on
    }

    /// Takes the tokens of a refresh. Where the answer has no new refresh token the old one stays (RFC 6749 6).
    ///
    /// # Errors
    /// [`Error::Rejected`] with `sub` when the id_token is of somebody else than that of the login (OpenID Connect Core
    /// 12.2): both have the same, or neither has one. Nothing is taken then.
    pub fn refreshed(&mut self, outcome: &LoginOutcome) -> Result<(), Error> {
        let (before, now) = (self.claims.get("sub"), outcome.id_token_claims.get("sub"));
        if before != now {
            let named = |sub: Option<&Value>| sub.map_or("none".to_owned(), |sub| shown(&sub.to_string(), 120));
            let why =
                format!("the id_token of the login had {}, that of the refresh has {}", named(before), named(now));
            return Err(Error::rejected("sub", why));
        }
        let now = clock::now();
        self.last_refresh = Some(now);
        self.take_tokens(outcome, now);
        Ok(())
    }

    fn take_tokens(&mut self, outcome: &LoginOutcome, now: i64) {
        self.claims = worth_showing(&outcome.id_token_claims);
        if let Some(token) = &outcome.tokens.refresh_token {
            self.refresh_token = Some(token.clone());
            let seconds = outcome.refresh_token_expires_in.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX));
            self.refresh_token_expires_at = seconds.map(|seconds| now.saturating_add(seconds));
        }
    }

    /// The refresh token, if there is one and its time is not over.
    ///
    /// # Errors
    /// [`SignOnError::NoRefreshToken`], [`SignOnError::Expired`].
    pub fn usable_refresh_token(&self) -> Result<&SecretString, SignOnError> {
        self.refresh_token_at(clock::now())
    }

    fn refresh_token_at(&self, now: i64) -> Result<&SecretString, SignOnError> {
        let token = self.refresh_token.as_ref().ok_or(SignOnError::NoRefreshToken)?;
        match self.refresh_token_expires_at {
            Some(at) if at <= now => Err(SignOnError::Expired { at: clock::display(at) }),
            _ => Ok(token),
        }
    }

    /// How many seconds the refresh token is good from now on; nothing without a token, or where the server did not say.
    #[must_use]
    pub fn refresh_token_good_for(&self) -> Option<u64> {
        self.refresh_token.as_ref()?;
        u64::try_from(self.refresh_token_expires_at?.saturating_sub(clock::now())).ok()
    }

    /// Whether it is of this identity provider and client.
    ///
    /// # Errors
    /// [`SignOnError::OtherProvider`].
    pub fn check_provider(&self, config: &Config) -> Result<(), SignOnError> {
        check_provider(&self.issuer, &self.client_id, config)
    }
}

pub(crate) fn check_provider(issuer: &str, client_id: &str, config: &Config) -> Result<(), SignOnError> {
    if issuer == config.issuer() && client_id == config.client_id() {
        return Ok(());
    }
    let named = |issuer: &str, client_id: &str| format!("{} (client id {})", shown(issuer, 120), shown(client_id, 80));
    Err(SignOnError::OtherProvider {
        found: named(issuer, client_id),
        wanted: named(config.issuer(), config.client_id()),
    })
}

impl fmt::Debug for SignOn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SignOn")
            .field("issuer", &self.issuer)
            .field("user", &self.user)
            .field("method", &self.method)
            .field("last_login", &self.last_login)
            .field("refresh_token_expires_at", &self.refresh_token_expires_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for UnlockKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UnlockKey").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Who somebody is, and when that was said. Claims of servers are of any size; what is long is left out, but for `sub`, which
/// a refresh is held against.
fn worth_showing(claims: &Map<String, Value>) -> Map<String, Value> {
    let is_short = |value: &&Value| serde_json::to_string(value).is_ok_and(|text| text.len() <= MAX_CLAIM_LEN);
    let is_fit = |name: &str, value: &&Value| name == "sub" || is_short(value);
    let kept = SHOWN_CLAIMS
        .iter()
        .filter_map(|name| claims.get(*name).filter(|value| is_fit(name, value)).map(|value| (name, value)));
    kept.map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// OpenID Connect Core 5.1 and 2, and the names that directories use.
const SHOWN_CLAIMS: &[&str] =
    &["iss", "sub", "name", "preferred_username", "upn", "email", "groups", "auth_time", "amr", "iat", "exp"];
/// Bytes of JSON.
const MAX_CLAIM_LEN: usize = 4096;

#[cfg(test)]
mod tests;
