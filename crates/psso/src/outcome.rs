//! What a login or a refresh comes to.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::kerberos::KerberosTicket;

/// A login or a refresh that the identity provider accepted and whose answer passed every check.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoginOutcome {
    /// Who logged in.
    pub user: String,
    /// The claims of the id_token, verified.
    pub id_token_claims: Map<String, Value>,
    /// What identifies the user for ever at this identity provider: `sub`, or the claim that
    /// `unique_identifier_claim` names.
    pub unique_identifier: Option<String>,
    /// The user's groups, as the claim lists them that `group_response_claim` names; none where the configuration has neither
    /// that nor `groups`. Text of the server.
    pub groups: Vec<String>,
    /// The Kerberos tickets that came, without their keys.
    pub kerberos: Vec<KerberosTicket>,
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
    ///
    /// After a refresh it takes the place of the one that was sent, which a server may accept no more; where there is
    /// none, the old one stays good (RFC 6749 6).
    pub refresh_token: Option<SecretString>,
}

/// Where the time of a login went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// The nonce endpoint.
    pub nonce: Duration,
    /// The card, or whatever else proved who the user is.
    pub card: Duration,
    /// The token endpoint, the JWKS and the checks.
    pub token: Duration,
}
