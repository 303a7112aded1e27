//! The key service: a new key for a user on a device, kept by this server and known to the device by its certificate; and
//! ECDH with it, so that both come to the same 32 bytes.
//!
//! Apple: "Supporting key requests and key exchange requests". Both requests have the same `typ`; `request_type` says
//! which one it is. The private key travels with the client as `key_context`, sealed for this server; the last one is
//! kept here too, for clients that bring none.

mod certificate;
mod context;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jose::EcPrivateKey;

use crate::check::{Check, Refusal};
use crate::claims::Claims;
use crate::device::{Device, DeviceKey};
use crate::examination::{Examination, Stop};
use crate::granted::{Answer, Certificate, Granted};
use crate::refresh;

pub(crate) use context::ContextKey;

/// Checks a request of a device to the key service, and does the work.
///
/// # Errors
/// The first check that does not hold.
pub(crate) fn examine(x: &mut Examination<'_>, claims: Claims<'_>, device: Device) -> Result<Granted, Stop> {
    let idp = x.idp;
    let exchange = claims.text("request_type").is_ok_and(|kind| kind == "key_exchange");
    x.seen.kind = if exchange { "key_exchange" } else { "key_request" };
    x.trail.hold(Check::OuterIss, claims.equals("iss", &idp.identifiers.client_id, "our client_id"))?;
    // Required in Apple's table, absent from Apple's samples and from what Macs send.
    let aud = claims.optional_text("aud").and_then(|aud| {
        let ours = aud.is_none_or(|aud| aud == idp.identifiers.audience);
        ours.then_some(()).ok_or_else(|| "aud is not our audience".to_owned())
    });
    x.trail.hold(Check::OuterAud, aud)?;
    x.lifetime(claims, Check::OuterIat, Check::OuterExp)?;
    x.request_nonce(claims)?;
    let nonce = x.client_nonce(claims)?;
    let recipient = x.recipient(claims, &device, nonce)?;
    x.trail.hold(Check::KeyVersion, claims.equals("version", "1.0", "1.0"))?;
    let known = claims.text("request_type").and_then(|kind| match kind {
        "key_request" | "key_exchange" => Ok(()),
        _ => Err("request_type is neither key_request nor key_exchange".to_owned()),
    });
    x.trail.hold(Check::KeyRequestType, known)?;
    x.trail.hold(Check::KeyPurpose, claims.equals("key_purpose", "user_unlock", "user_unlock"))?;
    for name in ["username", "sub"] {
        x.trail.hold(Check::OuterUsername, claims.text(name))?;
    }
    let (family, _) = refresh::token(x, claims, &device)?;
    let (user, device) = (family.user, device.signing.kid);
    let answer = if exchange { exchange_keys(x, claims, &user, &device)? } else { request_key(x, &user, &device)? };
    Ok(Granted { user, device, recipient, session: Some(family.id), answer })
}

/// A new key with its certificate.
fn request_key(x: &Examination<'_>, user: &str, device: &str) -> Result<Answer, Stop> {
    let key = EcPrivateKey::generate().map_err(crate::Error::from)?;
    let der = certificate::for_key(&key)?;
    let context = x.idp.context_key.seal(&key, user, device)?;
    Ok(Answer::Certificate(Certificate { der, context }))
}

/// ECDH between the key that the context holds and the one that the device sends.
fn exchange_keys(x: &mut Examination<'_>, claims: Claims<'_>, user: &str, device: &str) -> Result<Answer, Stop> {
    let other = other_public_key(x, claims)?;
    let context = claims.optional_text("key_context").and_then(|context| match context {
        Some(text) => jose::base64url::decode("key_context", text).map(Some).map_err(|_| NOT_OURS.to_owned()),
        None => Ok(None),
    });
    let context = match x.trail.hold(Check::KeyContext, context)? {
        Some(context) => context,
        None => {
            let kept = x.idp.store.provided_key(user, device)?;
            x.trail.hold(Check::KeyContext, kept.ok_or("key_context is missing, and no key was requested before"))?
        }
    };
    let opened = x.idp.context_key.open(&context, user, device).ok_or(NOT_OURS);
    let key = x.trail.hold(Check::KeyContext, opened)?;
    let shared = key.diffie_hellman(&other.public).map_err(crate::Error::from)?;
    let context = x.idp.context_key.seal(&key, user, device)?;
    Ok(Answer::Exchanged { key: shared, context })
}

fn other_public_key(x: &mut Examination<'_>, claims: Claims<'_>) -> Result<DeviceKey, Refusal> {
    let other = claims.text("other_publickey").and_then(|text| {
        let point = BASE64_STANDARD.decode(text).ok().and_then(DeviceKey::from_x963);
        point.ok_or_else(|| "other_publickey is not the base64 of an uncompressed point on P-256".to_owned())
    });
    x.trail.hold(Check::KeyOtherPublicKey, other)
}

/// Why a context does not count.
const NOT_OURS: &str = "key_context is not one that this server made for this user on this device";
