//! JWEs that are almost right, in the manner of Project Wycheproof: each is refused, and under the name of what is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jose::jwe::{self, Jwe, Recipient};
use jose::{EcPrivateKey, Error, base64url};
use serde_json::{Map, Value, json};

const APV: &[u8] = b"to the device";

fn recipient() -> EcPrivateKey {
    EcPrivateKey::from_jwk_json(
        r#"{"kty":"EC","crv":"P-256","x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
            "y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck","d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}"#,
    )
    .unwrap()
}

fn token() -> String {
    let public = recipient().public();
    let apu = |epk: &[u8]| epk.to_vec();
    let to = Recipient { public: &public, apu: &apu, apv: APV, apv_in_header: true, typ: Some("JWT"), kid: Some("k") };
    jwe::encrypt(&to, br#"{"id_token":"x"}"#).unwrap()
}

/// What a recipient would make of it.
fn open(token: &str) -> Result<Vec<u8>, Error> {
    Jwe::parse(token)?.decrypt(&recipient(), APV).map(|plaintext| plaintext.to_vec())
}

fn with_header(token: &str, change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let (head, rest) = token.split_once('.').unwrap();
    let header = base64url::decode("header", head).unwrap();
    let mut header = jose::json::parse_object("header", &header).unwrap();
    change(&mut header);
    format!("{}.{rest}", base64url::encode(Value::Object(header).to_string().as_bytes()))
}

fn with_member(token: &str, name: &str, value: Value) -> String {
    with_header(token, |header| drop(header.insert(name.to_owned(), value)))
}

fn with_part(token: &str, index: usize, part: &str) -> String {
    let mut parts: Vec<&str> = token.split('.').collect();
    parts[index] = part;
    parts.join(".")
}

#[test]
fn every_bit_of_every_part_counts() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let token = token();
    open(&token).unwrap();
    let mut changed = [0; 5];
    let mut part = 0;
    for (index, character) in token.bytes().enumerate() {
        if character == b'.' {
            part += 1;
            assert!(open(&format!("{}{}", &token[..index], &token[index + 1..])).is_err(), "dot {part} taken out");
            continue;
        }
        let value = ALPHABET.iter().position(|letter| *letter == character).unwrap();
        for bit in 0..6 {
            let mut other = token.clone().into_bytes();
            other[index] = ALPHABET[value ^ (1 << bit)];
            let other = String::from_utf8(other).unwrap();
            assert!(open(&other).is_err(), "bit {bit} of character {index}, part {part}");
            changed[part] += 1;
        }
    }
    assert!(changed[1] == 0 && [0, 2, 3, 4].iter().all(|part| changed[*part] > 90), "{changed:?}");
}

#[test]
fn ephemeral_keys_that_are_none() {
    let token = token();
    let good = Jwe::parse(&token).unwrap().epk().to_jwk();
    let (x, y) = (good.x.unwrap(), good.y.unwrap());
    let raw = |text: &str| base64url::decode("coordinate", text).unwrap();
    let cut = |text: &str| base64url::encode(&raw(text)[1..]);
    let longer = |text: &str| base64url::encode(&[&[0][..], &raw(text)].concat());
    let flipped = |text: &str| {
        let mut bytes = raw(text);
        bytes[31] ^= 1;
        base64url::encode(&bytes)
    };
    // p, the prime of the field (SP 800-186 3.2.1.3): equal to zero there, and not a coordinate.
    let prime = hex::decode("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff").unwrap();
    let (zero, prime, full) = (base64url::encode(&[0; 32]), base64url::encode(&prime), base64url::encode(&[0xff; 32]));
    let ec = |x: &str, y: &str| json!({"kty": "EC", "crv": "P-256", "x": x, "y": y});
    for (name, epk) in [
        ("off the curve: y changed", ec(&x, &flipped(&y))),
        ("off the curve: x changed", ec(&flipped(&x), &y)),
        ("coordinates exchanged", ec(&y, &x)),
        ("x for y", ec(&x, &x)),
        ("the point at infinity as 0, 0", ec(&zero, &zero)),
        ("the point at infinity as empty coordinates", ec("", "")),
        ("the point at infinity as one zero byte", ec("AA", "AA")),
        ("coordinates that are the prime", ec(&prime, &prime)),
        ("coordinates above the prime", ec(&full, &full)),
        ("x of 31 bytes", ec(&cut(&x), &y)),
        ("y of 31 bytes", ec(&x, &cut(&y))),
        ("x of 33 bytes", ec(&longer(&x), &y)),
        ("y of 33 bytes", ec(&x, &longer(&y))),
        (
            "the whole point as x",
            json!({"kty": "EC", "crv": "P-256", "x": base64url::encode(&[&[4][..], &raw(&x), &raw(&y)].concat())}),
        ),
        ("no y (a compressed point)", json!({"kty": "EC", "crv": "P-256", "x": x})),
        ("no x", json!({"kty": "EC", "crv": "P-256", "y": y})),
        ("no crv", json!({"kty": "EC", "x": x, "y": y})),
        ("no kty", json!({"crv": "P-256", "x": x, "y": y})),
        ("x a number", json!({"kty": "EC", "crv": "P-256", "x": 7, "y": y})),
        ("x with padding", ec(&format!("{x}="), &y)),
        ("x in standard base64", ec("+/8BAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4", &y)),
        ("curve P-384", json!({"kty": "EC", "crv": "P-384", "x": x, "y": y})),
        ("curve P-521", json!({"kty": "EC", "crv": "P-521", "x": x, "y": y})),
        ("curve secp256k1", json!({"kty": "EC", "crv": "secp256k1", "x": x, "y": y})),
        ("curve in lower case", json!({"kty": "EC", "crv": "p-256", "x": x, "y": y})),
        ("X25519", json!({"kty": "OKP", "crv": "X25519", "x": x})),
        ("an RSA key", json!({"kty": "RSA", "n": x, "e": "AQAB"})),
        ("a shared key", json!({"kty": "oct", "k": x})),
        ("no object", json!("AAAA")),
        ("an array", json!([x, y])),
        ("null", Value::Null),
    ] {
        let error = Jwe::parse(&with_member(&token, "epk", epk)).unwrap_err();
        let named = match &error {
            Error::Key { .. } => true,
            Error::Malformed { what, .. } | Error::Json { what, .. } => matches!(*what, "epk" | "JWK"),
            _ => false,
        };
        assert!(named, "{name}: {error}");
    }
    let none = with_header(&token, |header| drop(header.remove("epk")));
    assert!(matches!(Jwe::parse(&none), Err(Error::Malformed { what: "epk", .. })));
    // Another good point is no malformed token; it only derives another key.
    let other = EcPrivateKey::generate().unwrap().public().to_jwk();
    let other = with_member(&token, "epk", serde_json::to_value(other).unwrap());
    assert!(matches!(open(&other), Err(Error::Decrypt)));
    // Neither is one with a private part, which is ignored.
    let mut private = serde_json::to_value(Jwe::parse(&token).unwrap().epk().to_jwk()).unwrap();
    private["d"] = json!("AAAA");
    assert!(matches!(open(&with_member(&token, "epk", private)), Err(Error::Decrypt)));
}

#[test]
fn other_algorithms_are_refused_by_name() {
    let token = token();
    for (member, names) in [
        (
            "alg",
            &[
                "ECDH-ES+A128KW",
                "ECDH-ES+A192KW",
                "ECDH-ES+A256KW",
                "dir",
                "A128KW",
                "A256KW",
                "A256GCMKW",
                "RSA1_5",
                "RSA-OAEP",
                "RSA-OAEP-256",
                "PBES2-HS256+A128KW",
                "none",
                "",
                "ecdh-es",
                "ECDH-ES ",
                "ES256",
                "HS256",
                "A256GCM",
                "HPKE-0",
                "HPKE-P256-SHA256-A256GCM",
            ][..],
        ),
        (
            "enc",
            &[
                "A128GCM",
                "A192GCM",
                "A128CBC-HS256",
                "A256CBC-HS512",
                "none",
                "",
                "a256gcm",
                "A256GCM ",
                "dir",
                "ECDH-ES",
                "XC20P",
                "C20P",
            ],
        ),
    ] {
        for name in names {
            let error = Jwe::parse(&with_member(&token, member, json!(name))).unwrap_err();
            assert!(
                matches!(&error, Error::AlgorithmRefused { name: refused, .. } if refused == name),
                "{member} {name}: {error}"
            );
        }
        for value in [json!(null), json!(7), json!(["ECDH-ES"]), json!({"alg": "ECDH-ES"}), json!(true)] {
            let error = Jwe::parse(&with_member(&token, member, value)).unwrap_err();
            assert!(matches!(&error, Error::Malformed { what, .. } if *what == member), "{error}");
        }
        let none = with_header(&token, |header| drop(header.remove(member)));
        assert!(matches!(Jwe::parse(&none), Err(Error::Malformed { what, .. }) if what == member));
    }
    let exchanged = with_header(&token, |header| {
        header.insert("alg".to_owned(), json!("A256GCM"));
        header.insert("enc".to_owned(), json!("ECDH-ES"));
    });
    assert!(matches!(Jwe::parse(&exchanged), Err(Error::AlgorithmRefused { name, .. }) if name == "A256GCM"));
}

#[test]
fn header_members_that_must_not_be_ignored() {
    let token = token();
    for value in [json!("DEF"), json!("none"), json!(""), json!(null), json!(false)] {
        let zip = Jwe::parse(&with_member(&token, "zip", value)).unwrap_err();
        assert!(matches!(zip, Error::HeaderRefused { name: "zip", .. }), "{zip}");
    }
    for value in [json!(["exp"]), json!([]), json!("exp"), json!(null), json!(["alg", "enc"])] {
        let crit = Jwe::parse(&with_member(&token, "crit", value)).unwrap_err();
        assert!(matches!(crit, Error::HeaderRefused { name: "crit", .. }), "{crit}");
    }
    for name in ["apu", "apv"] {
        for value in [json!(7), json!(null), json!(["AAAA"]), json!("A"), json!("AAA="), json!("+/8B"), json!("AB")] {
            let error = Jwe::parse(&with_member(&token, name, value.clone())).unwrap_err();
            assert!(matches!(&error, Error::Malformed { what, .. } if *what == name), "{name} {value}: {error}");
        }
    }
    // apv in the header is not a choice of the sender.
    assert!(matches!(open(&with_member(&token, "apv", json!("AAAA"))), Err(Error::PartyVInfo)));
    assert!(matches!(open(&with_header(&token, |header| drop(header.remove("apv")))), Err(Error::Decrypt)));
    assert!(matches!(open(&with_header(&token, |header| drop(header.remove("apu")))), Err(Error::Decrypt)));
    let (head, rest) = token.split_once('.').unwrap();
    let header = String::from_utf8(base64url::decode("header", head).unwrap()).unwrap();
    for twice in [
        header.replacen('{', r#"{"alg":"none","#, 1),
        header.replacen('{', r#"{"zip":"DEF","#, 1).replacen('{', r#"{"zip":"DEF","#, 1),
    ] {
        let changed = format!("{}.{rest}", base64url::encode(twice.as_bytes()));
        assert!(Jwe::parse(&changed).is_err(), "{twice}");
    }
    for broken in [format!("{header} x"), format!("[{header}]"), header.replace('}', ""), String::new()] {
        assert!(Jwe::parse(&format!("{}.{rest}", base64url::encode(broken.as_bytes()))).is_err(), "{broken}");
    }
}

#[test]
fn parts_of_the_wrong_length_and_form() {
    let token = token();
    let zeros = |len: usize| base64url::encode(&vec![0; len]);
    for len in (0..40).filter(|len| *len != 12).chain([96]) {
        let error = Jwe::parse(&with_part(&token, 2, &zeros(len))).unwrap_err();
        assert!(matches!(error, Error::Malformed { what: "IV", .. }), "IV of {len}: {error}");
    }
    for len in (0..40).filter(|len| *len != 16) {
        let error = Jwe::parse(&with_part(&token, 4, &zeros(len))).unwrap_err();
        assert!(matches!(error, Error::Malformed { what: "tag", .. }), "tag of {len}: {error}");
    }
    let tag = base64url::decode("tag", token.rsplit('.').next().unwrap()).unwrap();
    for len in 0..16 {
        let cut = with_part(&token, 4, &base64url::encode(&tag[..len]));
        assert!(matches!(Jwe::parse(&cut), Err(Error::Malformed { what: "tag", .. })), "tag cut to {len}");
    }
    for part in ["AAAA", "A", "=", "."] {
        assert!(Jwe::parse(&with_part(&token, 1, part)).is_err(), "encrypted key {part:?}");
    }
    // Empty parts, each alone; the second is empty by rights, and an empty ciphertext is well formed and does not open.
    for index in [0, 2, 4] {
        assert!(matches!(Jwe::parse(&with_part(&token, index, "")), Err(Error::Malformed { .. } | Error::Json { .. })));
    }
    assert!(matches!(open(&with_part(&token, 3, "")), Err(Error::Decrypt)));
    for index in [0, 2, 3, 4] {
        let part = token.split('.').nth(index).unwrap();
        for sloppy in
            [format!("{part}="), format!(" {part}"), format!("{part}\n"), format!("{part}+"), format!("{part}é")]
        {
            assert!(Jwe::parse(&with_part(&token, index, &sloppy)).is_err(), "part {index}: {sloppy:?}");
        }
    }
    for other in ["", ".", "....", ".....", &token[..token.len() / 2], &format!("{token}."), &format!(".{token}")] {
        assert!(Jwe::parse(other).is_err(), "{other:?}");
    }
}
