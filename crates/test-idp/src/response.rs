//! The responses: what was granted, encrypted to the device.
//!
//! ```text
//! JWE  ECDH-ES, A256GCM, typ platformsso-login-response+jwt (key service: platformsso-key-response+jwt),
//!      kid of the device encryption key, apu = LP("APPLE") | LP(epk), apv as the client sent it
//!  └─ login, refresh  {"id_token": JWS ES256 or RS256, "refresh_token": opaque, "refresh_token_expires_in": seconds,
//!                      "token_type": "Bearer", "expires_in": seconds}
//!     key request     {"certificate": base64url of DER, "key_context": opaque, "iat": .., "exp": ..}
//!     key exchange    {"key": base64 of 32 bytes, "key_context": opaque, "iat": .., "exp": ..}
//! ```
//! Apple: "Creating a JSON Web Encryption (JWE) login response", "Supporting key requests and key exchange requests". The
//! claim `amr` is left out: what a smart card login should say there is not published.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jose::{base64url, jwe};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::fault::Faults;
use crate::granted::{Answer, Granted, Tokens};
use crate::idp::Idp;
use crate::mimic::Mimic;
use crate::party_info;
use crate::store::SigningKey;

/// A response before it is signed and encrypted.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The claims of the id_token; empty for the key service.
    pub(crate) claims: Map<String, Value>,
    granted: Granted,
    /// Seconds since 1970.
    now: i64,
}

impl Draft {
    /// The answer to a request that was granted; `now` is in seconds since 1970.
    pub(crate) fn new(idp: &Idp, granted: Granted, now: i64) -> Self {
        let claims = match &granted.answer {
            Answer::Tokens(tokens) => claims(idp, &granted.user, tokens, now),
            Answer::Certificate(_) | Answer::Exchanged { .. } => Map::new(),
        };
        Self { claims, granted, now }
    }

    /// `typ` of the response, and its media type behind `application/`.
    pub(crate) fn typ(&self) -> &'static str {
        match &self.granted.answer {
            Answer::Tokens(_) => "platformsso-login-response+jwt",
            Answer::Certificate(_) | Answer::Exchanged { .. } => "platformsso-key-response+jwt",
        }
    }

    /// The media type of the response.
    pub(crate) fn media_type(&self, idp: &Idp) -> String {
        let charset = if idp.mimics(Mimic::ContentTypeCharset) { "; charset=utf-8" } else { "" };
        format!("application/{}{charset}", self.typ())
    }

    /// Signs with `signing` and encrypts, or wrongly; the result is the compact JWE.
    ///
    /// # Errors
    /// [`Error::Random`] and [`Error::Crypto`] when the system gives no random numbers.
    pub(crate) fn seal(&self, idp: &Idp, signing: &SigningKey, faults: &Faults) -> Result<String, Error> {
        let body = self.body(idp, signing, faults)?;
        let device = &self.granted.recipient.encryption;
        let ephemeral = faults.ephemeral(&device.public)?;
        let prefix: &[u8] = if idp.mimics(Mimic::ApuAad) { b"AAD" } else { b"APPLE" };
        let typ = match () {
            () if idp.mimics(Mimic::NoTyp) => None,
            () if idp.mimics(Mimic::TypJwt) => Some("JWT"),
            () => Some(self.typ()),
        };
        let kid = match () {
            () if idp.mimics(Mimic::NoKid) => None,
            () if idp.mimics(Mimic::KidEphemeral) => {
                Some(party_info::key_id(&ephemeral.public().x963().unwrap_or_default()))
            }
            () => Some(spelt(idp, &device.kid)),
        };
        let recipient = jwe::Recipient {
            public: &device.public,
            apu: &|epk| party_info::apu(prefix, epk),
            apv: &self.granted.recipient.apv,
            apv_in_header: !idp.mimics(Mimic::NoApv),
            typ,
            kid: kid.as_deref(),
        };
        faults.encrypt(&ephemeral, &recipient, body.as_bytes())
    }

    /// The plaintext of the response.
    fn body(&self, idp: &Idp, signing: &SigningKey, faults: &Faults) -> Result<Zeroizing<String>, Error> {
        let mut body = match &self.granted.answer {
            Answer::Tokens(tokens) => {
                let id_token = self.id_token(idp, signing, faults)?;
                token_members(idp, tokens, &id_token, self.now)
            }
            Answer::Certificate(made) => {
                let certificate = match idp.mimics(Mimic::CertificateBase64) {
                    true => BASE64_STANDARD.encode(&made.der),
                    false => base64url::encode(&made.der),
                };
                json!({"certificate": certificate, "key_context": base64url::encode(&made.context)})
            }
            Answer::Exchanged { key, context } => {
                json!({"key": BASE64_STANDARD.encode(key.as_slice()), "key_context": base64url::encode(context)})
            }
        };
        if let (false, Value::Object(body)) = (matches!(self.granted.answer, Answer::Tokens(_)), &mut body) {
            body.insert("iat".to_owned(), json!(self.now));
            body.insert("exp".to_owned(), json!(self.now + KEY_RESPONSE_LIFETIME));
            if idp.mimics(Mimic::NoKeyContext) {
                body.remove("key_context");
            }
        }
        Ok(Zeroizing::new(body.to_string()))
    }

    fn id_token(&self, idp: &Idp, signing: &SigningKey, faults: &Faults) -> Result<String, Error> {
        let mut header = Map::new();
        header.insert("alg".to_owned(), json!(signing.algorithm().name()));
        header.insert("typ".to_owned(), json!("JWT"));
        header.insert("kid".to_owned(), json!(spelt(idp, &signing.kid)));
        let mut claims = self.claims.clone();
        if idp.mimics(Mimic::TimesAsStrings) {
            for name in ["iat", "nbf", "exp"] {
                if let Some(time) = claims.get_mut(name) {
                    *time = json!(time.to_string());
                }
            }
        }
        faults.sign(&header, Value::Object(claims).to_string().as_bytes(), signing)
    }
}

/// The claims of an id_token.
fn claims(idp: &Idp, user: &str, tokens: &Tokens, now: i64) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    let client_id = &idp.identifiers.client_id;
    claim("iss", json!(idp.endpoints.issuer));
    claim("sub", json!(user));
    if idp.mimics(Mimic::AudList) {
        claim("aud", json!([client_id]));
        claim("azp", json!(client_id));
    } else {
        claim("aud", json!(client_id));
    }
    claim("nonce", json!(tokens.nonce));
    claim("iat", json!(now));
    claim("nbf", json!(now));
    claim("exp", json!(now + ID_TOKEN_LIFETIME));
    claim("preferred_username", json!(user));
    if let Some(upn) = &tokens.holder.upn {
        claim("upn", json!(upn));
    }
    if let Some(name) = &tokens.holder.common_name {
        claim("name", json!(name));
    }
    if let Some(groups) = &tokens.groups {
        claim("groups", json!(groups));
    }
    claims
}

/// The members of a login response.
fn token_members(idp: &Idp, tokens: &Tokens, id_token: &str, now: i64) -> Value {
    let mut body = Map::new();
    let mut member = |name: &str, value: Value| body.insert(name.to_owned(), value);
    member("id_token", json!(id_token));
    member("refresh_token", json!(tokens.refresh_token.as_str()));
    if !idp.mimics(Mimic::NoRefreshExpiry) {
        member("refresh_token_expires_in", json!(idp.refresh_token_lifetime));
    }
    member("token_type", json!(if idp.mimics(Mimic::TokenTypePop) { "pop" } else { "Bearer" }));
    member("expires_in", json!(ID_TOKEN_LIFETIME));
    if idp.mimics(Mimic::ExpiresOn) {
        member("expires_on", json!(now + ID_TOKEN_LIFETIME));
    }
    if idp.mimics(Mimic::EntraMembers) {
        member("tgt_ad", json!("{\"clientKey\":\"\"}"));
        member("tgt_cloud", json!("{\"clientKey\":\"\"}"));
        member("client_info", json!(base64url::encode(b"{\"uid\":\"0\",\"utid\":\"0\"}")));
    }
    if idp.mimics(Mimic::KerberosTicket) {
        // Nothing that a KDC would know: 32 bytes of zero as a key of aes256-cts-hmac-sha1-96, and no AS-REP.
        let ticket = json!({
            "clientName": "alice", "encryptionKeyType": 18, "messageBuffer": BASE64_STANDARD.encode(b"made up"),
            "realm": "EXAMPLE.TEST", "serviceName": "krbtgt/EXAMPLE.TEST", "sessionKey": BASE64_STANDARD.encode([0; 32]),
        });
        member("login_tgt", ticket);
    }
    Value::Object(body)
}

/// A key identifier in the spelling of this server.
pub(crate) fn spelt(idp: &Idp, kid: &str) -> String {
    if idp.mimics(Mimic::KidBase64url) {
        kid.replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned()
    } else {
        kid.to_owned()
    }
}

/// In seconds.
const ID_TOKEN_LIFETIME: i64 = 3600;

/// In seconds.
const KEY_RESPONSE_LIFETIME: i64 = 300;
