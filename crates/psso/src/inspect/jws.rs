//! Inspecting a JWS.

use jose::jws::Jws;
use jose::{Algorithm, PublicKey};
use serde_json::{Map, Value};

use super::{InspectOptions, Inspection, Kind, SignatureVerdict, VerificationKey, claims, hide, unreadable};
use crate::error::shown;
use crate::kid::{key_id, same_key_id};
use crate::{Error, assertion, clock, login_request, x5c};

/// Where a token was found: whose key the given ones are depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The token that was given; a given key is meant for it, whatever its `kid` says.
    Outermost,
    /// Inside another token; a given key is meant for it only if its `kid` says so.
    Inside,
}

pub(super) fn inspect(token: &str, options: &InspectOptions, place: Place) -> Result<Inspection, Error> {
    let jws = Jws::parse(token).map_err(unreadable)?;
    let parsed = jws.claims();
    let claims = parsed.as_ref().cloned().unwrap_or_default();
    let kind = kind(jws.header_text("typ"), &claims);
    let mut seen = Inspection::new(kind, jws.header().clone());

    check_typ(&mut seen, &jws);
    check_alg(&mut seen, &jws);
    let leaf = check_x5c(&mut seen, &jws);
    check_signature(&mut seen, &jws, options, place, leaf);
    match parsed {
        Ok(_) => claims::check(&mut seen, &claims, options),
        Err(error) => seen.check("claims", false, format!("not a JSON object: {error}")),
    }
    if kind == Kind::LoginRequest {
        inspect_assertion(&mut seen, &claims, options);
    }
    seen.claims = jws.claims().ok().map(|claims| hide::hide(claims, kind, options.show_secrets));
    Ok(seen)
}

/// Which message it is: by `typ`, and where that is only `JWT` (SDK 13), by what is in it.
fn kind(typ: Option<&str>, claims: &Map<String, Value>) -> Kind {
    let has = |name: &str| claims.contains_key(name);
    let typ = typ.unwrap_or_default().to_ascii_lowercase();
    match typ.strip_prefix("application/").unwrap_or(&typ) {
        login_request::TYP => Kind::LoginRequest,
        // A published login request of the Secure Enclave method carries the assertion's typ.
        assertion::TYP if has("jwe_crypto") => Kind::LoginRequest,
        assertion::TYP => Kind::EmbeddedAssertion,
        "platformsso-refresh-request+jwt" => Kind::RefreshRequest,
        "platformsso-key-request+jwt" => Kind::KeyRequest,
        "" | "jwt" => match claims.get("grant_type").and_then(Value::as_str) {
            _ if has("request_type") && has("key_purpose") => Kind::KeyRequest,
            Some("refresh_token") if has("jwe_crypto") => Kind::RefreshRequest,
            _ if has("jwe_crypto") => Kind::LoginRequest,
            _ if has("nonce") && has("request_nonce") && has("scope") => Kind::EmbeddedAssertion,
            _ if has("iss") && has("aud") && has("exp") => Kind::IdToken,
            _ => Kind::UnknownJws,
        },
        _ => Kind::UnknownJws,
    }
}

fn check_typ(seen: &mut Inspection, jws: &Jws) {
    let typ = jws.header_text("typ");
    let detail = match (typ, seen.kind) {
        (_, Kind::UnknownJws | Kind::IdToken) => return,
        (Some(assertion::TYP), Kind::LoginRequest) => "the assertion's typ on a login request, as in one sample",
        (Some(typ), _) if typ.eq_ignore_ascii_case("JWT") => "JWT, the form of macOS 13",
        (Some(_), _) => "as documented",
        (None, _) => return seen.check("typ", false, "there is none"),
    };
    seen.check("typ", true, detail);
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

fn check_x5c(seen: &mut Inspection, jws: &Jws) -> Option<PublicKey> {
    let leaf = x5c::leaf(jws.header())?.map_err(str::to_owned).and_then(|certificate| x5c::read(&certificate));
    let form = if jws.header().get("x5c").is_some_and(Value::is_array) { "an array" } else { "a bare string" };
    match leaf {
        Ok(leaf) => {
            let (from, to) = leaf.validity;
            let validity = format!("valid {} to {}", clock::display(from), clock::display(to));
            seen.check("x5c", true, format!("{form}; {}; {validity}; its issuer is not checked", leaf.subject));
            Some(leaf.key)
        }
        Err(why) => {
            seen.check("x5c", false, format!("{form}: {why}"));
            None
        }
    }
}

fn check_signature(seen: &mut Inspection, jws: &Jws, options: &InspectOptions, place: Place, leaf: Option<PublicKey>) {
    let kid = jws.header_text("kid");
    let given = choose(&options.verification_keys, kid, place);
    let (key, name, jwk_kid) = match (given, leaf) {
        (Some(given), leaf) => {
            if let Some(leaf) = leaf.filter(|leaf| *leaf != given.key) {
                seen.check("x5c", false, format!("its key, {}, is not the given key", key_id(&leaf)));
            }
            (&given.key.clone(), "given", given.kid.as_deref())
        }
        (None, Some(leaf)) => (&leaf.clone(), "x5c", None),
        (None, None) => {
            seen.signature = Some(SignatureVerdict { valid: None, key: None });
            return;
        }
    };
    let verdict = jws.verify(key, &Algorithm::ALL);
    seen.signature = Some(SignatureVerdict { valid: Some(verdict.is_ok()), key: Some(name) });
    let verdict = verdict.map(|()| format!("verifies with the key from {name}")).map_err(|error| error.to_string());
    seen.verdict("signature", verdict);
    check_kid(seen, kid, key, jwk_kid);
}

/// An identity provider names its keys as it likes; everybody else by the hash of the key.
fn check_kid(seen: &mut Inspection, kid: Option<&str>, key: &PublicKey, jwk_kid: Option<&str>) {
    let computed = key_id(key);
    let free = matches!(seen.kind, Kind::IdToken | Kind::UnknownJws);
    if free && jwk_kid.is_none() {
        return;
    }
    let matches = kid.is_some_and(|kid| match jwk_kid {
        Some(jwk_kid) if free => kid == jwk_kid,
        _ => same_key_id(kid, &computed),
    });
    seen.kid_matches = Some(matches);
    let detail = match (kid, matches) {
        (Some(_), true) => "names the key".to_owned(),
        (Some(kid), false) => {
            format!(
                "\"{}\" is not the key's, \"{}\"",
                shown(kid, 80),
                shown(jwk_kid.filter(|_| free).unwrap_or(&computed), 80)
            )
        }
        (None, _) => "there is none".to_owned(),
    };
    seen.check("kid", matches, detail);
}

/// The given key that `kid` names; for the outermost token, the first one otherwise.
fn choose<'a>(keys: &'a [VerificationKey], kid: Option<&str>, place: Place) -> Option<&'a VerificationKey> {
    let named = keys
        .iter()
        .find(|key| kid.is_some_and(|kid| key.kid.as_deref() == Some(kid) || same_key_id(kid, &key_id(&key.key))));
    named.or_else(|| keys.first().filter(|_| place == Place::Outermost))
}

/// The assertion inside a login request, and what must agree between the two.
fn inspect_assertion(seen: &mut Inspection, outer: &Map<String, Value>, options: &InspectOptions) {
    let Some(Value::String(token)) = outer.get("assertion") else {
        return;
    };
    // An encrypted password is a JWE here; a SAML token is neither.
    let inner = match token.split('.').take(6).count() {
        3 => inspect(token, options, Place::Inside),
        5 => super::jwe::inspect(token, options),
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
