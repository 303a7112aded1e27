//! An encrypted assertion: the claims of an assertion and the password, for a key of this server.
//!
//! ```text
//! JWE  ECDH-ES, A256GCM, typ platformsso-encrypted-login-assertion+jwt, kid of our key,
//!      apu = LP("APPLE") | LP(epk), apv = LP("APPLEEMBEDDED") | LP(our key) | LP(request_nonce)
//! ```
//! Apple: "Creating an encrypted embedded assertion". A client can be told another prefix of `apv`; this server tells it none.

use jose::json;
use jose::jwe::Jwe;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::certificate::Holder;
use crate::check::Check;
use crate::claims::Claims;
use crate::examination::{Examination, Stop};
use crate::login::assertion::{self, Expected};
use crate::login::{Authenticated, check_password};
use crate::party_info::{fields, is_key_id};
use crate::reason;
use crate::redact::redacted;

/// Checks an encrypted assertion, a compact JWE, and the password in it.
///
/// # Errors
/// The first check that does not hold.
pub(super) fn verify(x: &mut Examination<'_>, token: &str, expected: &Expected<'_>) -> Result<Authenticated, Stop> {
    x.seen.method = Some("encrypted-password");
    let typ = "platformsso-encrypted-login-assertion+jwt";
    let malformed = |error| format!("the assertion is not a compact JWE: {}", reason::of(&error));
    let header = jose::peek_header(token).map_err(malformed);
    let header = x.trail.hold(Check::AssertionFormat, header)?;
    x.seen.assertion_header = Some(redacted(&header));
    x.trail.hold(Check::AssertionTyp, Claims(&header).equals("typ", typ, typ))?;
    let algorithms = Claims(&header).equals("alg", "ECDH-ES", "ECDH-ES, the only one supported");
    x.trail.hold(Check::AssertionAlg, algorithms)?;
    let algorithms = Claims(&header).equals("enc", "A256GCM", "A256GCM, the only one supported");
    x.trail.hold(Check::AssertionAlg, algorithms)?;
    let jwe = Jwe::parse(token).map_err(malformed);
    let jwe = x.trail.hold(Check::AssertionFormat, jwe)?;

    let ours = x.idp.login_encryption_key.as_ref().ok_or("nobody has a password here, and so there is no key for it");
    let ours = x.trail.hold(Check::AssertionKid, ours)?;
    let point = ours.public().x963().unwrap_or_default();
    let kid = Claims(&header).text("kid").and_then(|kid| {
        let right = is_key_id(kid, &point);
        right.then_some(()).ok_or_else(|| "kid is not that of our login request encryption key".to_owned())
    });
    x.trail.hold(Check::AssertionKid, kid)?;
    let epk = jwe.epk().x963().unwrap_or_default();
    let apu = match jwe.apu().and_then(fields).as_deref() {
        Some([prefix, named]) if *named == epk => {
            (*prefix == b"APPLE").then_some(()).ok_or("the prefix of apu is not APPLE")
        }
        _ => Err("apu does not name the key of epk"),
    };
    x.trail.hold(Check::AssertionApu, apu)?;
    let nonce = expected.request_nonce.as_bytes();
    let apv = jwe.apv().unwrap_or_default();
    let right = match fields(apv).as_deref() {
        Some([prefix, key, with]) if *key == point && *with == nonce => {
            (*prefix == b"APPLEEMBEDDED").then_some(()).ok_or("the prefix of apv is not APPLEEMBEDDED")
        }
        _ => Err("apv does not name our key and the request_nonce"),
    };
    x.trail.hold(Check::AssertionApv, right)?;
    let plaintext = jwe.decrypt(ours, apv).map_err(|_| "the assertion does not decrypt with our key");
    let plaintext = x.trail.hold(Check::AssertionDecryption, plaintext)?;
    let claims = json::parse_object("assertion", &plaintext)
        .map_err(|error| format!("what was decrypted is no assertion: {}", reason::of(&error)));
    let mut claims = x.trail.hold(Check::AssertionDecryption, claims)?;
    // The password leaves the claims before anything else sees them.
    let password = match claims.remove("password") {
        Some(Value::String(password)) => Ok(Zeroizing::new(password)),
        Some(_) => Err("password is not a string".to_owned()),
        None => Err("password is missing".to_owned()),
    };
    x.seen.assertion_claims = Some(redacted(&claims));
    assertion::check(x, Claims(&claims), expected)?;
    check_password(x, expected.user, password)?;
    Ok(Authenticated { method: "encrypted-password", holder: Holder::default(), certificate: None })
}
