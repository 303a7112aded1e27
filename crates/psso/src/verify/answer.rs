//! Answers, encrypted to the device that asked (JWE and KEYS).
//!
//! ```text
//! header   typ, alg ECDH-ES, enc A256GCM, epk, apu = LP("APPLE") ‖ LP(epk), apv as it was asked for
//! tokens   { id_token, refresh_token, refresh_token_expires_in, token_type, ... }
//! key      { certificate | key, iat, exp, key_context }
//! ```
//! No `kid`: the documentation's text and its sample disagree about its meaning.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::jwe::{self, Recipient};
use jose::{EcPrivateKey, PublicKey, base64url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use crate::inspect::Kind;
use crate::secret_json::SecretMap;
use crate::{Error, key_response, login_response, party_info};

/// The answer to a login or a refresh.
#[derive(Clone, Copy)]
pub struct Tokens<'a> {
    /// The id_token, a compact JWS: the server makes and signs it. It must carry the request's nonce.
    pub id_token: &'a str,
    /// The refresh token, opaque to the client.
    pub refresh_token: &'a SecretString,
    /// How long the refresh token is good, in seconds.
    pub refresh_token_expires_in: u64,
    /// More members, such as Kerberos tickets under the names that the client is configured for. The protocol's own names
    /// are not overwritten.
    pub more: &'a Map<String, Value>,
}

/// The answer to a key request.
#[derive(Clone, Copy)]
pub struct Certified<'a> {
    /// The certificate of the key that the identity provider keeps, DER.
    pub certificate: &'a [u8],
    /// Until when it is good, Unix time.
    pub expires: i64,
    /// What the client is to send with a key exchange; opaque to it, so encrypt what is in it.
    pub key_context: Option<&'a SecretString>,
}

/// The answer to a key exchange.
#[derive(Clone, Copy)]
pub struct Exchanged<'a> {
    /// The key that the identity provider keeps. The answer carries the X coordinate of the shared point, all 32 bytes.
    pub key: &'a EcPrivateKey,
    /// Until when the result is good, Unix time.
    pub expires: i64,
    /// A new context, if it changes.
    pub key_context: Option<&'a SecretString>,
}

/// What to send: status 200, this media type and this body. `Debug` leaves the body out.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The media type.
    pub content_type: &'static str,
    /// A compact JWE.
    pub body: String,
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answer").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

/// Where an answer goes.
pub(super) struct Return {
    /// The registered encryption key of the device.
    pub(super) key: Option<PublicKey>,
    /// The PartyVInfo that the device asked for.
    pub(super) apv: Vec<u8>,
    /// When the request was verified, Unix time.
    pub(super) now: i64,
}

impl Return {
    pub(super) fn tokens(&self, tokens: &Tokens<'_>) -> Result<Answer, Error> {
        let mut content = tokens.more.clone();
        content.extend(object(json!({
            "token_type": "Bearer",
            "id_token": tokens.id_token,
            "refresh_token": tokens.refresh_token.expose_secret(),
            "refresh_token_expires_in": tokens.refresh_token_expires_in,
        })));
        self.seal(Kind::LoginResponse, login_response::MEDIA_TYPE, content)
    }

    pub(super) fn certified(&self, certified: &Certified<'_>) -> Result<Answer, Error> {
        let member = ("certificate", base64url::encode(certified.certificate));
        self.key_response(member, certified.expires, certified.key_context)
    }

    pub(super) fn exchanged(&self, other: &PublicKey, exchanged: &Exchanged<'_>) -> Result<Answer, Error> {
        let shared = exchanged.key.diffie_hellman(other);
        let shared = shared.map_err(|error| Error::crypto("the key exchange is not possible", error))?;
        self.key_response(("key", STANDARD.encode(shared.as_slice())), exchanged.expires, exchanged.key_context)
    }

    fn key_response(
        &self,
        (name, value): (&str, String),
        expires: i64,
        key_context: Option<&SecretString>,
    ) -> Result<Answer, Error> {
        let mut content = object(json!({name: value, "iat": self.now, "exp": expires}));
        if let Some(context) = key_context {
            content.insert("key_context".to_owned(), json!(context.expose_secret()));
        }
        self.seal(Kind::KeyResponse, key_response::MEDIA_TYPE, content)
    }

    fn seal(&self, kind: Kind, content_type: &'static str, content: Map<String, Value>) -> Result<Answer, Error> {
        let plaintext = SecretMap::from(content).to_json();
        let key = self.key.as_ref();
        let public = key.ok_or_else(|| Error::crypto("no encryption key of the device is known", None))?;
        let apu = |epk: &[u8]| party_info::sender_apu(epk);
        let recipient =
            Recipient { public, apu: &apu, apv: &self.apv, apv_in_header: true, typ: kind.typ(), kid: None };
        let body = jwe::encrypt(&recipient, &plaintext)
            .map_err(|error| Error::crypto("the answer could not be encrypted", error))?;
        Ok(Answer { content_type, body })
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
