//! Inspecting a JWE.

use jose::jwe::Jwe;
use serde_json::{Map, Value};

use super::{InspectOptions, Inspection, Kind, claims, hide, jws, unreadable};
use crate::kid::{key_id, same_key_id};
use crate::party_info::PartyInfo;
use crate::{Error, login_response};

pub(super) fn inspect(token: &str, options: &InspectOptions) -> Result<Inspection, Error> {
    let header = jose::peek_header(token).map_err(unreadable)?;
    let mut seen = Inspection::new(kind(&header), header);
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
    if let Some(key) = &options.decryption_key {
        check_recipient(&mut seen, &jwe, &key_id(&key.public()));
        decrypt(&mut seen, &jwe, options);
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
    let Some(apv) = jwe.apv() else {
        return;
    };
    let verdict = match (&options.apv, PartyInfo::parse(apv)) {
        (Some(expected), _) if expected != apv => Err("not the given apv".to_owned()),
        (_, Err(why)) if seen.kind != Kind::UnknownJwe => Err(why.to_owned()),
        _ => Ok("in the header".to_owned()),
    };
    seen.verdict("apv", verdict);
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
    claims::check(seen, &content, options);
    if let Some(Value::String(token)) = content.get("id_token") {
        match jws::inspect(token, options, jws::Place::Inside) {
            Ok(mut inner) => {
                // The one token of an identity provider; what else is in it does not change what it is.
                inner.kind = Kind::IdToken;
                seen.id_token = Some(Box::new(inner));
            }
            Err(error) => seen.check("id_token", false, error.to_string()),
        }
    }
    seen.claims = Some(hide::hide(content, seen.kind, options.show_secrets));
}
