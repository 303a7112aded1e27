//! Why a token cannot be read, in words that quote nothing of it.

use jose::Error;

/// What is wrong with a token or a part of it, as the end of a sentence.
pub(crate) fn of(error: &Error) -> String {
    match error {
        Error::TooLarge { what, .. } => format!("the {what} is too large"),
        Error::Json { what, source } => format!("the {} {}", part(what), of_json(source)),
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

/// What is wrong with JSON, as what is said of its subject.
fn of_json(error: &serde_json::Error) -> &'static str {
    let text = error.to_string();
    let begins = |start: &str| text.starts_with(start);
    if begins("the member ") {
        "names a member twice"
    } else if begins("recursion limit") {
        "is nested too deeply"
    } else if begins("unexpected end of hex escape") || begins("lone leading surrogate") {
        "has a lone surrogate, half of a character in UTF-16"
    } else if begins("invalid unicode code point") {
        "is not UTF-8"
    } else if begins("trailing characters") {
        "has something behind its end"
    } else {
        "is not JSON"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_names_what_is_wrong_and_quotes_nothing() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for (json, expected) in [
            (&b"{\"secret\":1,\"secret\":2}"[..], "the JSON names a member twice"),
            (br#"{"secret":"\ud800"}"#, "the JSON has a lone surrogate, half of a character in UTF-16"),
            (br#"{"secret":"\ud800\u0041"}"#, "the JSON has a lone surrogate, half of a character in UTF-16"),
            (br#"{"secret":"\udc00"}"#, "the JSON has a lone surrogate, half of a character in UTF-16"),
            (deep.as_bytes(), "the JSON is nested too deeply"),
            (b"{\"secret\":\"\xff\"}", "the JSON is not UTF-8"),
            (b"{} secret", "the JSON has something behind its end"),
            (b"{\"secret\":", "the JSON is not JSON"),
            (b"[]", "the JSON is not a JSON object"),
        ] {
            let error = jose::json::parse_object("JSON", json).unwrap_err();
            assert_eq!(of(&error), expected, "{error:?}");
        }
    }
}
