//! The embedded assertion of the SmartCard method, signed by the card (ASSERT and LOGIN pages of Apple's documentation).
//!
//! ```text
//! header  typ platformsso-login-assertion+jwt, alg, kid of the card key, x5c: the card's certificate
//! claims  iss = sub = the user, aud = audience of the configuration, iat, exp = iat + 300,
//!         nonce, request_nonce and scope, equal to those of the login request around it
//! ```
//! Nothing else: no `jti`, `nbf`, `amr` or `upn` is in any published assertion.

use jose::{Signer, jws};
use serde_json::{Map, Value, json};

use crate::client::PendingLogin;
use crate::config::Config;
use crate::kid::key_id;
use crate::{Error, clock, x5c};

/// `typ` of the assertion (SDK of macOS 14 and later).
pub(crate) const TYP: &str = "platformsso-login-assertion+jwt";

/// The card's part in a login: its certificate, and what signs with its key.
pub struct CardCredential<'a> {
    /// The certificate of the slot that signs, as DER.
    pub certificate_der: &'a [u8],
    /// The card. Its algorithm goes into the header; [`card_algorithm`](crate::card_algorithm) says which one fits.
    pub signer: &'a mut dyn Signer,
}

/// Builds the assertion and has the card sign it. This is the only moment that needs the card.
pub(crate) fn sign(config: &Config, login: &PendingLogin, card: &mut CardCredential<'_>) -> Result<String, Error> {
    let certificate = card.certificate_der;
    let key = x5c::public_key(certificate)
        .map_err(|why| Error::crypto(format!("the card's certificate cannot be used: {why}"), None))?;
    let algorithm = card.signer.algorithm();
    crate::card_algorithm(&key, Some(algorithm))?;

    let header = json!({
        "typ": TYP,
        "alg": algorithm,
        "kid": key_id(&key),
        "x5c": x5c::to_json(certificate, config.x5c()),
    });
    let token = jws::sign(&object(header), &claims(config, login, clock::now()), &mut *card.signer).map_err(
        |error| match error {
            jose::Error::Signer(source) => Error::Signer(source),
            other => Error::crypto("the assertion could not be signed", other),
        },
    )?;
    // A card that signs with another key than its certificate names would be refused by the server, and nobody
    // could tell why.
    jws::Jws::parse(&token).and_then(|jws| jws.verify(&key, &[algorithm])).map_err(Error::CardMismatch)?;
    Ok(token)
}

fn claims(config: &Config, login: &PendingLogin, now: i64) -> Vec<u8> {
    let mut claims = object(json!({
        "iss": login.user,
        "sub": login.user,
        "aud": config.audience(),
        "iat": now,
        "exp": now + clock::REQUEST_LIFETIME,
        "nonce": login.nonce,
        "scope": config.scope(),
    }));
    claims.insert(config.server_nonce_claim().to_owned(), json!(login.request_nonce));
    Value::Object(claims).to_string().into_bytes()
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
