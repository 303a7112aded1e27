//! Time as the protocol counts it: whole seconds since 1970 (NumericDate, RFC 7519 section 2).

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How far two clocks may differ, in seconds, when `iat`, `nbf` and `exp` are judged (RFC 7519 4.1.4: "some small
/// leeway, usually no more than a few minutes").
pub const CLOCK_SKEW: i64 = 60;

/// How long a request is valid, in seconds: `exp` = `iat` + 300 in every published message.
pub(crate) const REQUEST_LIFETIME: i64 = 300;

/// The longest time that a request or an assertion may be made for, in seconds, unless a [`Verifier`](crate::verify::Verifier)
/// is told otherwise: twice what every published message has. A nonce need not be kept for longer.
pub const MAX_REQUEST_LIFETIME: i64 = 600;

/// The last second of the year 9999, the last that RFC 3339 can write.
pub(crate) const END_OF_TIME: i64 = 253_402_300_799;

/// The present moment.
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX))
}

/// A moment for people: RFC 3339 in UTC, or the bare number where no calendar reaches.
pub(crate) fn display(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{seconds} s"))
}

/// How a claim of time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A JSON number, as it should be; fractions of a second are dropped.
    Number(i64),
    /// A string of digits, as macOS 13 samples have it.
    Text(i64),
    /// There is none.
    Missing,
    /// Before 1970 or after 9999: no time that anybody means.
    Outside,
    /// Something else.
    Unreadable,
}

impl Moment {
    pub(crate) fn of(claims: &Map<String, Value>, name: &str) -> Self {
        match claims.get(name) {
            None => Self::Missing,
            Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(seconds), _) => Self::within(seconds, Self::Number),
                // The cast saturates, and what is past the end of i64 is outside.
                (None, Some(seconds)) if seconds.is_finite() => Self::within(seconds.floor() as i64, Self::Number),
                _ => Self::Unreadable,
            },
            // No sign and no white space, which a parser of numbers would take.
            Some(Value::String(text)) if is_digits(text) => {
                text.parse().map_or(Self::Outside, |seconds| Self::within(seconds, Self::Text))
            }
            Some(_) => Self::Unreadable,
        }
    }

    fn within(seconds: i64, moment: fn(i64) -> Self) -> Self {
        if (0..=END_OF_TIME).contains(&seconds) { moment(seconds) } else { Self::Outside }
    }

    /// The moment, however it is written; nothing where there is none. An error where it cannot be read.
    pub(crate) fn seconds(self) -> Result<Option<i64>, &'static str> {
        match self {
            Self::Number(seconds) | Self::Text(seconds) => Ok(Some(seconds)),
            Self::Missing => Ok(None),
            Self::Outside => Err("it is not a time in the years 1970 to 9999"),
            Self::Unreadable => Err("it is not a number of seconds"),
        }
    }
}

/// Whether a text is made of digits, and not empty.
pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The moment that a claim of time names, if it is good: `exp` is in the future, any other is not. Nothing where there is none; an
/// error says what is wrong. The client, `verify` and `inspect` all judge by this, the last without `skew`.
pub(crate) fn timely(claims: &Map<String, Value>, name: &str, now: i64, skew: i64) -> Result<Option<i64>, String> {
    let Some(moment) = Moment::of(claims, name).seconds()? else {
        return Ok(None);
    };
    let (good, wrong) = match name {
        "exp" => (moment > now.saturating_sub(skew), "expired"),
        _ => (moment <= now.saturating_add(skew), "in the future"),
    };
    if good { Ok(Some(moment)) } else { Err(format!("{}, {wrong}: it is {}", display(moment), display(now))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_moment_is_judged_to_the_second_and_the_skew() {
        let judge = |name: &str, moment: i64| {
            let claims = [(name.to_owned(), json!(moment))].into_iter().collect();
            timely(&claims, name, 1000, 60).is_ok()
        };
        for name in ["iat", "nbf"] {
            assert_eq!(
                [0, 1060, 1061, -1, i64::MIN].map(|moment| judge(name, moment)),
                [true, true, false, false, false]
            );
        }
        assert_eq!(
            [941, 940, END_OF_TIME, END_OF_TIME + 1, i64::MAX].map(|moment| judge("exp", moment)),
            [true, false, true, false, false]
        );
        assert_eq!(timely(&Map::new(), "exp", 0, 0), Ok(None));
    }

    #[test]
    fn every_way_to_write_a_moment() {
        let read = |value: Value| match json!({"iat": value}) {
            Value::Object(claims) => Moment::of(&claims, "iat"),
            _ => Moment::Missing,
        };
        assert_eq!(read(json!(1656005132)), Moment::Number(1656005132));
        assert_eq!(read(json!(1656005132.75)), Moment::Number(1656005132));
        assert_eq!(read(json!("1656005132")), Moment::Text(1656005132));
        assert_eq!(read(json!(253402300799.5)), Moment::Number(END_OF_TIME));
        assert_eq!(display(END_OF_TIME), "9999-12-31T23:59:59Z");
        for outside in
            [json!(-1), json!(-0.5), json!(1e300), json!(u64::MAX), json!(253402300800i64), json!("9".repeat(30))]
        {
            assert_eq!(read(outside.clone()), Moment::Outside, "{outside}");
        }
        for bad in [
            json!("soon"),
            json!(""),
            json!("+1656005132"),
            json!("-1"),
            json!(" 1656005132"),
            json!("1656005132 "),
            json!("1656005132.5"),
            json!("0x62b4"),
            json!(null),
            json!([1]),
            json!(true),
        ] {
            assert_eq!(read(bad), Moment::Unreadable);
        }
        assert_eq!(Moment::of(&Map::new(), "iat"), Moment::Missing);
        assert_eq!(display(1685737124), "2023-06-02T20:18:44Z");
        assert_eq!(display(i64::MAX), "9223372036854775807 s");
    }
}
