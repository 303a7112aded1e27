//! The compact serialisation: parts of base64url between dots (RFC 7515 section 7.1, RFC 7516 section 7.1).

use serde_json::{Map, Value};

use crate::error::short;
use crate::{Error, base64url, json};

/// The longest token that is read, in bytes: 256 KiB.
pub const MAX_TOKEN_LEN: usize = 256 * 1024;

/// Splits a token into exactly `N` parts.
pub(crate) fn split<'a, const N: usize>(what: &'static str, token: &'a str) -> Result<[&'a str; N], Error> {
    if token.len() > MAX_TOKEN_LEN {
        return Err(Error::TooLarge { what, limit: MAX_TOKEN_LEN });
    }
    let parts: Vec<&str> = token.splitn(N + 1, '.').collect();
    parts.try_into().map_err(|_| Error::malformed(what, format!("not {N} parts between dots")))
}

/// Decodes a protected header and refuses what must not be ignored in any token.
pub(crate) fn header(part: &str) -> Result<Map<String, Value>, Error> {
    let header = json::parse_object("header", &base64url::decode("header", part)?)?;
    if header.contains_key("crit") {
        // RFC 7515 4.1.11: whoever does not understand an extension named there must refuse; none is understood.
        return Err(Error::HeaderRefused { name: "crit", why: "no critical extension is supported" });
    }
    Ok(header)
}

/// The value of a header member that must be text.
pub(crate) fn text<'a>(header: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, Error> {
    match header.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Error::malformed(name, "not a string")),
        None => Err(Error::malformed(name, "missing from the header")),
    }
}

/// An `alg` or `enc` that must be exactly one name.
pub(crate) fn exactly(
    header: &Map<String, Value>,
    name: &'static str,
    only: &str,
    why: &'static str,
) -> Result<(), Error> {
    match text(header, name)? {
        value if value == only => Ok(()),
        value => Err(Error::AlgorithmRefused { name: short(value), why }),
    }
}

/// The header of a compact JWS or JWE, with nothing verified: for choosing what to do with a token, or showing it.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Malformed`] or [`Error::Json`] when there is no readable header.
pub fn peek_header(token: &str) -> Result<Map<String, Value>, Error> {
    if token.len() > MAX_TOKEN_LEN {
        return Err(Error::TooLarge { what: "token", limit: MAX_TOKEN_LEN });
    }
    let (header, _) = token.split_once('.').ok_or_else(|| Error::malformed("token", "no dot in it"))?;
    json::parse_object("header", &base64url::decode("header", header)?)
}
