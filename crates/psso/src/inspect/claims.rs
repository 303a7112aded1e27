//! Checks of claims, by message.

use jose::{PublicKey, base64url};
use serde_json::{Map, Value};

use super::{InspectOptions, Inspection, Kind};
use crate::clock::{Moment, display};
use crate::error::shown;
use crate::login_request::JWT_BEARER;
use crate::party_info::PartyInfo;

/// Claims that a message cannot do without. Those that messages of macOS 13 leave out are not among them.
fn required(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::LoginRequest => &["client_id", "username|sub", "aud", "nonce", "scope", "grant_type", "jwe_crypto"],
        Kind::EmbeddedAssertion | Kind::EncryptedPasswordAssertion => &["iss", "sub", "aud", "nonce", "scope"],
        Kind::RefreshRequest => {
            &["client_id", "iss", "aud", "nonce", "scope", "grant_type", "refresh_token", "jwe_crypto"]
        }
        // `aud` is required by the documentation's table and absent from every sample.
        Kind::KeyRequest => &["iss", "nonce", "username|sub", "version", "request_type", "key_purpose", "jwe_crypto"],
        // The id_token that Apple publishes has no `sub`.
        Kind::IdToken => &["iss", "aud"],
        Kind::LoginResponse => &["id_token", "refresh_token", "refresh_token_expires_in|expires_in"],
        Kind::KeyResponse => &["certificate|key"],
        Kind::UnknownJws | Kind::UnknownJwe => &[],
    }
}

pub(super) fn check(seen: &mut Inspection, claims: &Map<String, Value>, options: &InspectOptions) {
    let missing: Vec<&str> = required(seen.kind)
        .iter()
        .copied()
        .filter(|names| names.split('|').all(|name| !claims.contains_key(name)))
        .collect();
    if missing.is_empty() {
        seen.check("claims", true, format!("{} claims", claims.len()));
    } else {
        seen.check("claims", false, format!("missing: {}", missing.join(", ").replace('|', " or ")));
    }

    match seen.kind {
        Kind::LoginRequest => {
            same(seen, claims, "iss", "client_id");
            same(seen, claims, "sub", "username");
            check_grant_type(seen, claims);
        }
        Kind::EmbeddedAssertion => same(seen, claims, "iss", "sub"),
        Kind::RefreshRequest => {
            same(seen, claims, "iss", "client_id");
            one_of(seen, claims, "grant_type", &["refresh_token"]);
        }
        Kind::KeyRequest => check_key_request(seen, claims),
        _ => {}
    }
    if matches!(seen.kind, Kind::LoginRequest | Kind::EmbeddedAssertion | Kind::RefreshRequest) {
        let there = claims.get("request_nonce").is_some_and(Value::is_string);
        let detail = if there { "there" } else { "missing; a configuration may give it another name" };
        seen.check("request_nonce", there, detail);
    }
    if claims.contains_key("jwe_crypto") {
        seen.verdict("jwe_crypto", jwe_crypto(claims));
    }
    check_times(seen, claims, options.moment());
}

/// `iat` and `exp` where the message has them, `nbf` where it is there.
fn check_times(seen: &mut Inspection, claims: &Map<String, Value>, at: i64) {
    let optional = matches!(seen.kind, Kind::LoginResponse | Kind::UnknownJws | Kind::UnknownJwe);
    for (name, holds) in [
        ("iat", (|moment, at| moment <= at) as fn(i64, i64) -> bool),
        ("nbf", |moment, at| moment <= at),
        ("exp", |moment, at| moment > at),
    ] {
        let (moment, note) = match Moment::of(claims, name) {
            Moment::Missing if optional || name == "nbf" => continue,
            Moment::Missing => {
                seen.check(name, false, "missing");
                continue;
            }
            Moment::Unreadable => {
                seen.check(name, false, "not a number of seconds");
                continue;
            }
            Moment::Number(moment) => (moment, ""),
            Moment::Text(moment) => (moment, " (a string, as macOS 13 writes it; it should be a number)"),
        };
        let ok = holds(moment, at);
        let verdict = match (name, ok) {
            ("exp", false) => format!(", expired: it is {}", display(at)),
            (_, false) => format!(", in the future: it is {}", display(at)),
            _ => String::new(),
        };
        seen.check(name, ok, format!("{}{verdict}{note}", display(moment)));
    }
}

/// Two claims that must be equal where both are there; messages of macOS 13 leave some out.
fn same(seen: &mut Inspection, claims: &Map<String, Value>, name: &'static str, other: &str) {
    if let (Some(one), Some(two)) = (claims.get(name), claims.get(other)) {
        let ok = one == two;
        seen.check(name, ok, format!("{} {other}", if ok { "equals" } else { "differs from" }));
    }
}

fn one_of(seen: &mut Inspection, claims: &Map<String, Value>, name: &'static str, known: &[&str]) {
    let value = claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let ok = known.contains(&value);
    let detail = if ok { value.to_owned() } else { format!("\"{}\" is not {}", shown(value, 80), known.join(" or ")) };
    seen.check(name, ok, detail);
}

fn check_grant_type(seen: &mut Inspection, claims: &Map<String, Value>) {
    let known = [
        "password",
        JWT_BEARER,
        "urn:ietf:params:oauth:grant-type:saml1_1-bearer",
        "urn:ietf:params:oauth:grant-type:saml2-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ];
    one_of(seen, claims, "grant_type", &known);
    if claims.get("grant_type").and_then(Value::as_str) == Some(JWT_BEARER) && !claims.contains_key("assertion") {
        seen.check("assertion", false, "missing, and the grant type needs it");
    }
}

fn check_key_request(seen: &mut Inspection, claims: &Map<String, Value>) {
    one_of(seen, claims, "version", &["1.0"]);
    one_of(seen, claims, "request_type", &["key_request", "key_exchange"]);
    one_of(seen, claims, "key_purpose", &["user_unlock"]);
    if claims.get("request_type").and_then(Value::as_str) == Some("key_exchange") {
        use base64::Engine as _;
        let point = claims
            .get("other_publickey")
            .and_then(Value::as_str)
            .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok())
            .and_then(|point| PublicKey::from_x963(&point).ok());
        let detail = if point.is_some() { "a point" } else { "missing, or not a point in base64" };
        seen.check("other_publickey", point.is_some(), detail);
    }
}

/// `jwe_crypto`: how the device wants its response encrypted.
fn jwe_crypto(claims: &Map<String, Value>) -> Result<String, String> {
    let member = |name: &str| claims.get("jwe_crypto")?.get(name)?.as_str();
    match (member("alg"), member("enc")) {
        (Some("ECDH-ES"), Some("A256GCM")) => {}
        (Some(alg), _) if alg.starts_with("HPKE") => {
            return Err(format!("{}: the response to HPKE is not specified publicly", shown(alg, 60)));
        }
        (alg, enc) => {
            let shown = |text: Option<&str>| shown(text.unwrap_or("nothing"), 40);
            return Err(format!("{} with {}, not ECDH-ES with A256GCM", shown(alg), shown(enc)));
        }
    }
    let apv = base64url::decode("apv", member("apv").ok_or("apv is missing")?).map_err(|error| error.to_string())?;
    let info = PartyInfo::parse(&apv).map_err(|why| format!("apv: {why}"))?;
    PublicKey::from_x963(&info.point).map_err(|error| format!("apv: {error}"))?;
    let nonce = claims.get("nonce").and_then(Value::as_str).unwrap_or_default();
    if info.nonce.as_deref() != Some(nonce.as_bytes()) {
        return Err("the nonce in apv is not the nonce of the request".to_owned());
    }
    Ok(format!("ECDH-ES with A256GCM; apv from \"{}\"", shown(&String::from_utf8_lossy(&info.prefix), 40)))
}
