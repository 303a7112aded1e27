//! The content of a response, after decryption.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::kind::Kind;
use crate::check::{Check, Record as _, Verdict};
use crate::error::shown;
use crate::x5c;

/// What is particular to a response: lifetimes, the certificate and the key of the key service.
pub(crate) fn judge(kind: Kind, content: &Map<String, Value>) -> Vec<Check> {
    let mut checks = Vec::new();
    match kind {
        Kind::LoginResponse => {
            token_type(&mut checks, content);
            expires_in(&mut checks, content);
        }
        Kind::KeyResponse => {
            if let Some(value) = content.get("certificate") {
                checks.record("certificate", certificate(value));
            }
            if let Some(value) = content.get("key") {
                checks.record("key", exchanged_key(value));
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

fn expires_in(checks: &mut Vec<Check>, content: &Map<String, Value>) {
    let name = if content.contains_key("refresh_token_expires_in") { "refresh_token_expires_in" } else { "expires_in" };
    let verdict = match content.get(name) {
        None => return,
        Some(Value::Number(seconds)) if seconds.is_u64() => Verdict::holds(format!("{seconds} s")),
        Some(Value::String(text)) if text.parse::<u64>().is_ok() => {
            Verdict::holds(format!("{} s", shown(text, 20))).noting(Some("a string; it should be a number"))
        }
        Some(_) => Verdict::fails("not a number of seconds"),
    };
    checks.record(name, verdict);
}

/// The documentation has base64url; standard base64 is sent as well, and works.
fn certificate(value: &Value) -> Verdict {
    let Some(text) = value.as_str() else {
        return Verdict::fails("not a string");
    };
    let unpadded = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
    let Ok(der) = jose::base64url::decode("certificate", &unpadded) else {
        return Verdict::fails("neither base64url nor base64");
    };
    let how =
        (unpadded != text).then_some("written in another base64; the documentation has base64url without padding");
    Verdict::from(x5c::read(&der).map(|leaf| leaf.subject)).noting(how)
}

/// The X coordinate of the shared point, at its full width.
fn exchanged_key(value: &Value) -> Verdict {
    let decoded = value.as_str().and_then(|text| STANDARD.decode(text).ok()).map(Zeroizing::new);
    match decoded.as_ref().map(|key| key.len()) {
        Some(32) => Verdict::holds("32 bytes"),
        Some(len @ 24..32) => Verdict::fails(format!("{len} bytes, not 32: its zeros on the left are missing")),
        Some(len) => Verdict::fails(format!("{len} bytes, not 32")),
        None => Verdict::fails("not base64"),
    }
}
