//! Which message a token is.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{assertion, key_request, key_response, login_request, login_response, password_assertion, refresh_request};

/// Which message a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// JWS of a device: a login.
    LoginRequest,
    /// JWS of a card or a Secure Enclave key, inside a login request.
    EmbeddedAssertion,
    /// JWS of a device: a new id_token for a refresh token.
    RefreshRequest,
    /// JWS of a device for the key service: key request or key exchange, as its `request_type` says.
    KeyRequest,
    /// JWE for a device: tokens.
    LoginResponse,
    /// JWE for a device from the key service.
    KeyResponse,
    /// JWE for an identity provider: a password.
    EncryptedPasswordAssertion,
    /// JWS of an identity provider.
    IdToken,
    /// The JSON of a nonce endpoint.
    NonceAnswer,
    /// A JWS that is none of these.
    UnknownJws,
    /// A JWE that is none of these.
    UnknownJwe,
}

impl Kind {
    /// The `typ` that the documentation gives this message (SDK of macOS 14 and later); an id_token may have any.
    pub(crate) fn typ(self) -> Option<&'static str> {
        match self {
            Self::LoginRequest => Some(login_request::TYP),
            Self::EmbeddedAssertion => Some(assertion::TYP),
            Self::RefreshRequest => Some(refresh_request::TYP),
            Self::KeyRequest => Some(key_request::TYP),
            Self::LoginResponse => Some(login_response::TYP),
            Self::KeyResponse => Some(key_response::TYP),
            Self::EncryptedPasswordAssertion => Some(password_assertion::TYP),
            Self::IdToken | Self::NonceAnswer | Self::UnknownJws | Self::UnknownJwe => None,
        }
    }

    /// Whether a device signs it, with its signing key.
    pub(crate) fn is_of_a_device(self) -> bool {
        matches!(self, Self::LoginRequest | Self::RefreshRequest | Self::KeyRequest)
    }

    /// Which JWS it is: by `typ`, and where that is only `JWT` (SDK 13), by what is in it.
    pub(crate) fn of_jws(typ: Option<&str>, claims: &Map<String, Value>) -> Self {
        let has = |name: &str| claims.contains_key(name);
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        // The issuer of an assertion is a user; that of an id_token is a server.
        let from_server = text("iss").is_some_and(|iss| iss.contains("://"));
        match media_type(typ.unwrap_or_default()).as_str() {
            login_request::TYP => Self::LoginRequest,
            // A published login request of the Secure Enclave method carries the assertion's typ.
            assertion::TYP if has("jwe_crypto") => Self::LoginRequest,
            assertion::TYP => Self::EmbeddedAssertion,
            refresh_request::TYP => Self::RefreshRequest,
            key_request::TYP => Self::KeyRequest,
            "" | "jwt" => match text("grant_type") {
                _ if has("request_type") && has("key_purpose") => Self::KeyRequest,
                Some("refresh_token") if has("jwe_crypto") => Self::RefreshRequest,
                _ if has("jwe_crypto") => Self::LoginRequest,
                _ if has("nonce") && has("request_nonce") && has("scope") && !from_server => Self::EmbeddedAssertion,
                _ if has("iss") && has("aud") && (has("exp") || from_server) => Self::IdToken,
                _ => Self::UnknownJws,
            },
            _ => Self::UnknownJws,
        }
    }

    /// Which JWE it is, by its header. Its content may correct that. What is encrypted as a response is one, whatever its
    /// `typ`: that it is wrong is for a check to say.
    pub(crate) fn of_jwe(header: &Map<String, Value>) -> Self {
        match media_type(header.get("typ").and_then(Value::as_str).unwrap_or_default()).as_str() {
            login_response::TYP => Self::LoginResponse,
            key_response::TYP => Self::KeyResponse,
            password_assertion::TYP => Self::EncryptedPasswordAssertion,
            // SDK 13, and servers that leave it out: apu is what this protocol has in common.
            "" | "jwt" if header.contains_key("apu") => Self::LoginResponse,
            _ if is_encrypted_as_a_response(header) => Self::LoginResponse,
            _ => Self::UnknownJwe,
        }
    }
}

fn is_encrypted_as_a_response(header: &Map<String, Value>) -> bool {
    let is = |name: &str, value: &str| header.get(name).and_then(Value::as_str) == Some(value);
    is("alg", "ECDH-ES") && is("enc", "A256GCM") && header.contains_key("epk")
}

/// `typ` without the prefix that RFC 7515 4.1.9 lets one leave out, in lower case.
pub(crate) fn media_type(typ: &str) -> String {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ).to_owned()
}
