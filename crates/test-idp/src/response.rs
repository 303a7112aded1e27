//! The login response: an id_token and a refresh token, encrypted to the device.
//!
//! ```text
//! JWE  ECDH-ES, A256GCM, typ platformsso-login-response+jwt, kid of the device encryption key,
//!      apu = LP("APPLE") | LP(epk), apv as the client sent it
//!  └─ {"id_token": JWS ES256, "refresh_token": opaque, "refresh_token_expires_in": seconds,
//!      "token_type": "Bearer", "expires_in": seconds}
//! ```
//! Apple: "Creating a JSON Web Encryption (JWE) login response". The claim `amr` is left out:
//! what a smart card login should say there is not published. The refresh token is 32 random
//! bytes that this server does not keep, since it has no endpoint that takes one.

use jose::jwe;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::fault::Faults;
use crate::idp::Idp;
use crate::login::Accepted;
use crate::party_info;

/// A login response before it is signed and encrypted.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The claims of the id_token.
    pub(crate) claims: Map<String, Value>,
    accepted: Accepted,
}

impl Draft {
    /// The answer to an accepted login; `now` is in seconds since 1970.
    pub(crate) fn new(idp: &Idp, accepted: Accepted, now: i64) -> Self {
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        claim("iss", json!(idp.endpoints.issuer));
        claim("sub", json!(accepted.user));
        claim("aud", json!(idp.identifiers.client_id));
        claim("nonce", json!(accepted.nonce));
        claim("iat", json!(now));
        claim("nbf", json!(now));
        claim("exp", json!(now + ID_TOKEN_LIFETIME));
        claim("preferred_username", json!(accepted.user));
        claim("upn", json!(accepted.holder.upn));
        if let Some(name) = &accepted.holder.common_name {
            claim("name", json!(name));
        }
        Self { claims, accepted }
    }

    /// Signs and encrypts, or wrongly; the result is the compact JWE.
    ///
    /// # Errors
    /// [`Error::Random`] and [`Error::Crypto`] when the system gives no random numbers.
    pub(crate) fn seal(&self, idp: &Idp, faults: &Faults) -> Result<String, Error> {
        let mut refresh_token = Zeroizing::new([0; 32]);
        getrandom::fill(refresh_token.as_mut()).map_err(Error::Random)?;
        let tokens = Zeroizing::new(
            json!({
                "id_token": self.id_token(idp, faults)?,
                "refresh_token": jose::base64url::encode(refresh_token.as_ref()),
                "refresh_token_expires_in": REFRESH_TOKEN_LIFETIME,
                "token_type": "Bearer",
                "expires_in": ID_TOKEN_LIFETIME,
            })
            .to_string(),
        );
        let device = &self.accepted.encryption;
        let recipient = jwe::Recipient {
            public: &device.public,
            apu: &party_info::apu,
            apv: &party_info::apv(&device.x963, &self.accepted.nonce),
            apv_in_header: true,
            typ: Some(TYP),
            kid: Some(&device.kid),
        };
        faults.encrypt(&recipient, tokens.as_bytes())
    }

    fn id_token(&self, idp: &Idp, faults: &Faults) -> Result<String, Error> {
        let mut header = Map::new();
        header.insert("alg".to_owned(), json!("ES256"));
        header.insert("typ".to_owned(), json!("JWT"));
        header.insert("kid".to_owned(), json!(idp.signing_kid));
        let claims = Value::Object(self.claims.clone()).to_string();
        faults.sign(&header, claims.as_bytes(), &idp.signing_key)
    }
}

/// `typ` of a login response, and its media type behind `application/`.
pub(crate) const TYP: &str = "platformsso-login-response+jwt";

/// In seconds.
const ID_TOKEN_LIFETIME: i64 = 3600;

/// Fourteen days, in seconds.
const REFRESH_TOKEN_LIFETIME: i64 = 14 * 24 * 3600;
