//! Reading claims, strictly: a missing claim and a claim of another type are both refused at the
//! check that needed it. What is wrong is told in words that quote nothing of the request.

use serde_json::{Map, Value};

/// The claims of one token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claims<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Claims<'a> {
    /// A claim that must be a string.
    pub(crate) fn text(self, name: &str) -> Result<&'a str, String> {
        match self.0.get(name) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(format!("{name} is not a string")),
            None => Err(format!("{name} is missing")),
        }
    }

    /// A claim that must be a string when it is there.
    pub(crate) fn optional_text(self, name: &str) -> Result<Option<&'a str>, String> {
        if self.0.contains_key(name) { self.text(name).map(Some) } else { Ok(None) }
    }

    /// A claim that must be exactly `expected`, which `what` describes.
    pub(crate) fn equals(self, name: &str, expected: &str, what: &str) -> Result<(), String> {
        if self.text(name)? == expected { Ok(()) } else { Err(format!("{name} is not {what}")) }
    }

    /// A claim that must be a JSON object.
    pub(crate) fn object(self, name: &str) -> Result<Claims<'a>, String> {
        match self.0.get(name) {
            Some(Value::Object(object)) => Ok(Claims(object)),
            Some(_) => Err(format!("{name} is not an object")),
            None => Err(format!("{name} is missing")),
        }
    }

    /// `iat`, which must not be in the future. In seconds since 1970, as `now`.
    pub(crate) fn issued(self, now: i64) -> Result<i64, String> {
        let issued = self.seconds("iat")?;
        if issued > now + CLOCK_SKEW { Err("iat is in the future".to_owned()) } else { Ok(issued) }
    }

    /// `exp`, which must not be past, nor more than five minutes after `issued`.
    pub(crate) fn expires(self, now: i64, issued: i64) -> Result<(), String> {
        let expires = self.seconds("exp")?;
        if expires <= now {
            return Err("exp is past".to_owned());
        }
        if expires <= issued || expires - issued > MAX_LIFETIME {
            return Err("exp is not within five minutes after iat".to_owned());
        }
        Ok(())
    }

    /// Whole seconds since 1970, as a number or as digits in a string: Apple's table has the one and some of its
    /// samples the other.
    fn seconds(self, name: &str) -> Result<i64, String> {
        let seconds = match self.0.get(name) {
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            Some(_) => None,
            None => return Err(format!("{name} is missing")),
        };
        seconds
            .filter(|seconds| (0..=LAST_SECOND).contains(seconds))
            .ok_or_else(|| format!("{name} is not a time in whole seconds"))
    }
}

/// How far a client's clock may be ahead of ours, in seconds.
const CLOCK_SKEW: i64 = 5;

/// The lifetime of Apple's login requests and assertions, in seconds.
const MAX_LIFETIME: i64 = 300;

/// 9999-12-31T23:59:59Z, the end of RFC 3339 time; keeps the arithmetic far from overflow.
const LAST_SECOND: i64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_700_000_000;

    fn lifetime(claims: &Value) -> Result<(), &'static str> {
        let claims = Claims(claims.as_object().unwrap());
        let issued = claims.issued(NOW).map_err(|_| "iat")?;
        claims.expires(NOW, issued).map_err(|_| "exp")
    }

    #[test]
    fn times_are_integers_or_digits_in_a_string() {
        let exp = NOW + 300;
        assert_eq!(lifetime(&json!({"iat": NOW, "exp": exp})), Ok(()));
        assert_eq!(lifetime(&json!({"iat": NOW.to_string(), "exp": exp.to_string()})), Ok(()));
        for iat in [
            json!(null),
            json!(""),
            json!("-1"),
            json!(-1),
            json!(1.5),
            json!("1e9"),
            json!(" 1700000000"),
            json!("99999999999999999999"),
            json!(i64::MAX),
            json!(u64::MAX),
            json!([NOW]),
        ] {
            assert_eq!(lifetime(&json!({"iat": iat, "exp": exp})), Err("iat"), "{iat}");
        }
        assert_eq!(lifetime(&json!({"exp": exp})), Err("iat"));
        assert_eq!(lifetime(&json!({"iat": NOW})), Err("exp"));
    }

    #[test]
    fn a_token_lives_at_most_five_minutes_around_now() {
        for (iat, exp, expected) in [
            (NOW + 5, NOW + 305, Ok(())),
            (NOW + 6, NOW + 306, Err("iat")),
            (NOW - 299, NOW + 1, Ok(())),
            (NOW - 300, NOW, Err("exp")),
            (NOW, NOW + 301, Err("exp")),
            (NOW + 5, NOW + 4, Err("exp")),
        ] {
            assert_eq!(lifetime(&json!({"iat": iat, "exp": exp})), expected);
        }
    }
}
