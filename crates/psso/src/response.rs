//! What the two responses have in common: a JWE for the device encryption key (JWE and PROC pages of Apple's
//! documentation).
//!
//! ```text
//! 200, Content-Type as asked for, with whatever parameters
//! header     alg ECDH-ES, enc A256GCM, epk, apu = LP(prefix) ‖ LP(epk), optionally typ, apv, kid
//! ```
//! `kid` is ignored: the documentation and Apple's own sample contradict each other about it.

use jose::EcPrivateKey;
use jose::jwe::Jwe;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::Error;
use crate::error::shown;
use crate::http::HttpResponse;
use crate::party_info::PartyInfo;
use crate::secret_json::SecretMap;

/// What kind of response is expected.
pub(crate) struct Kind {
    pub(crate) media_type: &'static str,
    /// `typ` in the header; SDK 13 writes `JWT`.
    pub(crate) typ: &'static str,
    /// The name of the check where nothing better is known.
    pub(crate) check: &'static str,
}

/// Takes an answer apart, checks the JWE, decrypts it and reads the JSON in it.
pub(crate) fn open(
    endpoint: &'static str,
    response: &HttpResponse,
    kind: &Kind,
    key: &EcPrivateKey,
    apv: &[u8],
) -> Result<SecretMap, Error> {
    if response.media_type().as_deref() != Some(kind.media_type) {
        let why = format!("{} was expected, {} came", kind.media_type, response.describe());
        return Err(Error::UnexpectedAnswer { endpoint, why });
    }
    let token =
        std::str::from_utf8(&response.body).map_err(|_| Error::rejected(kind.check, "it is not text"))?.trim_ascii();
    let jwe = parse(token, kind.check)?;
    check_typ(&jwe, kind.typ)?;
    check_apu(&jwe)?;
    let plaintext: Zeroizing<Vec<u8>> = jwe.decrypt(key, apv).map_err(|error| jwe_error(&error, "alg", kind.check))?;
    jose::json::parse_object(kind.check, &plaintext)
        .map(SecretMap::from)
        .map_err(|error| Error::rejected(kind.check, format!("its content: {error}")))
}

/// Parses a JWE; what is refused gets the name of the header member at fault.
pub(crate) fn parse(token: &str, check: &'static str) -> Result<Jwe, Error> {
    Jwe::parse(token).map_err(|error| {
        let header = jose::peek_header(token).unwrap_or_default();
        let member = if header.get("alg").and_then(Value::as_str) == Some("ECDH-ES") { "enc" } else { "alg" };
        jwe_error(&error, member, check)
    })
}

fn jwe_error(error: &jose::Error, algorithm_member: &'static str, check: &'static str) -> Error {
    let claim = match error {
        jose::Error::AlgorithmRefused { .. } => algorithm_member,
        jose::Error::HeaderRefused { name, .. } => name,
        jose::Error::Key { .. }
        | jose::Error::Json { what: "epk", .. }
        | jose::Error::Malformed { what: "JWK", .. } => "epk",
        jose::Error::Malformed { what: what @ ("alg" | "enc" | "epk" | "apu" | "apv"), .. } => what,
        jose::Error::PartyVInfo => "apv",
        jose::Error::Decrypt => "decryption",
        _ => check,
    };
    Error::rejected(claim, error.to_string())
}

/// `typ` is optional; where it is there, it names this kind of response (RFC 7515 4.1.9), or says `JWT`.
fn check_typ(jwe: &Jwe, wanted: &str) -> Result<(), Error> {
    let is_right = |typ: &str| {
        let typ = typ.to_ascii_lowercase();
        typ == "jwt" || typ.strip_prefix("application/").unwrap_or(&typ) == wanted
    };
    match jwe.header().get("typ") {
        None => Ok(()),
        Some(Value::String(typ)) if is_right(typ) => Ok(()),
        Some(Value::String(typ)) => {
            Err(Error::rejected("typ", format!("{wanted} was expected, \"{}\" came", shown(typ, 60))))
        }
        Some(_) => Err(Error::rejected("typ", "it is not a text")),
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

#[cfg(test)]
mod tests;
