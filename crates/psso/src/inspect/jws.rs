//! Inspecting a JWS.

use jose::jws::Jws;
use jose::{Algorithm, JwkSet, PublicKey};
use serde_json::{Map, Value};

use super::{InspectOptions, Inspection, Kind, SignatureVerdict, VerificationKey, hide};
use crate::check::Verdict;
use crate::error::{shown, with_causes};
use crate::judge::{agreement, claims, header};
use crate::kid::{key_id, same_key_id};
use crate::party_info::PartyInfo;
use crate::{Error, id_token};

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
            Self::Outermost => Kind::of_jws(header.get("typ").and_then(Value::as_str), claims),
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

    if let Some(verdict) = header::typ(seen.kind, jws.header().get("typ")) {
        seen.check("typ", verdict);
    }
    seen.check("alg", header::algorithm(seen.kind, &jws));
    let leaf = header::certificate(jws.header(), options.clock().now).and_then(|(checks, certificate)| {
        let unjudged = |mut check: crate::Check| {
            if check.ok && check.name == "x5c" {
                check.detail.push_str("; its issuer is not checked");
            }
            check
        };
        seen.checks.extend(checks.into_iter().map(unjudged));
        certificate.map(|certificate| certificate.leaf.key)
    });
    check_signature(&mut seen, &jws, options, place, leaf.as_ref());
    match parsed {
        Ok(_) => seen.checks.extend(claims::judge(seen.kind, &claims, super::NONCE_CLAIM, options.clock())),
        Err(error) => seen.check("claims", Verdict::fails(with_causes(&error))),
    }
    if seen.kind == Kind::LoginRequest {
        inspect_assertion(&mut seen, &claims, options);
    }
    seen.claims = jws.claims().ok().map(|claims| hide::claims(seen.kind, claims, options.show_secrets));
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
    let part = header::part_at_fault(error);
    seen.check(part, Verdict::fails(with_causes(error)));
    if part != "signature" {
        let why = "not verified, because the token is refused as it stands";
        seen.check("signature", Verdict::not_checked(why));
    }
    seen.signature = Some(UNVERIFIED);
    seen.claims = claims.map(|claims| hide::claims(kind, claims, options.show_secrets));
    seen
}

const UNVERIFIED: SignatureVerdict = SignatureVerdict { valid: None, key: None };

/// Verifies with a given key; without one for this token, with that of the certificate in it where the protocol puts
/// one there. A signature that nobody verified is not one that can be relied on.
fn check_signature(seen: &mut Inspection, jws: &Jws, options: &InspectOptions, place: Place, leaf: Option<&PublicKey>) {
    let kid = jws.header_text("kid");
    let keys = &options.verification_keys;
    // An id_token is never good by a certificate of its own, and neither is what nobody recognises.
    let set: Vec<_> = keys.iter().filter_map(|key| key.entry.clone()).collect();
    if seen.kind == Kind::IdToken && !set.is_empty() {
        return check_by_the_set(seen, jws, &JwkSet::from(set));
    }
    let may_bring_its_key = (seen.kind.is_of_a_device() || seen.kind == Kind::EmbeddedAssertion)
        && (keys.is_empty() || !place.has_the_keys());
    if let Some(given) = choose(keys, jws, leaf, place) {
        if let Some(leaf) = leaf {
            let (good, bad) = ("is the given key", "is not the given key");
            let named = |detail| format!("{} {detail}", key_id(leaf));
            seen.check("x5c.key", Verdict::of(*leaf == given.key, named(good), named(bad)));
        }
        verify(seen, jws, &given.key, "given", "verifies with the given key");
        check_kid(seen, kid, &given.key, given.kid.as_deref());
    } else if let Some(leaf) = leaf.filter(|_| may_bring_its_key) {
        let good = "verifies with the certificate in x5c, which came with the message; whose it is was not checked";
        verify(seen, jws, leaf, "x5c", good);
        check_kid(seen, kid, leaf, None);
    } else {
        seen.signature = Some(UNVERIFIED);
        let why = if keys.is_empty() { "not verified: give --verification-key".to_owned() } else { no_key(kid) };
        seen.check("signature", Verdict::not_checked(why));
    }
}

/// Verifies an id_token with the key of a JWK Set that a client would take, and no other.
fn check_by_the_set(seen: &mut Inspection, jws: &Jws, set: &JwkSet) {
    let kid = jws.header_text("kid");
    let named = |kid| set.keys.iter().any(|key| key.kid.as_deref() == Some(kid));
    let (valid, verdict) = match id_token::verify_signature(jws, set, &Algorithm::ALL) {
        Ok(()) => (Some(true), Verdict::holds("verifies with the given key")),
        Err(Error::Rejected { claim: "signature", why }) => {
            (Some(false), Verdict::fails(format!("{why} (key from given)")))
        }
        Err(Error::Rejected { why, .. }) if kid.is_some_and(named) => {
            (None, Verdict::not_checked(format!("not verified: {why}")))
        }
        Err(_) => (None, Verdict::not_checked(no_key(kid))),
    };
    seen.signature = Some(SignatureVerdict { valid, key: valid.map(|_| "given") });
    seen.check("signature", verdict);
    if valid.is_some() {
        seen.kid_matches = Some(true);
        seen.check("kid", Verdict::holds("names the key"));
    }
}

/// Why no given key is this token's.
fn no_key(kid: Option<&str>) -> String {
    match kid {
        Some(kid) => format!("not verified: no given key is named by kid \"{}\"", shown(kid, 80)),
        None => "not verified: there is no kid that names one of the given keys".to_owned(),
    }
}

fn verify(seen: &mut Inspection, jws: &Jws, key: &PublicKey, name: &'static str, good: &str) {
    let verdict = jws.verify(key, &Algorithm::ALL);
    seen.signature = Some(SignatureVerdict { valid: Some(verdict.is_ok()), key: Some(name) });
    seen.check("signature", verdict.map(|()| good).map_err(|error| format!("{error} (key from {name})")));
}

fn check_kid(seen: &mut Inspection, kid: Option<&str>, key: &PublicKey, jwk_kid: Option<&str>) {
    if let Some((matches, verdict)) = header::kid(seen.kind, kid, key, jwk_kid) {
        seen.kid_matches = matches;
        seen.check("kid", verdict);
    }
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
        Err(error) => return seen.check("assertion", Verdict::fails(with_causes(&error))),
    };
    if inner.kind == Kind::EncryptedPasswordAssertion {
        check_apv(seen, outer, &inner);
    }
    if let Some(claims) = inner.claims.as_ref() {
        seen.checks.extend(agreement::judge(outer, claims, super::NONCE_CLAIM));
    }
    seen.assertion = Some(Box::new(inner));
}

/// An encrypted password is made for one nonce of the server.
fn check_apv(seen: &mut Inspection, outer: &Map<String, Value>, inner: &Inspection) {
    let apv = inner.header.get("apv").and_then(Value::as_str);
    let Some(apv) = apv.and_then(|apv| jose::base64url::decode("apv", apv).ok()) else {
        return;
    };
    let expected = outer.get(super::NONCE_CLAIM).and_then(Value::as_str).map(str::as_bytes);
    let verdict = match PartyInfo::parse(&apv) {
        Ok(info) => {
            let same = info.nonce.is_some() && info.nonce.as_deref() == expected;
            Verdict::of(same, "for the server's nonce of this request", "not for the server's nonce of this request")
        }
        Err(why) => Verdict::fails(why),
    };
    seen.check("assertion.apv", verdict);
}
