//! What an identity provider wants in requests beside the protocol: form fields, header members, claims.
//!
//! None of them may have a name of the protocol. That is checked when the configuration is read; and where a message
//! is built, the protocol's own value would win.

use serde_json::{Map, Value};

use super::finding::Level;
use super::reader::{Found, Reader};

/// The additions to one kind of request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Custom {
    /// Fields of the form.
    pub(crate) form: Vec<(String, String)>,
    /// Members of the JWS header.
    pub(crate) header: Map<String, Value>,
    /// Claims.
    pub(crate) claims: Map<String, Value>,
}

/// The additions to every kind of request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Customs {
    pub(crate) nonce: Vec<(String, String)>,
    pub(crate) login: Custom,
    pub(crate) assertion: Custom,
    pub(crate) refresh: Custom,
    pub(crate) key_request: Custom,
    pub(crate) key_exchange: Custom,
}

/// Names in the configuration that are the protocol's for this identity provider.
pub(super) struct Chosen<'a> {
    pub(super) jwt_parameter: Option<&'a str>,
    pub(super) claims: Vec<&'a str>,
}

/// Reads all of them.
pub(super) fn read(reader: &mut Reader<'_>, chosen: &Chosen<'_>) -> Customs {
    let parameters: Vec<&str> = PARAMETERS.iter().copied().chain(chosen.jwt_parameter).collect();
    let claims = |own: &[&'static str]| -> Vec<&str> { own.iter().copied().chain(chosen.claims.clone()).collect() };
    let (login, assertion, refresh, key) = (claims(LOGIN), claims(ASSERTION), claims(REFRESH), claims(KEY));
    Customs {
        nonce: form(reader, "custom_nonce_request_values", PARAMETERS),
        login: Custom {
            form: form(reader, "custom_login_request_values", &parameters),
            header: members(reader, "custom_login_request_header_claims", HEADER, KEY_HINTS),
            claims: members(reader, "custom_login_request_body_claims", &login, REGISTERED),
        },
        assertion: Custom {
            form: Vec::new(),
            header: members(reader, "custom_assertion_request_header_claims", HEADER, KEY_HINTS),
            claims: members(reader, "custom_assertion_request_body_claims", &assertion, REGISTERED),
        },
        refresh: Custom {
            form: form(reader, "custom_refresh_request_values", &parameters),
            header: members(reader, "custom_refresh_request_header_claims", HEADER, KEY_HINTS),
            claims: members(reader, "custom_refresh_request_body_claims", &refresh, REGISTERED),
        },
        key_request: Custom {
            form: form(reader, "custom_key_request_values", &parameters),
            header: members(reader, "custom_key_request_header_claims", HEADER, KEY_HINTS),
            claims: members(reader, "custom_key_request_body_claims", &key, REGISTERED),
        },
        key_exchange: Custom {
            form: form(reader, "custom_key_exchange_request_values", &parameters),
            header: members(reader, "custom_key_exchange_request_header_claims", HEADER, KEY_HINTS),
            claims: members(reader, "custom_key_exchange_request_body_claims", &key, REGISTERED),
        },
    }
}

fn form(reader: &mut Reader<'_>, name: &'static str, taken: &[&str]) -> Vec<(String, String)> {
    let Some(Found { value, at }) = reader.form(name) else { return Vec::new() };
    for (name, _) in &value {
        if taken.contains(&name.as_str()) {
            reader.report(Level::Error, at, Some(name), OVERWRITES.to_owned());
        }
    }
    value
}

fn members(
    reader: &mut Reader<'_>,
    name: &'static str,
    taken: &[&str],
    shadowed: &[(&str, &str)],
) -> Map<String, Value> {
    let Some(Found { value, at }) = reader.object(name) else { return Map::new() };
    for name in value.keys() {
        if taken.contains(&name.as_str()) {
            reader.report(Level::Error, at, Some(name), OVERWRITES.to_owned());
        } else if let Some((_, meaning)) = shadowed.iter().find(|(shadowed, _)| shadowed == name) {
            let message = format!("it shadows a registered name, {meaning}, which the protocol does not use");
            reader.report(Level::Warning, at, Some(name), message);
        }
    }
    value
}

/// A name that would overwrite one of the protocol's own is refused.
pub(super) const OVERWRITES: &str = "the protocol uses this name itself, so it cannot be given a value here";

/// Fields of the forms.
pub(super) const PARAMETERS: &[&str] = &["platform_sso_version", "grant_type"];
/// Whether a claim of a login, refresh or key request has a meaning that every provider knows it by.
pub(crate) fn is_claim_of_a_request(name: &str) -> bool {
    let known = LOGIN.iter().chain(KEY).chain(&["request_nonce"]);
    known.copied().chain(REGISTERED.iter().map(|(name, _)| *name)).any(|known| known == name)
}

/// Members of the headers of JWS and JWE that decide how a message is read.
const HEADER: &[&str] = &["typ", "alg", "kid", "x5c", "crit", "b64", "enc", "epk", "apu", "apv", "zip"];
/// Claims of the login request, and of the requests that are like it.
pub(super) const LOGIN: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "iat",
    "exp",
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
/// Whether a message of any kind has a claim of this name.
pub(super) fn is_claim(name: &str) -> bool {
    [LOGIN, ASSERTION, REFRESH, KEY].iter().any(|claims| claims.contains(&name))
}

/// Claims of the embedded assertion, signed or encrypted.
const ASSERTION: &[&str] = &["iss", "sub", "aud", "iat", "exp", "nonce", "scope", "password"];
/// Claims of the refresh request, and those that it must not have.
const REFRESH: &[&str] = LOGIN;
/// Claims of key requests and key exchanges.
const KEY: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "iat",
    "exp",
    "nonce",
    "username",
    "jwe_crypto",
    "refresh_token",
    "version",
    "request_type",
    "key_purpose",
    "other_publickey",
    "key_context",
];
/// Claims with a meaning of their own (RFC 7519 4.1) that no message of the protocol has.
pub(super) const REGISTERED: &[(&str, &str)] =
    &[("nbf", "the time before which a token is not valid"), ("jti", "the id of a token")];
/// Header members that tell where a key is to be found (RFC 7515 4.1).
const KEY_HINTS: &[(&str, &str)] = &[
    ("jku", "the address of a key set"),
    ("jwk", "a key"),
    ("x5u", "the address of a certificate"),
    ("x5t", "the SHA-1 of a certificate"),
    ("x5t#S256", "the SHA-256 of a certificate"),
    ("cty", "the type of the content"),
];
