//! Nothing that comes from outside makes a parser panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jose::jwe::Jwe;
use jose::jws::Jws;
use jose::{Algorithm, EcPrivateKey, Jwk, JwkSet, PublicKey, base64url, ecdsa};
use proptest::prelude::*;

fn feed(text: &str) {
    let key = EcPrivateKey::from_jwk_json(
        r#"{"kty":"EC","crv":"P-256","x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
            "y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps","d":"0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo"}"#,
    )
    .unwrap();
    if let Ok(jws) = Jws::parse(text) {
        let _ = jws.claims();
        let _ = jws.verify(&key.public(), &Algorithm::ALL);
        let _ = format!("{jws:?}");
    }
    if let Ok(jwe) = Jwe::parse(text) {
        let _ = jwe.decrypt(&key, jwe.apv().unwrap_or_default());
    }
    let _ = jose::peek_header(text);
    let _ = JwkSet::from_json(text);
    if let Ok(jwk) = Jwk::from_json(text) {
        let _ = PublicKey::from_jwk(&jwk);
    }
    let _ = EcPrivateKey::from_jwk_json(text);
    let _ = EcPrivateKey::from_pem(text);
    let _ = text.parse::<Algorithm>();
}

/// JSON that resembles a header, so that the tests come past the first check.
fn header() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("ES256"),
        Just("RS256"),
        Just("ECDH-ES"),
        Just("A256GCM"),
        Just("EC"),
        Just("P-256"),
        Just("none"),
        Just("é\u{1f600}é"),
        Just(""),
        Just("gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0"),
    ];
    let name = prop_oneof![
        Just("alg"),
        Just("enc"),
        Just("epk"),
        Just("apu"),
        Just("apv"),
        Just("kty"),
        Just("crv"),
        Just("x"),
        Just("y"),
        Just("n"),
        Just("e"),
        Just("d"),
        Just("keys"),
    ];
    let leaf = word.prop_map(serde_json::Value::from);
    let value = leaf.prop_recursive(3, 16, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::vec((name.clone(), inner), 0..5).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }),
        ]
    });
    value.prop_map(|value| value.to_string())
}

proptest! {
    #[test]
    fn any_text(text in "\\PC{0,200}") {
        feed(&text);
    }

    #[test]
    fn token_shaped_text(text in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,5}") {
        feed(&text);
    }

    #[test]
    fn json_headers(header in header(), parts in 2usize..5, body in prop::collection::vec(any::<u8>(), 0..40)) {
        feed(&header);
        feed(&format!("{}{}", base64url::encode(header.as_bytes()), format!(".{}", base64url::encode(&body)).repeat(parts)));
        let iv = base64url::encode(&[7; 12]);
        let tag = base64url::encode(&[7; 16]);
        feed(&format!("{}..{iv}.{}.{tag}", base64url::encode(header.as_bytes()), base64url::encode(&body)));
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for width in [0, 32, 48] {
            if let Ok(raw) = ecdsa::der_to_raw(&bytes, width) {
                prop_assert_eq!(raw.len(), 2 * width);
            }
        }
        let _ = ecdsa::raw_to_der(&bytes);
        let _ = PublicKey::from_spki_der(&bytes);
        let _ = PublicKey::from_x963(&bytes);
        let _ = jose::json::parse_object("bytes", &bytes);
    }

    #[test]
    fn raw_signatures_round_trip(raw in prop::collection::vec(any::<u8>(), 64)) {
        if let Ok(der) = ecdsa::raw_to_der(&raw) {
            prop_assert_eq!(ecdsa::der_to_raw(&der, 32).unwrap(), raw);
        }
    }
}
