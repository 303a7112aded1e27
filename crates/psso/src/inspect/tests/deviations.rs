//! What is accepted and noted, as against what fails.

use super::*;

/// The names of the checks that deviate; each detail says how it should be.
fn noted(seen: &Inspection) -> Vec<&str> {
    let checks: Vec<_> = seen.checks.iter().filter(|check| check.level == Level::Deviates).collect();
    assert!(checks.iter().all(|check| check.ok && check.detail.contains("deviates from the documentation: ")));
    checks.iter().map(|check| check.name.as_str()).collect()
}

#[test]
fn published_samples() {
    let vectors = apple();
    let assertion = inspect(text(&vectors["smartcard_embedded_assertion"]["jws"]), &at(CARD_SAMPLE)).unwrap();
    assert_eq!(noted(&assertion), ["x5c"]);
    let request =
        inspect(text(&vectors["apple_login_request_with_keys"]["login_request_jws"]), &at(1656005132)).unwrap();
    assert_eq!((noted(&request), failed(&request)), (vec!["typ", "x5c", "iss", "sub", "iat"], vec!["exp"]));
    assert!(detail(&request, "typ").contains("macOS 13"));
}

#[test]
fn requests_and_assertions() {
    let public = EcPrivateKey::generate().unwrap().public();
    let apv = |prefix: &[u8], nonce: &str| {
        let ours = crate::party_info::device_apv(&public, nonce);
        let apv = [&u32::try_from(prefix.len()).unwrap().to_be_bytes()[..], prefix, &ours[9..]].concat();
        json!({"alg": "ECDH-ES", "enc": "A256GCM", "apv": jose::base64url::encode(&apv)})
    };
    const NONCE: &str = "DDF68171-409D-4E2C-91F0-9E42D7745365";
    const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let lower = NONCE.to_lowercase();
    let good = json!({"iss": "c", "client_id": "c", "sub": "a", "username": "a", "aud": "t", "iat": 100, "exp": 400,
        "nonce": NONCE, "request_nonce": "r", "scope": "openid offline_access", "grant_type": "password", "password": "p",
        "jwe_crypto": apv(b"Apple", NONCE)});
    for (header, change, expected) in [
        (json!({}), json!({}), vec![]),
        (json!({"typ": "JWT"}), json!({}), vec!["typ"]),
        (json!({"typ": "platformsso-login-assertion+jwt"}), json!({}), vec!["typ"]),
        (json!({}), json!({"iat": "100"}), vec!["iat"]),
        (json!({}), json!({"exp": "400"}), vec!["exp"]),
        (json!({}), json!({"exp": 500}), vec!["exp"]),
        (json!({}), json!({"nonce": lower, "jwe_crypto": apv(b"Apple", &lower)}), vec!["nonce"]),
        (json!({}), json!({"jwe_crypto": apv(b"MsalClient", NONCE)}), vec!["jwe_crypto"]),
        (json!({}), json!({"scope": "openid"}), vec!["scope"]),
        (json!({}), json!({"iss": null, "sub": null}), vec!["iss", "sub"]),
        (json!({}), json!({"grant_type": BEARER, "assertion": "saml"}), vec!["password"]),
    ] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let mut head = json!({"typ": "platformsso-login-request+jwt"});
        head.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
        let (token, key) = signed(head, &claims);
        let seen = inspect(&token, &InspectOptions { verification_keys: given(&key, None), ..at(200) }).unwrap();
        assert_eq!((noted(&seen), failed(&seen)), (expected, vec![]), "{header} {change}");
        assert!(seen.all_hold());
    }
}

#[test]
fn a_kid_in_every_base64() {
    let mut key = EcPrivateKey::generate().unwrap();
    // One with both characters in which the alphabets differ.
    while !(crate::key_id(&key.public()).contains('+') && crate::key_id(&key.public()).contains('/')) {
        key = EcPrivateKey::generate().unwrap();
    }
    let kid = crate::key_id(&key.public());
    let url = kid.replace('+', "-").replace('/', "_");
    for (kid, note) in [
        (kid.clone(), None),
        (kid.trim_end_matches('=').to_owned(), Some("without padding")),
        (url.clone(), Some("base64url; it")),
        (url.trim_end_matches('=').to_owned(), Some("base64url without padding")),
    ] {
        let header = json!({"alg": "ES256", "typ": "platformsso-login-assertion+jwt", "kid": kid});
        let token = jws::sign(header.as_object().unwrap(), b"{}", &mut key).unwrap();
        let seen = inspect(&token, &InspectOptions { verification_keys: given(&key, None), ..at(200) }).unwrap();
        assert_eq!((noted(&seen), seen.kid_matches), (note.map(|_| "kid").into_iter().collect(), Some(true)));
        assert!(note.is_none_or(|note| detail(&seen, "kid").contains(note)), "{}", detail(&seen, "kid"));
    }
}

/// What a server sends: Entra's prefix, a certificate in the other base64, a key that lost its zeros.
#[test]
fn responses() {
    let device = EcPrivateKey::generate().unwrap();
    let public = device.public();
    let apv = crate::party_info::device_apv(&public, "N1");
    let seal = |prefix: &'static [u8], typ: &str, content: &Value| {
        let apu = move |epk: &[u8]| {
            let len = u32::try_from(prefix.len()).unwrap().to_be_bytes();
            [&len[..], prefix, &[0, 0, 0, 65], epk].concat()
        };
        let kid = crate::key_id(&public);
        let to = jose::jwe::Recipient {
            public: &public,
            apu: &apu,
            apv: &apv,
            apv_in_header: true,
            typ: Some(typ),
            kid: Some(&kid),
        };
        jose::jwe::encrypt(&to, content.to_string().as_bytes()).unwrap()
    };
    let certificate = crate::testing::der(include_str!("../../../tests/data/p256.crt"));
    let p384 = crate::testing::der(include_str!("../../../tests/data/p384.crt"));
    let login = |change: Value| {
        let mut content =
            json!({"id_token": "x", "refresh_token": "r", "refresh_token_expires_in": 9, "token_type": "Bearer"});
        content.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        content
    };
    let key = |member: &str, value: String| json!({member: value, "iat": 100, "exp": 400});
    let (login_typ, key_typ) = ("platformsso-login-response+jwt", "platformsso-key-response+jwt");
    for (prefix, typ, content, expected, fails) in [
        (&b"APPLE"[..], login_typ, login(json!({})), vec![], vec!["id_token"]),
        (b"AAD", login_typ, login(json!({})), vec!["apu"], vec!["id_token"]),
        (b"APPLE", "JWT", login(json!({})), vec!["typ"], vec!["id_token"]),
        (b"APPLE", login_typ, login(json!({"token_type": "pop"})), vec!["token_type"], vec!["id_token"]),
        (
            b"APPLE",
            login_typ,
            login(json!({"refresh_token_expires_in": "9"})),
            vec!["refresh_token_expires_in"],
            vec!["id_token"],
        ),
        (
            b"APPLE",
            login_typ,
            login(json!({"refresh_token_expires_in": "soon"})),
            vec![],
            vec!["refresh_token_expires_in", "id_token"],
        ),
        (b"APPLE", key_typ, key("certificate", jose::base64url::encode(&certificate)), vec![], vec![]),
        (b"APPLE", key_typ, key("certificate", STANDARD.encode(&certificate)), vec!["certificate"], vec![]),
        (b"APPLE", key_typ, key("certificate", "AAAA".to_owned()), vec![], vec!["certificate"]),
        (b"APPLE", key_typ, key("key", STANDARD.encode([7; 32])), vec![], vec![]),
        (
            b"APPLE",
            login_typ,
            login(json!({"refresh_token_expires_in": "soon", "expires_in": 9})),
            vec![],
            vec!["refresh_token_expires_in", "id_token"],
        ),
        (b"APPLE", login_typ, login(json!({"id_token": 7})), vec![], vec!["id_token"]),
        (
            b"APPLE",
            login_typ,
            json!({"id_token": "x", "token_type": "Bearer"}),
            vec!["refresh_token"],
            vec!["id_token"],
        ),
        (b"APPLE", key_typ, key("certificate", jose::base64url::encode(&p384)), vec![], vec!["certificate"]),
        (b"APPLE", key_typ, key("key", jose::base64url::encode(&[0xfb; 32])), vec!["key"], vec![]),
        (
            b"APPLE",
            key_typ,
            json!({"key": STANDARD.encode([7; 32]), "iat": 100, "exp": 400, "key_context": 7}),
            vec![],
            vec!["key_context"],
        ),
        (b"APPLE", key_typ, key("key", STANDARD.encode([7; 31])), vec![], vec!["key"]),
        (b"APPLE", key_typ, key("key", "?".to_owned()), vec![], vec!["key"]),
        (b"APPLE", login_typ, key("key", STANDARD.encode([7; 32])), vec![], vec!["typ"]),
    ] {
        let options = InspectOptions { decryption_key: Some(device.clone()), ..at(200) };
        let seen = inspect(&seal(prefix, typ, &content), &options).unwrap();
        assert_eq!((noted(&seen), failed(&seen)), (expected, fails), "{content}");
        assert!(detail(&seen, "kid").contains("nothing depends on it"));
    }
}

/// The user's password, encrypted to the identity provider, inside a request.
#[test]
fn an_encrypted_password() {
    let provider = EcPrivateKey::generate().unwrap();
    let public = provider.public();
    let token = |nonce: &str| {
        let kid = crate::key_id(&public);
        let to = jose::jwe::Recipient {
            public: &public,
            apu: &crate::party_info::sender_apu,
            apv: &crate::party_info::password_apv("APPLEEMBEDDED", &public, nonce),
            apv_in_header: true,
            typ: Some("platformsso-encrypted-login-assertion+jwt"),
            kid: Some(&kid),
        };
        let content = json!({"iss": "a", "sub": "a", "aud": "u", "iat": 100, "exp": 400, "nonce": "n", "request_nonce": "r",
            "scope": "s", "password": "SECRET"});
        jose::jwe::encrypt(&to, content.to_string().as_bytes()).unwrap()
    };
    let bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    for (nonce, expected) in [("r", vec![]), ("n", vec!["assertion.apv"])] {
        let claims = json!({"iss": "c", "client_id": "c", "sub": "a", "username": "a", "aud": "t", "iat": 100, "exp": 400, "nonce": "n",
            "request_nonce": "r", "scope": "s", "grant_type": bearer, "assertion": token(nonce),
            "jwe_crypto": {"alg": "ECDH-ES", "enc": "A256GCM",
                "apv": jose::base64url::encode(&crate::party_info::device_apv(&public, "n"))}});
        let (request, key) = signed(json!({"typ": "platformsso-login-request+jwt"}), &claims);
        let options =
            InspectOptions { verification_keys: given(&key, None), decryption_key: Some(provider.clone()), ..at(200) };
        let seen = inspect(&request, &options).unwrap();
        assert_eq!((failed(&seen), seen.all_hold()), (expected.clone(), expected.is_empty()));
        let inner = seen.assertion.as_ref().unwrap();
        assert_eq!(
            (inner.kind, failed(inner), inner.kid_matches),
            (Kind::EncryptedPasswordAssertion, vec![], Some(true))
        );
        assert!(!serde_json::to_string(&seen).unwrap().contains("SECRET"));
    }
}

#[test]
fn what_was_not_checked_is_not_called_wrong() {
    let level = |seen: &Inspection, name: &str| seen.checks.iter().find(|check| check.name == name).unwrap().level;
    let (token, _) = signed(json!({"typ": "platformsso-login-assertion+jwt"}), &json!({}));
    let seen = inspect(&token, &at(0)).unwrap();
    assert_eq!((level(&seen, "signature"), seen.all_hold()), (Level::NotChecked, false));
    let vectors = apple();
    let response = inspect(text(&vectors["apple_login_request_with_keys"]["login_response_jwe"]), &at(0)).unwrap();
    assert_eq!(level(&response, "decryption"), Level::NotChecked);
}

#[test]
fn the_answer_of_a_nonce_endpoint() {
    for (answer, notes, fails) in [
        (r#"{"Nonce":"AwABAAAA"}"#, vec![], vec![]),
        (r#" {"nonce":"6f1c"} "#, vec!["request_nonce"], vec![]),
        (r#"{"Nonce":""}"#, vec![], vec!["request_nonce"]),
        (r#"{"Nonce":7}"#, vec![], vec!["request_nonce"]),
    ] {
        let seen = inspect(answer, &at(0)).unwrap();
        assert_eq!((seen.kind, noted(&seen), failed(&seen)), (Kind::NonceAnswer, notes, fails), "{answer}");
    }
    for other in ["{}", r#"{"error":"x"}"#, r#"{"Nonce":"a","Nonce":"b"}"#, "{"] {
        assert!(matches!(inspect(other, &at(0)), Err(Error::Unreadable { .. })), "{other}");
    }
}

/// Another `typ`, or one that is no text, is a failing line, and all else is judged.
#[test]
fn a_response_is_one_whatever_its_typ() {
    let device = EcPrivateKey::generate().unwrap();
    let (id_token, key) = signed(json!({"typ": "JWT", "kid": "k"}), &id_token_claims());
    let options =
        InspectOptions { decryption_key: Some(device.clone()), verification_keys: given(&key, Some("k")), ..at(200) };
    let login = json!({"id_token": id_token, "refresh_token": "r", "expires_in": 60});
    let exchanged = json!({"key": STANDARD.encode([7; 32]), "iat": 100, "exp": 400});
    for (typ, content, kind) in [
        ("foo", &login, Kind::LoginResponse),
        ("platformsso-login-request+jwt", &login, Kind::LoginResponse),
        ("platformsso-key-response+jwt", &login, Kind::LoginResponse),
        ("foo", &exchanged, Kind::KeyResponse),
    ] {
        let seen = inspect(&sealed(&device, &device, "N1", Some(typ), content), &options).unwrap();
        assert_eq!((seen.kind, failed(&seen)), (kind, vec!["typ"]), "{typ}");
        assert!(detail(&seen, "typ").starts_with(&format!("\"{typ}\" is not ")), "{}", detail(&seen, "typ"));
        assert_eq!(seen.id_token.is_some(), kind == Kind::LoginResponse);
    }
    // The header is under the tag, so that one that was changed does not decrypt.
    let token = sealed(&device, &device, "N1", None, &login);
    let (header, rest) = token.split_once('.').unwrap();
    let mut header = jose::json::parse_object("header", &jose::base64url::decode("header", header).unwrap()).unwrap();
    header.insert("typ".to_owned(), json!(5));
    let header = jose::base64url::encode(Value::Object(header).to_string().as_bytes());
    let seen = inspect(&format!("{header}.{rest}"), &options).unwrap();
    assert_eq!((seen.kind, failed(&seen)), (Kind::LoginResponse, vec!["decryption", "typ"]));
    assert_eq!(detail(&seen, "typ"), "it is not a text");
    let (request, _) = signed(json!({"typ": 5}), &json!({"jwe_crypto": {}}));
    assert_eq!(detail(&inspect(&request, &at(0)).unwrap(), "typ"), "it is not a text");
}
