//! The assertion in a login request, which the smart card signed.
//!
//! Apple: "Creating an embedded assertion".

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jose::jws::Jws;
use jose::{Algorithm, KeyType, PublicKey};
use serde_json::Value;

use crate::certificate::chain::TrustStore;
use crate::certificate::{self, Holder, MAX_CERTIFICATE};
use crate::check::{Check, Refusal};
use crate::claims::Claims;
use crate::options::User;
use crate::party_info::is_key_id;

/// What an assertion must say to belong to its login request.
pub(super) struct Expected<'a> {
    pub(super) user: &'a User,
    pub(super) audience: &'a str,
    pub(super) nonce: &'a str,
    pub(super) request_nonce: &'a str,
    pub(super) scope: &'a str,
    pub(super) trust: &'a TrustStore,
    /// In seconds since 1970.
    pub(super) now: i64,
}

/// Checks an assertion, a compact JWS, and the certificate in it.
///
/// # Errors
/// The first check that does not hold.
pub(super) fn verify(token: &str, expected: &Expected<'_>) -> Result<Holder, Refusal> {
    let malformed = |_| Check::AssertionFormat.refuse("the assertion is not a compact JWS of a JSON object");
    let assertion = Jws::parse(token).map_err(malformed)?;
    let header = Claims(assertion.header());
    let typ = "platformsso-login-assertion+jwt";
    header.equals("typ", typ, typ, Check::AssertionTyp)?;

    let der = x5c(assertion.header().get("x5c"))?;
    let leaf = certificate::parse(&der).map_err(|why| Check::AssertionX5c.refuse(why))?;
    let key = PublicKey::from_spki_der(leaf.public_key().raw)
        .map_err(|_| Check::AssertionX5c.refuse("the key of the certificate is not supported"))?;
    let allowed = algorithms(&key)?;
    if !assertion.algorithm().is_ok_and(|algorithm| allowed.contains(&algorithm)) {
        return Err(Check::AssertionAlg.refuse("alg does not fit the key of the certificate"));
    }
    assertion
        .verify(&key, allowed)
        .map_err(|_| Check::AssertionSignature.refuse("the key of the certificate did not sign the assertion"))?;
    // What the kid of an RSA key is, nobody has published; such a key is known by its certificate.
    if let Some(point) = key.x963() {
        let kid = header.text("kid", Check::AssertionKid)?;
        if !is_key_id(kid, &point) {
            return Err(Check::AssertionKid.refuse("kid is not that of the certificate's key"));
        }
    }

    let claims = assertion.claims().map_err(malformed)?;
    let claims = Claims(&claims);
    let user = expected.user.name();
    claims.equals("iss", user, "the user of the login request", Check::AssertionIss)?;
    claims.equals("sub", user, "the user of the login request", Check::AssertionSub)?;
    claims.equals("aud", expected.audience, "our audience", Check::AssertionAud)?;
    claims.lifetime(expected.now, Check::AssertionIat, Check::AssertionExp)?;
    let same = "the one of the login request";
    claims.equals("nonce", expected.nonce, same, Check::AssertionNonce)?;
    claims.equals("request_nonce", expected.request_nonce, same, Check::AssertionRequestNonce)?;
    claims.equals("scope", expected.scope, same, Check::AssertionScope)?;

    certificate::check(&leaf, expected.trust, expected.user, expected.now)
}

/// The one certificate of `x5c`: a string in Apple's older samples, an array in the newer one and
/// in RFC 7515 section 4.1.6; standard base64 either way.
fn x5c(value: Option<&Value>) -> Result<Vec<u8>, Refusal> {
    let text = match value {
        Some(Value::String(text)) => Some(text),
        Some(Value::Array(certificates)) => match certificates.as_slice() {
            [Value::String(text)] => Some(text),
            _ => None,
        },
        _ => None,
    };
    text.filter(|text| text.len() <= MAX_CERTIFICATE * 4 / 3 + 4)
        .and_then(|text| BASE64_STANDARD.decode(text).ok())
        .ok_or_else(|| Check::AssertionX5c.refuse("x5c is not one certificate in base64"))
}

/// The algorithms that fit a key. Apple documents ES256 and the three for RSA; ES384 for P-384 is
/// the only other choice that JOSE leaves.
fn algorithms(key: &PublicKey) -> Result<&'static [Algorithm], Refusal> {
    match key.key_type() {
        KeyType::P256 => Ok(&[Algorithm::Es256]),
        KeyType::P384 => Ok(&[Algorithm::Es384]),
        KeyType::Rsa { bits: 2048..=4096 } => Ok(&[Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512]),
        _ => Err(Check::AssertionX5c.refuse("the key of the certificate is not supported")),
    }
}
