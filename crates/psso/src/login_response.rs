//! The login response: a JWE for the device encryption key (JWE and PROC pages of Apple's documentation).
//!
//! ```text
//! 200, Content-Type application/platformsso-login-response+jwt
//! header     alg ECDH-ES, enc A256GCM, epk, apu = LP(prefix) ‖ LP(epk), optionally typ, apv, kid
//! plaintext  { id_token, refresh_token, refresh_token_expires_in | expires_in, token_type, ... }
//! ```
//! `kid` is ignored: the documentation and Apple's own sample contradict each other about it.

use jose::EcPrivateKey;
use jose::jwe::Jwe;
use secrecy::SecretString;
use serde_json::{Map, Value};
use zeroize::{Zeroize as _, Zeroizing};

use crate::Error;
use crate::error::shown;
use crate::http::HttpResponse;
use crate::party_info::PartyInfo;

pub(crate) const MEDIA_TYPE: &str = "application/platformsso-login-response+jwt";
/// `typ` of the response; SDK 13 writes `JWT`.
pub(crate) const TYP: &str = "platformsso-login-response+jwt";

/// What the response carries.
pub(crate) struct LoginResponse {
    /// A JWS, nothing of it verified.
    pub(crate) id_token: Zeroizing<String>,
    pub(crate) refresh_token: Option<SecretString>,
    /// Seconds; there if and only if there is a refresh token.
    pub(crate) refresh_token_expires_in: Option<u64>,
}

/// Takes the answer of the token endpoint apart, checks the JWE and decrypts it.
pub(crate) fn open(
    endpoint: &'static str,
    response: &HttpResponse,
    key: &EcPrivateKey,
    apv: &[u8],
) -> Result<LoginResponse, Error> {
    if response.media_type().as_deref() != Some(MEDIA_TYPE) {
        let why = format!("{MEDIA_TYPE} was expected, {} came", response.describe());
        return Err(Error::UnexpectedAnswer { endpoint, why });
    }
    let token = std::str::from_utf8(&response.body)
        .map_err(|_| Error::rejected("login_response", "it is not text"))?
        .trim_ascii();
    let jwe = parse(token)?;
    check_typ(&jwe)?;
    check_apu(&jwe)?;
    let plaintext = jwe.decrypt(key, apv).map_err(|error| jwe_error(&error, "alg"))?;
    read(&plaintext)
}

/// Parses a JWE; what is refused gets the name of the header member at fault.
pub(crate) fn parse(token: &str) -> Result<Jwe, Error> {
    Jwe::parse(token).map_err(|error| {
        let header = jose::peek_header(token).unwrap_or_default();
        let member = if header.get("alg").and_then(Value::as_str) == Some("ECDH-ES") { "enc" } else { "alg" };
        jwe_error(&error, member)
    })
}

fn jwe_error(error: &jose::Error, algorithm_member: &'static str) -> Error {
    let claim = match error {
        jose::Error::AlgorithmRefused { .. } => algorithm_member,
        jose::Error::HeaderRefused { name, .. } => name,
        jose::Error::Key { .. }
        | jose::Error::Json { what: "epk", .. }
        | jose::Error::Malformed { what: "JWK", .. } => "epk",
        jose::Error::Malformed { what: what @ ("alg" | "enc" | "epk" | "apu" | "apv"), .. } => what,
        jose::Error::PartyVInfo => "apv",
        jose::Error::Decrypt => "decryption",
        _ => "login_response",
    };
    Error::rejected(claim, error.to_string())
}

fn check_typ(jwe: &Jwe) -> Result<(), Error> {
    match jwe.header_text("typ") {
        None => Ok(()),
        Some(typ) if typ.eq_ignore_ascii_case(TYP) || typ.eq_ignore_ascii_case("JWT") => Ok(()),
        Some(typ) => Err(Error::rejected("typ", format!("{TYP} was expected, \"{}\" came", shown(typ, 60)))),
    }
}

/// PartyUInfo must name the ephemeral key of this very response; its prefix is the server's own.
pub(crate) fn check_apu(jwe: &Jwe) -> Result<(), Error> {
    let apu = jwe.apu().ok_or_else(|| Error::rejected("apu", "it is missing"))?;
    let info = PartyInfo::parse(apu).map_err(|why| Error::rejected("apu", why))?;
    if info.nonce.is_some() {
        return Err(Error::rejected("apu", "it has three fields instead of two"));
    }
    if jwe.epk().x963().as_deref() != Some(info.point.as_slice()) {
        return Err(Error::rejected("apu", "the key in it is not the ephemeral key of the header"));
    }
    Ok(())
}

/// Reads the plaintext. Tokens are moved out of it, the rest is wiped.
fn read(plaintext: &[u8]) -> Result<LoginResponse, Error> {
    let mut object = jose::json::parse_object("login response", plaintext)
        .map_err(|_| Error::rejected("login_response", "its content is not a JSON object"))?;
    let id_token = take_text(&mut object, "id_token");
    let refresh_token = take_text(&mut object, "refresh_token").map(SecretString::from);
    let seconds = |name: &str| match object.get(name) {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let expires_in = seconds("refresh_token_expires_in").or_else(|| seconds("expires_in"));
    if refresh_token.is_some() && expires_in.is_none() {
        let why = "neither it nor expires_in is there as a number of seconds";
        return Err(Error::rejected("refresh_token_expires_in", why));
    }
    wipe(Value::Object(object));
    Ok(LoginResponse {
        id_token: Zeroizing::new(id_token.ok_or_else(|| Error::rejected("id_token", "it is missing"))?),
        refresh_token_expires_in: expires_in.filter(|_| refresh_token.is_some()),
        refresh_token,
    })
}

fn take_text(object: &mut Map<String, Value>, name: &str) -> Option<String> {
    match object.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Overwrites the texts of a JSON value: Kerberos keys and whatever else a server adds.
fn wipe(value: Value) {
    match value {
        Value::String(mut text) => text.zeroize(),
        Value::Array(items) => items.into_iter().for_each(wipe),
        Value::Object(members) => members.into_iter().for_each(|(_, member)| wipe(member)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
