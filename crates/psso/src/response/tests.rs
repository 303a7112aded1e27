//! The published response, whole and tampered with.

use super::*;
use crate::login_response::KIND;
use crate::testing::{apple, p256_private, text, url};
use jose::base64url;
use serde_json::{Map, json};

/// Apple's response, the key that opens it, and the PartyVInfo that it is made for.
fn published() -> (String, EcPrivateKey, Vec<u8>) {
    let vectors = apple();
    let vector = &vectors["apple_login_request_with_keys"];
    let key = p256_private(&vector["device_encryption_jwk"]);
    (text(&vector["login_response_jwe"]).to_owned(), key, url(&vector["apv"]))
}

fn answer(content_type: &str, body: &str) -> HttpResponse {
    HttpResponse { status: 200, content_type: Some(content_type.to_owned()), body: body.as_bytes().to_vec().into() }
}

fn opened(body: &str) -> Result<SecretMap, Error> {
    let (_, key, apv) = published();
    open("token endpoint", &answer(KIND.media_type, body), &KIND, &key, &apv)
}

fn rejected(body: &str) -> &'static str {
    match opened(body) {
        Err(Error::Rejected { claim, .. }) => claim,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_published_response_opens() {
    let (token, ..) = published();
    let mut content = opened(&format!(" {token}\r\n")).unwrap();
    let id_token = content.take_text("id_token").unwrap();
    let claims = jose::jws::Jws::parse(&id_token).unwrap().claims().unwrap();
    let vectors = apple();
    assert_eq!(claims["nonce"], vectors["apple_login_request_with_keys"]["nonce"]);
    assert!(content.take_text("refresh_token").is_some());
}

#[test]
fn the_media_type_may_have_parameters_and_must_be_the_right_one() {
    let (token, key, apv) = published();
    for right in ["; charset=utf-8", ";charset=\"UTF-8\"; x=y", ""] {
        let response = answer(&format!("Application/PlatformSSO-Login-Response+JWT{right}"), &token);
        assert!(open("token endpoint", &response, &KIND, &key, &apv).is_ok(), "{right}");
    }
    for wrong in ["application/jwt", "application/json", "application/platformsso-key-response+jwt", "text/plain", ""] {
        let result = open("token endpoint", &answer(wrong, &token), &KIND, &key, &apv);
        assert!(matches!(result, Err(Error::UnexpectedAnswer { .. })), "{wrong}");
    }
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let (token, ..) = published();
    let parts: Vec<&str> = token.split('.').collect();
    // The second part is empty; it must stay so.
    for (index, part) in parts.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
        let bytes = base64url::decode("part", part).unwrap();
        let steps = [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1];
        for at in steps {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            parts[index] = base64url::encode(&changed);
            assert!(matches!(opened(&parts.join(".")), Err(Error::Rejected { .. })), "part {index}, byte {at}");
        }
    }
    assert_eq!(rejected(&format!("{token}.")), "login_response");
    assert_eq!(rejected(&token[..token.len() - 1]), "login_response");
    assert_eq!(rejected(&token.replacen("..", ".AAAA.", 1)), "login_response");
    assert_eq!(rejected("<html>"), "login_response", "no header at all");
}

#[test]
fn another_key_or_another_nonce_does_not_open_it() {
    let (token, key, apv) = published();
    let claim = |key: &EcPrivateKey, apv: &[u8]| match open("t", &answer(KIND.media_type, &token), &KIND, key, apv) {
        Err(Error::Rejected { claim, .. }) => claim,
        other => panic!("{other:?}"),
    };
    assert_eq!(claim(&EcPrivateKey::generate().unwrap(), &apv), "decryption");
    let mut other = apv.clone();
    *other.last_mut().unwrap() ^= 1;
    assert!(["apv", "decryption"].contains(&claim(&key, &other)));
}

/// The published response with another header; whatever is asked of a header is asked before it is opened.
fn with_header(edit: impl FnOnce(&mut Map<String, Value>)) -> String {
    let (token, ..) = published();
    let (head, rest) = token.split_once('.').unwrap();
    let mut header = jose::json::parse_object("header", &base64url::decode("header", head).unwrap()).unwrap();
    edit(&mut header);
    format!("{}.{rest}", base64url::encode(Value::Object(header).to_string().as_bytes()))
}

#[test]
fn each_rule_of_the_header_has_its_name() {
    let set = |name: &'static str, value: Value| with_header(move |header| drop(header.insert(name.to_owned(), value)));
    let other = EcPrivateKey::generate().unwrap().public();
    let point = other.x963().unwrap();
    let lp = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    let apu =
        |fields: &[&[u8]]| json!(base64url::encode(&fields.iter().flat_map(|field| lp(field)).collect::<Vec<u8>>()));
    for (token, name) in [
        (set("alg", json!("HPKE-P256-SHA256-A256GCM")), "alg"),
        (set("alg", json!("ECDH-ES+A256KW")), "alg"),
        (set("alg", json!("dir")), "alg"),
        (set("alg", json!(7)), "alg"),
        (set("enc", json!("A128GCM")), "enc"),
        (set("enc", json!("dir")), "enc"),
        (set("zip", json!("DEF")), "zip"),
        (set("crit", json!(["exp"])), "crit"),
        (set("typ", json!("platformsso-key-response+jwt")), "typ"),
        (set("typ", json!(["JWT"])), "typ"),
        (set("apu", apu(&[b"APPLE", &point])), "apu"),
        (set("apu", apu(&[b"APPLE", &point, b"nonce"])), "apu"),
        (set("apu", apu(&[b"APPLE"])), "apu"),
        (set("apu", json!("%")), "apu"),
        (with_header(|header| drop(header.remove("apu"))), "apu"),
        (with_header(|header| drop(header.remove("epk"))), "epk"),
        (set("epk", json!({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"})), "epk"),
        (set("epk", json!({"kty": "RSA", "n": "AAAA", "e": "AQAB"})), "epk"),
        (set("epk", json!("text")), "epk"),
        (set("apv", apu(&[b"Apple", &point, b"other"])), "apv"),
    ] {
        assert_eq!(rejected(&token), name, "{:?}", jose::peek_header(&token));
    }
    let why = opened(&set("alg", json!("HPKE-P256-SHA256-A256GCM"))).unwrap_err().to_string();
    assert!(why.contains("HPKE"), "{why}");
    let why = opened(&set("epk", json!({"kty": "RSA", "n": "AAAA", "e": "AQAB"}))).unwrap_err().to_string();
    assert_eq!(why, "the check of epk failed: malformed epk: kty is \"RSA\", not EC");
    let why = opened(&set("epk", json!({"kty": "EC", "crv": "P-256", "x": 7}))).unwrap_err().to_string();
    assert_eq!(why, "the check of epk failed: malformed JWK: x is not a text");
    // kid may be anything, and typ may be missing or JWT: only then does the changed header not authenticate.
    for token in [
        set("kid", json!("anything")),
        with_header(|header| drop(header.remove("typ"))),
        set("typ", json!("JWT")),
        set("typ", json!("application/platformsso-login-response+jwt")),
    ] {
        assert_eq!(rejected(&token), "decryption");
    }
}
