//! Who may register what, and that it can be taken away again.

use std::process::Command;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jose::{Algorithm, EcPrivateKey};
use serde_json::{Value, json};

use crate::http::{post_json, send};
use crate::login::open;
use crate::methods::{register_key, secret_file, with_key};
use crate::world::{ALICE, Device, World, kid, x963};

#[test]
fn a_registered_certificate_is_the_only_one_that_counts_then() {
    let world = World::new();
    let mut login = world.login(Algorithm::Es256);
    let certificate = login.assertion_header["x5c"][0].clone();
    let register = |certificate: &Value| {
        let mut document = world.alices.registration(&world.client_id, "alice");
        document["user_certificate"] = certificate.clone();
        post_json(&format!("{}/psso/register", world.url), &document.to_string())
    };
    assert_eq!((register(&certificate).status, register(&certificate).status), (201, 200));
    assert_eq!(world.login(Algorithm::Es256).send().check(), "certificate.pinned", "alice's other card");
    // Its kid is enough then; x5c may be left out.
    login.assertion_header.remove("x5c");
    assert_eq!(login.send().status, 200);
    // What the policy does not permit cannot be pinned.
    let bobs = world.login_of("bob", crate::world::BOB, &world.bobs, Algorithm::Es256);
    assert_eq!(register(&bobs.assertion_header["x5c"][0]).status, 403);
    for bad in [json!("AAAA"), json!("?"), json!(7)] {
        assert!([400, 403].contains(&register(&bad).status), "{bad}");
    }
}

#[test]
fn a_registered_certificate_of_any_key_is_named_by_kid() {
    for algorithm in [Algorithm::Es384, Algorithm::Rs256] {
        let world = World::new();
        let card = world.login(algorithm);
        let certificate = card.assertion_header["x5c"][0].clone();
        assert_eq!(register_with(&world, &world.alices, "user_certificate", certificate, &[]), 201);
        let standard = card.card.kid();
        let url = standard.replace('+', "-").replace('/', "_").replace('=', "");
        for kid in [standard.clone(), standard.replace('=', ""), url] {
            // As an earlier version kept those of RSA keys, and then as they are kept now.
            let path = world.directory.path().join("state/idp.sqlite");
            if kid == standard {
                let database = rusqlite::Connection::open(path).unwrap();
                database.execute("UPDATE user_certificates SET kid = NULL", []).unwrap();
            }
            let mut login = world.login(algorithm);
            login.card = card.card.clone();
            login.assertion_header.remove("x5c");
            login.assertion_header.insert("kid".into(), json!(kid));
            assert_eq!(login.send().status, 200, "{algorithm} {kid}");
        }
        let mut login = world.login(algorithm);
        login.assertion_header.remove("x5c");
        login.assertion_header.insert("kid".into(), json!(kid(&world.alices.signing)));
        assert_eq!(login.send().check(), "assertion.x5c");
    }
}

#[test]
fn a_registration_needs_the_token_when_there_is_one() {
    let world = World::with_directory(|options, directory| {
        options.registration_token = Some(secret_file(directory, "token", "a registration token\n"));
    });
    let device = Device::new();
    let register = |token: Value, user_key: Value| {
        let mut document = device.registration(&world.client_id, "alice");
        document["registration_token"] = token;
        document["user_key"] = user_key;
        post_json(&format!("{}/psso/register", world.url), &document.to_string())
    };
    let stored = world.stored();
    for wrong in [Value::Null, json!(""), json!("a registration toke"), json!("a registration token\n")] {
        let answer = register(wrong, Value::Null);
        assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_token")));
    }
    assert!(world.stored() == stored);
    assert_eq!(register(json!("a registration token"), Value::Null).status, 201);

    // Where others can reach the server, a key of a user needs one.
    let world = World::with(|options| options.url = Some("https://idp.example".parse().unwrap()));
    assert_eq!(register_key(&world, &world.alices, &EcPrivateKey::generate().unwrap()), 403);
    // And one key is not two.
    let world = World::new();
    assert_eq!(register_key(&world, &world.alices, &world.alices.signing), 400);
}

/// Registers a device of alice with one member more, under other headers.
fn register_with(world: &World, device: &Device, member: &str, value: Value, headers: &[(&str, &str)]) -> u16 {
    let mut document = device.registration(&world.client_id, "alice");
    document[member] = value;
    let headers = [headers, &[("Content-Type", "application/json")]].concat();
    send(&format!("{}/psso/register", world.url), "POST", &headers, &document.to_string()).status
}

#[test]
fn a_web_page_from_elsewhere_registers_nobody() {
    let world = World::new();
    let key = EcPrivateKey::generate().unwrap();
    let user_key = json!({"x963": BASE64_STANDARD.encode(x963(&key)), "kid": kid(&key)});
    let certificate = world.login(Algorithm::Es256).assertion_header["x5c"][0].clone();
    let stored = world.stored();
    let (host, origin) = (("Host", "attacker.example:8080"), ("Origin", "http://attacker.example:8080"));
    let proxy = ("X-Forwarded-For", "192.0.2.7");
    for headers in [&[host, origin][..], &[host], &[origin], &[proxy], &[("Origin", "null")]] {
        for (member, value) in [("user_key", &user_key), ("user_certificate", &certificate)] {
            let status = register_with(&world, &world.alices, member, value.clone(), headers);
            assert_eq!(status, 403, "{member} {headers:?}");
        }
    }
    assert_eq!(register_with(&world, &Device::new(), "user_key", Value::Null, &[host, origin]), 403, "a device alone");
    assert!(world.stored() == stored);
    assert_eq!(with_key(&world, &world.alices, &key).send().check(), "assertion.x5c");
    let own = ("Origin", world.url.as_str());
    assert_eq!(register_with(&world, &world.alices, "user_key", user_key, &[own]), 201);
}

#[test]
fn nobody_is_shut_out_by_a_stranger_who_pins_a_certificate() {
    let world = World::with(|options| options.url = Some("https://idp.example".parse().unwrap()));
    let certificate = world.login(Algorithm::Es256).assertion_header["x5c"][0].clone();
    assert_eq!(register_with(&world, &Device::new(), "user_certificate", certificate, &[]), 403);
    assert!(!world.stored().iter().any(|row| row.starts_with("user_certificates")));
}

fn forget(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let state = world.directory.path().join("state");
    let output = Command::new(env!("CARGO_BIN_EXE_pivkit-idp"))
        .args(["forget", "--state", state.to_str().unwrap()])
        .args(arguments)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn what_was_registered_is_forgotten_while_the_server_runs() {
    let world = World::new();
    let key = EcPrivateKey::generate().unwrap();
    assert_eq!(register_key(&world, &world.alices, &key), 201);
    let login = world.login(Algorithm::Es256);
    let tokens = open(&login.send(), &world.alices, &login);
    let certificate = login.assertion_header["x5c"][0].clone();
    assert_eq!(register_with(&world, &world.alices, "user_certificate", certificate, &[]), 201);
    assert_eq!(world.login(Algorithm::Es256).send().check(), "certificate.pinned", "a renewed card");
    // Bob's device is alice's as well: it stays his.
    assert_eq!(world.register(&world.bobs, "alice").status, 201);

    let (code, text) = forget(&world, &["--user", "alice"]);
    assert_eq!((code, text.as_str()), (Some(0), "forgotten: devices 2, keys 1, certificates 1, sessions 1\n"));
    let left = world.stored();
    for gone in ["alice", "user_keys:", "user_certificates:", "families:", "refresh_tokens:"] {
        assert!(!left.iter().any(|row| row.contains(gone)), "{gone} in {left:?}");
    }
    assert_eq!(world.login(Algorithm::Es256).send().check(), "outer.kid");
    let refresh = world.refresh(&world.alices, tokens["refresh_token"].as_str().unwrap());
    assert_eq!(refresh.send().check(), "outer.kid");
    assert_eq!(world.login_of("alice", ALICE, &world.bobs, Algorithm::Es256).send().check(), "outer.device_user");
    assert_eq!(world.register(&world.alices, "alice").status, 201);
    assert_eq!(world.login(Algorithm::Es256).send().status, 200, "with the renewed card");
}

#[test]
fn a_device_is_forgotten_by_its_key_identifier() {
    let world = World::new();
    assert_eq!(register_key(&world, &world.bobs, &EcPrivateKey::generate().unwrap()), 201);
    let bobs = kid(&world.bobs.signing);
    let (code, text) = forget(&world, &["--device", &bobs.replace('+', "-").replace('/', "_")]);
    assert_eq!((code, text.as_str()), (Some(0), "forgotten: devices 1, keys 1, certificates 0, sessions 0\n"));
    assert_eq!(world.login(Algorithm::Es256).send().status, 200, "alice's is still there");
    for arguments in [["--device", &bobs], ["--device", "-7begins-with-a-hyphen"], ["--user", "mallory"]] {
        let stored = world.stored();
        let (code, text) = forget(&world, &arguments);
        assert!(code == Some(1) && text.contains("nothing is registered for"), "{text}");
        assert!(world.stored() == stored);
    }
    assert_eq!(forget(&world, &[]).0, Some(2));
    assert_eq!(forget(&world, &["--user", "a", "--device", "b"]).0, Some(2));
}
