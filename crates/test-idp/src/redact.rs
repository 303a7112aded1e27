//! What a log may show of a token: everything but what opens a door.
//!
//! Values are shown of members that the protocol names and that are no secret: of those in [`KNOWN`], and inside those in
//! [`CONTAINERS`]. Of all others only kind and length are shown, and of those whose name speaks of a password, a token or a
//! secret not even that. Embedded assertions are shown apart. Of a nonce of ours only the beginning is shown: enough to
//! compare two of them.

use serde_json::{Map, Value, json};

/// A header or claims set without secrets, of at most 16 KiB.
pub(crate) fn redacted(object: &Map<String, Value>) -> Value {
    let shown = Value::Object(members(object, &KNOWN, 0));
    if shown.to_string().len() > MAX_LENGTH { json!({"(left out)": "it is larger than 16 KiB"}) } else { shown }
}

/// What a log shows of the header of a token that nobody known has signed: `typ` and `kid`.
pub(crate) fn identifying(header: &Map<String, Value>) -> Value {
    let members = ["typ", "kid"].into_iter().filter_map(|name| Some((name.to_owned(), header.get(name)?.clone())));
    redacted(&members.filter(|(_, value)| value.is_string()).collect())
}

fn members(object: &Map<String, Value>, known: &[&str], depth: usize) -> Map<String, Value> {
    object
        .iter()
        .take(MAX_MEMBERS)
        .map(|(name, value)| (cut(name, MAX_NAME), member(name, value, known, depth)))
        .collect()
}

fn member(name: &str, value: &Value, known: &[&str], depth: usize) -> Value {
    let inside = CONTAINERS.iter().find(|(container, _)| *container == name).map(|(_, known)| *known);
    match (name, value) {
        ("assertion", _) => json!("(shown apart)"),
        ("x5c", _) => json!("(certificate, shown apart)"),
        ("request_nonce", Value::String(nonce)) => json!(cut(nonce, NONCE_SHOWN)),
        (_, Value::Object(object)) if known.contains(&name) && depth < MAX_DEPTH && inside.is_some() => {
            Value::Object(members(object, inside.unwrap_or_default(), depth + 1))
        }
        _ if known.contains(&name) => shown(value),
        _ if HIDDEN.iter().any(|word| name.to_ascii_lowercase().contains(word)) => json!("(hidden)"),
        _ => kind(value),
    }
}

/// The value of a known member: a text, a number, or a list of those.
fn shown(value: &Value) -> Value {
    match value {
        Value::String(text) if looks_like_a_token(text) => json!("(hidden, it looks like a token)"),
        Value::String(text) => json!(cut(text, MAX_TEXT)),
        Value::Array(values) => values
            .iter()
            .take(MAX_MEMBERS)
            .map(|value| if value.is_array() { kind(value) } else { shown(value) })
            .collect(),
        Value::Object(_) => kind(value),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// The kind of a value, and its length where it has one.
fn kind(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(format!("(text, {} characters)", text.chars().count())),
        Value::Array(values) => json!(format!("(list of {})", values.len())),
        Value::Object(members) => json!(format!("(object with {} members)", members.len())),
        Value::Number(_) => json!("(number)"),
        Value::Bool(_) => json!("(true or false)"),
        Value::Null => Value::Null,
    }
}

/// Two dots or more, and nothing but base64url between them.
fn looks_like_a_token(text: &str) -> bool {
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() > 60 && text.matches('.').count() >= 2 && text.bytes().all(base64url)
}

fn cut(text: &str, limit: usize) -> String {
    let mut characters = text.chars();
    let mut out: String = characters.by_ref().take(limit).collect();
    if characters.next().is_some() {
        out.push('…');
    }
    out
}

/// What a member's name must not contain for its length to be shown.
const HIDDEN: [&str; 7] = ["password", "passwd", "pwd", "secret", "token", "key_context", "pin"];

/// Members of the protocol, whose values are shown as they are.
const KNOWN: [&str; 27] = [
    "alg",
    "typ",
    "kid",
    "enc",
    "apu",
    "apv",
    "epk",
    "crit",
    "iss",
    "sub",
    "aud",
    "iat",
    "nbf",
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
    "jwe_crypto",
    "claims",
    "platform_sso_version",
];

/// Known members that are objects, with the known members in them. `claims` is the request for claims of an id_token (OpenID
/// Connect Core 5.5), as it asks for groups.
const CONTAINERS: [(&str, &[&str]); 5] = [
    ("jwe_crypto", &["alg", "enc", "apu", "apv"]),
    ("epk", &["kty", "crv", "x", "y"]),
    ("claims", &["id_token"]),
    ("id_token", &["groups"]),
    ("groups", &["essential", "value", "values"]),
];

const MAX_LENGTH: usize = 16 * 1024;
const MAX_MEMBERS: usize = 64;
const MAX_NAME: usize = 64;
const MAX_TEXT: usize = 512;
const MAX_DEPTH: usize = 4;
/// Characters of a nonce of ours.
const NONCE_SHOWN: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_whatever_their_name_and_form() {
        let token = format!("eyJ{}.eyJ{}.{}", "a".repeat(40), "b".repeat(40), "c".repeat(40));
        let claims = json!({
            "password": "opensesame", "UserPassword": 7, "refresh_token": "rt", "subject_token": "st",
            "assertion": token, "custom": token, "other": [token], "prt": "A".repeat(43), "key_context": "kc",
            "passwd": "opensesame", "pwd": "opensesame", "pin": "170954", "PIN": 170954, "prev": "opensesame.AAAAAAAA",
            "deep": {"x": "opensesame", "alg": ["opensesame"]}, "list": [{"iss": "opensesame"}], "id_token": token,
            "aud": [{"iss": "opensesame"}], "epk": {"d": "opensesame"}, "scope": token, "words": "opensesame and more",
            "claims": {"id_token": {"password": "opensesame", "nonce": "opensesame"}}, "iss": {"pin": 170954},
        });
        let shown = redacted(claims.as_object().unwrap()).to_string();
        for secret in ["opensesame", "\"rt\"", "\"st\"", "eyJa", "AAAAAAA", "\"kc\"", "170954", "7"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }

    #[test]
    fn what_helps_is_shown() {
        let claims = json!({
            "iss": "alice", "aud": "https://idp.example/psso/token", "nonce": "CBA6437A-ED3F-438C-B859-078E058F1851",
            "request_nonce": "abcdefghijklmnop", "iat": 1, "kid": "Uw3vsDb8umHUX05a6MCblEbypbHNGUM1MCE+X1hNa8Y=",
            "claims": {"id_token": {"groups": {"values": ["staff"]}}}, "custom": "some words here", "more": 7,
            "jwe_crypto": {"alg": "ECDH-ES", "enc": "A256GCM", "apv": "AAAABUFwcGxl"}, "flags": [true, {}], "o": {"a": 1},
        });
        let mut expected = claims.clone();
        for (member, shown) in [
            ("request_nonce", "abcdef…"),
            ("custom", "(text, 15 characters)"),
            ("more", "(number)"),
            ("flags", "(list of 2)"),
            ("o", "(object with 1 members)"),
        ] {
            expected[member] = json!(shown);
        }
        assert_eq!(redacted(claims.as_object().unwrap()), expected);
    }

    #[test]
    fn of_an_unsigned_token_little_is_shown() {
        let header = json!({"typ": "t", "alg": "ES256", "kid": "k".repeat(5000), "jwk": {"x": "y"}, "more": "m"});
        let shown = identifying(header.as_object().unwrap());
        assert_eq!(shown, json!({"typ": "t", "kid": "k".repeat(512) + "…"}));
        assert_eq!(identifying(json!({"typ": ["t"], "kid": 7}).as_object().unwrap()), json!({}));
    }

    #[test]
    fn sizes_are_bounded() {
        let many: Map<String, Value> = (0..1000).map(|n| (n.to_string(), json!("x y ".repeat(1000)))).collect();
        assert!(redacted(&many).to_string().len() < 20_000);
    }
}
