//! A refusal's reason names what is wrong, and quotes nothing of the request.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jose::{Algorithm, Signer};
use serde_json::{Value, json};

use crate::methods::{encrypted_changed, with_passwords};
use crate::world::{Login, World};

fn reason(login: &Login, check: &str) -> String {
    let answer = login.send();
    assert_eq!(answer.check(), check, "{answer:?}");
    answer.json()["error_description"].as_str().unwrap().to_owned()
}

/// The assertion of a login with other bytes as its claims, and a signature made anew.
fn with_claims(login: &mut Login, claims: &[u8]) {
    let header = Value::Object(login.assertion_header.clone()).to_string();
    let input = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(login.card.sign(input.as_bytes()));
    login.assertion = Some(json!(format!("{input}.{signature}")));
}

#[test]
fn claims_that_are_not_json_say_why() {
    let world = World::new();
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
    for (claims, expected) in [
        (r#"{"a":1,"a":2}"#, "occurs twice"),
        (r#"{"a":"\ud800"}"#, "half of a surrogate pair"),
        (&deep, "recursion limit"),
        ("[]", "not a JSON object"),
    ] {
        let mut login = world.login(Algorithm::Es256);
        with_claims(&mut login, claims.as_bytes());
        let reason = reason(&login, "assertion.format");
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn headers_that_nobody_may_ignore_are_named() {
    let world = with_passwords();
    let mut login = world.login(Algorithm::Es256);
    login.header.insert("crit".into(), json!(["exp"]));
    assert!(reason(&login, "outer.format").contains("its header has crit"));
    let mut login = world.login(Algorithm::Es256);
    login.assertion_header.insert("crit".into(), json!(["exp"]));
    assert!(reason(&login, "assertion.format").contains("its header has crit"));
    for (member, value, expected) in [
        ("zip", json!("DEF"), "its header has zip"),
        ("crit", json!(["exp"]), "its header has crit"),
        ("epk", Value::Null, "epk is not a point on its curve"),
    ] {
        let login = encrypted_changed(&world, |header| match member {
            "epk" => header["epk"]["y"] = header["epk"]["x"].clone(),
            _ => header[member] = value.clone(),
        });
        let reason = reason(&login, "assertion.format");
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn signatures_of_another_form_say_so() {
    let world = World::new();
    let of_device = |login: &Login, change: fn(Vec<u8>) -> Vec<u8>| {
        let request = login.request();
        let (input, _) = request.rsplit_once('.').unwrap();
        let signature = login.signing.clone().sign(input.as_bytes()).unwrap();
        let answer = login.send_request(&format!("{input}.{}", BASE64_URL_SAFE_NO_PAD.encode(change(signature))));
        assert_eq!(answer.check(), "outer.signature");
        answer.body
    };
    type Change = fn(Vec<u8>) -> Vec<u8>;
    let changes: [(Change, &str); 3] = [
        (|raw| jose::ecdsa::raw_to_der(&raw).unwrap(), "it is DER, and r and s of 32 bytes each are expected"),
        (|raw| raw[1..].to_vec(), "it has 63 bytes in the place of 64"),
        (|raw| [vec![0], raw].concat(), "it has 65 bytes in the place of 64"),
    ];
    for (change, expected) in changes {
        let login = world.login(Algorithm::Es256);
        assert!(of_device(&login, change).contains(expected), "{expected}");
        let mut login = world.login(Algorithm::Es256);
        let assertion = login.assertion();
        let (input, _) = assertion.rsplit_once('.').unwrap();
        let signature = BASE64_URL_SAFE_NO_PAD.encode(change(login.card.sign(input.as_bytes())));
        login.assertion = Some(json!(format!("{input}.{signature}")));
        let reason = reason(&login, "assertion.signature");
        assert!(reason.contains(expected), "{reason}");
    }
}
