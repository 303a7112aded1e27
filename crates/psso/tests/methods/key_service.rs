//! Key requests and key exchanges.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::EcPrivateKey;
use psso::Error;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::idp::{AUDIENCE, Idp, Seen};
use crate::{idp, keys, secret};

/// What both requests say, and nothing but that and `more`.
fn check(seen: &Seen, request_type: &str, more: &[&str]) {
    assert_eq!(seen.path, "/key");
    assert_eq!(seen.header["typ"], "platformsso-key-request+jwt");
    assert_eq!(seen.form[0], ("platform_sso_version".to_owned(), "2.0".to_owned()));
    let common = [
        "version",
        "request_type",
        "key_purpose",
        "iss",
        "aud",
        "iat",
        "exp",
        "nonce",
        "request_nonce",
        "sub",
        "username",
        "refresh_token",
        "jwe_crypto",
    ];
    let names: BTreeSet<&str> = seen.claims.keys().map(String::as_str).collect();
    assert_eq!(names, common.into_iter().chain(more.iter().copied()).collect());
    for (name, value) in [
        ("version", "1.0"),
        ("request_type", request_type),
        ("key_purpose", "user_unlock"),
        ("aud", AUDIENCE),
        ("sub", "alice"),
        ("username", "alice"),
        ("refresh_token", "refresh-token-1"),
    ] {
        assert_eq!(seen.claims[name], value, "{name}");
    }
}

#[test]
fn a_key_and_then_its_secret() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    let client = idp.client("");
    let token = secret("refresh-token-1");
    let provided = client.key_request("alice", &token, &keys).unwrap();
    check(&idp.last(), "key_request", &[]);
    assert_eq!(provided.expires_at - provided.issued_at, 300);
    let context = provided.key_context.unwrap();
    assert_eq!(context.expose_secret(), "context-1");

    let mine = EcPrivateKey::generate().unwrap();
    let exchanged = client.key_exchange("alice", &token, &mine.public(), Some(&context), &keys).unwrap();
    let seen = idp.last();
    check(&seen, "key_exchange", &["other_publickey", "key_context"]);
    assert_eq!(seen.claims["key_context"], "context-1");
    assert_eq!(seen.claims["other_publickey"], STANDARD.encode(mine.public().x963().unwrap()));
    assert_eq!(exchanged.key_context.as_ref().unwrap().expose_secret(), "context-2");
    // The other half of the exchange, with the key in the certificate.
    assert_eq!(*exchanged.key, *mine.diffie_hellman(&certified(&provided.certificate_der)).unwrap());

    client.key_exchange("alice", &token, &mine.public(), None, &keys).unwrap();
    check(&idp.last(), "key_exchange", &["other_publickey"]);
}

fn certified(certificate: &[u8]) -> jose::PublicKey {
    use x509_parser::prelude::{FromDer as _, X509Certificate};
    let (_, certificate) = X509Certificate::from_der(certificate).unwrap();
    jose::PublicKey::from_spki_der(certificate.public_key().raw).unwrap()
}

#[test]
fn what_cannot_be_asked_is_not_sent() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    let p384 = {
        use p384::elliptic_curve::sec1::ToSec1Point as _;
        use rsa::pkcs8::DecodePrivateKey as _;
        let key = p384::SecretKey::from_pkcs8_pem(include_str!("../data/p384.key")).unwrap();
        jose::PublicKey::from_x963(key.public_key().to_sec1_point(false).as_bytes()).unwrap()
    };
    let token = secret("refresh-token-1");
    let refused = idp.client("").key_exchange("alice", &token, &p384, None, &keys);
    assert!(matches!(refused, Err(Error::Config { .. })));
    assert!(matches!(idp.client("").key_request(" ", &token, &keys), Err(Error::Config { .. })));
    assert_eq!(idp.requests(), 0);
}

#[test]
fn without_a_key_service_nothing_is_asked() {
    struct Nobody;
    impl psso::http::HttpClient for Nobody {
        fn send(&self, request: &psso::http::HttpRequest) -> Result<psso::http::HttpResponse, psso::http::HttpError> {
            panic!("{request:?}")
        }
    }
    let (_dir, keys) = keys();
    let endpoint = |name: &str| format!("{name}_endpoint = \"https://idp.example/{name}\"\n");
    let text = ["nonce", "token", "jwks"].map(endpoint).concat();
    let config = format!("issuer = \"i\"\nclient_id = \"c\"\naudience = \"a\"\n{text}");
    let client = psso::Client::new(psso::Config::from_toml(&config).unwrap(), Box::new(Nobody));
    match client.key_request("alice", &secret("t"), &keys) {
        Err(Error::Config { why, .. }) => assert!(why.contains("key_endpoint"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn answers_of_another_kind() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    let client = idp.client("");
    let ask = || client.key_request("alice", &secret("refresh-token-1"), &keys);
    idp.answers(|_, answer| answer.media_type = "application/platformsso-login-response+jwt".into());
    assert!(matches!(ask(), Err(Error::UnexpectedAnswer { endpoint: "key endpoint", .. })));
    idp.answers(|_, answer| answer.typ = Some("platformsso-login-response+jwt".into()));
    assert!(matches!(ask(), Err(Error::Rejected { claim: "typ", .. })));
    for accepted in [None, Some("JWT"), Some("Platformsso-Key-Response+JWT")] {
        idp.answers(move |_, answer| {
            answer.typ = accepted.map(str::to_owned);
            answer.media_type += "; charset=utf-8";
        });
        assert!(ask().is_ok(), "{accepted:?}");
    }
    idp.answers(|_, answer| {
        answer.content.remove("certificate");
    });
    assert!(matches!(ask(), Err(Error::Rejected { claim: "certificate", .. })));
    idp.answers(|_, answer| {
        answer.status = 403;
        answer.media_type = "application/json".into();
        answer.content = crate::idp::object(json!({"error": "access_denied"}));
    });
    assert!(matches!(ask(), Err(Error::Endpoint { endpoint: "key endpoint", status: 403, .. })));
}

#[test]
fn five_hundred_exchanges_lose_no_leading_zero() {
    let (_dir, keys) = keys();
    let idp: std::sync::Arc<Idp> = idp(&keys);
    let client = idp.client("");
    let token = secret("refresh-token-1");
    let mut padded = 0;
    for _ in 0..500 {
        let mine = EcPrivateKey::generate().unwrap();
        let exchanged = client.key_exchange("alice", &token, &mine.public(), None, &keys).unwrap();
        assert_eq!(*exchanged.key, *mine.diffie_hellman(&idp.provided.public()).unwrap());
        let point = mine.public().x963().unwrap();
        padded += usize::from(exchanged.key[0] == 0 || point[1] == 0 || point[33] == 0);
    }
    // About 6 of 500; none at all in one run of 300.
    println!("{padded} of 500 exchanges had a leading zero");
}
