//! JSON objects in which no member name occurs twice (RFC 7515 section 4, RFC 7519 section 4).
//!
//! Two parsers that keep different duplicates would see two different messages under one signature; so a
//! duplicate anywhere in the document, at any depth, is an error. At most [`MAX_JSON_LEN`] bytes and 128 levels.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::Error;

/// The largest JSON document that is read, in bytes.
pub const MAX_JSON_LEN: usize = 1 << 20;

/// Parses one JSON object; `what` names it in errors.
///
/// # Errors
/// [`Error::TooLarge`] over [`MAX_JSON_LEN`]; [`Error::Json`] when it is not JSON, has bytes after its end or names
/// a member twice; [`Error::Malformed`] when it is JSON but not an object.
pub fn parse_object(what: &'static str, bytes: &[u8]) -> Result<Map<String, Value>, Error> {
    if bytes.len() > MAX_JSON_LEN {
        return Err(Error::TooLarge { what, limit: MAX_JSON_LEN });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let why = format!("it is not UTF-8 at byte {}", error.valid_up_to() + 1);
        Error::Json { what, source: serde_json::Error::custom(why) }
    })?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|source| Error::Json { what, source: explained(text, source) })?;
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(Error::malformed(what, "not a JSON object")),
    }
}

/// The reason, where the parser's own words are of no help: what other languages write and JSON does not have.
fn explained(text: &str, source: serde_json::Error) -> serde_json::Error {
    if text.starts_with('\u{feff}') {
        return serde_json::Error::custom("a byte order mark at its beginning");
    }
    let place = format!("line {} column {}", source.line(), source.column());
    let told = source.to_string();
    if told.starts_with("unexpected end of hex escape") || told.starts_with("lone leading surrogate") {
        return serde_json::Error::custom(format!("half of a surrogate pair (\\uD800 to \\uDFFF) at {place}"));
    }
    let line = source.line().checked_sub(1).and_then(|line| text.split('\n').nth(line));
    // A column counts bytes, and is that of the last one read.
    let found = line.and_then(|line| line.get(source.column().checked_sub(1)?..)).unwrap_or_default();
    let name = found.trim_start_matches('-');
    if ["NaN", "Infinity"].iter().any(|other| name.starts_with(other)) {
        return serde_json::Error::custom(format!("NaN and Infinity are no numbers of JSON at {place}"));
    }
    source
}

/// Builds a [`Value`] and refuses a member name that occurs twice in one object.
#[derive(Clone, Copy)]
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Strict)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let value = access.next_value_seed(Strict)?;
            if map.contains_key(&name) {
                return Err(A::Error::custom(format!("the member {:?} occurs twice", crate::error::short(&name))));
            }
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_value_as_serde_json_when_names_are_unique() {
        let text = r#" {"a":1,"b":-2,"c":1.5,"d":"x\u0041","e":[true,null,{}],"f":{"a":{"a":18446744073709551615}}} "#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(Value::Object(parse_object("test", text.as_bytes()).unwrap()), expected);
    }

    #[test]
    fn duplicates_are_refused_at_every_depth() {
        for text in [
            r#"{"alg":"ES256","alg":"none"}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#"{"a":[{"b":1,"c":2,"b":3}]}"#,
            r#"{"alg":1,"\u0061lg":2}"#,
        ] {
            let error = parse_object("test", text.as_bytes()).unwrap_err();
            assert!(matches!(&error, Error::Json { source, .. } if source.to_string().contains("twice")), "{text}");
        }
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for text in ["", "[]", "1", "null", "{}{}", "{} x", "{\"a\":1,}", "{\"a\":NaN}", "\u{feff}{}"] {
            assert!(parse_object("test", text.as_bytes()).is_err(), "{text:?}");
        }
        for (text, reason) in [
            (
                &b"{\"a\":{\"b\":\"SECRET\",\"b\":\"SECRET\"}}"[..],
                "malformed test: the member \"b\" occurs twice at line 1",
            ),
            (b"{\"a\\u202e\":1,\"a\\u202e\":2}", r#"the member "a\u{202e}" occurs twice"#),
            (b"{\"a\":\"SECRET\xff\"}", "it is not UTF-8 at byte 13"),
            (b"{\"a\":\"SECRET\"}\n{}", "trailing characters at line 2"),
            (b"{\n\"a\": NaN}", "NaN and Infinity are no numbers of JSON at line 2"),
            (br#"{"a":"\ud800"}"#, r"half of a surrogate pair (\uD800 to \uDFFF) at line 1"),
            (br#"{"a":"\ud800\u0041"}"#, "half of a surrogate pair"),
            (br#"{"a":"\udc00"}"#, "half of a surrogate pair"),
            (b"{\"a\":[1,Infinity]}", "NaN and Infinity"),
            (b"{\"a\":-Infinity}", "NaN and Infinity"),
            (b"\xef\xbb\xbf{}", "a byte order mark"),
            (b"[\"SECRET\"]", "malformed test: not a JSON object"),
        ] {
            let told = parse_object("test", text).unwrap_err().to_string();
            assert!(told.contains(reason) && !told.contains("SECRET"), "{told}");
        }
        let twice = format!("{{\"{0}\":1,\"{0}\":2}}", "x".repeat(500));
        assert!(parse_object("test", twice.as_bytes()).unwrap_err().to_string().len() < 120);
        let nested = parse_object("test", format!("{{\"a\":{}", "[".repeat(5000)).as_bytes()).unwrap_err();
        assert!(nested.to_string().contains("recursion limit"), "{nested}");
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        assert!(parse_object("test", deep.as_bytes()).is_err());
        assert!(matches!(parse_object("test", &vec![b' '; MAX_JSON_LEN + 1]), Err(Error::TooLarge { .. })));
    }
}
