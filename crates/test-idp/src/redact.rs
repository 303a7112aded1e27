//! What a log may show of a token: everything but what opens a door.
//!
//! Hidden are members whose name speaks of a password, a token or a secret, embedded assertions (they are shown apart),
//! texts that look like a token, and, of members that the protocol does not name, texts that look like random bytes.
//! Of a nonce of ours only the beginning is shown: enough to compare two of them.

use serde_json::{Map, Value, json};

/// A header or claims set without secrets, of at most 16 KiB.
pub(crate) fn redacted(object: &Map<String, Value>) -> Value {
    let shown = Value::Object(members(object, 0));
    if shown.to_string().len() > MAX_LENGTH { json!({"(left out)": "it is larger than 16 KiB"}) } else { shown }
}

fn members(object: &Map<String, Value>, depth: usize) -> Map<String, Value> {
    object.iter().take(MAX_MEMBERS).map(|(name, value)| (cut(name), member(name, value, depth))).collect()
}

fn member(name: &str, value: &Value, depth: usize) -> Value {
    let lower = name.to_ascii_lowercase();
    match lower.as_str() {
        "assertion" => json!("(shown apart)"),
        "x5c" => json!("(certificate, shown apart)"),
        "request_nonce" => beginning(value),
        // The request for claims of an id_token (OpenID Connect Core 5.5), not a token.
        "id_token" if value.is_object() => shown(value, false, depth),
        _ if HIDDEN.iter().any(|word| lower.contains(word)) => json!("(hidden)"),
        _ => shown(value, KNOWN.contains(&name), depth),
    }
}

fn shown(value: &Value, known: bool, depth: usize) -> Value {
    match value {
        Value::String(text) if looks_like_a_token(text) => json!("(hidden, it looks like a token)"),
        Value::String(text) if !known && looks_random(text) => beginning(value),
        Value::String(text) => json!(cut(text)),
        Value::Array(_) | Value::Object(_) if depth >= MAX_DEPTH => json!("(left out)"),
        Value::Array(values) => values.iter().take(MAX_MEMBERS).map(|value| shown(value, known, depth + 1)).collect(),
        Value::Object(object) => Value::Object(members(object, depth + 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Two dots or more, and nothing but base64url between them.
fn looks_like_a_token(text: &str) -> bool {
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() > 60 && text.matches('.').count() >= 2 && text.bytes().all(base64url)
}

/// One long word without the marks of a URL, a UUID or a name.
fn looks_random(text: &str) -> bool {
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/' | b'=');
    text.len() >= 20 && text.bytes().all(base64) && uuid::Uuid::try_parse(text).is_err()
}

fn beginning(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(text.chars().take(6).chain(['…']).collect::<String>()),
        Value::Null => Value::Null,
        _ => json!("(not a text)"),
    }
}

fn cut(text: &str) -> String {
    let mut characters = text.chars();
    let mut out: String = characters.by_ref().take(MAX_TEXT).collect();
    if characters.next().is_some() {
        out.push('…');
    }
    out
}

/// What a member's name must not contain to be shown.
const HIDDEN: [&str; 4] = ["password", "secret", "token", "key_context"];

/// Members of the protocol, whose values are shown as they are.
const KNOWN: [&str; 26] = [
    "alg",
    "typ",
    "kid",
    "enc",
    "apu",
    "apv",
    "epk",
    "kty",
    "crv",
    "x",
    "y",
    "iss",
    "sub",
    "aud",
    "iat",
    "exp",
    "nonce",
    "scope",
    "client_id",
    "username",
    "grant_type",
    "version",
    "request_type",
    "key_purpose",
    "other_publickey",
    "amr",
];

const MAX_LENGTH: usize = 16 * 1024;
const MAX_MEMBERS: usize = 64;
const MAX_TEXT: usize = 512;
const MAX_DEPTH: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_by_name_and_by_form() {
        let token = format!("eyJ{}.eyJ{}.{}", "a".repeat(40), "b".repeat(40), "c".repeat(40));
        let claims = json!({
            "password": "opensesame", "UserPassword": 7, "refresh_token": "rt", "subject_token": "st",
            "assertion": token, "custom": token, "other": [token], "prt": "A".repeat(43), "key_context": "kc",
            "deep": {"password": "opensesame", "a": {"b": {"c": {"d": {"e": "too deep"}}}}},
        });
        let shown = redacted(claims.as_object().unwrap()).to_string();
        for secret in ["opensesame", "\"rt\"", "\"st\"", "eyJa", "AAAAAAA", "\"kc\"", "too deep", "7"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }

    #[test]
    fn what_helps_is_shown() {
        let claims = json!({
            "iss": "alice", "aud": "https://idp.example/psso/token", "nonce": "CBA6437A-ED3F-438C-B859-078E058F1851",
            "request_nonce": "abcdefghijklmnop", "iat": 1, "kid": "Uw3vsDb8umHUX05a6MCblEbypbHNGUM1MCE+X1hNa8Y=",
            "claims": {"id_token": {"groups": {"values": ["staff"]}}}, "custom": "some words here, twenty and more",
        });
        let mut expected = claims.clone();
        expected["request_nonce"] = json!("abcdef…");
        assert_eq!(redacted(claims.as_object().unwrap()), expected);
    }

    #[test]
    fn sizes_are_bounded() {
        let many: Map<String, Value> = (0..1000).map(|n| (n.to_string(), json!("x y ".repeat(1000)))).collect();
        assert!(redacted(&many).to_string().len() < 20_000);
    }
}
