//! The login configuration: a TOML file, named after Apple's loginConfiguration in snake case.
//!
//! ```toml
//! issuer = "https://idp.example"                # `iss` of the id_token
//! client_id = "9b0f..."                         # outer `iss` and `client_id`; `aud` of the id_token
//! audience = "urn:example:psso"                 # `aud` of the embedded assertion
//! nonce_endpoint = "https://idp.example/psso/nonce"
//! token_endpoint = "https://idp.example/psso/token"
//! jwks_endpoint = "https://idp.example/psso/jwks"
//! # optional, with their defaults:
//! # refresh_endpoint = <token_endpoint>
//! # key_endpoint = (none)
//! # registration_endpoint = (none)
//! # nonce_response_keypath = "Nonce"            # a dot descends: "data.nonce"
//! # server_nonce_claim = "request_nonce"
//! # additional_scopes = ["urn:apple:platformsso"]
//! # jwt_parameter = "assertion"
//! # x5c = "array"                               # or "string"
//! # id_token_algorithms = ["ES256", "RS256"]
//! ```
//! At most 64 KiB. URLs are `https`, or `http` on a loopback host. A field that is not listed here is an error.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::str::FromStr as _;

use jose::Algorithm;
use serde::Deserialize;
use url::Url;

use crate::Error;
use crate::error::shown;
use crate::http::is_allowed_url;

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

/// A login configuration that is complete and consistent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    issuer: String,
    client_id: String,
    audience: String,
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
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// [`Error::Config`] with the line for TOML that is malformed, a field that is unknown, missing or of another
    /// type; with the field for a URL, an algorithm or a name that cannot be used.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_CONFIG_LEN {
            return Err(Error::config(format!("the configuration is larger than {MAX_CONFIG_LEN} bytes")));
        }
        let raw: Raw = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| 1 + text.bytes().take(span.start).filter(|b| *b == b'\n').count());
            let place = if line == 0 { String::new() } else { format!(" in line {line}") };
            Error::config(format!("the configuration is wrong{place}: {}", shown(error.message(), 600)))
        })?;
        raw.check()
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`Error::Config`] when the file cannot be read, and as [`from_toml`](Self::from_toml).
    pub fn load(path: &Path) -> Result<Self, Error> {
        let mut text = String::new();
        let limit = u64::try_from(MAX_CONFIG_LEN + 1).unwrap_or(u64::MAX);
        File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text)).map_err(|source| {
            Error::Config {
                why: format!("the configuration {} cannot be read", path.display()),
                source: Some(source.into()),
            }
        })?;
        Self::from_toml(&text).map_err(|error| match error {
            Error::Config { why, source } => Error::Config { why: format!("{}: {why}", path.display()), source },
            other => other,
        })
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
}

/// The URL of an endpoint: `https`, or `http` on a loopback host; without user, password and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    text: String,
}

impl Endpoint {
    fn parse(field: &str, text: &str) -> Result<Self, Error> {
        // A URL parser drops them silently; then `aud` would not be the URL that the request goes to.
        if text.chars().any(|character| character.is_whitespace() || character.is_control()) {
            let why = "must not contain white space or control characters";
            return Err(Error::config(format!("{field} = \"{}\" {why}", shown(text, 120))));
        }
        let url = Url::parse(text)
            .map_err(|error| Error::config(format!("{field} = \"{}\" is not a URL: {error}", shown(text, 120))))?;
        if !is_allowed_url(&url) {
            let why = "must be an https URL; http is for this machine only (127.0.0.1, ::1, localhost)";
            return Err(Error::config(format!("{field} = \"{}\" {why}", shown(text, 120))));
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(Error::config(format!("{field} must not contain a user, a password or a fragment (#)")));
        }
        Ok(Self { url, text: text.to_owned() })
    }

    /// The URL to send requests to.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The URL as `aud` of a request: as configured, without its query (LOGIN: "host and path").
    #[must_use]
    pub fn audience(&self) -> &str {
        self.text.split('?').next().unwrap_or(&self.text)
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    issuer: String,
    client_id: String,
    audience: String,
    nonce_endpoint: String,
    token_endpoint: String,
    jwks_endpoint: String,
    refresh_endpoint: Option<String>,
    key_endpoint: Option<String>,
    registration_endpoint: Option<String>,
    nonce_response_keypath: Option<String>,
    server_nonce_claim: Option<String>,
    additional_scopes: Option<Vec<String>>,
    jwt_parameter: Option<String>,
    #[serde(default)]
    x5c: X5cForm,
    id_token_algorithms: Option<Vec<String>>,
}

impl Raw {
    fn check(self) -> Result<Config, Error> {
        let optional = |field: &str, text: Option<String>| text.map(|text| Endpoint::parse(field, &text)).transpose();
        let algorithms = match self.id_token_algorithms {
            None => vec![Algorithm::Es256, Algorithm::Rs256],
            Some(names) => names
                .iter()
                .map(|name| {
                    Algorithm::from_str(name).map_err(|error| Error::config(format!("id_token_algorithms: {error}")))
                })
                .collect::<Result<_, _>>()?,
        };
        if algorithms.is_empty() {
            return Err(Error::config("id_token_algorithms is empty; no id_token could be accepted"));
        }
        let scopes = self.additional_scopes.unwrap_or_else(|| vec!["urn:apple:platformsso".to_owned()]);
        for scope in &scopes {
            // scope-token of RFC 6749 3.3.
            if scope.is_empty() || !scope.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
                return Err(Error::config(format!("additional_scopes: \"{}\" is not a scope", shown(scope, 80))));
            }
        }
        let keypath = self.nonce_response_keypath.unwrap_or_else(|| "Nonce".to_owned());
        Ok(Config {
            issuer: filled("issuer", self.issuer)?,
            client_id: filled("client_id", self.client_id)?,
            audience: filled("audience", self.audience)?,
            nonce_endpoint: Endpoint::parse("nonce_endpoint", &self.nonce_endpoint)?,
            token_endpoint: Endpoint::parse("token_endpoint", &self.token_endpoint)?,
            jwks_endpoint: Endpoint::parse("jwks_endpoint", &self.jwks_endpoint)?,
            refresh_endpoint: optional("refresh_endpoint", self.refresh_endpoint)?,
            key_endpoint: optional("key_endpoint", self.key_endpoint)?,
            registration_endpoint: optional("registration_endpoint", self.registration_endpoint)?,
            nonce_response_keypath: keypath
                .split('.')
                .map(|step| filled("nonce_response_keypath", step.to_owned()))
                .collect::<Result<_, _>>()?,
            server_nonce_claim: free(
                "server_nonce_claim",
                self.server_nonce_claim.unwrap_or_else(|| "request_nonce".to_owned()),
                TAKEN_CLAIMS,
            )?,
            additional_scopes: scopes,
            jwt_parameter: free(
                "jwt_parameter",
                self.jwt_parameter.unwrap_or_else(|| "assertion".to_owned()),
                TAKEN_PARAMETERS,
            )?,
            x5c: self.x5c,
            id_token_algorithms: algorithms,
        })
    }
}

fn filled(field: &str, text: String) -> Result<String, Error> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(Error::config(format!("{field} is empty or contains control characters")));
    }
    Ok(text)
}

/// A name that would not overwrite one of the protocol's own.
fn free(field: &str, text: String, taken: &[&str]) -> Result<String, Error> {
    if taken.contains(&text.as_str()) {
        return Err(Error::config(format!("{field} = \"{text}\" is a name that the protocol uses for something else")));
    }
    filled(field, text)
}

/// Claims of the login request and of the embedded assertion.
const TAKEN_CLAIMS: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "iat",
    "exp",
    "nbf",
    "jti",
    "nonce",
    "scope",
    "grant_type",
    "assertion",
    "client_id",
    "username",
    "password",
    "jwe_crypto",
    "claims",
    "amr",
    "refresh_token",
];
/// Fields of the login form.
const TAKEN_PARAMETERS: &[&str] = &["platform_sso_version", "grant_type"];
/// A configuration has a dozen lines.
const MAX_CONFIG_LEN: usize = 64 * 1024;

#[cfg(test)]
mod tests;
