//! Inspecting what a nonce endpoint answers: `{"Nonce":"..."}`.

use serde_json::{Map, Value};

use super::{InspectOptions, Inspection, Kind, hide};
use crate::check::Verdict;

/// Nothing when this is no JSON object with a nonce in it.
pub(super) fn inspect(text: &str, options: &InspectOptions) -> Option<Inspection> {
    if !text.starts_with('{') {
        return None;
    }
    let answer = jose::json::parse_object("nonce answer", text.as_bytes()).ok()?;
    let (name, value) = answer.iter().find(|(name, _)| name.eq_ignore_ascii_case(NAME))?;
    let mut seen = Inspection::new(Kind::NonceAnswer, Map::new());
    let how = (name != NAME).then(|| format!("the name is \"{name}\", where the default is \"{NAME}\"; configure it"));
    seen.check(
        "request_nonce",
        match value {
            Value::String(nonce) if !nonce.is_empty() => {
                Verdict::holds(format!("{} characters", nonce.chars().count())).noting(how.as_deref())
            }
            _ => Verdict::fails("not a string, or empty"),
        },
    );
    seen.claims = Some(hide::claims(Kind::NonceAnswer, answer, options.show_secrets));
    Some(seen)
}

/// The default of `nonceResponseKeypath` (NONCE).
const NAME: &str = "Nonce";
