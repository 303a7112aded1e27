//! A signed assertion: by the smart card, whose certificate is in `x5c` or registered, or by a key that is registered for
//! the user (the Secure Enclave method).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jose::jws::Jws;
use jose::{Algorithm, KeyType, PublicKey};
use serde_json::Value;

use crate::certificate::{self, Holder, MAX_CERTIFICATE};
use crate::check::{Check, Refusal};
use crate::claims::Claims;
use crate::examination::{Examination, Stop, signature_form};
use crate::login::Authenticated;
use crate::login::assertion::{self, Expected};
use crate::mimic::Mimic;
use crate::party_info::{canonical_key_id, is_key_id};
use crate::reason;
use crate::redact::redacted;

/// Whose key signs.
enum Signatory {
    /// A card with this certificate, in DER.
    Card(Vec<u8>),
    /// A key that was registered for the user.
    Registered(PublicKey),
}

/// Checks an assertion, a compact JWS, and the certificate in it.
///
/// # Errors
/// The first check that does not hold.
pub(super) fn verify(x: &mut Examination<'_>, token: &str, expected: &Expected<'_>) -> Result<Authenticated, Stop> {
    let malformed = |error| format!("the assertion is not a compact JWS of a JSON object: {}", reason::of(&error));
    let parsed = Jws::parse(token).map_err(malformed);
    let assertion = x.trail.hold(Check::AssertionFormat, parsed)?;
    x.seen.assertion_header = Some(redacted(assertion.header()));
    let claims = assertion.claims().map_err(malformed);
    x.seen.assertion_claims = claims.as_ref().ok().map(redacted);

    let header = Claims(assertion.header());
    let typ = "platformsso-login-assertion+jwt";
    let older = x.idp.mimics(Mimic::Macos13) && header.equals("typ", "JWT", "").is_ok();
    x.trail.hold(Check::AssertionTyp, if older { Ok(()) } else { header.equals("typ", typ, typ) })?;
    match signatory(x, header, expected)? {
        Signatory::Registered(key) => {
            x.seen.method = Some("secure-enclave-key");
            signature(x, &assertion, &key, &[Algorithm::Es256])?;
            let claims = x.trail.hold(Check::AssertionFormat, claims)?;
            assertion::check(x, Claims(&claims), expected)?;
            Ok(Authenticated { method: "secure-enclave-key", holder: Holder::default(), certificate: None })
        }
        Signatory::Card(der) => {
            x.seen.method = Some("smart-card");
            let leaf = x.trail.hold(Check::AssertionX5c, certificate::parse(&der))?;
            x.seen.certificate = Some(certificate::summary(&leaf, &der));
            let unsupported = "the key of the certificate is not supported";
            let key = PublicKey::from_spki_der(leaf.public_key().raw).map_err(|_| unsupported);
            let key = x.trail.hold(Check::AssertionX5c, key)?;
            let allowed = x.trail.hold(Check::AssertionX5c, algorithms(&key).ok_or(unsupported))?;
            signature(x, &assertion, &key, allowed)?;
            // It must be there. What that of an RSA key is, nobody has published; such a key is known by its certificate.
            let right = header.text("kid").and_then(|kid| {
                let right = key.x963().is_none_or(|point| is_key_id(kid, &point));
                right.then_some(()).ok_or_else(|| "kid is not that of the certificate's key".to_owned())
            });
            x.trail.hold(Check::AssertionKid, right)?;
            let claims = x.trail.hold(Check::AssertionFormat, claims)?;
            assertion::check(x, Claims(&claims), expected)?;
            let pinned = x.idp.store.user_certificates(expected.user.name())?;
            let holder = certificate::check(&mut x.trail, &leaf, &der, &x.idp.policy, expected.user, &pinned, x.now)?;
            Ok(Authenticated { method: "smart-card", holder, certificate: Some(der) })
        }
    }
}

/// Whose key must have signed: the certificate of `x5c`, or without it the registered key that `kid` names.
fn signatory(x: &mut Examination<'_>, header: Claims<'_>, expected: &Expected<'_>) -> Result<Signatory, Stop> {
    if let Some(value) = header.0.get("x5c") {
        let der = x.trail.hold(Check::AssertionX5c, x5c(value))?;
        return Ok(Signatory::Card(der));
    }
    let user = expected.user.name();
    let kid = header.text("kid").ok().and_then(canonical_key_id);
    if let Some(kid) = &kid {
        if let Some(registered) = x.idp.store.user_key(user, kid)? {
            let here = registered.device == expected.device;
            let here = here.then_some(()).ok_or("the key of kid is registered for the user on another device");
            x.trail.hold(Check::AssertionUserKey, here)?;
            return Ok(Signatory::Registered(registered.key.public));
        }
        let pinned = x.idp.store.user_certificates(user)?;
        if let Some(certificate) = pinned.into_iter().find(|pinned| pinned.kid.as_ref() == Some(kid)) {
            return Ok(Signatory::Card(certificate.der));
        }
    }
    let why = "x5c is missing, and kid names no key or certificate that is registered for the user";
    Ok(x.trail.hold(Check::AssertionX5c, Err(why))?)
}

/// The algorithm fits, and the key signed.
fn signature(x: &mut Examination<'_>, assertion: &Jws, key: &PublicKey, allowed: &[Algorithm]) -> Result<(), Refusal> {
    let fits = assertion.algorithm().is_ok_and(|algorithm| allowed.contains(&algorithm));
    x.trail.hold(Check::AssertionAlg, fits.then_some(()).ok_or("alg does not fit the key"))?;
    let signed = assertion.verify(key, allowed).map_err(|_| match signature_form(assertion, key) {
        Some(why) => format!("the signature of the assertion is none: {why}"),
        None => "the key of the certificate or the user did not sign the assertion".to_owned(),
    });
    x.trail.hold(Check::AssertionSignature, signed)
}

/// The one certificate of `x5c`: a string in Apple's older samples, an array in the newer one and
/// in RFC 7515 section 4.1.6; standard base64 either way.
fn x5c(value: &Value) -> Result<Vec<u8>, &'static str> {
    let text = match value {
        Value::String(text) => Some(text),
        Value::Array(certificates) => match certificates.as_slice() {
            [Value::String(text)] => Some(text),
            _ => None,
        },
        _ => None,
    };
    text.filter(|text| text.len() <= MAX_CERTIFICATE * 4 / 3 + 4)
        .and_then(|text| BASE64_STANDARD.decode(text).ok())
        .ok_or("x5c is not one certificate in base64")
}

/// The algorithms that fit a key. Apple documents ES256 and the three for RSA; ES384 for P-384 is
/// the only other choice that JOSE leaves.
fn algorithms(key: &PublicKey) -> Option<&'static [Algorithm]> {
    match key.key_type() {
        KeyType::P256 => Some(&[Algorithm::Es256]),
        KeyType::P384 => Some(&[Algorithm::Es384]),
        KeyType::Rsa { bits: 2048..=4096 } => Some(&[Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512]),
        _ => None,
    }
}
