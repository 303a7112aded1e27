//! The id_token of a login response and its checks (PROC page of Apple's documentation; OpenID Connect Core 3.1.3.7).
//!
//! In this order, each under the name that an [`Error::Rejected`] carries:
//!
//! | check | holds when |
//! |---|---|
//! | `id_token` | it is a well-formed JWS with claims |
//! | `alg` | the algorithm is one of the configured ones, and the one of the key where the JWKS names one |
//! | `kid` | it names a usable key of the JWKS, one that is not for encryption alone |
//! | `signature` | it verifies with that key; of several with that name, with one that the algorithm can use |
//! | `nonce` | it is the nonce of this login |
//! | `iss` | it is the configured issuer |
//! | `aud` | it is the client id, or a list with the client id in it |
//! | `azp` | it is the client id, if it is there; it must be there when `aud` is a list |
//! | `iat` | it is not in the future |
//! | `nbf` | it is not in the future, if it is there |
//! | `exp` | it is in the future |
//! | `groups` | it is a list of texts, if it is there, and the configuration asks for groups; `group_response_claim` names it |
//! | `unique_identifier` | it is a text, and there where `unique_identifier_claim` is configured |
//!
//! Times may be off by [`CLOCK_SKEW`] seconds. They are numbers; strings of digits are read as well, because the
//! id_token that Apple publishes (VERIFY) has them.

use jose::jws::Jws;
use jose::{Algorithm, JwkSet, PublicKey};
use serde_json::{Map, Value};

use crate::Error;
use crate::clock::{CLOCK_SKEW, timely};
use crate::error::shown;

/// What an id_token must say.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) algorithms: &'a [Algorithm],
    /// The present, Unix time.
    pub(crate) now: i64,
}

/// Makes every check and returns the claims.
pub(crate) fn verify(token: &str, keys: &JwkSet, expected: &Expected<'_>) -> Result<Map<String, Value>, Error> {
    let jws = Jws::parse(token).map_err(|error| Error::rejected("id_token", error.to_string()))?;
    verify_signature(&jws, keys, expected.algorithms)?;
    let claims = jws.claims().map_err(|error| Error::rejected("id_token", error.to_string()))?;
    check_text(&claims, "nonce", expected.nonce, "the nonce of this login")?;
    check_text(&claims, "iss", expected.issuer, "the configured issuer")?;
    check_aud(&claims, expected.client_id)?;
    check_azp(&claims, expected.client_id)?;
    check_times(&claims, expected.now)?;
    Ok(claims)
}

/// The user's groups, out of verified claims; none where the claim is missing.
pub(crate) fn groups(claims: &Map<String, Value>, name: &str) -> Result<Vec<String>, Error> {
    let list = match claims.get(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(Error::rejected("groups", format!("{} is not a list", shown(name, 80)))),
    };
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    list.iter()
        .map(|group| {
            text(group).ok_or_else(|| Error::rejected("groups", "an entry is not a text with something in it"))
        })
        .collect()
}

/// What identifies the user for ever, out of verified claims.
pub(crate) fn unique_identifier(
    claims: &Map<String, Value>,
    name: &str,
    required: bool,
) -> Result<Option<String>, Error> {
    match claims.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        None if !required => Ok(None),
        None => Err(Error::rejected("unique_identifier", format!("{} is missing", shown(name, 80)))),
        Some(_) => {
            Err(Error::rejected("unique_identifier", format!("{} is not a text with something in it", shown(name, 80))))
        }
    }
}

/// Chooses the key of the set by `kid`, and verifies with it.
pub(crate) fn verify_signature(jws: &Jws, keys: &JwkSet, allowed: &[Algorithm]) -> Result<(), Error> {
    let refused = |error: jose::Error| Error::rejected("alg", error.to_string());
    let algorithm = jws.algorithm().map_err(refused)?;
    if !allowed.contains(&algorithm) {
        let why = format!("{algorithm} is not among the configured algorithms (id_token_algorithms)");
        return Err(Error::rejected("alg", why));
    }
    let kid = match jws.header().get("kid") {
        Some(Value::String(kid)) => kid,
        Some(_) => return Err(Error::rejected("kid", "it is not a text")),
        None => return Err(Error::rejected("kid", "it is missing, and so nothing says which key to take")),
    };
    let mut last = None;
    for jwk in keys.named(kid).filter(|jwk| jwk.may_verify() && jwk.suits(algorithm)).take(MAX_CANDIDATES) {
        let key = PublicKey::from_jwk(jwk).map_err(|error| Error::rejected("kid", error.to_string()));
        match key.and_then(|key| jws.verify(&key, allowed).map_err(signature_error)) {
            Ok(()) => return Ok(()),
            // A key that can be used says more than one that cannot.
            Err(error) => match last {
                Some(Error::Rejected { claim: "signature", .. }) => {}
                _ => last = Some(error),
            },
        }
    }
    Err(last.unwrap_or_else(|| none_suits(kid, keys, algorithm)))
}

fn signature_error(error: jose::Error) -> Error {
    match error {
        error @ jose::Error::Key { .. } => Error::rejected("alg", error.to_string()),
        error => Error::rejected("signature", error.to_string()),
    }
}

/// Why no key with this name can be tried; of several, the first one's reason.
fn none_suits(kid: &str, keys: &JwkSet, algorithm: Algorithm) -> Error {
    let Some(named) = keys.named(kid).next() else {
        return Error::rejected("kid", format!("no key \"{}\" is in the JWKS", shown(kid, 80)));
    };
    let Some(jwk) = keys.find(kid) else {
        let member = if named.key_use.as_deref() == Some("enc") { "use" } else { "key_ops" };
        return Error::rejected("kid", format!("the JWKS does not have this key for signatures ({member})"));
    };
    if jwk.alg.as_deref().is_some_and(|alg| alg != algorithm.name()) {
        return Error::rejected("alg", format!("the JWKS has this key for another algorithm than {algorithm}"));
    }
    match PublicKey::from_jwk(jwk) {
        Ok(_) => {
            Error::rejected("alg", format!("the JWKS has another kind of key under this kid than {algorithm} needs"))
        }
        Err(error) => Error::rejected("kid", error.to_string()),
    }
}

/// How many keys with one name are tried: two kinds and two generations are four.
const MAX_CANDIDATES: usize = 8;

fn check_text(claims: &Map<String, Value>, name: &'static str, expected: &str, meaning: &str) -> Result<(), Error> {
    match claims.get(name) {
        Some(Value::String(value)) if value == expected => Ok(()),
        Some(Value::String(value)) => {
            Err(Error::rejected(name, format!("\"{}\" is not {meaning}, \"{expected}\"", shown(value, 120))))
        }
        Some(_) => Err(Error::rejected(name, "it is not a string")),
        None => Err(Error::rejected(name, "it is missing")),
    }
}

fn check_aud(claims: &Map<String, Value>, client_id: &str) -> Result<(), Error> {
    let found = match claims.get("aud") {
        Some(Value::String(one)) => one == client_id,
        Some(Value::Array(list)) => {
            list.iter().all(Value::is_string) && list.iter().any(|one| one.as_str() == Some(client_id))
        }
        Some(_) => return Err(Error::rejected("aud", "it is neither a string nor a list")),
        None => return Err(Error::rejected("aud", "it is missing")),
    };
    if found { Ok(()) } else { Err(Error::rejected("aud", format!("it does not name the client id \"{client_id}\""))) }
}

/// Whether `azp` is missing where it must be there.
pub(crate) fn lacks_azp(claims: &Map<String, Value>) -> bool {
    claims.get("aud").is_some_and(Value::is_array) && !claims.contains_key("azp")
}

pub(crate) const MISSING_AZP: &str =
    "it is missing, and aud is a list: Apple's text asks for azp then, even if the list has one element";

fn check_azp(claims: &Map<String, Value>, client_id: &str) -> Result<(), Error> {
    match claims.get("azp") {
        None if lacks_azp(claims) => Err(Error::rejected("azp", MISSING_AZP)),
        None => Ok(()),
        Some(_) => check_text(claims, "azp", client_id, "the client id"),
    }
}

/// `iat`, `nbf` and `exp` are good; the first and the last are there.
fn check_times(claims: &Map<String, Value>, now: i64) -> Result<(), Error> {
    for (name, required) in [("iat", true), ("nbf", false), ("exp", true)] {
        let found = timely(claims, name, now, CLOCK_SKEW).map_err(|why| Error::rejected(name, why))?;
        if found.is_none() && required {
            return Err(Error::rejected(name, "it is missing"));
        }
    }
    Ok(())
}
