//! Platform SSO.

use serde::Serialize;

/// `pivkit psso keys`.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceKeysReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The key that signs login requests.
    pub device_signing_key: psso::DevicePublicKey,
    /// The key that login responses are encrypted to.
    pub device_encryption_key: psso::DevicePublicKey,
}

/// `pivkit psso register`.
#[derive(Clone, Debug, Serialize)]
pub struct RegistrationReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// What the identity provider confirmed.
    #[serde(flatten)]
    pub registration: psso::Registration,
}

/// `pivkit psso login`.
#[derive(Clone, Debug, Serialize)]
pub struct LoginReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// Who signed in.
    pub user: String,
    /// The claims of the id_token, verified.
    pub id_token_claims: serde_json::Map<String, serde_json::Value>,
    /// How long the refresh token is good, in seconds; none if there is no refresh token.
    pub refresh_token_expires_in: Option<u64>,
    /// Where the time went.
    pub timings_ms: Timings,
    /// The tokens, if they were asked for. Secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokensReport>,
}

/// Milliseconds of a login.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
pub struct Timings {
    /// The nonce endpoint.
    pub nonce: u64,
    /// The card's signature.
    pub card: u64,
    /// The token endpoint, the key set and the checks.
    pub token: u64,
    /// Everything, a PIN prompt included.
    pub total: u64,
}

/// The tokens of a login. Its `Debug` shows none of them.
#[derive(Clone, Serialize)]
pub struct TokensReport {
    /// The id_token, a compact JWS.
    pub id_token: String,
    /// The refresh token.
    pub refresh_token: Option<String>,
}

impl std::fmt::Debug for TokensReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokensReport(..)")
    }
}
