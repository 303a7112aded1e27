//! What an issuer says about itself (OpenID Connect Discovery 1.0, sections 3 and 4).
//!
//! ```text
//! GET <issuer>/.well-known/openid-configuration
//! { issuer, token_endpoint, jwks_uri, id_token_signing_alg_values_supported, ...,          the standard's
//!   platform_sso_nonce_endpoint, platform_sso_key_endpoint, platform_sso_refresh_endpoint,
//!   platform_sso_registration_endpoint, platform_sso_client_id, platform_sso_audience }    this project's own
//! ```
//! No standard says where Platform SSO is in such a document, so most issuers leave something to be added by hand.

use std::fmt;

use jose::Algorithm;
use serde_json::{Map, Value};
use url::Url;

use crate::Error;
use crate::config::Endpoint;
use crate::error::shown;
use crate::http::{self, HttpClient, HttpRequest};

const ENDPOINT: &str = "metadata endpoint";

/// What is known of an issuer. Displayed as TOML: a configuration, with what is missing as comments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Discovered {
    /// The issuer, as it calls itself.
    pub issuer: String,
    /// The client id for Platform SSO.
    pub client_id: Option<String>,
    /// The audience of assertions.
    pub audience: Option<String>,
    /// Where nonces are fetched.
    pub nonce_endpoint: Option<Endpoint>,
    /// Where login requests go.
    pub token_endpoint: Option<Endpoint>,
    /// Where the keys of the id_token are.
    pub jwks_endpoint: Option<Endpoint>,
    /// Where refresh requests go.
    pub refresh_endpoint: Option<Endpoint>,
    /// Where the key service is.
    pub key_endpoint: Option<Endpoint>,
    /// Where devices are registered.
    pub registration_endpoint: Option<Endpoint>,
    /// The algorithms of an id_token that this client knows; empty where the issuer names none.
    pub id_token_algorithms: Vec<Algorithm>,
}

impl Discovered {
    /// The fields that a configuration needs and the issuer did not give.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        self.required().into_iter().filter(|(_, value, _)| value.is_none()).map(|(name, _, _)| name).collect()
    }

    /// The required fields with their values, and what a hand that adds them should know.
    fn required(&self) -> [(&'static str, Option<&str>, &'static str); 6] {
        [
            ("issuer", Some(&self.issuer), ""),
            ("client_id", self.client_id.as_deref(), "the id under which the identity provider knows this client"),
            ("audience", self.audience.as_deref(), "the text that the identity provider wants in assertions"),
            ("nonce_endpoint", url(&self.nonce_endpoint), "Apple's default is the token endpoint"),
            ("token_endpoint", url(&self.token_endpoint), ""),
            ("jwks_endpoint", url(&self.jwks_endpoint), ""),
        ]
    }
}

fn url(endpoint: &Option<Endpoint>) -> Option<&str> {
    endpoint.as_ref().map(Endpoint::as_str)
}

impl fmt::Display for Discovered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        for (name, value, hint) in self.required() {
            match value {
                Some(value) => writeln!(formatter, "{name} = {}", quoted(value))?,
                None if hint.is_empty() => writeln!(formatter, "# missing, to be added by hand: {name}")?,
                None => writeln!(formatter, "# missing, to be added by hand: {name} ({hint})")?,
            }
        }
        for (name, value) in [
            ("refresh_endpoint", &self.refresh_endpoint),
            ("key_endpoint", &self.key_endpoint),
            ("registration_endpoint", &self.registration_endpoint),
        ] {
            if let Some(value) = url(value) {
                writeln!(formatter, "{name} = {}", quoted(value))?;
            }
        }
        if !self.id_token_algorithms.is_empty() {
            let names: Vec<String> = self.id_token_algorithms.iter().map(|one| quoted(one.name())).collect();
            writeln!(formatter, "id_token_algorithms = [{}]", names.join(", "))?;
        }
        Ok(())
    }
}

/// Reads what an issuer says about itself.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/small_idp.rs"));
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (_, keys, _dir) = client("");
/// # let http = SmallIdp::new(&keys);
/// let found = psso::discover("https://idp.example", &http)?;
/// assert_eq!(found.missing(), ["client_id", "audience", "nonce_endpoint"]);
/// assert!(found.to_string().contains("token_endpoint = \"https://idp.example/psso/token\""));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Config`] when the issuer is not a URL that may be used; [`Error::Network`], [`Error::Endpoint`] and
/// [`Error::UnexpectedAnswer`] as it behaves; [`Error::Rejected`] when the document is about another issuer, or has an
/// address that may not be used.
pub fn discover(issuer: &str, client: &dyn HttpClient) -> Result<Discovered, Error> {
    let url = metadata_url(issuer)?;
    let response = http::exchange(client, ENDPOINT, &HttpRequest::get(&url, "application/json"), &[200])?;
    let metadata = http::json_object(ENDPOINT, &response)?;
    let named = text(&metadata, "issuer")?.ok_or_else(|| Error::rejected("issuer", "it is missing"))?;
    // OpenID Connect Discovery 4.3: exactly the same; a slash at the end is what people add or forget.
    if named.trim_end_matches('/') != issuer.trim_end_matches('/') {
        let why = format!("the document is about \"{}\", not about \"{}\"", shown(&named, 120), shown(issuer, 120));
        return Err(Error::rejected("issuer", why));
    }
    Ok(Discovered {
        client_id: text(&metadata, "platform_sso_client_id")?,
        audience: text(&metadata, "platform_sso_audience")?,
        nonce_endpoint: endpoint(&metadata, "platform_sso_nonce_endpoint")?,
        token_endpoint: endpoint(&metadata, "token_endpoint")?,
        jwks_endpoint: endpoint(&metadata, "jwks_uri")?,
        refresh_endpoint: endpoint(&metadata, "platform_sso_refresh_endpoint")?,
        key_endpoint: endpoint(&metadata, "platform_sso_key_endpoint")?,
        registration_endpoint: endpoint(&metadata, "platform_sso_registration_endpoint")?,
        id_token_algorithms: algorithms(&metadata),
        issuer: named,
    })
}

fn metadata_url(issuer: &str) -> Result<Url, Error> {
    let wrong = |why: String| Error::config(format!("the issuer cannot be asked: {why}"));
    let base = Endpoint::parse(issuer).map_err(wrong)?;
    if base.url().query().is_some() {
        return Err(wrong("it must not contain a query (?)".to_owned()));
    }
    let url = format!("{}/.well-known/openid-configuration", base.as_str().trim_end_matches('/'));
    Endpoint::parse(&url).map(|endpoint| endpoint.url().clone()).map_err(wrong)
}

fn text(metadata: &Map<String, Value>, name: &'static str) -> Result<Option<String>, Error> {
    match metadata.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if is_fit(text) => Ok(Some(text.clone())),
        Some(_) => Err(Error::rejected(name, format!("it is not a text of 1 to {MAX_TEXT_LEN} characters"))),
    }
}

fn is_fit(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_TEXT_LEN && !text.chars().any(char::is_control)
}

fn endpoint(metadata: &Map<String, Value>, name: &'static str) -> Result<Option<Endpoint>, Error> {
    let text = text(metadata, name)?;
    text.map(|text| Endpoint::parse(&text).map_err(|why| Error::rejected(name, why))).transpose()
}

/// Those that this client knows; a list always has RS256 in it (Discovery 3), and often much else.
fn algorithms(metadata: &Map<String, Value>) -> Vec<Algorithm> {
    let names = metadata.get("id_token_signing_alg_values_supported").and_then(Value::as_array);
    let mut known = Vec::new();
    for name in names.into_iter().flatten().filter_map(Value::as_str) {
        known.extend(name.parse::<Algorithm>().ok().filter(|one| !known.contains(one)));
    }
    known
}

const MAX_TEXT_LEN: usize = 2048;

#[cfg(test)]
mod tests;
