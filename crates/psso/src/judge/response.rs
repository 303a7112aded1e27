//! The content of a response, after decryption.

use serde_json::{Map, Value};

use super::kind::Kind;
use crate::check::{Check, Record as _, Verdict};
use crate::{clock, key_response, login_response};

/// What is particular to a response: lifetimes, the certificate and the key of the key service.
pub(crate) fn judge(kind: Kind, content: &Map<String, Value>) -> Vec<Check> {
    let mut checks = Vec::new();
    match kind {
        Kind::LoginResponse => {
            token_type(&mut checks, content);
            expires_in(&mut checks, content);
            if content.get("id_token").is_some_and(|token| !token.is_string()) {
                checks.record("id_token", Verdict::fails("not a text"));
            }
        }
        Kind::KeyResponse => {
            if let Some(value) = content.get("certificate") {
                checks.record("certificate", certificate(value));
            }
            if let Some(value) = content.get("key") {
                checks.record("key", exchanged_key(value));
            }
            match key_response::context(content) {
                Ok(None) => {}
                Ok(Some(len)) => checks.record("key_context", Verdict::holds(format!("{len} bytes"))),
                Err(why) => checks.record("key_context", Verdict::fails(why)),
            }
        }
        _ => {}
    }
    checks
}

/// `token_type` is "expected, but not verified" (PROC).
fn token_type(checks: &mut Vec<Check>, content: &Map<String, Value>) {
    let verdict = match content.get("token_type") {
        Some(Value::String(text)) if text.eq_ignore_ascii_case("Bearer") => Verdict::holds("Bearer"),
        None => Verdict::deviates("missing; it should be Bearer, and a Mac does not look"),
        _ => Verdict::deviates("it should be Bearer, and a Mac does not look"),
    };
    checks.record("token_type", verdict);
}

/// What says how long the refresh token is good, where there is one.
fn expires_in(checks: &mut Vec<Check>, content: &Map<String, Value>) {
    match login_response::refresh_lifetime(content, clock::now()) {
        Err((name, why)) => checks.record(name, Verdict::fails(why)),
        Ok(None) => checks.record("refresh_token", Verdict::deviates("there is none, so nothing can be refreshed")),
        Ok(Some((name, seconds))) => {
            let as_text = content.get(name).is_some_and(Value::is_string);
            let how = as_text.then_some("a string; it should be a number");
            checks.record(name, Verdict::holds(format!("{seconds} s")).noting(how));
        }
    }
}

/// The documentation has base64url; standard base64 is sent as well, and works.
fn certificate(value: &Value) -> Verdict {
    let Some(text) = value.as_str() else {
        return Verdict::fails("not a string");
    };
    let how = text
        .contains(['+', '/', '='])
        .then_some("written in another base64; the documentation has base64url without padding");
    Verdict::from(key_response::certificate(text).map(|(_, leaf)| leaf.subject)).noting(how)
}

/// The documentation has base64; base64url works as well.
fn exchanged_key(value: &Value) -> Verdict {
    let Some(text) = value.as_str() else {
        return Verdict::fails("not a string");
    };
    let standard = !text.contains(['-', '_']) && text.len().is_multiple_of(4);
    let how = (!standard).then_some("written in another base64; the documentation has standard base64 with padding");
    Verdict::from(key_response::shared_key(text).map(|key| format!("{} bytes", key.len()))).noting(how)
}
