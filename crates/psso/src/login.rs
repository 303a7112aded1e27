//! A login on its way: begun, then with a proof of who the user is.

use std::fmt;
use std::time::Instant;

use secrecy::SecretString;

use crate::Error;
use crate::login_request::Proof;
use crate::outcome::Timings;
use crate::request::Nonces;

/// A login that has its nonces and waits for the card, the user key or the password.
#[derive(Debug, Clone)]
pub struct PendingLogin {
    pub(crate) user: String,
    pub(crate) nonces: Nonces,
    pub(crate) previous_refresh_token: Option<SecretString>,
    pub(crate) timings: Timings,
}

impl PendingLogin {
    /// Who logs in.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The client nonce, an upper-case UUID.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonces.client
    }

    /// Takes the refresh token of an earlier login along, so that the identity provider can carry over what it knew
    /// (LOGIN). It is sent only where the configuration says so: `include_previous_refresh_token`.
    #[must_use]
    pub fn with_previous_refresh_token(mut self, token: SecretString) -> Self {
        self.previous_refresh_token = Some(token);
        self
    }
}

/// A login with a proof of who the user is. `Debug` leaves the proof out: it is a credential.
#[derive(Clone)]
pub struct SignedLogin {
    pub(crate) pending: PendingLogin,
    pub(crate) proof: Proof,
}

impl SignedLogin {
    /// The embedded assertion: a compact JWS, or a compact JWE around the password. Nothing where the password is sent
    /// as a claim.
    #[must_use]
    pub fn assertion(&self) -> Option<&str> {
        match &self.proof {
            Proof::Assertion(token) | Proof::EncryptedPassword(token) => Some(token),
            Proof::Password(_) => None,
        }
    }

    /// As [`PendingLogin::with_previous_refresh_token`], which the proof does not touch: the token can be taken from where
    /// it is kept just before the login is submitted.
    #[must_use]
    pub fn with_previous_refresh_token(mut self, token: SecretString) -> Self {
        self.pending.previous_refresh_token = Some(token);
        self
    }
}

impl fmt::Debug for SignedLogin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SignedLogin").field("pending", &self.pending).finish_non_exhaustive()
    }
}

/// Adds the proof, and the time that it took.
pub(crate) fn prove(
    mut login: PendingLogin,
    proof: impl FnOnce(&PendingLogin) -> Result<Proof, Error>,
) -> Result<SignedLogin, Error> {
    let started = Instant::now();
    let proof = proof(&login)?;
    login.timings.card = started.elapsed();
    Ok(SignedLogin { pending: login, proof })
}
