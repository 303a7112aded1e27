//! Inspecting a JWS.

use jose::jws::Jws;
use jose::{Algorithm, KeyType, PublicKey};
use serde_json::{Map, Value};

use super::{InspectOptions, Inspection, Kind, SignatureVerdict, VerificationKey, claims, hide};
use crate::error::shown;
use crate::kid::{key_id, same_key_id};
use crate::{Error, assertion, clock, login_request, x5c};

/// Where a token was found: what it must be, and whose key the given ones are, depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The token that was given.
    Outermost,
    /// Inside another token, where only this message may stand.
    Inside(Kind),
}

impl Place {
    fn kind(self, header: &Map<String, Value>, claims: &Map<String, Value>) -> Kind {
        match self {
            Self::Outermost => kind(header.get("typ").and_then(Value::as_str), claims),
            Self::Inside(kind) => kind,
        }
    }

    /// Whether the given keys are meant for this token whatever its `kid` says. Around an id_token is a JWE, which has
    /// no signature; around an assertion is a request with a signature of its own.
    fn has_the_keys(self) -> bool {
        matches!(self, Self::Outermost | Self::Inside(Kind::IdToken))
    }
}

pub(super) fn inspect(token: &str, options: &InspectOptions, place: Place) -> Result<Inspection, Error> {
    let header = super::header(token)?;
    let jws = match Jws::parse(token) {
        Ok(jws) => jws,
        Err(error) => return Ok(malformed(token, header, &error, options, place)),
    };
    let parsed = jws.claims();
    let claims = parsed.as_ref().cloned().unwrap_or_default();
    let mut seen = Inspection::new(place.kind(&header, &claims), header);

    check_typ(&mut seen, &jws);
    check_alg(&mut seen, &jws);
    let leaf = check_x5c(&mut seen, &jws, options);
    check_signature(&mut seen, &jws, options, place, leaf.as_ref());
    match parsed {
        Ok(_) => claims::check(&mut seen, &claims, options),
        Err(error) => seen.check("claims", false, format!("not a JSON object: {error}")),
    }
    if seen.kind == Kind::LoginRequest {
        inspect_assertion(&mut seen, &claims, options);
    }
    seen.claims = jws.claims().ok().map(|claims| hide::hide(claims, options.show_secrets));
    Ok(seen)
}

/// What can be said of a token that is refused before anything in it is judged: the part at fault, and the claims.
fn malformed(
    token: &str,
    header: Map<String, Value>,
    error: &jose::Error,
    options: &InspectOptions,
    place: Place,
) -> Inspection {
    let claims = token
        .split('.')
        .nth(1)
        .and_then(|payload| jose::base64url::decode("payload", payload).ok())
        .and_then(|payload| jose::json::parse_object("claims", &payload).ok());
    let kind = place.kind(&header, claims.as_ref().unwrap_or(&Map::new()));
    let mut seen = Inspection::new(kind, header);
    let part = match error {
        jose::Error::HeaderRefused { name, .. } => name,
        jose::Error::Malformed { what, .. } | jose::Error::Json { what, .. } => what,
        _ => "header",
    };
    seen.check(part, false, error.to_string());
    if part != "signature" {
        seen.check("signature", false, "not verified, because the token is refused as it stands");
    }
    seen.signature = Some(UNVERIFIED);
    seen.claims = claims.map(|claims| hide::hide(claims, options.show_secrets));
    seen
}

const UNVERIFIED: SignatureVerdict = SignatureVerdict { valid: None, key: None };

/// Which message it is: by `typ`, and where that is only `JWT` (SDK 13), by what is in it.
fn kind(typ: Option<&str>, claims: &Map<String, Value>) -> Kind {
    let has = |name: &str| claims.contains_key(name);
    // The issuer of an assertion is a user; that of an id_token is a server.
    let from_server = claims.get("iss").and_then(Value::as_str).is_some_and(|iss| iss.contains("://"));
    match media_type(typ.unwrap_or_default()).as_str() {
        login_request::TYP => Kind::LoginRequest,
        // A published login request of the Secure Enclave method carries the assertion's typ.
        assertion::TYP if has("jwe_crypto") => Kind::LoginRequest,
        assertion::TYP => Kind::EmbeddedAssertion,
        REFRESH_TYP => Kind::RefreshRequest,
        KEY_TYP => Kind::KeyRequest,
        "" | "jwt" => match claims.get("grant_type").and_then(Value::as_str) {
            _ if has("request_type") && has("key_purpose") => Kind::KeyRequest,
            Some("refresh_token") if has("jwe_crypto") => Kind::RefreshRequest,
            _ if has("jwe_crypto") => Kind::LoginRequest,
            _ if has("nonce") && has("request_nonce") && has("scope") && !from_server => Kind::EmbeddedAssertion,
            _ if has("iss") && has("aud") && (has("exp") || from_server) => Kind::IdToken,
            _ => Kind::UnknownJws,
        },
        _ => Kind::UnknownJws,
    }
}

const REFRESH_TYP: &str = "platformsso-refresh-request+jwt";
const KEY_TYP: &str = "platformsso-key-request+jwt";

/// `typ` without the prefix that RFC 7515 4.1.9 lets one leave out, in lower case.
fn media_type(typ: &str) -> String {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ).to_owned()
}

fn check_typ(seen: &mut Inspection, jws: &Jws) {
    let documented = match seen.kind {
        Kind::LoginRequest => login_request::TYP,
        Kind::EmbeddedAssertion => assertion::TYP,
        Kind::RefreshRequest => REFRESH_TYP,
        Kind::KeyRequest => KEY_TYP,
        Kind::UnknownJws => "a type of this protocol",
        // An id_token may have any.
        _ => return,
    };
    let typ = jws.header_text("typ");
    let verdict = match (typ.map(media_type).as_deref(), seen.kind) {
        (Some(typ), Kind::UnknownJws) if !typ.starts_with("platformsso-") => return,
        (None, Kind::UnknownJws) => return,
        (None, _) => Err("there is none".to_owned()),
        (Some(typ), _) if typ == documented => Ok("as documented"),
        (Some(assertion::TYP), Kind::LoginRequest) => Ok("the assertion's typ on a login request, as in one sample"),
        (Some("jwt"), _) => Ok("JWT, the form of macOS 13"),
        (Some(typ), _) => Err(format!("\"{}\" is not {documented}", shown(typ, 80))),
    };
    seen.verdict("typ", verdict.map(str::to_owned));
}

fn check_alg(seen: &mut Inspection, jws: &Jws) {
    let from_device = matches!(seen.kind, Kind::LoginRequest | Kind::RefreshRequest | Kind::KeyRequest);
    let verdict = match jws.algorithm() {
        Ok(Algorithm::Es384) if from_device => {
            Ok("ES384, which a later list in Apple's API has and the message's page does not".to_owned())
        }
        Ok(algorithm) if from_device && algorithm != Algorithm::Es256 => {
            Err(format!("{algorithm}, where a device signs ES256"))
        }
        Ok(algorithm) => Ok(algorithm.to_string()),
        Err(error) => Err(error.to_string()),
    };
    seen.verdict("alg", verdict);
}

fn check_x5c(seen: &mut Inspection, jws: &Jws, options: &InspectOptions) -> Option<PublicKey> {
    let leaf = x5c::leaf(jws.header())?.map_err(str::to_owned).and_then(|certificate| x5c::read(&certificate));
    let form = if jws.header().get("x5c").is_some_and(Value::is_array) { "an array" } else { "a bare string" };
    match leaf {
        Ok(leaf) => {
            seen.check("x5c", true, format!("{form}; {}; its issuer is not checked", leaf.subject));
            let ((from, to), at) = (leaf.validity, options.moment());
            let verdict = match (at < from, at > to) {
                (true, _) => format!(", not yet valid: it is {}", clock::display(at)),
                (_, true) => format!(", expired: it is {}", clock::display(at)),
                _ => String::new(),
            };
            let dates = format!("{} to {}{verdict}", clock::display(from), clock::display(to));
            seen.check("x5c.validity", verdict.is_empty(), dates);
            Some(leaf.key)
        }
        Err(why) => {
            seen.check("x5c", false, format!("{form}: {why}"));
            None
        }
    }
}

/// Verifies with a given key; without one for this token, with that of the certificate in it where the protocol puts
/// one there. A signature that nobody verified is a check that fails.
fn check_signature(seen: &mut Inspection, jws: &Jws, options: &InspectOptions, place: Place, leaf: Option<&PublicKey>) {
    let kid = jws.header_text("kid");
    let keys = &options.verification_keys;
    // An id_token is never good by a certificate of its own, and neither is what nobody recognises.
    let may_bring_its_key =
        matches!(seen.kind, Kind::LoginRequest | Kind::EmbeddedAssertion | Kind::RefreshRequest | Kind::KeyRequest)
            && (keys.is_empty() || !place.has_the_keys());
    if let Some(given) = choose(keys, jws, leaf, place) {
        if let Some(leaf) = leaf {
            let same = *leaf == given.key;
            let detail = if same { "is the given key" } else { "is not the given key" };
            seen.check("x5c.key", same, format!("{} {detail}", key_id(leaf)));
        }
        verify(seen, jws, &given.key, "given", "verifies with the given key");
        check_kid(seen, kid, &given.key, given.kid.as_deref());
    } else if let Some(leaf) = leaf.filter(|_| may_bring_its_key) {
        let good = "verifies with the certificate in x5c, which came with the message; whose it is was not checked";
        verify(seen, jws, leaf, "x5c", good);
        check_kid(seen, kid, leaf, None);
    } else {
        seen.signature = Some(UNVERIFIED);
        let why = match kid {
            _ if keys.is_empty() => "not verified: give --verification-key".to_owned(),
            Some(kid) => format!("not verified: no given key is named by kid \"{}\"", shown(kid, 80)),
            None => "not verified: there is no kid that names one of the given keys".to_owned(),
        };
        seen.check("signature", false, why);
    }
}

fn verify(seen: &mut Inspection, jws: &Jws, key: &PublicKey, name: &'static str, good: &str) {
    let verdict = jws.verify(key, &Algorithm::ALL);
    seen.signature = Some(SignatureVerdict { valid: Some(verdict.is_ok()), key: Some(name) });
    let failed = |error| format!("{error} (key from {name})");
    seen.verdict("signature", verdict.map(|()| good.to_owned()).map_err(failed));
}

/// An identity provider names its keys as it likes; everybody else by the hash of the key. What that is for an RSA key
/// nobody has published.
fn check_kid(seen: &mut Inspection, kid: Option<&str>, key: &PublicKey, jwk_kid: Option<&str>) {
    let free = matches!(seen.kind, Kind::IdToken | Kind::UnknownJws);
    if free && jwk_kid.is_none() {
        return;
    }
    let rsa = matches!(key.key_type(), KeyType::Rsa { .. });
    let computed = key_id(key);
    let wanted = jwk_kid.filter(|_| free || rsa).unwrap_or(&computed);
    let Some(kid) = kid else {
        seen.kid_matches = Some(false);
        return seen.check("kid", false, "there is none");
    };
    let matches = kid == wanted || (!free && same_key_id(kid, &computed));
    if rsa && jwk_kid.is_none() && !matches {
        let detail = format!("not documented for an RSA key; pivkit would write \"{computed}\"");
        return seen.check("kid", true, detail);
    }
    seen.kid_matches = Some(matches);
    let detail = if matches {
        "names the key".to_owned()
    } else {
        format!("\"{}\" is not the key's, \"{}\"", shown(kid, 80), shown(wanted, 80))
    };
    seen.check("kid", matches, detail);
}

/// The given key for this token: the one that `kid` names or the certificate carries; where the given keys are meant
/// for this token, a key without a name, or the only one.
fn choose<'a>(
    keys: &'a [VerificationKey],
    jws: &Jws,
    leaf: Option<&PublicKey>,
    place: Place,
) -> Option<&'a VerificationKey> {
    let kid = jws.header_text("kid");
    let named = |key: &&VerificationKey| {
        kid.is_some_and(|kid| key.kid.as_deref() == Some(kid) || same_key_id(kid, &key_id(&key.key)))
    };
    let possible = || keys.iter().filter(|key| place.has_the_keys() && (key.kid.is_none() || keys.len() == 1));
    keys.iter()
        .find(named)
        .or_else(|| keys.iter().find(|key| leaf == Some(&key.key)))
        .or_else(|| possible().find(|key| jws.verify(&key.key, &Algorithm::ALL).is_ok()))
        .or_else(|| possible().next())
}

/// The assertion inside a login request, and what must agree between the two.
fn inspect_assertion(seen: &mut Inspection, outer: &Map<String, Value>, options: &InspectOptions) {
    let Some(Value::String(token)) = outer.get("assertion") else {
        return;
    };
    // An encrypted password is a JWE here; a SAML token is neither.
    let inner = match token.split('.').take(6).count() {
        3 => inspect(token, options, Place::Inside(Kind::EmbeddedAssertion)),
        5 => super::jwe::inspect(token, options, Some(Kind::EncryptedPasswordAssertion)),
        _ => return,
    };
    let inner = match inner {
        Ok(inner) => inner,
        Err(error) => return seen.check("assertion", false, error.to_string()),
    };
    if let Some(claims) = inner.claims.as_ref() {
        for name in ["nonce", "request_nonce", "scope"] {
            let agree = outer.get(name) == claims.get(name);
            seen.check(format!("assertion.{name}"), agree, if agree { "equal" } else { "not equal to the request's" });
        }
        let user = outer.get("username").or_else(|| outer.get("sub"));
        let agree = user.is_some() && claims.get("sub") == user;
        seen.check("assertion.sub", agree, if agree { "the same user" } else { "not the request's user" });
    }
    seen.assertion = Some(Box::new(inner));
}
