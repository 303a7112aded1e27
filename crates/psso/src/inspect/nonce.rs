//! Inspecting what a nonce endpoint answers: `{"Nonce":"..."}`.

use serde_json::{Map, Value};

use super::{InspectOptions, Inspection, Kind, hide};
use crate::Error;
use crate::check::Verdict;

/// Inspects a JSON object, which must have a nonce in it.
pub(super) fn inspect(text: &str, options: &InspectOptions) -> Result<Inspection, Error> {
    let answer = jose::json::parse_object("JSON", text.as_bytes())
        .map_err(|error| Error::unreadable("this is no message, and no answer of a nonce endpoint", error))?;
    let Some((name, value)) = answer.iter().find(|(name, _)| name.eq_ignore_ascii_case(NAME)) else {
        return Err(Error::unreadable(
            format!("this is JSON, but there is no {NAME} in it, as in the answer of a nonce endpoint"),
            None,
        ));
    };
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
    Ok(seen)
}

/// The default of `nonceResponseKeypath` (NONCE).
const NAME: &str = "Nonce";
