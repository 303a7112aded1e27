//! The claims of a message, each message by its own rules.

use jose::{PublicKey, base64url};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::kind::Kind;
use super::{Clock, id_token};
use crate::check::{Check, Record as _, Verdict};
use crate::clock::{Moment, REQUEST_LIFETIME, display, timely};
use crate::error::shown;
use crate::login_request::JWT_BEARER;
use crate::party_info::PartyInfo;

/// Judges what can be judged of the claims alone. `nonce_claim` is the claim that carries the server's nonce.
pub(crate) fn judge(kind: Kind, claims: &Map<String, Value>, nonce_claim: &str, clock: Clock) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.record("claims", presence(kind, claims));
    match kind {
        Kind::LoginRequest => {
            match claims.contains_key("iss") {
                true => same(&mut checks, claims, "iss", "client_id"),
                false => checks.record("iss", Verdict::deviates(format!("{AS_PUBLISHED}; it should be the client id"))),
            }
            user(&mut checks, kind, claims);
            grant_type(&mut checks, claims);
        }
        Kind::EmbeddedAssertion | Kind::EncryptedPasswordAssertion => same(&mut checks, claims, "iss", "sub"),
        Kind::RefreshRequest => {
            same(&mut checks, claims, "iss", "client_id");
            one_of(&mut checks, claims, "grant_type", &["refresh_token"]);
            surplus(&mut checks, claims);
        }
        Kind::KeyRequest => key_request(&mut checks, claims),
        Kind::IdToken => id_token::judge(&mut checks, claims),
        _ => {}
    }
    if kind.is_of_a_device() {
        client_nonce(&mut checks, claims);
    }
    if matches!(kind, Kind::LoginRequest | Kind::RefreshRequest) {
        scope(&mut checks, claims);
    }
    let is_assertion = matches!(kind, Kind::EmbeddedAssertion | Kind::EncryptedPasswordAssertion);
    if kind.is_of_a_device() || is_assertion {
        let there = claims.get(nonce_claim).is_some_and(Value::is_string);
        let missing = "missing; a configuration may give it another name";
        checks.record("request_nonce", Verdict::of(there, "there", missing));
    }
    if claims.contains_key("jwe_crypto") {
        checks.record("jwe_crypto", jwe_crypto(claims));
    }
    times(&mut checks, kind, claims, clock);
    checks
}

/// Claims that a message cannot do without, beside those that have a check of their own.
fn required(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::LoginRequest => &["client_id", "aud", "nonce", "scope", "grant_type", "jwe_crypto"],
        Kind::EmbeddedAssertion => &["iss", "sub", "aud", "nonce", "scope"],
        Kind::EncryptedPasswordAssertion => &["iss", "sub", "aud", "nonce", "scope", "password"],
        Kind::RefreshRequest => {
            &["client_id", "iss", "aud", "nonce", "scope", "grant_type", "refresh_token", "jwe_crypto"]
        }
        // `aud` is required by the documentation's table and absent from every sample.
        Kind::KeyRequest => &["iss", "nonce", "version", "request_type", "key_purpose", "refresh_token", "jwe_crypto"],
        Kind::LoginResponse => &["id_token"],
        Kind::KeyResponse => &["certificate|key"],
        // The id_token that Apple publishes has no `sub`.
        Kind::IdToken | Kind::NonceAnswer | Kind::UnknownJws | Kind::UnknownJwe => &[],
    }
}

fn presence(kind: Kind, claims: &Map<String, Value>) -> Verdict {
    let missing: Vec<&str> = required(kind)
        .iter()
        .copied()
        .filter(|names| names.split('|').all(|name| !claims.contains_key(name)))
        .collect();
    let why = || format!("missing: {}", missing.join(", ").replace('|', " or "));
    if missing.is_empty() { Verdict::holds(format!("{} claims", claims.len())) } else { Verdict::fails(why()) }
}

/// `iat` and `exp` where the message has them, `nbf` where it is there.
fn times(checks: &mut Vec<Check>, kind: Kind, claims: &Map<String, Value>, clock: Clock) {
    let optional = matches!(kind, Kind::LoginResponse | Kind::UnknownJws | Kind::UnknownJwe);
    let Clock { now, skew, max_lifetime } = clock;
    for name in ["iat", "nbf", "exp"] {
        let moment = match timely(claims, name, now, skew) {
            Ok(None) if optional || name == "nbf" => continue,
            Ok(None) => {
                checks.record(name, Verdict::fails("missing"));
                continue;
            }
            Err(why) => {
                checks.record(name, Verdict::fails(why));
                continue;
            }
            Ok(Some(moment)) => moment,
        };
        let is_text = matches!(Moment::of(claims, name), Moment::Text(_));
        let as_text = is_text.then_some("a string, as macOS 13 writes it; it should be a number");
        let verdict = Verdict::holds(display(moment)).noting(as_text);
        let how = |seconds| format!("it is made for {seconds} s; it should be {REQUEST_LIFETIME} s");
        let verdict = match (name == "exp").then(|| lifetime(kind, claims, moment)).flatten() {
            Some(seconds) if seconds > max_lifetime => {
                Verdict::fails(format!("made for {seconds} s; {max_lifetime} s are the most"))
            }
            Some(seconds) if seconds != REQUEST_LIFETIME => verdict.noting(Some(&how(seconds))),
            _ => verdict,
        };
        checks.record(name, verdict);
    }
}

/// How long a request or an assertion is made for, in seconds: 300 in every published message.
fn lifetime(kind: Kind, claims: &Map<String, Value>, exp: i64) -> Option<i64> {
    let is_assertion = matches!(kind, Kind::EmbeddedAssertion | Kind::EncryptedPasswordAssertion);
    match Moment::of(claims, "iat") {
        Moment::Number(iat) | Moment::Text(iat) if kind.is_of_a_device() || is_assertion => {
            Some(exp.saturating_sub(iat))
        }
        _ => None,
    }
}

/// Two claims that must be equal where both are there.
fn same(checks: &mut Vec<Check>, claims: &Map<String, Value>, name: &'static str, other: &str) {
    if let (Some(one), Some(two)) = (claims.get(name), claims.get(other)) {
        checks.record(name, Verdict::of(one == two, format!("equals {other}"), format!("differs from {other}")));
    }
}

/// `username` and `sub`, both the user.
fn user(checks: &mut Vec<Check>, kind: Kind, claims: &Map<String, Value>) {
    if !claims.get("username").is_some_and(Value::is_string) {
        checks.record("username", Verdict::fails("missing, or not a text"));
    }
    match claims.contains_key("sub") {
        true => same(checks, claims, "sub", "username"),
        false if kind == Kind::LoginRequest => {
            checks.record("sub", Verdict::deviates(format!("{AS_PUBLISHED}; it should be the user")));
        }
        false => checks.record("sub", Verdict::fails("missing")),
    }
}

/// Apple's sample of a password login has neither `iss` nor `sub` (VERIFY).
const AS_PUBLISHED: &str = "missing, as in the password login that Apple published for macOS 13";

fn one_of(checks: &mut Vec<Check>, claims: &Map<String, Value>, name: &'static str, known: &[&str]) {
    let value = claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let bad = format!("\"{}\" is not {}", shown(value, 80), known.join(" or "));
    checks.record(name, Verdict::of(known.contains(&value), value, bad));
}

fn grant_type(checks: &mut Vec<Check>, claims: &Map<String, Value>) {
    let known = [
        "password",
        JWT_BEARER,
        "urn:ietf:params:oauth:grant-type:saml1_1-bearer",
        "urn:ietf:params:oauth:grant-type:saml2-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ];
    one_of(checks, claims, "grant_type", &known);
    let grant = claims.get("grant_type").and_then(Value::as_str);
    if grant == Some(JWT_BEARER) && claims.contains_key("password") {
        let how = "it stands beside an assertion; it should come with the grant type password alone";
        checks.record("password", Verdict::deviates(how));
    }
    let needed = match grant {
        Some(JWT_BEARER) => "assertion",
        Some("password") => "password",
        _ => return,
    };
    if !claims.get(needed).is_some_and(Value::is_string) {
        checks.record(needed, Verdict::fails("missing, and the grant type needs it"));
    }
}

/// A refresh is the device's alone: the user is the one of the refresh token.
fn surplus(checks: &mut Vec<Check>, claims: &Map<String, Value>) {
    for name in ["sub", "username", "assertion"] {
        if claims.contains_key(name) {
            checks.record(name, Verdict::deviates("a refresh request has none"));
        }
    }
}

fn key_request(checks: &mut Vec<Check>, claims: &Map<String, Value>) {
    user(checks, Kind::KeyRequest, claims);
    one_of(checks, claims, "version", &["1.0"]);
    one_of(checks, claims, "request_type", &["key_request", "key_exchange"]);
    one_of(checks, claims, "key_purpose", &["user_unlock"]);
    if claims.get("request_type").and_then(Value::as_str) == Some("key_exchange") {
        let point = other_public_key(claims);
        checks.record("other_publickey", point.map(|_| "a point on P-256"));
    }
}

/// The Mac's half of a key exchange: standard base64 of the X9.63 point.
pub(crate) fn other_public_key(claims: &Map<String, Value>) -> Result<PublicKey, &'static str> {
    use base64::Engine as _;
    let text = claims.get("other_publickey").and_then(Value::as_str).ok_or("missing")?;
    let point = base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| "not base64")?;
    let key = PublicKey::from_x963(&point).map_err(|_| "not a point of 65 bytes on P-256")?;
    if key.key_type() == jose::KeyType::P256 { Ok(key) } else { Err("not a point of 65 bytes on P-256") }
}

/// The client's nonce: a UUID as a Mac writes it, in upper case.
fn client_nonce(checks: &mut Vec<Check>, claims: &Map<String, Value>) {
    let Some(Value::String(nonce)) = claims.get("nonce") else {
        return;
    };
    let verdict = match Uuid::try_parse(nonce).map(|uuid| uuid.hyphenated().to_string().to_uppercase()) {
        _ if nonce.is_empty() => Verdict::fails("empty"),
        Ok(written) if written == *nonce => Verdict::holds("an upper-case UUID"),
        Ok(_) => Verdict::deviates("a UUID in another spelling, as MSAL writes it; a Mac writes it in upper case"),
        Err(_) => Verdict::deviates("not a UUID; a Mac writes one in upper case"),
    };
    checks.record("nonce", verdict);
}

fn scope(checks: &mut Vec<Check>, claims: &Map<String, Value>) {
    let Some(Value::String(scope)) = claims.get("scope") else {
        return;
    };
    let missing: Vec<&str> =
        ["openid", "offline_access"].into_iter().filter(|word| !scope.split(' ').any(|other| other == *word)).collect();
    let how = (!missing.is_empty()).then(|| format!("{} is not in it", missing.join(" and ")));
    checks.record("scope", Verdict::holds(shown(scope, 200)).noting(how.as_deref()));
}

/// `jwe_crypto`: how the device wants its response encrypted.
fn jwe_crypto(claims: &Map<String, Value>) -> Verdict {
    let info = match requested_party_info(claims) {
        Ok((_, info)) => info,
        Err(why) => return Verdict::fails(why),
    };
    let nonce = claims.get("nonce").and_then(Value::as_str).unwrap_or_default();
    if info.nonce.as_deref() != Some(nonce.as_bytes()) {
        return Verdict::fails("the nonce in apv is not the nonce of the request");
    }
    let prefix = shown(&String::from_utf8_lossy(&info.prefix), 40);
    let other = (info.prefix != b"Apple").then(|| format!("apv begins with \"{prefix}\"; a Mac writes \"Apple\""));
    Verdict::holds(format!("ECDH-ES with A256GCM; apv from \"{prefix}\"")).noting(other.as_deref())
}

/// The `apv` that a device asks its response to be made for, as bytes and taken apart.
pub(crate) fn requested_party_info(claims: &Map<String, Value>) -> Result<(Vec<u8>, PartyInfo), String> {
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
    let key = PublicKey::from_x963(&info.point).map_err(|error| format!("apv: {error}"))?;
    if key.key_type() != jose::KeyType::P256 {
        return Err("apv: the key in it is not on P-256".to_owned());
    }
    Ok((apv, info))
}
