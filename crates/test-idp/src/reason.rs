//! Why a token cannot be read, in words that quote none of its values.

use jose::Error;

/// What is wrong with a token or a part of it, as the end of a sentence.
pub(crate) fn of(error: &Error) -> String {
    match error {
        Error::TooLarge { what, .. } => format!("the {what} is too large"),
        Error::Json { what, source } => format!("the {} is not acceptable, {source}", part(what)),
        Error::HeaderRefused { name, .. } => format!("its header has {name}, which is not supported"),
        Error::Key { why } if why == "the point is not on its curve" => "epk is not a point on its curve".to_owned(),
        Error::Key { .. } => "epk is not a key on P-256 with coordinates of 32 bytes".to_owned(),
        // These two say what of the form is not there.
        Error::Malformed { what: "JWS" | "JWE", why } => format!("it has {why}"),
        Error::Malformed { what, why } if why == "not a JSON object" => {
            format!("the {} is not a JSON object", part(what))
        }
        Error::Malformed { what, .. } => format!("its {what} is malformed"),
        _ => "it cannot be read".to_owned(),
    }
}

/// A part of a token, as a word in the singular.
fn part(what: &'static str) -> &'static str {
    if what == "claims" { "payload" } else { what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_names_what_is_wrong_and_quotes_no_value() {
        for (json, expected) in [
            (&b"{\"a\":\"SECRET\",\"a\":1}"[..], "the JSON is not acceptable, the member \"a\" occurs twice"),
            (b"{\"a\":\"SECRET\xff\"}", "the JSON is not acceptable, it is not UTF-8 at byte 13"),
            (b"{} SECRET", "the JSON is not acceptable, trailing characters"),
            (b"[\"SECRET\"]", "the JSON is not a JSON object"),
        ] {
            let error = jose::json::parse_object("JSON", json).unwrap_err();
            assert!(of(&error).starts_with(expected) && !of(&error).contains("SECRET"), "{error:?}");
        }
    }
}
