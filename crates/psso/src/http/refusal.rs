//! Answers of another status than success, and answers that should be JSON and are not: what is told of them.
//!
//! | member | told |
//! |---|---|
//! | `error`, `error_description` | RFC 6749 5.2 |
//! | `errorCode`, `suberror` | what `invalidCredentialPredicate` is documented with (JWE page of Apple's documentation) |
//! | `check` | the name that some servers give to the check that failed |
//! | any other number, text, true or false | where there is no `error`: some servers have words of their own |
//!
//! All of it is text of a stranger: escaped, cut short, and no more than a few members. A word that is as long as a token is not
//! shown at all, nor is a member whose name says that it is a secret.

use serde_json::{Map, Value};

use super::HttpResponse;
use crate::Error;
use crate::error::shown;

/// An answer with another status than success, as far as it explains itself.
pub(crate) fn refusal(endpoint: &'static str, response: &HttpResponse) -> Error {
    let parsed = jose::json::parse_object("error", &response.body);
    let object = parsed.as_ref().ok();
    let member = |name: &str, limit: usize| {
        object?.get(name)?.as_str().filter(|text| !text.is_empty()).map(|text| harmless(text, limit))
    };
    let oauth_error = member("error", 80);
    let words = member("error_description", 300).or_else(|| match (response.status, &parsed) {
        (300..=399, _) => Some("a redirect, and redirects are not followed".to_owned()),
        (_, Err(error)) if !response.body.is_empty() => Some(no_object(response, error)),
        _ => None,
    });
    // Anything else is no refusal, but an answer of another kind.
    let refusing = object.filter(|_| response.status >= 400);
    let more = refusing.map(|object| members(object, oauth_error.is_none())).filter(|more| !more.is_empty());
    let description = match (words, more) {
        (Some(words), Some(more)) => Some(format!("{words} ({more})")),
        (words, more) => words.or(more),
    };
    Error::Endpoint { endpoint, status: response.status, oauth_error, description, check: member("check", 80) }
}

/// Why an answer is not the one JSON object that it should be.
pub(super) fn no_object(response: &HttpResponse, error: &jose::Error) -> String {
    match error {
        // Whatever it calls itself, it is JSON.
        jose::Error::Malformed { .. } => "JSON came, but not an object".to_owned(),
        jose::Error::Json { source, .. }
            if response.is_json() || response.body.trim_ascii_start().starts_with(b"{") =>
        {
            format!("its JSON is malformed ({})", shown(&source.to_string(), 120))
        }
        jose::Error::Json { .. } => format!("{} came, not JSON", response.describe()),
        other => other.to_string(),
    }
}

/// The members that tell more, by name and value.
fn members(object: &Map<String, Value>, all: bool) -> String {
    const SHOWN: [&str; 3] = ["error", "error_description", "check"];
    let is_wanted = |name: &str| matches!(name, "errorCode" | "suberror") || all;
    let told = object
        .iter()
        .filter(|(name, _)| is_wanted(name) && !is_secret(name))
        .filter(|(name, value)| !(SHOWN.contains(&name.as_str()) && value.is_string()))
        .filter_map(|(name, value)| {
            let value = match value {
                Value::String(text) if !text.is_empty() => harmless(text, MAX_WORD_LEN),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => return None,
            };
            Some(format!("{} {value}", harmless(name, 40)))
        });
    told.take(MAX_MEMBERS).collect::<Vec<_>>().join(", ")
}

/// Whether a member is one whose value is nobody's business, however short it is.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "nonce", "secret", "password", "assertion", "key"].iter().any(|part| name.contains(part))
}

/// Text fit to be shown, without the words that could be tokens.
fn harmless(text: &str, limit: usize) -> String {
    let is_token = |word: &str| word.chars().nth(MAX_WORD_LEN).is_some();
    let words = text.split(' ').map(|word| if is_token(word) { "…" } else { word });
    shown(&words.collect::<Vec<_>>().join(" "), limit)
}

/// How many members are told.
const MAX_MEMBERS: usize = 6;
/// Characters; the shortest token that a server gives out is about as long.
const MAX_WORD_LEN: usize = 100;
