use super::*;

fn recipient<'a>(public: &'a PublicKey, apu: &'a dyn Fn(&[u8]) -> Vec<u8>) -> Recipient<'a> {
    Recipient { public, apu, apv: b"to", apv_in_header: false, typ: Some("JWT"), kid: Some("k") }
}

fn echo(epk: &[u8]) -> Vec<u8> {
    epk.to_vec()
}

/// A token with one part or one header member changed; nothing is encrypted again.
fn with_header(token: &str, change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let (head, rest) = token.split_once('.').unwrap();
    let mut header = compact::header(head).unwrap();
    change(&mut header);
    format!("{}.{rest}", base64url::encode(&serde_json::to_vec(&header).unwrap()))
}

/// 500 fresh ephemeral keys: without padding about eight of them would fail.
#[test]
fn round_trip_over_many_ephemeral_keys() {
    let key = EcPrivateKey::generate().unwrap();
    let public = key.public();
    for index in 0..500u32 {
        let token = encrypt(&recipient(&public, &echo), &index.to_be_bytes()).unwrap();
        let parsed = Jwe::parse(&token).unwrap();
        assert_eq!(parsed.apu().unwrap(), parsed.epk().x963().unwrap());
        assert_eq!(*parsed.decrypt(&key, b"to").unwrap(), index.to_be_bytes());
    }
}

#[test]
fn header_says_what_was_asked() {
    let key = EcPrivateKey::generate().unwrap();
    let public = key.public();
    let token = encrypt(&recipient(&public, &|_| Vec::new()), b"").unwrap();
    let parsed = Jwe::parse(&token).unwrap();
    assert_eq!(parsed.header_text("typ"), Some("JWT"));
    assert_eq!(parsed.header_text("kid"), Some("k"));
    assert_eq!((parsed.apu(), parsed.apv()), (None, None));
    assert!(token.contains(".."), "no encrypted key");
    assert!(parsed.decrypt(&key, b"to").unwrap().is_empty());

    let shown = Recipient { apv_in_header: true, typ: None, kid: None, ..recipient(&public, &echo) };
    let parsed = Jwe::parse(&encrypt(&shown, b"x").unwrap()).unwrap();
    assert_eq!(parsed.apv(), Some(&b"to"[..]));
    assert!(parsed.header_text("typ").is_none());
    assert_eq!(parsed.decrypt(&key, b"to").unwrap().as_slice(), b"x");
    assert!(matches!(parsed.decrypt(&key, b"two"), Err(Error::PartyVInfo)));
}

#[test]
fn every_changed_part_is_noticed() {
    let key = EcPrivateKey::generate().unwrap();
    let public = key.public();
    let token = encrypt(&recipient(&public, &echo), b"secret").unwrap();
    let parsed = Jwe::parse(&token).unwrap();
    assert!(matches!(parsed.decrypt(&key, b"other"), Err(Error::Decrypt)));
    assert!(matches!(parsed.decrypt(&EcPrivateKey::generate().unwrap(), b"to"), Err(Error::Decrypt)));
    for bit in 0..parsed.sealed.len() * 8 {
        let mut changed = parsed.clone();
        changed.sealed[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(changed.decrypt(&key, b"to"), Err(Error::Decrypt)));
    }
    let mut changed = parsed.clone();
    changed.iv[0] ^= 1;
    assert!(matches!(changed.decrypt(&key, b"to"), Err(Error::Decrypt)));
    // The header is authenticated as ASCII: a harmless member more, the same members in other spelling.
    let more = with_header(&token, |header| drop(header.insert("x".into(), json!(1))));
    assert!(matches!(Jwe::parse(&more).unwrap().decrypt(&key, b"to"), Err(Error::Decrypt)));
    let apu = with_header(&token, |header| drop(header.insert("apu".into(), json!("AAAA"))));
    assert!(matches!(Jwe::parse(&apu).unwrap().decrypt(&key, b"to"), Err(Error::Decrypt)));
}

#[test]
fn other_algorithms_and_forms_are_refused() {
    let public = EcPrivateKey::generate().unwrap().public();
    let token = encrypt(&recipient(&public, &echo), b"secret").unwrap();
    let member = |name: &str, value: Value| with_header(&token, |header| drop(header.insert(name.into(), value)));

    for (name, value) in [
        ("alg", "HPKE-P256-SHA256-A256GCM"),
        ("alg", "ECDH-ES+A256KW"),
        ("alg", "dir"),
        ("alg", "RSA-OAEP"),
        ("alg", "none"),
        ("enc", "A128GCM"),
        ("enc", "A256CBC-HS512"),
        ("enc", "dir"),
    ] {
        let error = Jwe::parse(&member(name, json!(value))).unwrap_err();
        assert!(matches!(&error, Error::AlgorithmRefused { name, .. } if name == value), "{value}");
    }
    let hpke = Jwe::parse(&member("alg", json!("HPKE-0"))).unwrap_err();
    assert!(hpke.to_string().contains("HPKE responses"), "{hpke}");
    assert!(matches!(Jwe::parse(&member("zip", json!("DEF"))), Err(Error::HeaderRefused { name: "zip", .. })));
    assert!(matches!(Jwe::parse(&member("crit", json!([]))), Err(Error::HeaderRefused { name: "crit", .. })));
    for (name, value) in [
        ("alg", json!(1)),
        ("epk", json!("x")),
        ("epk", json!({})),
        ("epk", Value::Null),
        ("apu", json!(7)),
        ("apu", json!("=")),
        ("apv", json!({})),
    ] {
        assert!(Jwe::parse(&member(name, value)).is_err(), "{name}");
    }
    for name in ["alg", "enc", "epk"] {
        assert!(Jwe::parse(&with_header(&token, |header| drop(header.remove(name)))).is_err(), "{name}");
    }
    let epk = |crv: &str, x: &str| member("epk", json!({"kty": "EC", "crv": crv, "x": x, "y": x}));
    assert!(Jwe::parse(&epk("P-256", &base64url::encode(&[1; 32]))).is_err());
    assert!(Jwe::parse(&epk("P-384", &base64url::encode(&[1; 48]))).is_err());
    assert!(Jwe::parse(&epk("P-256", &base64url::encode(&[0; 32]))).is_err());
    let p384 = json!({"kty": "EC", "crv": "P-384",
        "x": "qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3",
        "y": "NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f"});
    assert!(matches!(Jwe::parse(&member("epk", p384)), Err(Error::Key { why }) if why.contains("P-256")));

    let parts: Vec<&str> = token.split('.').collect();
    let join = |index: usize, value: &str| {
        let mut parts = parts.clone();
        parts[index] = value;
        parts.join(".")
    };
    for (index, value) in [
        (1, "AAAA".to_owned()),
        (2, base64url::encode(&[0; 11])),
        (2, base64url::encode(&[0; 16])),
        (2, base64url::encode(&[0; 96])),
        (2, String::new()),
        (4, base64url::encode(&[0; 15])),
        (4, base64url::encode(&[0; 17])),
        (4, String::new()),
        (3, "A".to_owned()),
    ] {
        assert!(matches!(Jwe::parse(&join(index, &value)), Err(Error::Malformed { .. })), "part {index} {value:?}");
    }
    assert!(Jwe::parse(&format!("{token}.")).is_err());
    assert!(Jwe::parse(&parts[..4].join(".")).is_err());
    let long = join(3, &"A".repeat(crate::MAX_TOKEN_LEN));
    assert!(matches!(Jwe::parse(&long), Err(Error::TooLarge { .. })));
}

#[test]
fn a_p384_recipient_is_refused() {
    let x963 = [
        &[4][..],
        &base64url::decode("x", "qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3").unwrap(),
        &base64url::decode("y", "NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f").unwrap(),
    ]
    .concat();
    let public = PublicKey::from_x963(&x963).unwrap();
    assert!(matches!(encrypt(&recipient(&public, &echo), b""), Err(Error::Key { .. })));
}

/// RFC 7516 A.1.4 to A.1.6: the content encryption is A256GCM with the printed key; only the way to that key is not ours.
#[test]
fn rfc_7516_a1_content() {
    let examples: Value = serde_json::from_str(include_str!("../../tests/data/rfc.json")).unwrap();
    let example = &examples["rfc7516_a1"];
    let token = example["jwe"].as_str().unwrap();
    let [header, _, iv, ciphertext, tag] = compact::split("JWE", token).unwrap();
    let decode = |part: &str| base64url::decode("example", part).unwrap();
    let cek: [u8; 32] = decode(example["cek"].as_str().unwrap()).try_into().unwrap();
    let iv: [u8; 12] = decode(iv).try_into().unwrap();
    let plaintext = example["plaintext"].as_str().unwrap().as_bytes();
    let sealed = [decode(ciphertext), decode(tag)].concat();
    assert_eq!(open(&cek, &iv, header.as_bytes(), &sealed).unwrap().as_slice(), plaintext);
    assert_eq!(seal(&cek, &iv, header.as_bytes(), plaintext).unwrap(), sealed);
}

#[test]
fn more_members_in_the_header_never_replace_ours() {
    let key = EcPrivateKey::generate().unwrap();
    let public = key.public();
    let recipient = Recipient {
        public: &public,
        apu: &|_| b"u".to_vec(),
        apv: b"v",
        apv_in_header: true,
        typ: Some("t"),
        kid: None,
    };
    let more =
        json!({"x-tenant": {"a": 1}, "kid": "theirs", "alg": "none", "enc": "x", "epk": 1, "apv": "AA", "typ": "x"});
    let token = encrypt_with(&recipient, more.as_object().unwrap(), b"content").unwrap();
    let jwe = Jwe::parse(&token).unwrap();
    assert_eq!((jwe.header()["x-tenant"]["a"].as_i64(), jwe.header_text("kid")), (Some(1), Some("theirs")));
    assert_eq!((jwe.header_text("alg"), jwe.header_text("typ")), (Some("ECDH-ES"), Some("t")));
    assert_eq!(jwe.decrypt(&key, b"v").unwrap().as_slice(), b"content");
    for name in ["zip", "crit"] {
        let refused = encrypt_with(&recipient, json!({name: "x"}).as_object().unwrap(), b"content");
        assert!(matches!(refused, Err(Error::HeaderRefused { .. })), "{name}");
    }
}

/// Apple's published response, made once more from its parts: with the printed ephemeral key and IV it comes out the same.
#[test]
fn apples_response_is_encrypted_as_published() {
    let vectors: Value = serde_json::from_str(include_str!("../../../../tests/data/psso.json")).unwrap();
    let vector = &vectors["apple_login_request_with_keys"];
    let key = |name: &str| {
        let jwk = &vector[name];
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": jwk["x"], "y": jwk["y"], "d": jwk["d"]});
        EcPrivateKey::from_jwk_json(&jwk.to_string()).unwrap()
    };
    let published = Jwe::parse(vector["login_response_jwe"].as_str().unwrap()).unwrap();
    let decode = |name: &str| base64url::decode("vector", vector[name].as_str().unwrap()).unwrap();
    let (apu, apv) = (decode("apu"), decode("apv"));
    let (device, ephemeral) = (key("device_encryption_jwk"), key("ephemeral_jwk"));
    let plaintext = published.decrypt(&device, &apv).unwrap();

    let z = ephemeral.diffie_hellman(&device.public()).unwrap();
    let content_key = concat_kdf(z.as_slice(), ENC, &apu, &apv);
    let sealed = seal(&content_key, &published.iv, published.header_part.as_bytes(), &plaintext).unwrap();
    assert_eq!(sealed, published.sealed);

    // And one of our own to the same device.
    let (public, echo) = (device.public(), |_: &[u8]| apu.clone());
    let ours = Recipient { apv: &apv, ..recipient(&public, &echo) };
    let token = encrypt(&ours, &plaintext).unwrap();
    assert_eq!(Jwe::parse(&token).unwrap().decrypt(&device, &apv).unwrap(), plaintext);
}
