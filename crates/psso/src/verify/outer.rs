//! What every request of a device has in common: its signature, the nonces, who it is for, how it wants its answer.

use jose::Algorithm;
use jose::jws::Jws;
use serde_json::{Map, Value};

use super::answer::Return;
use super::provider::{Device, Provider};
use super::trail::{Refusal, Trail};
use super::{Expected, Verifier};
use crate::check::{Check, Record as _, Verdict};
use crate::error::{shown, with_causes};
use crate::inspect::Kind;
use crate::judge::{claims, header};
use crate::kid::{canonical_key_id, key_id};
use crate::party_info::PartyInfo;
use crate::secret_json::SecretMap;

/// A request whose device, nonces and addressee are known to be right.
pub(super) struct Outer {
    /// They may hold a password or a refresh token, and are wiped.
    pub(super) claims: SecretMap,
    /// The device's signing key id, in the documented form.
    pub(super) device: String,
    /// The client's nonce.
    pub(super) nonce: String,
    /// Where its answer goes.
    pub(super) to: Return,
}

impl Outer {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    /// The user that the request names.
    pub(super) fn user(&self) -> Option<&str> {
        self.text("username")
    }
}

/// Verifies what all requests have in common. `kind` is the message that it must be.
pub(super) fn verify(
    verifier: &Verifier,
    token: &str,
    kind: Kind,
    provider: &mut dyn Provider,
    trail: &mut Trail,
) -> Result<Outer, Refusal> {
    let token = token.trim_ascii();
    let jws = match Jws::parse(token) {
        Ok(jws) => jws,
        Err(error) => return trail.refuse(header::part_at_fault(&error), with_causes(&error)),
    };
    let claims = jws.claims().map(|claims| SecretMap::from(Value::Object(claims)));
    let claims = trail.need("claims", claims.map_err(|error| with_causes(&error)))?;
    check_header(kind, &jws, &claims, trail)?;
    let (kid, device) = find_device(&jws, provider, trail)?;
    check_device_certificate(&jws, &device, verifier, trail)?;
    let verified = jws.verify(&device.signing, &[Algorithm::Es256, Algorithm::Es384]);
    let failed = |error: jose::Error| error.to_string();
    trail.check("signature", verified.map(|()| "the device's key signed it").map_err(failed))?;

    // From here on it is the device that speaks, and its nonce is spent, whatever it says.
    let expected = &verifier.expected;
    let spent = spend_nonce(&claims, expected, provider);
    let mut judged = claims::judge(kind, &claims, &expected.server_nonce_claim, verifier.clock());
    judged.extend(addressee(kind, &claims, expected));
    put(&mut judged, Check::new("request_nonce", spent));
    trail.checks(judged)?;

    let (apv, info) = trail.need("jwe_crypto", claims::requested_party_info(&claims))?;
    trail.check("jwe_crypto.key", encryption_key(&info, &device))?;
    let nonce = claims.get("nonce").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Outer { claims, device: kid, nonce, to: Return { key: device.encryption, apv, now: verifier.clock().now } })
}

fn check_header(kind: Kind, jws: &Jws, claims: &Map<String, Value>, trail: &mut Trail) -> Result<(), Refusal> {
    let typ = jws.header_text("typ");
    if Kind::of_jws(typ, claims) != kind && (typ.is_some() || !jws.header().contains_key("typ")) {
        let found = shown(typ.unwrap_or("nothing"), 80);
        return trail.refuse("typ", format!("\"{found}\", and {} was expected", kind.typ().unwrap_or_default()));
    }
    if let Some(verdict) = header::typ(kind, jws.header().get("typ")) {
        trail.check("typ", verdict)?;
    }
    trail.check("alg", header::algorithm(kind, jws))
}

fn find_device(jws: &Jws, provider: &mut dyn Provider, trail: &mut Trail) -> Result<(String, Device), Refusal> {
    let Some(kid) = jws.header_text("kid") else {
        return trail.refuse("kid", "there is none");
    };
    let documented = canonical_key_id(kid);
    let device = documented.as_ref().and_then(|kid| provider.device(kid));
    let (Some(documented), Some(device)) = (documented, device) else {
        return trail.refuse("kid", format!("\"{}\" names no registered device", shown(kid, 80)));
    };
    let how = header::spelling(kid, &key_id(&device.signing));
    trail.check("kid", Verdict::holds("names a registered device").noting(how))?;
    Ok((documented, device))
}

/// A device may send a certificate of its signing key; it says nothing that the registration does not.
fn check_device_certificate(jws: &Jws, device: &Device, verifier: &Verifier, trail: &mut Trail) -> Result<(), Refusal> {
    let Some((checks, certificate)) = header::certificate(jws.header(), verifier.clock().now) else {
        return Ok(());
    };
    trail.checks(checks.into_iter().filter(|check| check.name == "x5c"))?;
    match certificate {
        Some(certificate) => {
            let same = certificate.leaf.key == device.signing;
            let bad = "the certificate is of another key than the registered one";
            trail.check("x5c.key", Verdict::of(same, "is the registered key", bad))
        }
        None => Ok(()),
    }
}

fn spend_nonce(claims: &Map<String, Value>, expected: &Expected, provider: &mut dyn Provider) -> Verdict {
    match claims.get(&expected.server_nonce_claim).and_then(Value::as_str) {
        Some(nonce) => Verdict::from(provider.use_nonce(nonce).map(|()| "used up").map_err(|denied| denied.why)),
        None => Verdict::fails(format!("\"{}\" is missing, or not a string", shown(&expected.server_nonce_claim, 40))),
    }
}

/// Replaces the check of the same name, or adds it.
fn put(checks: &mut Vec<Check>, check: Check) {
    match checks.iter_mut().find(|other| other.name == check.name) {
        Some(other) => *other = check,
        None => checks.push(check),
    }
}

/// `iss`, `client_id` and `aud` against what this identity provider is.
fn addressee(kind: Kind, claims: &Map<String, Value>, expected: &Expected) -> Vec<Check> {
    let mut checks = Vec::new();
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let named = |name: &str| match text(name) {
        Some(value) if value == expected.client_id => Verdict::holds("the client id"),
        Some(value) => {
            Verdict::fails(format!("\"{}\" is not the client id, \"{}\"", shown(value, 80), expected.client_id))
        }
        None => Verdict::fails("missing, or not a string"),
    };
    match kind {
        // The table of the key service has no client_id, and the issuer is the client.
        Kind::KeyRequest => checks.record("iss", named("iss")),
        _ => checks.record("client_id", named("client_id")),
    }
    checks.record("aud", audience(kind, claims, expected));
    checks
}

fn audience(kind: Kind, claims: &Map<String, Value>, expected: &Expected) -> Verdict {
    let aud = match claims.get("aud") {
        Some(Value::String(aud)) => aud,
        None if kind == Kind::KeyRequest => return Verdict::holds("missing, as in every sample of a key request"),
        _ => return Verdict::fails("missing, or not a string"),
    };
    let is = |endpoint: &str| aud == endpoint;
    let (endpoint, name) = match kind {
        Kind::RefreshRequest => (&expected.refresh_endpoint, "the refresh endpoint"),
        Kind::KeyRequest => (&expected.audience, "the audience"),
        _ => (&expected.token_endpoint, "the token endpoint"),
    };
    if is(endpoint) || (kind == Kind::RefreshRequest && is(&expected.token_endpoint)) {
        return Verdict::holds(name);
    }
    let is_key_endpoint = expected.key_endpoint.as_deref().is_some_and(is);
    match kind {
        Kind::KeyRequest if is_key_endpoint || is(&expected.token_endpoint) => {
            Verdict::deviates("the URL of the endpoint; the table has the audience")
        }
        // Contradiction 1 of the documentation: the table of the login request links the key endpoint.
        Kind::LoginRequest if is_key_endpoint => Verdict::deviates("the key endpoint; it should be the token endpoint"),
        _ => Verdict::fails(format!("\"{}\" is not {name}, \"{endpoint}\"", shown(aud, 120))),
    }
}

/// The key in `apv` must be the registered one: an answer must not be encrypted to another device.
fn encryption_key(info: &PartyInfo, device: &Device) -> Verdict {
    match &device.encryption {
        None => Verdict::not_checked("no encryption key of the device is known"),
        Some(key) => Verdict::of(
            key.x963().as_ref() == Some(&info.point),
            "apv names the registered encryption key",
            "apv names another encryption key than the registered one",
        ),
    }
}
