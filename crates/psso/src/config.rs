//! The login configuration: a TOML file, named after Apple's loginConfiguration in snake case.
//!
//! ```toml
//! issuer = "https://idp.example"                # `iss` of the id_token
//! client_id = "9b0f..."                         # outer `iss` and `client_id`; `aud` of the id_token
//! audience = "urn:example:psso"                 # `aud` of the embedded assertion
//! nonce_endpoint = "https://idp.example/psso/nonce"
//! token_endpoint = "https://idp.example/psso/token"
//! jwks_endpoint = "https://idp.example/psso/jwks"
//! ```
//! [`Config::example`] is such a file with every field, its meaning, its default and Apple's name for it.
//!
//! At most 64 KiB. URLs are `https`, or `http` on a loopback host. A field that is not known is an error; so is one of
//! Apple's that this client cannot honour (federation, HPKE, the web method), by name.
//!
//! | room | for |
//! |---|---|
//! | `field` | the names, Apple's and ours |
//! | `reader`, `raw` | from TOML to [`Config`], with every mistake and its line |
//! | `endpoint`, `custom`, `encryption`, `kerberos`, `algorithms`, `predicate` | fields with rules of their own |

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use jose::{Algorithm, PublicKey};
use serde::Deserialize;

use crate::Error;

mod algorithms;
mod custom;
mod encryption;
mod endpoint;
mod field;
mod finding;
mod kerberos;
mod predicate;
mod raw;
mod reader;

pub use encryption::LoginRequestEncryption;
pub use endpoint::Endpoint;
pub use finding::{Finding, Level};
pub use kerberos::KerberosMapping;

pub(crate) use custom::{Custom, Customs, is_claim_of_a_request};
pub(crate) use predicate::{Predicate, lookup};

use algorithms::AssertionAlgorithms;

/// How the certificate is written into the assertion's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum X5cForm {
    /// An array with one base64 text (RFC 7515 4.1.6; macOS 27).
    #[default]
    Array,
    /// A bare base64 text (samples of macOS 13 and 14).
    String,
}

/// What the `kid` of an RSA card key is the SHA-256 of. Nothing is documented for RSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RsaKeyId {
    /// The RSAPublicKey of PKCS#1 as DER: Apple's external form of an RSA key.
    #[default]
    Pkcs1,
    /// The SubjectPublicKeyInfo as DER.
    Spki,
    /// The certificate as DER.
    Certificate,
}

/// Which groups an id_token is asked for, and where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Groups {
    /// Whether the configuration has groups, or the name of the claim that they are in.
    pub(crate) wanted: bool,
    pub(crate) requested: Vec<String>,
    pub(crate) request_claim: String,
    pub(crate) response_claim: String,
}

/// A login configuration that is complete and consistent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    issuer: String,
    client_id: String,
    audience: String,
    account_display_name: Option<String>,
    nonce_endpoint: Endpoint,
    token_endpoint: Endpoint,
    jwks_endpoint: Endpoint,
    refresh_endpoint: Option<Endpoint>,
    key_endpoint: Option<Endpoint>,
    registration_endpoint: Option<Endpoint>,
    nonce_response_keypath: Vec<String>,
    server_nonce_claim: String,
    additional_scopes: Vec<String>,
    jwt_parameter: String,
    x5c: X5cForm,
    id_token_algorithms: Vec<Algorithm>,
    assertion_algorithms: AssertionAlgorithms,
    rsa_key_id: RsaKeyId,
    amr: Vec<String>,
    unique_identifier_claim: Option<String>,
    groups: Groups,
    previous_refresh_token_claim: Option<String>,
    login_request_encryption: Option<LoginRequestEncryption>,
    kerberos_ticket_mappings: Vec<KerberosMapping>,
    invalid_credential_predicate: Option<Predicate>,
    custom: Customs,
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// [`Error::Config`] with the first mistake and its line: TOML that is malformed, a field that is unknown, missing
    /// or of another type, a URL, an algorithm or a name that cannot be used. [`lint`](Self::lint) names them all.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let (config, findings, _) = raw::read(text);
        if let Some(config) = config {
            return Ok(config);
        }
        let mut errors = findings.iter().filter(|finding| finding.level == Level::Error);
        let first = errors.next().map(Finding::to_string).unwrap_or_default();
        let more = match errors.count() {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        Err(Error::config(format!("the configuration is wrong: {first}{more}")))
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`Error::Config`] when the file cannot be read, and as [`from_toml`](Self::from_toml).
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = read_file(path)?;
        Self::from_toml(&text).map_err(|error| match error {
            Error::Config { why, source } => Error::Config { why: format!("{}: {why}", path.display()), source },
            other => other,
        })
    }

    /// Everything worth saying about a configuration, in the order of the file: every error, and warnings about what
    /// can be used but deserves a look. A configuration without an [`Level::Error`] can be used.
    ///
    /// Warned of are: `http` on this machine, deviations from Apple's defaults, fields that only newer systems know,
    /// fields that mean nothing without another, and claims that shadow a registered name.
    ///
    /// ```
    /// use psso::config::{Config, Level};
    ///
    /// let findings = Config::lint("issuer = \"https://idp.example\"\ntokenEndpointURL = \"https://idp.example/token\"\n");
    /// assert!(findings.iter().all(|finding| finding.level == Level::Error));
    /// assert!(findings.iter().any(|finding| finding.to_string() ==
    ///     "line 2: tokenEndpointURL: it is called token_endpoint here"));
    /// ```
    #[must_use]
    pub fn lint(text: &str) -> Vec<Finding> {
        raw::read(text).1
    }

    /// [`lint`](Self::lint) of a file.
    ///
    /// # Errors
    /// [`Error::Config`] when the file cannot be read.
    pub fn lint_file(path: &Path) -> Result<Vec<Finding>, Error> {
        read_file(path).map(|text| Self::lint(&text))
    }

    /// A configuration with every field, each with its meaning, its default and Apple's name for it. It can be used as
    /// it is, but for its URLs and names; a line that begins with `#` and no space after it is a field with its default.
    #[must_use]
    pub fn example() -> &'static str {
        include_str!("config/example.toml")
    }

    /// `iss` that an id_token must carry.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The client id: outer `iss` and `client_id`, and `aud` that an id_token must carry.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// `aud` of the embedded assertion.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// What the account is called towards people, if it has a name.
    #[must_use]
    pub fn account_display_name(&self) -> Option<&str> {
        self.account_display_name.as_deref()
    }

    /// Where a server nonce is fetched.
    #[must_use]
    pub fn nonce_endpoint(&self) -> &Endpoint {
        &self.nonce_endpoint
    }

    /// Where the login request goes.
    #[must_use]
    pub fn token_endpoint(&self) -> &Endpoint {
        &self.token_endpoint
    }

    /// Where the keys of the id_token are published.
    #[must_use]
    pub fn jwks_endpoint(&self) -> &Endpoint {
        &self.jwks_endpoint
    }

    /// Where refresh requests go: the token endpoint unless configured.
    #[must_use]
    pub fn refresh_endpoint(&self) -> &Endpoint {
        self.refresh_endpoint.as_ref().unwrap_or(&self.token_endpoint)
    }

    /// Where key requests go, if the server has a key service.
    #[must_use]
    pub fn key_endpoint(&self) -> Option<&Endpoint> {
        self.key_endpoint.as_ref()
    }

    /// Where device keys are registered, if the server takes registrations in this project's form.
    #[must_use]
    pub fn registration_endpoint(&self) -> Option<&Endpoint> {
        self.registration_endpoint.as_ref()
    }

    /// The path to the nonce in the nonce endpoint's JSON, step by step.
    #[must_use]
    pub fn nonce_response_keypath(&self) -> &[String] {
        &self.nonce_response_keypath
    }

    /// The claim that carries the server nonce in requests.
    #[must_use]
    pub fn server_nonce_claim(&self) -> &str {
        &self.server_nonce_claim
    }

    /// `scope` of a login: `openid offline_access` and the additional scopes.
    #[must_use]
    pub fn scope(&self) -> String {
        let mut scopes = vec!["openid", "offline_access"];
        scopes.extend(self.additional_scopes.iter().map(String::as_str));
        scopes.join(" ")
    }

    /// The form field that carries the login request.
    #[must_use]
    pub fn jwt_parameter(&self) -> &str {
        &self.jwt_parameter
    }

    /// How `x5c` is written.
    #[must_use]
    pub fn x5c(&self) -> X5cForm {
        self.x5c
    }

    /// The algorithms that an id_token may be signed with.
    #[must_use]
    pub fn id_token_algorithms(&self) -> &[Algorithm] {
        &self.id_token_algorithms
    }

    /// The algorithm for a card key: `wanted`, else the one that the configuration has for this kind of key, else the
    /// one of [`card_algorithm`](crate::card_algorithm).
    ///
    /// # Errors
    /// [`Error::Config`] when the key cannot do `wanted`.
    pub fn card_algorithm(&self, key: &PublicKey, wanted: Option<Algorithm>) -> Result<Algorithm, Error> {
        crate::card_algorithm(key, wanted.or_else(|| self.assertion_algorithms.of(key)))
    }

    /// What the `kid` of an RSA card key is made of.
    #[must_use]
    pub fn rsa_key_id(&self) -> RsaKeyId {
        self.rsa_key_id
    }

    /// `amr` of the login request; empty where it is left out, as it is unless configured.
    #[must_use]
    pub fn amr(&self) -> &[String] {
        &self.amr
    }

    /// The claim of the id_token that identifies the user for ever; `sub` unless configured.
    #[must_use]
    pub fn unique_identifier_claim(&self) -> &str {
        self.unique_identifier_claim.as_deref().unwrap_or("sub")
    }

    /// Whether the configuration names that claim, so that an id_token must have it.
    pub(crate) fn requires_unique_identifier(&self) -> bool {
        self.unique_identifier_claim.is_some()
    }

    /// The groups that a login asks about; empty where it asks about none.
    #[must_use]
    pub fn requested_groups(&self) -> &[String] {
        &self.groups.requested
    }

    /// Whether the claim of groups in an id_token is read: where groups are asked about, or the claim is named.
    pub(crate) fn wants_groups(&self) -> bool {
        self.groups.wanted
    }

    /// The name of the groups in `claims.id_token` of the login request.
    #[must_use]
    pub fn group_request_claim(&self) -> &str {
        &self.groups.request_claim
    }

    /// The claim of the id_token that lists the user's groups.
    #[must_use]
    pub fn group_response_claim(&self) -> &str {
        &self.groups.response_claim
    }

    /// The claim for the refresh token of an earlier login; nothing where it is not to be sent.
    #[must_use]
    pub fn previous_refresh_token_claim(&self) -> Option<&str> {
        self.previous_refresh_token_claim.as_deref()
    }

    /// To whom a password is encrypted; nothing where it is sent as a claim.
    #[must_use]
    pub fn login_request_encryption(&self) -> Option<&LoginRequestEncryption> {
        self.login_request_encryption.as_ref()
    }

    /// Where the Kerberos tickets are in a login response.
    #[must_use]
    pub fn kerberos_ticket_mappings(&self) -> &[KerberosMapping] {
        &self.kerberos_ticket_mappings
    }

    pub(crate) fn invalid_credential_predicate(&self) -> Option<&Predicate> {
        self.invalid_credential_predicate.as_ref()
    }

    pub(crate) fn custom(&self) -> &Customs {
        &self.custom
    }
}

/// A configuration file of at most [`MAX_CONFIG_LEN`] bytes; a longer one is cut where it is noticed.
fn read_file(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let limit = u64::try_from(MAX_CONFIG_LEN + 1).unwrap_or(u64::MAX);
    File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text)).map_err(|source| Error::Config {
        why: format!("the configuration {} cannot be read", path.display()),
        source: Some(source.into()),
    })?;
    Ok(text)
}

/// A configuration has some dozen lines.
const MAX_CONFIG_LEN: usize = 64 * 1024;

#[cfg(test)]
mod tests;
