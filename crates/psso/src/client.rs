//! The client: one login from the nonce to the checked id_token.
//!
//! ```text
//! begin_login     POST nonce endpoint                          network
//! sign_assertion  embedded assertion                           card, and nothing else
//! submit          login request -> token endpoint -> JWKS      device keys, network
//! ```
//! [`Client::finish_login`] does the last two in one call.

use std::fmt;
use std::time::{Duration, Instant};

use jose::JwkSet;
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::config::Config;
use crate::http::{self, HttpClient, HttpRequest};
use crate::registration::Registration;
use crate::{
    CardCredential, DeviceKeys, Error, assertion, clock, id_token, login_request, login_response, nonce, party_info,
    random, registration,
};

/// The longest user name, in characters.
const MAX_USER_LEN: usize = 256;
const TOKEN_ENDPOINT: &str = "token endpoint";
const JWKS_ENDPOINT: &str = "JWKS endpoint";

/// A Platform SSO client for one identity provider.
pub struct Client {
    config: Config,
    http: Box<dyn HttpClient>,
}

impl Client {
    /// Makes a client. Nothing is sent yet.
    #[must_use]
    pub fn new(config: Config, http: Box<dyn HttpClient>) -> Self {
        Self { config, http }
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Registers the device's public keys for a user. Registering the same again is no error.
    ///
    /// # Errors
    /// [`Error::Config`] without a `registration_endpoint` or with a user name that cannot be one;
    /// [`Error::Network`], [`Error::Endpoint`], [`Error::UnexpectedAnswer`] as the server behaves;
    /// [`Error::Rejected`] when it confirms another device or user.
    pub fn register(&self, keys: &DeviceKeys, user: &str) -> Result<Registration, Error> {
        check_user(user)?;
        registration::register(self.http.as_ref(), &self.config, keys, user)
    }

    /// Begins a login: fetches the server's nonce and makes the client's.
    ///
    /// # Errors
    /// [`Error::Config`] for a user name that cannot be one; [`Error::Network`], [`Error::Endpoint`] and
    /// [`Error::UnexpectedAnswer`] as the nonce endpoint behaves; [`Error::Crypto`] without random bytes.
    pub fn begin_login(&self, user: &str) -> Result<PendingLogin, Error> {
        check_user(user)?;
        let started = Instant::now();
        let request_id = random::uuid()?;
        let request_nonce = nonce::fetch(self.http.as_ref(), &self.config, &request_id)?;
        let timings = Timings { nonce: started.elapsed(), ..Timings::default() };
        Ok(PendingLogin { user: user.to_owned(), nonce: random::uuid()?, request_nonce, request_id, timings })
    }

    /// Has the card sign the embedded assertion. The card is needed for this call only.
    ///
    /// # Errors
    /// [`Error::Signer`] with the card's own error; [`Error::Crypto`] when the certificate cannot be used,
    /// [`Error::CardMismatch`] when the signature does not belong to it; [`Error::Config`] when the signer's algorithm is not one of the key.
    pub fn sign_assertion(&self, mut login: PendingLogin, mut card: CardCredential<'_>) -> Result<SignedLogin, Error> {
        let started = Instant::now();
        let assertion = assertion::sign(&self.config, &login, &mut card)?;
        login.timings.card = started.elapsed();
        Ok(SignedLogin { pending: login, assertion })
    }

    /// Sends the login request, decrypts the response and checks the id_token.
    ///
    /// # Errors
    /// [`Error::Network`] when an endpoint is down or slow; [`Error::Endpoint`] when the login was refused (401) or
    /// the server failed; [`Error::UnexpectedAnswer`] for another kind of answer; [`Error::Rejected`] with the name
    /// of the check when the answer does not hold.
    pub fn submit(&self, login: SignedLogin, keys: &DeviceKeys) -> Result<LoginOutcome, Error> {
        let started = Instant::now();
        let pending = &login.pending;
        let apv = party_info::device_apv(&keys.encryption().public(), &pending.nonce);
        let login_request = login_request::sign(&self.config, &login, keys, &apv)?;
        let request = login_request::post(&self.config, &pending.request_id, &login_request);
        let response = http::exchange(self.http.as_ref(), TOKEN_ENDPOINT, &request, &[200])?;
        let opened = login_response::open(TOKEN_ENDPOINT, &response, keys.encryption(), &apv)?;

        let expected = id_token::Expected {
            issuer: self.config.issuer(),
            client_id: self.config.client_id(),
            nonce: &pending.nonce,
            algorithms: self.config.id_token_algorithms(),
            now: clock::now(),
        };
        let claims = id_token::verify(&opened.id_token, &self.fetch_keys()?, &expected)?;
        let timings = Timings { token: started.elapsed(), ..pending.timings };
        tracing::info!(
            nonce_ms = timings.nonce.as_millis(),
            card_ms = timings.card.as_millis(),
            token_ms = timings.token.as_millis(),
            "login_accepted"
        );
        Ok(LoginOutcome {
            user: login.pending.user,
            id_token_claims: claims,
            tokens: Tokens {
                id_token: SecretString::from(opened.id_token.as_str()),
                refresh_token: opened.refresh_token,
            },
            refresh_token_expires_in: opened.refresh_token_expires_in,
            timings,
        })
    }

    /// [`sign_assertion`](Self::sign_assertion) and [`submit`](Self::submit) in one.
    ///
    /// # Errors
    /// Those of both.
    pub fn finish_login(
        &self,
        login: PendingLogin,
        keys: &DeviceKeys,
        card: CardCredential<'_>,
    ) -> Result<LoginOutcome, Error> {
        let signed = self.sign_assertion(login, card)?;
        self.submit(signed, keys)
    }

    fn fetch_keys(&self) -> Result<JwkSet, Error> {
        let request = HttpRequest::get(self.config.jwks_endpoint().url(), "application/json");
        let response = http::exchange(self.http.as_ref(), JWKS_ENDPOINT, &request, &[200])?;
        http::json_object(JWKS_ENDPOINT, &response)?;
        std::str::from_utf8(&response.body)
            .map_err(|_| "it is not text".to_owned())
            .and_then(|text| JwkSet::from_json(text).map_err(|error| error.to_string()))
            .map_err(|why| Error::UnexpectedAnswer { endpoint: JWKS_ENDPOINT, why })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("config", &self.config).finish_non_exhaustive()
    }
}

/// A login that has its nonces and waits for the card.
#[derive(Debug, Clone)]
pub struct PendingLogin {
    pub(crate) user: String,
    /// The client's nonce: an upper-case UUID.
    pub(crate) nonce: String,
    /// The server's nonce.
    pub(crate) request_nonce: String,
    /// `client-request-id`, the same for the nonce and the login.
    pub(crate) request_id: String,
    timings: Timings,
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
        &self.nonce
    }
}

/// A login whose assertion the card has signed. `Debug` leaves the assertion out: it is a credential for 5 minutes.
#[derive(Clone)]
pub struct SignedLogin {
    pub(crate) pending: PendingLogin,
    pub(crate) assertion: String,
}

impl SignedLogin {
    /// The embedded assertion, a compact JWS.
    #[must_use]
    pub fn assertion(&self) -> &str {
        &self.assertion
    }
}

impl fmt::Debug for SignedLogin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SignedLogin").field("pending", &self.pending).finish_non_exhaustive()
    }
}

/// A login that the identity provider accepted and whose answer passed every check.
#[derive(Debug)]
pub struct LoginOutcome {
    /// Who logged in.
    pub user: String,
    /// The claims of the id_token, verified.
    pub id_token_claims: Map<String, Value>,
    /// The tokens.
    pub tokens: Tokens,
    /// How long the refresh token is good, in seconds; nothing when the server gave none.
    pub refresh_token_expires_in: Option<u64>,
    /// Where the time went.
    pub timings: Timings,
}

/// The tokens of a login; `Debug` shows nothing of them.
#[derive(Debug)]
pub struct Tokens {
    /// The id_token as it came, a compact JWS.
    pub id_token: SecretString,
    /// The refresh token, if the server gave one: the SSO token of a Mac.
    pub refresh_token: Option<SecretString>,
}

/// Where the time of a login went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// The nonce endpoint.
    pub nonce: Duration,
    /// The card.
    pub card: Duration,
    /// The token endpoint, the JWKS and the checks.
    pub token: Duration,
}

fn check_user(user: &str) -> Result<(), Error> {
    if user.trim().is_empty() || user.chars().any(char::is_control) || user.chars().count() > MAX_USER_LEN {
        return Err(Error::config("the user name is empty, too long, or contains control characters"));
    }
    Ok(())
}
