use super::*;
use crate::testing::der;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::ExposeSecret as _;
use serde_json::json;

const NOW: i64 = 1_700_000_000;

fn certificate() -> Vec<u8> {
    der(include_str!("../../tests/data/p256.crt"))
}

fn claim<T: fmt::Debug>(result: Result<T, Error>) -> &'static str {
    match result {
        Err(Error::Rejected { claim, .. }) => claim,
        other => panic!("{other:?}"),
    }
}

fn with(mut content: Value, name: &str, value: Value) -> SecretMap {
    content[name] = value;
    SecretMap::from(content)
}

#[test]
fn certificates_in_either_base64() {
    let der = certificate();
    for text in [URL_SAFE_NO_PAD.encode(&der), STANDARD.encode(&der), STANDARD.encode(&der).replace('=', "")] {
        let content = json!({"certificate": text, "iat": NOW, "exp": NOW + 300, "key_context": "CONTEXT"});
        let key = provided(SecretMap::from(content), NOW).unwrap();
        assert_eq!((key.certificate_der.as_slice(), key.issued_at, key.expires_at), (der.as_slice(), NOW, NOW + 300));
        assert_eq!(key.key_context.as_ref().unwrap().expose_secret(), "CONTEXT");
        assert!(!format!("{key:?}").contains("CONTEXT"));
    }
}

#[test]
fn keys_of_32_bytes_in_either_base64() {
    // A leading zero must stay, and + and / occur in both alphabets.
    let mut secret = [0xfb; 32];
    secret[0] = 0;
    for text in [STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(secret)] {
        let key = exchanged(SecretMap::from(json!({"key": text, "iat": NOW.to_string(), "exp": NOW + 300})), NOW);
        let key = key.unwrap();
        assert_eq!(*key.key, secret);
        assert!(key.key_context.is_none());
        assert_eq!(format!("{key:?}"), format!("ExchangedKey {{ issued_at: {NOW}, expires_at: {}, .. }}", NOW + 300));
    }
}

#[test]
fn answers_that_do_not_hold() {
    let right = || json!({"certificate": STANDARD.encode(certificate()), "iat": NOW, "exp": NOW + 300});
    for (name, value, expected) in [
        ("certificate", json!(null), "certificate"),
        ("certificate", json!("%%"), "certificate"),
        ("certificate", json!("AAAA"), "certificate"),
        ("certificate", json!(STANDARD.encode(der(include_str!("../../tests/data/rsa2048.crt")))), "certificate"),
        ("certificate", json!(STANDARD.encode(der(include_str!("../../tests/data/p384.crt")))), "certificate"),
        ("iat", json!(null), "iat"),
        ("iat", json!(NOW + 61), "iat"),
        ("exp", json!("soon"), "exp"),
        ("exp", json!(NOW - 60), "exp"),
        ("key_context", json!(""), "key_context"),
        ("key_context", json!({"a": 1}), "key_context"),
        ("key_context", json!("x".repeat(64 * 1024 + 1)), "key_context"),
    ] {
        assert_eq!(claim(provided(with(right(), name, value.clone()), NOW)), expected, "{value}");
    }
    assert!(provided(with(right(), "key_context", json!(null)), NOW).is_ok());
    for clock in ["iat", "exp"] {
        let mut content = right();
        content.as_object_mut().unwrap().remove(clock);
        assert_eq!(claim(provided(SecretMap::from(content), NOW)), clock);
    }

    let right = || json!({"key": STANDARD.encode([1; 32]), "iat": NOW, "exp": NOW + 300});
    assert!(exchanged(SecretMap::from(right()), NOW).is_ok());
    for value in [json!(null), json!(7), json!("%"), json!(STANDARD.encode([1; 31])), json!(STANDARD.encode([1; 33]))] {
        assert_eq!(claim(exchanged(with(right(), "key", value.clone()), NOW)), "key", "{value}");
    }
}
