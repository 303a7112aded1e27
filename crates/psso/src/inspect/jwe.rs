//! Inspecting a JWE.

use jose::PublicKey;
use jose::jwe::Jwe;
use serde_json::{Map, Value};

use super::{InspectOptions, Inspection, Kind, hide, jws};
use crate::check::Verdict;
use crate::error::with_causes;
use crate::judge::{claims, encrypted, header, response};
use crate::kid::{key_id, same_key_id};
use crate::party_info::PartyInfo;
use crate::{Error, login_response};

/// Inspects a JWE: one that must be the `expected` message, or else the one that it says it is.
pub(super) fn inspect(token: &str, options: &InspectOptions, expected: Option<Kind>) -> Result<Inspection, Error> {
    let header = super::header(token)?;
    let kind = expected.unwrap_or_else(|| Kind::of_jwe(&header));
    let mut seen = Inspection::new(kind, header);
    let jwe = match login_response::parse(token) {
        Ok(jwe) => jwe,
        Err(Error::Rejected { claim, why }) => {
            // The header was shown for all that; what is wrong with it says its own reader.
            let why = jose::peek_header(token).map_or_else(|error| with_causes(&error), |_| why);
            seen.check(claim, Verdict::fails(why));
            return Ok(seen);
        }
        Err(other) => return Err(other),
    };
    seen.check("alg", Verdict::holds("ECDH-ES"));
    seen.check("enc", Verdict::holds("A256GCM"));
    seen.check("epk", Verdict::holds("a point on P-256"));
    check_party_info(&mut seen, &jwe, options);
    check_kid(&mut seen, &jwe, options);
    match &options.decryption_key {
        Some(_) => decrypt(&mut seen, &jwe, options),
        None => seen.check("decryption", Verdict::not_checked("not opened: give --decryption-key")),
    }
    if let Some(verdict) = header::typ(seen.kind, jwe.header().get("typ")) {
        seen.check("typ", verdict);
    }
    Ok(seen)
}

fn check_party_info(seen: &mut Inspection, jwe: &Jwe, options: &InspectOptions) {
    if seen.kind != Kind::UnknownJwe {
        seen.check("apu", encrypted::sender(jwe));
    }
    let expected = options.apv.as_deref();
    let Some(verdict) = encrypted::recipient(seen.kind, jwe, expected) else {
        return;
    };
    seen.check("apv", verdict);
    let info = expected.or_else(|| jwe.apv()).and_then(|apv| PartyInfo::parse(apv).ok());
    if let (true, Some(info), Some(key)) = (seen.kind != Kind::UnknownJwe, info, &options.decryption_key) {
        seen.check("apv.key", encrypted::names_recipient(&info, &key.public()));
    }
}

/// A `kid` names the recipient of an encrypted password. In a response its meaning is contradictory, and nothing depends
/// on it.
fn check_kid(seen: &mut Inspection, jwe: &Jwe, options: &InspectOptions) {
    let kid = jwe.header_text("kid");
    let names = |key: &PublicKey| kid.is_some_and(|kid| same_key_id(kid, &key_id(key)));
    let recipient = options.decryption_key.as_ref().map(|key| key.public());
    match seen.kind {
        Kind::EncryptedPasswordAssertion => {
            let Some(key) = recipient else { return };
            let matches = names(&key);
            seen.kid_matches = Some(matches);
            let how = kid.and_then(|kid| header::spelling(kid, &key_id(&key)));
            let verdict = Verdict::of(matches, "names the recipient's key", "does not name the given key");
            seen.check("kid", verdict.noting(how));
        }
        Kind::LoginResponse | Kind::KeyResponse if kid.is_some() => {
            let whose = match recipient {
                _ if names(jwe.epk()) => "names the ephemeral key, as the documentation's text has it",
                Some(key) if names(&key) => "names the recipient's key, as the documentation's sample has it",
                _ => "names another key than the ephemeral one",
            };
            seen.check("kid", Verdict::holds(format!("{whose}; nothing depends on it")));
        }
        _ => {}
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
            let why = "the header has no apv; give the one of the request";
            return seen.check("decryption", Verdict::not_checked(why));
        }
        Err(error) => return seen.check("decryption", Verdict::fails(error.to_string())),
    };
    seen.check("decryption", Verdict::holds(format!("{} bytes", plaintext.len())));
    let content = match jose::json::parse_object("content", &plaintext) {
        Ok(content) => content,
        Err(error) => return seen.check("claims", Verdict::fails(with_causes(&error))),
    };
    seen.kind = by_content(seen.kind, &content);
    seen.checks.extend(claims::judge(seen.kind, &content, super::NONCE_CLAIM, options.clock()));
    seen.checks.extend(response::judge(seen.kind, &content));
    if let Some(Value::String(token)) = content.get("id_token") {
        match jws::inspect(token, options, jws::Place::Inside(Kind::IdToken)) {
            Ok(inner) => {
                if seen.kind == Kind::LoginResponse {
                    check_nonce(seen, &inner, apv.unwrap_or_default());
                }
                seen.id_token = Some(Box::new(inner));
            }
            Err(error) => seen.check("id_token", Verdict::fails(with_causes(&error))),
        }
    }
    seen.claims = Some(hide::content(seen.kind, content, options.show_secrets));
}

/// The key service answers with a certificate or a key, the token endpoint with an id_token. A `typ` that says otherwise is
/// wrong.
fn by_content(kind: Kind, content: &Map<String, Value>) -> Kind {
    let of_the_key_service = ["key", "certificate"].iter().any(|name| content.contains_key(*name));
    match (kind, content.contains_key("id_token")) {
        (Kind::LoginResponse | Kind::UnknownJwe, false) if of_the_key_service => Kind::KeyResponse,
        (Kind::KeyResponse, true) if !of_the_key_service => Kind::LoginResponse,
        _ => kind,
    }
}

/// One login has one client nonce: in the PartyVInfo that the response was made for, and in the id_token.
fn check_nonce(seen: &mut Inspection, id_token: &Inspection, apv: &[u8]) {
    let expected = PartyInfo::parse(apv).ok().and_then(|info| info.nonce);
    let nonce = id_token.claims.as_ref().and_then(|claims| claims.get("nonce")).and_then(Value::as_str);
    let verdict = match (nonce, expected) {
        (Some(nonce), Some(expected)) if nonce.as_bytes() == expected => Verdict::holds("the nonce in apv"),
        (Some(_), Some(_)) => Verdict::fails("it is not the nonce in apv"),
        (None, _) if id_token.claims.is_none() => Verdict::not_checked("the claims of the id_token cannot be read"),
        (None, _) => Verdict::fails("the id_token has none, or none that is a text"),
        (_, None) => Verdict::fails("apv has none to compare with"),
    };
    seen.check("id_token.nonce", verdict);
}
