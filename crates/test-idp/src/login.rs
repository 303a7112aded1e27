//! The login request, checked from the outside in: the device that signed it, then what it says,
//! then the assertion in it, then the certificate of that.
//!
//! Apple: "Creating and validating a login request". The order is that of [`Check`]. The nonce is
//! used up by the first request that carries it under the signature of a registered device,
//! whatever else is wrong with that request.

mod assertion;

use std::time::Instant;

use jose::jws::Jws;
use jose::{Algorithm, base64url};
use uuid::Uuid;

use crate::certificate::Holder;
use crate::check::{Check, Refusal};
use crate::claims::Claims;
use crate::device::{Device, DeviceKey};
use crate::idp::Idp;
use crate::options::User;
use crate::party_info::{apv, canonical_key_id};

/// A login that passed every check.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// The name of the user.
    pub(crate) user: String,
    /// Whom the certificate speaks for.
    pub(crate) holder: Holder,
    /// The client's nonce.
    pub(crate) nonce: String,
    /// The key of the device to which the answer is encrypted.
    pub(crate) encryption: DeviceKey,
}

/// Checks a login request, a compact JWS.
///
/// `endpoint` is the URL at which it arrived, `request_id` the `client-request-id` that came with it; `now` is in seconds
/// since 1970.
///
/// # Errors
/// The first check that does not hold.
pub(crate) fn verify(
    idp: &Idp,
    token: &str,
    endpoint: &str,
    request_id: Option<&str>,
    now: i64,
) -> Result<Accepted, Refusal> {
    let request = Jws::parse(token).map_err(|_| Check::OuterFormat.refuse("the login request is not a compact JWS"))?;
    let device = authenticate(idp, &request)?;
    let claims =
        request.claims().map_err(|_| Check::OuterFormat.refuse("the login request's payload is not a JSON object"))?;
    let claims = Claims(&claims);

    let request_nonce = claims.text("request_nonce", Check::OuterRequestNonce);
    let request_nonce = request_nonce.and_then(|nonce| {
        let taken = idp.nonces().take(nonce, request_id, Instant::now());
        taken.map(|()| nonce).map_err(|problem| Check::OuterRequestNonce.refuse(problem.to_string()))
    });

    let client_id = &idp.identifiers.client_id;
    claims.equals("iss", client_id, "our client_id", Check::OuterIss)?;
    claims.equals("client_id", client_id, "ours", Check::OuterClientId)?;
    claims.equals("aud", endpoint, "the URL of our token endpoint", Check::OuterAud)?;
    claims.lifetime(now, Check::OuterIat, Check::OuterExp)?;
    let request_nonce = request_nonce?;
    claims.equals("grant_type", JWT_BEARER, "the JWT bearer grant", Check::OuterGrantType)?;
    let nonce = client_nonce(claims)?;
    let scope = claims.text("scope", Check::OuterScope)?;
    if !scope.split(' ').any(|word| word == "openid") {
        return Err(Check::OuterScope.refuse("scope has no openid"));
    }
    party_info(claims, &device, nonce)?;
    let user = user(idp, claims, &device)?;

    let assertion = claims.text("assertion", Check::AssertionFormat)?;
    let expected = assertion::Expected {
        user,
        audience: &idp.identifiers.audience,
        nonce,
        request_nonce,
        scope,
        trust: &idp.trust,
        now,
    };
    let holder = assertion::verify(assertion, &expected)?;
    Ok(Accepted { user: user.name().to_owned(), holder, nonce: nonce.to_owned(), encryption: device.encryption })
}

/// The registered device that signed the request.
fn authenticate(idp: &Idp, request: &Jws) -> Result<Device, Refusal> {
    let header = Claims(request.header());
    header.equals("typ", "platformsso-login-request+jwt", "platformsso-login-request+jwt", Check::OuterTyp)?;
    header.equals("alg", "ES256", "ES256", Check::OuterAlg)?;
    let kid = header.text("kid", Check::OuterKid)?;
    let device = canonical_key_id(kid).and_then(|kid| idp.devices().find(&kid).cloned());
    let device = device.ok_or_else(|| Check::OuterKid.refuse("kid names no registered device"))?;
    request
        .verify(&device.signing.public, &[Algorithm::Es256])
        .map_err(|_| Check::OuterSignature.refuse("the device's key did not sign the login request"))?;
    Ok(device)
}

/// The client's nonce: a UUID as a Mac writes it, in upper case with hyphens.
fn client_nonce(claims: Claims<'_>) -> Result<&str, Refusal> {
    let nonce = claims.text("nonce", Check::OuterNonce)?;
    let written = Uuid::try_parse(nonce).map(|uuid| uuid.hyphenated().to_string().to_uppercase());
    if written.is_ok_and(|written| written == nonce) {
        Ok(nonce)
    } else {
        Err(Check::OuterNonce.refuse("nonce is not an upper-case UUID"))
    }
}

/// How the client wants the answer encrypted.
fn party_info(claims: Claims<'_>, device: &Device, nonce: &str) -> Result<(), Refusal> {
    let crypto = claims.object("jwe_crypto", Check::OuterJweCrypto)?;
    crypto.equals("alg", "ECDH-ES", "ECDH-ES, the only one supported", Check::OuterJweCrypto)?;
    crypto.equals("enc", "A256GCM", "A256GCM, the only one supported", Check::OuterJweCrypto)?;
    let sent = base64url::decode("apv", crypto.text("apv", Check::OuterApv)?)
        .map_err(|_| Check::OuterApv.refuse("apv is not base64url"))?;
    if sent == apv(&device.encryption.x963, nonce) {
        Ok(())
    } else {
        Err(Check::OuterApv.refuse("apv does not name the registered encryption key and the nonce of this request"))
    }
}

/// The user, who must be known, and on a device registered for them.
fn user<'a>(idp: &'a Idp, claims: Claims<'_>, device: &Device) -> Result<&'a User, Refusal> {
    let name = claims.text("username", Check::OuterUsername)?;
    claims.equals("sub", name, "the same as username", Check::OuterUsername)?;
    let user = idp.user(name).ok_or_else(|| Check::OuterUsername.refuse("username is not a user here"))?;
    if device.users.iter().any(|registered| registered == name) {
        Ok(user)
    } else {
        Err(Check::OuterDeviceUser.refuse("the device is not registered for this user"))
    }
}

/// The grant of RFC 7523 section 2.1, also the method of a smart card login.
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
