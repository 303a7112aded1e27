//! What can be said of an id_token's claims without the configuration and the login that it belongs to.

use serde_json::{Map, Value};

use crate::Error;
use crate::check::{Check, Record as _, Verdict};
use crate::error::shown;
use crate::id_token::{self, lacks_azp};

/// `iss`, `aud`, `azp` and `sub`: their types, and that `azp` is one of `aud`, as a client has it.
pub(super) fn judge(checks: &mut Vec<Check>, claims: &Map<String, Value>) {
    let issuer =
        text(claims, "iss").map(|iss| format!("\"{iss}\"; not compared: it must be issuer of the configuration"));
    checks.record("iss", issuer);
    let audience = audience(claims);
    let found = audience.as_ref().map(|names| {
        format!("\"{}\"; not compared: client_id of the configuration must be in it", shown(&names.join("\", \""), 120))
    });
    checks.record("aud", found.map_err(|why| *why));
    if let Some(verdict) = azp(claims, &audience.unwrap_or_default()) {
        checks.record("azp", verdict);
    }
    match id_token::unique_identifier(claims, "sub", false) {
        Ok(None) => {}
        Ok(Some(sub)) => checks.record("sub", Verdict::holds(shown(&sub, 120))),
        Err(Error::Rejected { why, .. }) => checks.record("sub", Verdict::fails(why)),
        Err(other) => checks.record("sub", Verdict::fails(other.to_string())),
    }
}

fn text(claims: &Map<String, Value>, name: &str) -> Result<String, &'static str> {
    match claims.get(name) {
        None => Err("it is missing"),
        Some(Value::String(text)) if !text.is_empty() => Ok(shown(text, 120)),
        Some(_) => Err("it is not a text with something in it"),
    }
}

/// A text, or a list of texts with one in it at least.
fn audience(claims: &Map<String, Value>) -> Result<Vec<&str>, &'static str> {
    match claims.get("aud") {
        None => Err("it is missing"),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(list)) if list.is_empty() => Err("it is an empty list"),
        Some(Value::Array(list)) => {
            list.iter().map(Value::as_str).collect::<Option<_>>().ok_or("an entry of the list is not a text")
        }
        Some(_) => Err("it is neither a text nor a list"),
    }
}

/// `azp`: the client id, which is in `aud` as well. Nothing where it is missing and may be.
fn azp(claims: &Map<String, Value>, audience: &[&str]) -> Option<Verdict> {
    Some(match claims.get("azp") {
        None if lacks_azp(claims) => Verdict::fails(id_token::MISSING_AZP),
        None => return None,
        Some(Value::String(azp)) => {
            let named = format!("\"{}\"", shown(azp, 120));
            let good = format!("{named}, which is in aud; not compared: it must be client_id of the configuration");
            Verdict::of(audience.contains(&azp.as_str()), good, format!("{named} is not in aud"))
        }
        Some(_) => Verdict::fails("it is not a text"),
    })
}
