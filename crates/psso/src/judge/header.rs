//! The header of a JWS: `typ`, `alg`, `kid`, `x5c`.

use jose::jws::Jws;
use jose::{Algorithm, KeyType, PublicKey};
use serde_json::{Map, Value};

use super::kind::{Kind, media_type};
use crate::check::{Check, Record as _, Verdict};
use crate::error::shown;
use crate::kid::{key_id, same_key_id};
use crate::{assertion, clock, x5c};

/// `typ`, as it stands in the header; nothing where the message may have any.
pub(crate) fn typ(kind: Kind, typ: Option<&Value>) -> Option<Verdict> {
    let text = typ.and_then(Value::as_str);
    let lower = text.map(media_type);
    if kind == Kind::UnknownJws {
        let nearly = lower.is_some_and(|typ| typ.starts_with("platformsso-"));
        let why = || format!("\"{}\" is not a type of this protocol", shown(text.unwrap_or_default(), 80));
        return nearly.then(|| Verdict::fails(why()));
    }
    let documented = kind.typ()?;
    Some(match (lower.as_deref(), kind) {
        (Some(typ), _) if typ == documented => Verdict::holds("as documented"),
        (None, _) if typ.is_some() => Verdict::fails("it is not a text"),
        (None, Kind::LoginResponse | Kind::KeyResponse) => Verdict::holds("there is none, which a response may do"),
        (None, _) => Verdict::fails("there is none"),
        // Contradiction 3 of the documentation: so in one published sample.
        (Some(assertion::TYP), Kind::LoginRequest) => Verdict::deviates(format!(
            "the assertion's typ on a login request, as in one sample, where {documented} belongs"
        )),
        (Some("jwt"), _) => {
            Verdict::deviates(format!("JWT, the form of the SDK of macOS 13; {documented} from macOS 14 on"))
        }
        (Some(_), _) => Verdict::fails(format!("\"{}\" is not {documented}", shown(text.unwrap_or_default(), 80))),
    })
}

/// `alg`: one that is safe, and one that the sender of this message uses.
pub(crate) fn algorithm(kind: Kind, jws: &Jws) -> Verdict {
    use Algorithm::{Es256, Es384, Rs256};
    match jws.algorithm() {
        Err(error) => Verdict::fails(error.to_string()),
        Ok(Es384) if kind.is_of_a_device() => {
            Verdict::deviates("ES384, which a later list in Apple's API has; the page of the message has ES256 alone")
        }
        Ok(algorithm) if kind.is_of_a_device() && algorithm != Es256 => {
            Verdict::fails(format!("{algorithm}, where a device signs ES256"))
        }
        Ok(Es384) if kind == Kind::EmbeddedAssertion => {
            Verdict::deviates("ES384, which the assertion's page does not have; a later list in Apple's API has it")
        }
        Ok(algorithm) if kind == Kind::IdToken && !matches!(algorithm, Es256 | Rs256) => {
            Verdict::deviates(format!("{algorithm}, where the documentation has ES256 and RS256"))
        }
        Ok(algorithm) => Verdict::holds(algorithm.to_string()),
    }
}

/// `x5c`: what is to be said of it, and the certificate in it where it can be read. Nothing where there is none.
pub(crate) fn certificate(header: &Map<String, Value>, now: i64) -> Option<(Vec<Check>, Option<Certificate>)> {
    let value = header.get("x5c")?;
    let der = x5c::leaf(header)?.map_err(str::to_owned);
    let leaf = der.and_then(|der| x5c::read(&der).map(|leaf| Certificate { der, leaf }));
    let mut checks = Vec::new();
    let found = match leaf {
        Ok(found) => found,
        Err(why) => {
            checks.record("x5c", Verdict::fails(why));
            return Some((checks, None));
        }
    };
    let form = match value {
        Value::String(_) => Some("a bare string, as in samples up to 2023; RFC 7515 4.1.6 has an array"),
        Value::Array(list) if list.len() > 1 => Some("several certificates; Apple shows the first alone"),
        _ => None,
    };
    checks.record("x5c", Verdict::holds(found.leaf.subject.as_str()).noting(form));
    checks.record("x5c.validity", validity(found.leaf.validity, now));
    Some((checks, Some(found)))
}

/// A certificate that came in `x5c`.
pub(crate) struct Certificate {
    pub(crate) der: Vec<u8>,
    pub(crate) leaf: x5c::Leaf,
}

/// The dates of a certificate, both included (RFC 5280 4.1.2.5).
fn validity((from, to): (i64, i64), now: i64) -> Verdict {
    let verdict = match (now < from, now > to) {
        (true, _) => format!(", not yet valid: it is {}", clock::display(now)),
        (_, true) => format!(", expired: it is {}", clock::display(now)),
        _ => String::new(),
    };
    let dates = format!("{} to {}{verdict}", clock::display(from), clock::display(to));
    Verdict::of(verdict.is_empty(), dates.clone(), dates)
}

/// `kid` against the key that it should name, and whether it does; nothing where there is nothing to compare with.
///
/// An identity provider names its keys as it likes; everybody else by the hash of the key. What that is for an RSA key
/// nobody has published. `jwk_kid` is the name that a JWK Set gives the key.
pub(crate) fn kid(
    kind: Kind,
    kid: Option<&str>,
    key: &PublicKey,
    jwk_kid: Option<&str>,
) -> Option<(Option<bool>, Verdict)> {
    let free = matches!(kind, Kind::IdToken | Kind::UnknownJws);
    if free && jwk_kid.is_none() {
        return None;
    }
    let rsa = matches!(key.key_type(), KeyType::Rsa { .. });
    let computed = key_id(key);
    let wanted = jwk_kid.filter(|_| free || rsa).unwrap_or(&computed);
    let Some(kid) = kid else {
        return Some((Some(false), Verdict::fails("there is none")));
    };
    let matches = kid == wanted || (!free && same_key_id(kid, &computed));
    if rsa && jwk_kid.is_none() && !matches {
        let detail = format!("not documented for an RSA key; pivkit would write \"{computed}\"");
        return Some((None, Verdict::holds(detail)));
    }
    let bad = || format!("\"{}\" is not the key's, \"{}\"", shown(kid, 80), shown(wanted, 80));
    let verdict = if matches { Verdict::holds("names the key") } else { Verdict::fails(bad()) };
    Some((Some(matches), if free { verdict } else { verdict.noting(spelling(kid, &computed)) }))
}

/// How a `kid` is written otherwise than as documented.
pub(crate) fn spelling(kid: &str, computed: &str) -> Option<&'static str> {
    if kid == computed || !same_key_id(kid, computed) {
        return None;
    }
    let url = kid.contains(['-', '_']);
    Some(match (url, kid.ends_with('=') == computed.ends_with('=')) {
        (true, true) => "written in base64url; it should be standard base64",
        (true, false) => "written in base64url without padding; it should be standard base64 with padding",
        (false, _) => "written without padding; it should be standard base64 with padding",
    })
}

/// The part of a token that made the parser refuse it.
pub(crate) fn part_at_fault(error: &jose::Error) -> &'static str {
    match error {
        jose::Error::HeaderRefused { name, .. } => name,
        jose::Error::Malformed { what, .. } | jose::Error::Json { what, .. } => what,
        _ => "header",
    }
}
