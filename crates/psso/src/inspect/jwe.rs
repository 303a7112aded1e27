//! Inspecting a JWE.

use jose::jwe::Jwe;
use serde_json::{Map, Value};

use super::{InspectOptions, Inspection, Kind, claims, hide, jws};
use crate::kid::{key_id, same_key_id};
use crate::party_info::PartyInfo;
use crate::{Error, login_response};

/// Inspects a JWE: one that must be the `expected` message, or else the one that it says it is.
pub(super) fn inspect(token: &str, options: &InspectOptions, expected: Option<Kind>) -> Result<Inspection, Error> {
    let header = super::header(token)?;
    let mut seen = Inspection::new(expected.unwrap_or_else(|| kind(&header)), header);
    let jwe = match login_response::parse(token) {
        Ok(jwe) => jwe,
        Err(Error::Rejected { claim, why }) => {
            seen.check(claim, false, why);
            return Ok(seen);
        }
        Err(other) => return Err(other),
    };
    seen.check("alg", true, "ECDH-ES");
    seen.check("enc", true, "A256GCM");
    seen.check("epk", true, "a point on P-256");
    check_party_info(&mut seen, &jwe, options);
    match &options.decryption_key {
        Some(key) => {
            check_recipient(&mut seen, &jwe, &key_id(&key.public()));
            decrypt(&mut seen, &jwe, options);
        }
        None => seen.check("decryption", false, "not opened: give --decryption-key"),
    }
    Ok(seen)
}

fn kind(header: &Map<String, Value>) -> Kind {
    let typ = header.get("typ").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    match typ.strip_prefix("application/").unwrap_or(&typ) {
        login_response::TYP => Kind::LoginResponse,
        "platformsso-key-response+jwt" => Kind::KeyResponse,
        "platformsso-encrypted-login-assertion+jwt" => Kind::EncryptedPasswordAssertion,
        // SDK 13, and servers that leave it out: apu is what this protocol has in common.
        "" | "jwt" if header.contains_key("apu") => Kind::LoginResponse,
        _ => Kind::UnknownJwe,
    }
}

fn check_party_info(seen: &mut Inspection, jwe: &Jwe, options: &InspectOptions) {
    if seen.kind != Kind::UnknownJwe {
        match login_response::check_apu(jwe) {
            Ok(()) => seen.check("apu", true, "names the ephemeral key"),
            Err(Error::Rejected { why, .. }) => seen.check("apu", false, why),
            Err(other) => seen.check("apu", false, other.to_string()),
        }
    }
    let Some(apv) = options.apv.as_deref().or_else(|| jwe.apv()) else {
        return;
    };
    let known = seen.kind != Kind::UnknownJwe;
    let info = PartyInfo::parse(apv);
    let verdict = match (jwe.apv(), &info) {
        (Some(in_header), _) if in_header != apv => Err("the one in the header is not the given one"),
        (_, Err(why)) if known => Err(*why),
        (in_header, _) => Ok(if in_header.is_some() { "in the header" } else { "the given one" }),
    };
    seen.verdict("apv", verdict.map(str::to_owned).map_err(str::to_owned));
    if let (true, Ok(info), Some(key)) = (known, info, &options.decryption_key) {
        let same = key.public().x963() == Some(info.point);
        let detail = if same { "names the recipient's key" } else { "names another key than the given one" };
        seen.check("apv.key", same, detail);
    }
}

/// A `kid` names the recipient of an encrypted password. In a response its meaning is contradictory and ignored.
fn check_recipient(seen: &mut Inspection, jwe: &Jwe, recipient: &str) {
    if seen.kind == Kind::EncryptedPasswordAssertion {
        let matches = jwe.header_text("kid").is_some_and(|kid| same_key_id(kid, recipient));
        seen.kid_matches = Some(matches);
        let detail = if matches { "names the recipient's key" } else { "does not name the given key" };
        seen.check("kid", matches, detail);
    }
}

fn decrypt(seen: &mut Inspection, jwe: &Jwe, options: &InspectOptions) {
    let Some(key) = &options.decryption_key else {
        return;
    };
    let apv = options.apv.as_deref().or_else(|| jwe.apv());
    let plaintext = match jwe.decrypt(key, apv.unwrap_or_default()) {
        Ok(plaintext) => plaintext,
        Err(_) if apv.is_none() => {
            return seen.check("decryption", false, "the header has no apv; give the one of the request");
        }
        Err(error) => return seen.check("decryption", false, error.to_string()),
    };
    seen.check("decryption", true, format!("{} bytes", plaintext.len()));
    let content = match jose::json::parse_object("content", &plaintext) {
        Ok(content) => content,
        Err(error) => return seen.check("claims", false, format!("not a JSON object: {error}")),
    };
    if is_key_response(&content) && matches!(seen.kind, Kind::LoginResponse | Kind::UnknownJwe) {
        if seen.header.get("typ").and_then(Value::as_str).is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
            seen.check("typ", false, "the content is that of a key response");
        }
        seen.kind = Kind::KeyResponse;
    }
    claims::check(seen, &content, options);
    if let Some(Value::String(token)) = content.get("id_token") {
        match jws::inspect(token, options, jws::Place::Inside(Kind::IdToken)) {
            Ok(inner) => {
                if seen.kind == Kind::LoginResponse {
                    check_nonce(seen, &inner, apv.unwrap_or_default());
                }
                seen.id_token = Some(Box::new(inner));
            }
            Err(error) => seen.check("id_token", false, error.to_string()),
        }
    }
    seen.claims = Some(hide::hide(content, options.show_secrets));
}

/// The key service answers with a certificate or a key, the token endpoint with an id_token.
fn is_key_response(content: &Map<String, Value>) -> bool {
    !content.contains_key("id_token") && ["key", "certificate"].iter().any(|name| content.contains_key(*name))
}

/// One login has one client nonce: in the PartyVInfo that the response was made for, and in the id_token.
fn check_nonce(seen: &mut Inspection, id_token: &Inspection, apv: &[u8]) {
    let expected = PartyInfo::parse(apv).ok().and_then(|info| info.nonce);
    let nonce = id_token.claims.as_ref().and_then(|claims| claims.get("nonce")).and_then(Value::as_str);
    let verdict = match (nonce, expected) {
        (Some(nonce), Some(expected)) if nonce.as_bytes() == expected => Ok("the nonce in apv"),
        (Some(_), Some(_)) => Err("it is not the nonce in apv"),
        (None, _) => Err("the id_token has none"),
        (_, None) => Err("apv has none to compare with"),
    };
    seen.verdict("id_token.nonce", verdict.map(str::to_owned).map_err(str::to_owned));
}
