//! The embedded assertion: who the user is (ASSERT and LOGIN pages of Apple's documentation).
//!
//! ```text
//! header  typ platformsso-login-assertion+jwt, alg, kid of the signing key; from a card also x5c: its certificate
//! claims  iss = sub = the user, aud = audience of the configuration, iat, exp = iat + 300,
//!         nonce, request_nonce and scope, equal to those of the login request around it
//! ```
//! And what the configuration adds, nothing else: no `jti`, `nbf`, `amr` or `upn` is in any published assertion.

use jose::{Algorithm, KeyType, PublicKey, Signer, jws};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::kid::{card_key_id, key_id};
use crate::login::PendingLogin;
use crate::secret_json::SecretMap;
use crate::{Error, clock, x5c};

/// `typ` of the assertion (SDK of macOS 14 and later).
pub(crate) const TYP: &str = "platformsso-login-assertion+jwt";

/// The card's part in a login: its certificate, and what signs with its key.
pub struct CardCredential<'a> {
    /// The certificate of the slot that signs, as DER.
    pub certificate_der: &'a [u8],
    /// The card. Its algorithm goes into the header; [`Config::card_algorithm`] says which one fits.
    pub signer: &'a mut dyn Signer,
}

/// Builds the assertion and has the card sign it. This is the only moment that needs the card.
pub(crate) fn sign_with_card(
    config: &Config,
    login: &PendingLogin,
    card: &mut CardCredential<'_>,
) -> Result<Zeroizing<String>, Error> {
    let certificate = card.certificate_der;
    let key = x5c::public_key(certificate)
        .map_err(|why| Error::crypto(format!("the card's certificate cannot be used: {why}"), None))?;
    let algorithm = card.signer.algorithm();
    crate::card_algorithm(&key, Some(algorithm))?;

    let header = json!({
        "typ": TYP,
        "alg": algorithm,
        "kid": card_key_id(&key, certificate, config.rsa_key_id()),
        "x5c": x5c::to_json(certificate, config.x5c()),
    });
    let token = sign(config, login, header, &mut *card.signer, Error::Signer)?;
    // A card that signs with another key than its certificate names would be refused by the server, and nobody
    // could tell why.
    jws::Jws::parse(&token).and_then(|jws| jws.verify(&key, &[algorithm])).map_err(Error::CardMismatch)?;
    Ok(token)
}

/// Builds the assertion and has the user key sign it: ES256, and no certificate.
pub(crate) fn sign_with_user_key(
    config: &Config,
    login: &PendingLogin,
    signer: &mut dyn Signer,
    key: &PublicKey,
) -> Result<Zeroizing<String>, Error> {
    if key.key_type() != KeyType::P256 || signer.algorithm() != Algorithm::Es256 {
        return Err(Error::config("a user key is on P-256 and signs ES256; Apple's documentation has no other"));
    }
    let header = json!({"typ": TYP, "alg": Algorithm::Es256, "kid": key_id(key)});
    let token = sign(config, login, header, signer, Error::UserKey)?;
    jws::Jws::parse(&token)
        .and_then(|jws| jws.verify(key, &[Algorithm::Es256]))
        .map_err(|error| Error::crypto("the signature does not belong to the user key that was named", error))?;
    Ok(token)
}

fn sign(
    config: &Config,
    login: &PendingLogin,
    header: Value,
    signer: &mut dyn Signer,
    failed: fn(jose::SignerError) -> Error,
) -> Result<Zeroizing<String>, Error> {
    let mut header = SecretMap::from(header);
    header.extend_absent(&config.custom().assertion.header);
    let claims = claims(config, login, clock::now());
    jws::sign(&header, &claims.to_json(), signer).map(Zeroizing::new).map_err(|error| match error {
        jose::Error::Signer(source) => failed(source),
        other => Error::crypto("the assertion could not be signed", other),
    })
}

/// The claims of an assertion, also of the encrypted one of the password method.
pub(crate) fn claims(config: &Config, login: &PendingLogin, now: i64) -> SecretMap {
    let mut claims = SecretMap::from(json!({
        "iss": login.user,
        "sub": login.user,
        "aud": config.audience(),
        "iat": now,
        "exp": now + clock::REQUEST_LIFETIME,
        "nonce": login.nonces.client,
        "scope": config.scope(),
    }));
    claims.insert(config.server_nonce_claim().to_owned(), json!(login.nonces.server));
    claims.extend_absent(&config.custom().assertion.claims);
    claims
}
