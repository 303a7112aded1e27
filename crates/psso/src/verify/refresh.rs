//! A refresh: new tokens for a refresh token, without the user.

use secrecy::SecretString;
use serde_json::Value;

use super::Verifier;
use super::answer::{Answer, Return, Tokens};
use super::outer::{self, Outer};
use super::provider::{Provider, TokenUse};
use super::trail::{Refusal, Trail};
use crate::Error;
use crate::check::Check;
use crate::inspect::Kind;
use crate::secret_json::SecretMap;

/// A refresh that may be answered: every check of it held.
pub struct VerifiedRefresh {
    /// The user of the refresh token.
    pub user: String,
    /// The key id of the device's signing key, in the documented form.
    pub device: String,
    /// The client's nonce, which the id_token must carry.
    pub nonce: String,
    /// What is asked for, words between blanks.
    pub scope: String,
    /// Every check, in its order.
    pub checks: Vec<Check>,
    claims: SecretMap,
    to: Return,
}

impl VerifiedRefresh {
    /// A claim of the request, such as one of the client's own.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// The answer, encrypted to the device: as after a login.
    ///
    /// # Errors
    /// [`Error::Crypto`] when the device has no encryption key, or without random bytes.
    pub fn answer(&self, tokens: &Tokens<'_>) -> Result<Answer, Error> {
        self.to.tokens(tokens)
    }
}

impl std::fmt::Debug for VerifiedRefresh {
    /// Without the claims, which hold the refresh token.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("VerifiedRefresh")
            .field("user", &self.user)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

pub(super) fn verify(
    verifier: &Verifier,
    token: &str,
    provider: &mut dyn Provider,
    trail: &mut Trail,
) -> Result<VerifiedRefresh, Refusal> {
    let outer = outer::verify(verifier, token, Kind::RefreshRequest, provider, trail)?;
    let user = token_user(&outer, TokenUse::Refresh, provider, trail)?;
    Ok(VerifiedRefresh {
        user,
        scope: outer.text("scope").unwrap_or_default().to_owned(),
        checks: std::mem::take(&mut trail.checks),
        device: outer.device,
        nonce: outer.nonce,
        claims: outer.claims,
        to: outer.to,
    })
}

/// Whose refresh token came, who must still be allowed on the device.
pub(super) fn token_user(
    outer: &Outer,
    purpose: TokenUse,
    provider: &mut dyn Provider,
    trail: &mut Trail,
) -> Result<String, Refusal> {
    let token = trail.need("refresh_token", outer.text("refresh_token").ok_or("missing, or not a string"))?;
    let user = provider.refresh_token(&SecretString::from(token), &outer.device, purpose).map_err(|denied| denied.why);
    let user = trail.need("refresh_token", user)?;
    trail.check("refresh_token", Ok::<_, String>("one of this identity provider's, for this device"))?;
    let known = provider.user(&user, &outer.device).map(|()| "may log in on this device");
    trail.check("username", known.map_err(|denied| denied.why))?;
    Ok(user)
}
