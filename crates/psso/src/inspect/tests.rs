mod deviations;
mod id_tokens;
mod malformed;

use super::*;
use crate::testing::{apple, p256_private, text, url};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::jws;
use serde_json::json;

/// The moment at which Apple's SmartCard sample was made.
const CARD_SAMPLE: i64 = 1685737124;

fn at(moment: i64) -> InspectOptions {
    InspectOptions { at: Some(moment), ..InspectOptions::default() }
}

/// The names of the checks that fail. No two checks have one name.
fn failed(seen: &Inspection) -> Vec<&str> {
    let mut names: Vec<_> = seen.checks.iter().map(|check| &check.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    seen.checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str()).collect()
}

fn detail<'a>(seen: &'a Inspection, name: &str) -> &'a str {
    &seen.checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no check {name}")).detail
}

/// A token of a fresh key, with its kid.
fn signed(header: Value, claims: &Value) -> (String, EcPrivateKey) {
    let mut key = EcPrivateKey::generate().unwrap();
    let Value::Object(mut header) = header else { panic!() };
    header.entry("alg").or_insert(json!("ES256"));
    header.entry("kid").or_insert(json!(crate::key_id(&key.public())));
    (jws::sign(&header, claims.to_string().as_bytes(), &mut key).unwrap(), key)
}

fn given(key: &EcPrivateKey, kid: Option<&str>) -> Vec<VerificationKey> {
    vec![VerificationKey { key: key.public(), kid: kid.map(str::to_owned), entry: None }]
}

#[test]
fn apple_smartcard_assertion() {
    let vectors = apple();
    let token = text(&vectors["smartcard_embedded_assertion"]["jws"]);
    let seen = inspect(&format!(" {token}\n"), &at(CARD_SAMPLE)).unwrap();
    assert_eq!(failed(&seen), Vec::<&str>::new());
    assert!(seen.all_hold());
    let json = serde_json::to_value(&seen).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["kind"], "embedded_assertion");
    assert_eq!(json["header"]["alg"], "ES256");
    assert_eq!(json["claims"]["sub"], "foo");
    assert_eq!(json["signature"], json!({"valid": true, "key": "x5c"}));
    assert_eq!(json["kid_matches"], true);
    let meaning = "The header must say which message it is, so that one kind cannot pass for another.";
    assert_eq!(
        json["checks"][0],
        json!({"name": "typ", "ok": true, "level": "holds", "detail": "as documented", "meaning": meaning})
    );
    assert!(detail(&seen, "x5c").contains("bare string") && detail(&seen, "x5c").contains("CN=foo@example.com"));

    assert!(detail(&seen, "signature").contains("came with the message"), "{}", detail(&seen, "signature"));

    // The certificate in it has expired as well.
    assert_eq!(failed(&inspect(token, &InspectOptions::default()).unwrap()), ["x5c.validity", "exp"]);
    assert_eq!(failed(&inspect(token, &at(CARD_SAMPLE + 299)).unwrap()), Vec::<&str>::new());
    assert_eq!(failed(&inspect(token, &at(CARD_SAMPLE + 300)).unwrap()), ["exp"]);
    // The certificate was made in the same second.
    assert_eq!(failed(&inspect(token, &at(CARD_SAMPLE - 1)).unwrap()), ["x5c.validity", "iat"]);
}

#[test]
fn apple_login_request() {
    let vectors = apple();
    let vector = &vectors["apple_login_request_with_keys"];
    let token = text(&vector["login_request_jws"]);
    let seen = inspect(token, &at(1656005132)).unwrap();
    assert_eq!(seen.kind, Kind::LoginRequest);
    assert_eq!(seen.signature, Some(SignatureVerdict { valid: Some(true), key: Some("x5c") }));
    assert_eq!(seen.kid_matches, Some(true));
    // This sample of macOS 13 has no exp at all.
    assert_eq!(failed(&seen), ["exp"]);
    assert!(detail(&seen, "iat").contains("string"));
    assert!(detail(&seen, "jwe_crypto").contains("Apple"));
    let claims = seen.claims.unwrap();
    assert_eq!((&claims["password"], &claims["username"]), (&json!("(hidden)"), &json!("foo")));
    let shown = inspect(token, &InspectOptions { show_secrets: true, ..at(1656005132) }).unwrap();
    assert_eq!(shown.claims.unwrap()["password"], "bar");

    // With the key given, as printed in the documentation: without kty and crv.
    let keys = verification_keys(&vector["device_signing_jwk"].to_string()).unwrap();
    let seen = inspect(token, &InspectOptions { verification_keys: keys, ..at(1656005132) }).unwrap();
    assert_eq!(seen.signature, Some(SignatureVerdict { valid: Some(true), key: Some("given") }));
    assert_eq!(seen.kid_matches, Some(true));
    // And with a wrong one.
    let keys = verification_keys(&vector["device_encryption_jwk"].to_string()).unwrap();
    let seen = inspect(token, &InspectOptions { verification_keys: keys, ..at(1656005132) }).unwrap();
    assert_eq!(seen.signature.unwrap().valid, Some(false));
    assert_eq!((seen.kid_matches, failed(&seen)), (Some(false), vec!["x5c.key", "signature", "kid", "exp"]));
}

#[test]
fn apple_login_response() {
    let vectors = apple();
    let vector = &vectors["apple_login_request_with_keys"];
    let token = text(&vector["login_response_jwe"]);
    let closed = inspect(token, &InspectOptions::default()).unwrap();
    assert_eq!(
        (closed.kind, closed.claims.is_none(), failed(&closed)),
        (Kind::LoginResponse, true, vec!["decryption"])
    );
    assert!(detail(&closed, "decryption").contains("--decryption-key"));
    assert!(closed.signature.is_none() && closed.kid_matches.is_none());

    let key = p256_private(&vector["device_encryption_jwk"]);
    let options = InspectOptions { decryption_key: Some(key), ..at(1656005132) };
    let without = inspect(token, &options).unwrap();
    assert_eq!(failed(&without), ["decryption"]);
    assert!(detail(&without, "decryption").contains("apv"));

    let options = InspectOptions { apv: Some(url(&vector["apv"])), ..options };
    let seen = inspect(token, &options).unwrap();
    assert_eq!(failed(&seen), Vec::<&str>::new());
    assert!(detail(&seen, "decryption").contains("986 bytes"));
    assert_eq!(
        (detail(&seen, "apv.key"), detail(&seen, "id_token.nonce")),
        ("names the recipient's key", "the nonce in apv")
    );
    // Nobody gave the key of the identity provider.
    assert!(!seen.all_hold());
    let claims = seen.claims.unwrap();
    assert_eq!((&claims["refresh_token"], &claims["id_token"]), (&json!("(hidden)"), &json!("(hidden)")));
    let inner = seen.id_token.unwrap();
    assert_eq!((inner.kind, inner.signature.unwrap().valid), (Kind::IdToken, None));
    assert_eq!(
        (failed(&inner), detail(&inner, "signature")),
        (vec!["signature"], "not verified: give --verification-key")
    );
    assert!(detail(&inner, "exp").contains("string"));
    assert_eq!(inner.claims.unwrap()["upn"], "foo");

    let wrong = InspectOptions { decryption_key: Some(EcPrivateKey::generate().unwrap()), ..options };
    assert_eq!(failed(&inspect(token, &wrong).unwrap()), ["apv.key", "decryption"]);
}

#[test]
fn what_does_not_hold_is_named() {
    let good = json!({"iss": "a", "sub": "a", "aud": "u", "iat": 100, "exp": 400, "nonce": "n", "request_nonce": "r", "scope": "s"});
    let typ = json!({"typ": "platformsso-login-assertion+jwt"});
    for (change, expected) in [
        (json!({}), vec![]),
        (json!({"sub": "b"}), vec!["iss"]),
        (json!({"exp": 200}), vec!["exp"]),
        (json!({"exp": "200"}), vec!["exp"]),
        (json!({"exp": "later"}), vec!["exp"]),
        (json!({"exp": null}), vec!["exp"]),
        (json!({"iat": 201}), vec!["iat"]),
        (json!({"nbf": 201}), vec!["nbf"]),
        (json!({"nbf": 200}), vec![]),
        (json!({"iat": "100", "exp": "400"}), vec![]),
        (json!({"request_nonce": 7}), vec!["request_nonce"]),
    ] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (token, key) = signed(typ.clone(), &claims);
        let seen = inspect(&token, &InspectOptions { verification_keys: given(&key, None), ..at(200) }).unwrap();
        assert_eq!((seen.kind, failed(&seen)), (Kind::EmbeddedAssertion, expected), "{change}");
    }
    for name in ["iss", "sub", "aud", "nonce", "scope"] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        let (token, _) = signed(typ.clone(), &claims);
        let seen = inspect(&token, &at(200)).unwrap();
        assert_eq!(
            (failed(&seen), detail(&seen, "claims")),
            (vec!["signature", "claims"], &*format!("missing: {name}"))
        );
        assert_eq!(seen.signature, Some(SignatureVerdict { valid: None, key: None }));
    }
    let (token, key) =
        signed(json!({"typ": "platformsso-login-assertion+jwt", "kid": "other", "x5c": ["AAAA"]}), &good);
    let seen = inspect(&token, &InspectOptions { verification_keys: given(&key, None), ..at(200) }).unwrap();
    assert_eq!((failed(&seen), seen.kid_matches), (vec!["x5c", "kid"], Some(false)));
}

#[test]
fn a_request_and_its_assertion_must_agree() {
    let inner = json!({"iss": "a", "sub": "a", "aud": "u", "iat": 100, "exp": 400, "nonce": "n", "request_nonce": "r", "scope": "s"});
    let (assertion, _) = signed(json!({"typ": "platformsso-login-assertion+jwt"}), &inner);
    let device = EcPrivateKey::generate().unwrap().public();
    let outer = json!({"iss": "c", "client_id": "c", "sub": "a", "username": "a", "aud": "t", "iat": 100, "exp": 400,
        "nonce": "n", "request_nonce": "r", "scope": "s", "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": assertion,
        "jwe_crypto": {"alg": "ECDH-ES", "enc": "A256GCM",
            "apv": jose::base64url::encode(&crate::party_info::device_apv(&device, "n"))}});
    let typ = json!({"typ": "platformsso-login-request+jwt"});
    for (change, expected) in [
        (json!({}), vec![]),
        (json!({"nonce": "x"}), vec!["jwe_crypto", "assertion.nonce"]),
        (json!({"request_nonce": "x"}), vec!["assertion.request_nonce"]),
        (json!({"scope": "x"}), vec!["assertion.scope"]),
        (json!({"username": "b"}), vec!["sub", "assertion.sub"]),
        (json!({"iss": "x"}), vec!["iss"]),
        (json!({"grant_type": "x"}), vec!["grant_type"]),
        (json!({"assertion": "e30.e30."}), vec![]),
        (json!({"assertion": "x.y.z"}), vec!["assertion"]),
        (json!({"jwe_crypto": {"alg": "HPKE-P256-SHA256-A256GCM", "enc": "dir"}}), vec!["jwe_crypto"]),
        (json!({"jwe_crypto": {"alg": "ECDH-ES", "enc": "A256GCM", "apv": "AAAA"}}), vec!["jwe_crypto"]),
        (json!({"jwe_crypto": 7}), vec!["jwe_crypto"]),
    ] {
        let mut claims = outer.clone();
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (token, key) = signed(typ.clone(), &claims);
        let seen = inspect(&token, &InspectOptions { verification_keys: given(&key, None), ..at(200) }).unwrap();
        let mut expected = expected;
        if change["assertion"] == "e30.e30." {
            // An empty assertion agrees in nothing.
            expected = vec!["assertion.nonce", "assertion.request_nonce", "assertion.scope", "assertion.sub"];
        }
        assert_eq!((seen.kind, failed(&seen)), (Kind::LoginRequest, expected), "{change}");
        if change.as_object().unwrap().is_empty() {
            let json = serde_json::to_value(&seen).unwrap();
            assert_eq!(json["assertion"]["kind"], "embedded_assertion");
            assert_eq!(json["assertion"]["claims"]["sub"], "a");
            assert_eq!(json["claims"]["assertion"], "(hidden)");
            // The device's key was given; the assertion has no certificate, so it stays unverified.
            assert_eq!(json["assertion"]["signature"], json!({"valid": null, "key": null}));
            let inner = seen.assertion.as_ref().unwrap();
            assert_eq!(failed(inner), ["signature"]);
            assert!(detail(inner, "signature").contains("no given key is named by kid"));
        }
    }
}

#[test]
fn every_message_is_recognised() {
    let crypto = json!({"alg": "ECDH-ES"});
    for (typ, claims, kind) in [
        ("platformsso-refresh-request+jwt", json!({}), "refresh_request"),
        ("platformsso-key-request+jwt", json!({}), "key_request"),
        ("application/platformsso-login-request+jwt", json!({}), "login_request"),
        ("platformsso-login-assertion+jwt", json!({"jwe_crypto": crypto}), "login_request"),
        ("JWT", json!({"jwe_crypto": crypto, "grant_type": "refresh_token"}), "refresh_request"),
        ("JWT", json!({"jwe_crypto": crypto, "grant_type": "password"}), "login_request"),
        ("JWT", json!({"request_type": "key_request", "key_purpose": "user_unlock"}), "key_request"),
        ("JWT", json!({"nonce": "n", "request_nonce": "r", "scope": "s"}), "embedded_assertion"),
        (
            "JWT",
            json!({"iss": "u", "sub": "u", "nonce": "n", "request_nonce": "r", "scope": "s"}),
            "embedded_assertion",
        ),
        ("jwt", json!({"iss": "i", "aud": "a", "exp": 1}), "id_token"),
        ("jwt", json!({"iss": "https://i", "aud": "a"}), "id_token"),
        ("JWT", json!({"iss": "https://i", "aud": "a", "nonce": "n", "request_nonce": "r", "scope": "s"}), "id_token"),
        ("JWT", json!({}), "unknown_jws"),
        ("at+jwt", json!({"iss": "i", "aud": "a", "exp": 1}), "unknown_jws"),
    ] {
        let (token, _) = signed(json!({"typ": typ}), &claims);
        let seen = inspect(&token, &at(0)).unwrap();
        assert_eq!(serde_json::to_value(seen.kind).unwrap(), kind, "{typ} {claims}");
    }
    let key = EcPrivateKey::generate().unwrap();
    for (typ, kind) in [
        (Some("platformsso-login-response+jwt"), "login_response"),
        (Some("platformsso-key-response+jwt"), "key_response"),
        (Some("platformsso-encrypted-login-assertion+jwt"), "encrypted_password_assertion"),
        (Some("JWT"), "login_response"),
        (None, "login_response"),
        (Some("other"), "login_response"),
    ] {
        let apu = |epk: &[u8]| [&[0, 0, 0, 1, b'I', 0, 0, 0, 65][..], epk].concat();
        let public = key.public();
        let kid = crate::key_id(&public);
        let recipient = jose::jwe::Recipient {
            public: &public,
            apu: &apu,
            apv: b"apv",
            apv_in_header: false,
            typ,
            kid: Some(&kid),
        };
        let content = if kind == "key_response" { r#"{"key":"t"}"# } else { r#"{"id_token":"t"}"# };
        let token = jose::jwe::encrypt(&recipient, content.as_bytes()).unwrap();
        let options = InspectOptions {
            decryption_key: Some(key.clone()),
            apv: Some(b"apv".to_vec()),
            ..InspectOptions::default()
        };
        let seen = inspect(&token, &options).unwrap();
        assert_eq!(serde_json::to_value(seen.kind).unwrap(), kind);
        assert_eq!(seen.kid_matches, (kind == "encrypted_password_assertion").then_some(true));
        // What is in it says that it is of the key service, whatever its typ.
        let token = jose::jwe::encrypt(&recipient, br#"{"key":"SECRET","key_context":"SECRET"}"#).unwrap();
        let seen = inspect(&token, &options).unwrap();
        let kind = if kind == "encrypted_password_assertion" { kind } else { "key_response" };
        assert_eq!(serde_json::to_value(seen.kind).unwrap(), kind);
        assert!(!serde_json::to_string(&seen).unwrap().contains("SECRET"), "{typ:?}");
        let says_otherwise = matches!(typ, Some("platformsso-login-response+jwt" | "other"));
        assert_eq!(failed(&seen).contains(&"typ"), says_otherwise, "{typ:?}");
    }
}

/// A response for this key, with this id_token; its PartyVInfo names `apv_key` and this nonce.
fn response(key: &EcPrivateKey, apv_key: &EcPrivateKey, nonce: &str, id_token: &str) -> String {
    let content = json!({"id_token": id_token, "refresh_token": "r", "expires_in": 60});
    sealed(key, apv_key, nonce, Some("platformsso-login-response+jwt"), &content)
}

fn sealed(key: &EcPrivateKey, apv_key: &EcPrivateKey, nonce: &str, typ: Option<&str>, content: &Value) -> String {
    let apu = |epk: &[u8]| [&[0, 0, 0, 1, b'I', 0, 0, 0, 65][..], epk].concat();
    let recipient = jose::jwe::Recipient {
        public: &key.public(),
        apu: &apu,
        apv: &crate::party_info::device_apv(&apv_key.public(), nonce),
        apv_in_header: true,
        typ,
        kid: None,
    };
    jose::jwe::encrypt(&recipient, content.to_string().as_bytes()).unwrap()
}

fn id_token_claims() -> Value {
    json!({"iss": "https://idp.example", "sub": "alice", "aud": "c", "iat": 100, "exp": 400, "nonce": "N1"})
}

#[test]
fn an_id_token_in_a_response_needs_a_given_key() {
    let device = EcPrivateKey::generate().unwrap();
    // Signed by a stranger, whose own certificate is in it.
    let certificate = crate::testing::der(include_str!("../../tests/data/p256.crt"));
    let mut stranger = EcPrivateKey::from_pem(include_str!("../../tests/data/p256.key")).unwrap();
    let header =
        json!({"alg": "ES256", "kid": "evil", "x5c": crate::x5c::to_json(&certificate, crate::config::X5cForm::Array)});
    let id_token =
        jws::sign(header.as_object().unwrap(), id_token_claims().to_string().as_bytes(), &mut stranger).unwrap();
    let token = response(&device, &device, "N1", &id_token);
    let provider = EcPrivateKey::generate().unwrap();
    let set =
        |keys: Vec<jose::Jwk>| verification_keys(&serde_json::to_string(&jose::JwkSet::from(keys)).unwrap()).unwrap();
    let two = set(vec![provider.public().to_jwk().with_kid("k1"), provider.public().to_jwk().with_kid("k2")]);
    let certain = set(vec![stranger.public().to_jwk().with_kid("evil")]);
    for (keys, valid, why) in [
        (vec![], None, "give --verification-key"),
        (two, None, "no given key is named by kid \"evil\""),
        (given(&provider, Some("k1")), Some(false), "does not verify"),
        (given(&provider, None), Some(false), "does not verify"),
        (certain, Some(true), "verifies with the given key"),
        (given(&stranger, None), Some(true), "verifies with the given key"),
    ] {
        let options =
            InspectOptions { decryption_key: Some(device.clone()), verification_keys: keys, ..at(1_800_000_000) };
        let seen = inspect(&token, &options).unwrap();
        assert_eq!(failed(&seen), Vec::<&str>::new());
        let inner = seen.id_token.as_ref().unwrap();
        assert_eq!(inner.signature.unwrap().valid, valid, "{why}");
        assert!(detail(inner, "signature").contains(why), "{}", detail(inner, "signature"));
        assert_eq!(failed(inner).contains(&"signature"), valid != Some(true));
        assert!(valid == Some(true) || !seen.all_hold());
    }
    // Alone it is no better.
    let alone = inspect(&id_token, &at(200)).unwrap();
    assert_eq!((alone.kind, alone.signature.unwrap().valid), (Kind::IdToken, None));
    assert!(failed(&alone).contains(&"signature"));
}

#[test]
fn what_stands_inside_is_judged_as_what_it_must_be() {
    let device = EcPrivateKey::generate().unwrap();
    let mut claims = id_token_claims();
    claims.as_object_mut().unwrap().remove("exp");
    for claims in [claims, json!({"nonce": "N1", "request_nonce": "r", "scope": "s"})] {
        let (id_token, key) = signed(json!({"typ": "JWT", "kid": "k"}), &claims);
        let token = response(&device, &device, "N1", &id_token);
        let keys = given(&key, Some("k"));
        let options = InspectOptions { decryption_key: Some(device.clone()), verification_keys: keys, ..at(200) };
        let inner = inspect(&token, &options).unwrap().id_token.unwrap();
        assert_eq!(inner.kind, Kind::IdToken);
        assert!(failed(&inner).contains(&"exp"), "{:?}", failed(&inner));
    }
}

#[test]
fn a_response_belongs_to_its_request() {
    let (device, other) = (EcPrivateKey::generate().unwrap(), EcPrivateKey::generate().unwrap());
    let (id_token, key) = signed(json!({"typ": "JWT", "kid": "k"}), &id_token_claims());
    let options =
        InspectOptions { decryption_key: Some(device.clone()), verification_keys: given(&key, Some("k")), ..at(200) };
    for (apv_key, nonce, expected) in
        [(&device, "N1", vec![]), (&device, "N2", vec!["id_token.nonce"]), (&other, "N1", vec!["apv.key"])]
    {
        let seen = inspect(&response(&device, apv_key, nonce, &id_token), &options).unwrap();
        assert_eq!((failed(&seen), seen.all_hold()), (expected.clone(), expected.is_empty()));
    }
}

#[test]
fn a_live_assertion_is_hidden_whatever_its_message_says_it_is() {
    let (assertion, _) = signed(json!({"typ": "platformsso-login-assertion+jwt"}), &json!({"sub": "a"}));
    for (name, typ) in [("assertion", "platformsso-login-requst+jwt"), ("custom", "JWT"), ("assertion", "x")] {
        let (token, key) = signed(json!({"typ": typ}), &json!({"iss": "c", name: assertion}));
        let seen = inspect(&token, &InspectOptions { verification_keys: given(&key, None), ..at(0) }).unwrap();
        assert_eq!(seen.kind, Kind::UnknownJws);
        assert!(!serde_json::to_string(&seen).unwrap().contains(&assertion));
        assert_eq!(failed(&seen).contains(&"typ"), typ.starts_with("platformsso-"));
    }
}

#[test]
fn the_kid_of_an_rsa_card_is_free() {
    use rsa::pkcs8::DecodePrivateKey as _;
    use sha2::{Digest as _, Sha256};

    struct Rsa(rsa::RsaPrivateKey);
    impl jose::Signer for Rsa {
        fn algorithm(&self) -> jose::Algorithm {
            jose::Algorithm::Rs256
        }
        fn sign(&mut self, message: &[u8]) -> Result<Vec<u8>, jose::SignerError> {
            Ok(self.0.sign(rsa::Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message))?)
        }
    }
    let mut card = Rsa(rsa::RsaPrivateKey::from_pkcs8_pem(include_str!("../../tests/data/rsa2048.key")).unwrap());
    let certificate = crate::testing::der(include_str!("../../tests/data/rsa2048.crt"));
    let ours = include_str!("../../tests/data/rsa2048.kid").trim();
    for (kid, matches) in [("somebody's own", None), (ours, Some(true))] {
        let header = json!({"typ": "platformsso-login-assertion+jwt", "alg": "RS256", "kid": kid,
            "x5c": crate::x5c::to_json(&certificate, crate::config::X5cForm::Array)});
        let token = jws::sign(header.as_object().unwrap(), b"{}", &mut card).unwrap();
        let seen = inspect(&token, &at(1_800_000_000)).unwrap();
        assert_eq!((seen.kid_matches, seen.signature.unwrap().valid), (matches, Some(true)));
        assert!(!failed(&seen).contains(&"kid"));
        assert_eq!(detail(&seen, "kid").contains(ours), matches.is_none(), "{}", detail(&seen, "kid"));
    }
    // An elliptic curve key has a documented one.
    let (token, key) = signed(json!({"typ": "platformsso-login-assertion+jwt", "kid": "own"}), &json!({}));
    let seen = inspect(&token, &InspectOptions { verification_keys: given(&key, None), ..at(0) }).unwrap();
    assert_eq!((seen.kid_matches, failed(&seen).contains(&"kid")), (Some(false), true));
}

#[test]
fn what_is_no_token_is_an_error() {
    for bad in ["", "a", "a.b", "a.b.c", "a.b.c.d", "a.b.c.d.e", "a.b.c.d.e.f", "{}", "\u{0}..", "e30.e30"] {
        assert!(matches!(inspect(bad, &InspectOptions::default()), Err(Error::Unreadable { .. })), "{bad:?}");
    }
}

#[test]
fn an_id_token_is_verified_by_the_key_that_its_kid_names() {
    let claims = json!({"iss": "i", "aud": "a", "sub": "s", "iat": 1, "exp": 9});
    let (token, key) = signed(json!({"typ": "JWT", "kid": "k2"}), &claims);
    let other = EcPrivateKey::generate().unwrap();
    let set = jose::JwkSet::from(vec![other.public().to_jwk().with_kid("k1"), key.public().to_jwk().with_kid("k2")]);
    let keys = verification_keys(&serde_json::to_string(&set).unwrap()).unwrap();
    let seen = inspect(&token, &InspectOptions { verification_keys: keys, ..at(5) }).unwrap();
    assert_eq!((seen.kind, seen.kid_matches, failed(&seen)), (Kind::IdToken, Some(true), vec![]));
    let keys = given(&other, Some("k1"));
    let seen = inspect(&token, &InspectOptions { verification_keys: keys, ..at(5) }).unwrap();
    assert_eq!((seen.kid_matches, failed(&seen)), (Some(false), vec!["signature", "kid"]));
    // Of several keys with names, none is meant.
    let keys = [given(&other, Some("k1")), given(&key, Some("k3"))].concat();
    let seen = inspect(&token, &InspectOptions { verification_keys: keys, ..at(5) }).unwrap();
    assert_eq!((seen.kid_matches, failed(&seen)), (None, vec!["signature"]));
    assert!(detail(&seen, "signature").contains("no given key is named by kid \"k2\""));
    // Of several without names, the one that fits.
    let keys = [given(&other, None), given(&key, None)].concat();
    assert_eq!(
        failed(&inspect(&token, &InspectOptions { verification_keys: keys, ..at(5) }).unwrap()),
        Vec::<&str>::new()
    );
    // A key from PEM has no name to compare with.
    let seen = inspect(&token, &InspectOptions { verification_keys: given(&key, None), ..at(5) }).unwrap();
    assert_eq!((seen.kid_matches, failed(&seen)), (None, vec![]));
}

#[test]
fn keys_in_every_form() {
    let key = EcPrivateKey::from_pem(include_str!("../../tests/data/p256.key")).unwrap();
    let certificate = include_str!("../../tests/data/p256.crt");
    let jwk = serde_json::to_string(&key.public().to_jwk().with_kid("k")).unwrap();
    for text in [certificate, &jwk] {
        let keys = verification_keys(text).unwrap();
        assert_eq!((keys.len(), &keys[0].key), (1, &key.public()));
    }
    let point = STANDARD.encode(key.public().x963().unwrap());
    let of_the_device = |signing: Value| {
        json!({"schema_version": 1, "device_signing_key": signing,
            "device_encryption_key": {"x963": "AAAA", "kid": "x"}})
    };
    let document = of_the_device(json!({"x963": point, "kid": "anything"})).to_string();
    let keys = verification_keys(&document).unwrap();
    assert_eq!((keys.len(), &keys[0].key, &keys[0].kid), (1, &key.public(), &None));
    for bad in [json!({"x963": "AAAA"}), json!({"kid": "x"}), json!("x")] {
        let error = verification_keys(&of_the_device(bad).to_string()).unwrap_err().to_string();
        assert!(error.contains("device_signing_key"), "{error}");
    }
    let two = format!("{certificate}{}", include_str!("../../tests/data/rsa2048.crt"));
    assert_eq!(verification_keys(&two).unwrap().len(), 2);
    assert_eq!(decryption_key(include_str!("../../tests/data/p256.key")).unwrap().public(), key.public());
    for bad in [
        "",
        "{",
        "{}",
        r#"{"keys":[]}"#,
        include_str!("../../tests/data/p256.key"),
        "-----BEGIN X-----\nAAAA\n-----END X-----\n",
    ] {
        assert!(matches!(verification_keys(bad), Err(Error::Unreadable { .. })), "{bad}");
    }
    for bad in ["", "{", "{}", certificate, &jwk] {
        assert!(matches!(decryption_key(bad), Err(Error::Unreadable { .. })), "{bad}");
    }
}
