//! Platform SSO.

use std::time::Duration;

use psso::{DevicePublicKey, KeyPlace, LoginOutcome, Method};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Map, Value};

/// `pivkit psso keys`.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceKeysReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The key that signs login requests.
    pub device_signing_key: DevicePublicKey,
    /// The key that login responses are encrypted to.
    pub device_encryption_key: DevicePublicKey,
}

/// `pivkit psso register`.
#[derive(Clone, Debug, Serialize)]
pub struct RegistrationReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// What the identity provider confirmed.
    #[serde(flatten)]
    pub registration: psso::Registration,
    /// How the user will sign in.
    pub method: Method,
}

/// `pivkit psso login` and `pivkit psso refresh`.
#[derive(Clone, Debug, Serialize)]
pub struct LoginReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// Who signed in.
    pub user: String,
    /// How they signed in; for a refresh, at the login that it goes back to.
    pub method: Method,
    /// The claims of the id_token, verified.
    pub id_token_claims: Map<String, Value>,
    /// How long the refresh token is good, in seconds; none if there is no refresh token. Where a refresh brought none, what is
    /// left of the time of the one that is kept.
    pub refresh_token_expires_in: Option<u64>,
    /// Whether this login took the place of a sign-on that could be refreshed, for people.
    #[serde(skip)]
    pub replaced_refreshable: bool,
    /// Where the time went.
    pub timings_ms: Timings,
    /// Where the key is that seals the tokens, which are kept in the state directory.
    pub sealed_with: SealReport,
    /// What identifies the user for ever at this identity provider.
    pub unique_identifier: Option<String>,
    /// The user's groups, where the configuration asks for some.
    pub groups: Vec<String>,
    /// Kerberos tickets that came along; their keys are not shown.
    pub kerberos: Vec<KerberosReport>,
    /// The tokens, if they were asked for. Secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokensReport>,
}

impl LoginReport {
    pub(crate) fn new(
        outcome: LoginOutcome,
        method: Method,
        total: Duration,
        place: KeyPlace,
        show_tokens: bool,
    ) -> Self {
        let tokens = show_tokens.then(|| TokensReport {
            id_token: outcome.tokens.id_token.expose_secret().to_owned(),
            refresh_token: outcome.tokens.refresh_token.as_ref().map(|token| token.expose_secret().to_owned()),
        });
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            schema_version: super::SCHEMA_VERSION,
            user: outcome.user,
            method,
            id_token_claims: outcome.id_token_claims,
            refresh_token_expires_in: outcome.refresh_token_expires_in,
            replaced_refreshable: false,
            timings_ms: Timings {
                nonce: ms(outcome.timings.nonce),
                card: ms(outcome.timings.card),
                token: ms(outcome.timings.token),
                total: ms(total),
            },
            sealed_with: SealReport::of(place),
            unique_identifier: outcome.unique_identifier,
            groups: outcome.groups,
            kerberos: outcome.kerberos.into_iter().map(KerberosReport::of).collect(),
            tokens,
        }
    }
}

/// A Kerberos ticket that came with a login.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct KerberosReport {
    /// Where it was in the answer: `ticket_key_path` of its mapping.
    pub mapping: String,
    /// The realm.
    pub realm: String,
    /// The service that it is for.
    pub service: String,
    /// Whose it is.
    pub client: String,
    /// The encryption type of its session key (RFC 3962 section 7).
    pub encryption_key_type: i64,
    /// The length of the ticket's message in bytes.
    pub message_len: usize,
}

impl KerberosReport {
    fn of(ticket: psso::KerberosTicket) -> Self {
        Self {
            mapping: ticket.mapping,
            realm: ticket.realm,
            service: ticket.service,
            client: ticket.client,
            encryption_key_type: ticket.encryption_key_type,
            message_len: ticket.message_len,
        }
    }
}

/// Where the key is that seals the tokens, and what that means.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct SealReport {
    /// The place.
    pub place: KeyPlace,
    /// What it protects from and what not, a sentence without its full stop.
    pub meaning: String,
}

impl SealReport {
    pub(crate) fn of(place: KeyPlace) -> Self {
        Self { place, meaning: place.meaning().to_owned() }
    }
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

/// `pivkit psso status`.
#[derive(Clone, Debug, Serialize)]
pub struct PssoStatusReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The state directory.
    pub state: String,
    /// The device's public keys, if it has any.
    pub device: Option<DeviceReport>,
    /// The user key of the Secure Enclave method, if there is one.
    pub user_key: Option<UserKeyReport>,
    /// Where the device was registered from here; nothing after a registration by hand.
    pub registration: Option<RegistrationNote>,
    /// Who is signed in.
    pub sign_on: Option<SignOnReport>,
}

/// The device's public keys.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceReport {
    /// The key that signs login requests.
    pub device_signing_key: DevicePublicKey,
    /// The key that login responses are encrypted to.
    pub device_encryption_key: DevicePublicKey,
}

/// The user key.
#[derive(Clone, Debug, Serialize)]
pub struct UserKeyReport {
    /// Its key id.
    pub kid: String,
    /// Its file in the state directory.
    pub file: String,
    /// What it is in place of.
    pub stands_in_for: String,
}

/// Where the device is registered.
#[derive(Clone, Debug, Serialize)]
pub struct RegistrationNote {
    /// The issuer.
    pub issuer: String,
    /// The client id at that issuer.
    pub client_id: String,
    /// The key id of the signing key that was registered.
    pub device_id: String,
    /// For whom.
    pub users: Vec<RegisteredUserReport>,
}

/// A user who was registered from here.
#[derive(Clone, Debug, Serialize)]
pub struct RegisteredUserReport {
    /// The user.
    pub user: String,
    /// How they sign in.
    pub method: Method,
    /// When, RFC 3339.
    pub registered_at: String,
    /// The key id of the user key.
    pub user_key: Option<String>,
    /// SHA-256 of the certificate that was pinned, lower-case hexadecimal.
    pub user_certificate: Option<String>,
}

/// A sign-on: what a login left behind.
#[derive(Clone, Debug, Serialize)]
pub struct SignOnReport {
    /// The issuer.
    pub issuer: String,
    /// The client id at that issuer.
    pub client_id: String,
    /// Where the key is that seals it.
    pub sealed_with: SealReport,
    /// What is in it; nothing when it cannot be unsealed.
    #[serde(flatten)]
    pub details: Option<SignOnDetails>,
    /// Why it cannot be unsealed.
    pub problem: Option<String>,
}

/// What is in a sign-on, but for its secrets.
#[derive(Clone, Debug, Serialize)]
pub struct SignOnDetails {
    /// Who is signed in.
    pub user: String,
    /// How they signed in.
    pub method: Method,
    /// When, RFC 3339.
    pub last_login: String,
    /// When the tokens were last renewed without a login, RFC 3339.
    pub last_refresh: Option<String>,
    /// Whether there is a refresh token whose time is not over.
    pub can_refresh: bool,
    /// Why not.
    pub why_not: Option<String>,
    /// When the refresh token expires, RFC 3339.
    pub refresh_token_expires_at: Option<String>,
    /// The key for unlocking that the identity provider holds.
    pub unlock_key: Option<UnlockKeyReport>,
    /// Claims of the last id_token that say who that is.
    pub claims: Map<String, Value>,
}

/// A key for unlocking that the identity provider holds.
#[derive(Clone, Debug, Serialize)]
pub struct UnlockKeyReport {
    /// Whether the identity provider gave a context, which a key exchange sends back.
    pub has_context: bool,
    /// When the key expires, RFC 3339.
    pub expires_at: Option<String>,
}

/// `pivkit psso logout`.
#[derive(Clone, Debug, Serialize)]
pub struct LogoutReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// What was removed, or would be; each a phrase.
    pub removed: Vec<String>,
    /// What the identity provider goes on knowing; each a phrase.
    pub still_known: Vec<String>,
}

/// `pivkit psso key-request`.
#[derive(Clone, Debug, Serialize)]
pub struct KeyRequestReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// For whom.
    pub user: String,
    /// The certificate of the key that the identity provider made, base64 of its DER.
    pub certificate: String,
    /// The same as PEM, for people.
    #[serde(skip)]
    pub certificate_pem: String,
    /// Its subject, if it can be read.
    pub subject: Option<String>,
    /// When the answer was made, RFC 3339.
    pub issued_at: String,
    /// When the key expires, RFC 3339.
    pub expires_at: String,
    /// Whether a context came with it, which is kept and sent back with a key exchange.
    pub key_context_kept: bool,
}

/// `pivkit psso key-exchange`.
#[derive(Clone, Debug, Serialize)]
pub struct KeyExchangeReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// For whom.
    pub user: String,
    /// When the answer was made, RFC 3339.
    pub issued_at: String,
    /// When the key expires, RFC 3339.
    pub expires_at: String,
    /// Whether the key is what the certificate of the key request gives; nothing where that cannot be told.
    pub verified: Option<bool>,
    /// The file with the key.
    pub written_to: Option<String>,
}

/// `pivkit psso config lint`.
#[derive(Clone, Debug, Serialize)]
pub struct ConfigLintReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The file.
    pub file: String,
    /// Whether it can be used.
    pub usable: bool,
    /// What should be known about it.
    pub findings: Vec<psso::config::Finding>,
}

impl ConfigLintReport {
    pub(crate) fn new(file: String, findings: Vec<psso::config::Finding>) -> Self {
        let usable = findings.iter().all(|finding| finding.level != psso::config::Level::Error);
        Self { schema_version: super::SCHEMA_VERSION, file, usable, findings }
    }
}

/// `pivkit psso config example`.
#[derive(Clone, Debug, Serialize)]
pub struct ConfigExampleReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// A configuration with every field.
    pub toml: String,
}

/// `pivkit psso config discover`.
#[derive(Clone, Debug, Serialize)]
pub struct DiscoveryReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The issuer.
    pub issuer: String,
    /// The beginning of a configuration, with remarks on what has to be added by hand.
    pub toml: String,
    /// The fields that have to be added by hand.
    pub missing: Vec<String>,
}
