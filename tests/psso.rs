//! Platform SSO logins, signed by the card: at pivkit's test identity provider, and against implementations that share no
//! code with pivkit (tests/python, on jwcrypto).

use serde_json::Value;

use crate::bench::Bench;
use crate::bench::card::{self, Card};
use crate::bench::idp::{self, Device, Idp};
use crate::bench::oracle::{self, P256, P384, RSA2048, python, script};
use crate::bench::process::Output;
use crate::foreign_clients::load;

#[test]
fn a_login_through_pcscd() {
    let Some(bench) = Bench::pcscd() else { return };
    assert_alice_logs_in(&bench);
}

#[test]
fn a_login_over_vpcd() {
    assert_alice_logs_in(&Bench::vpcd());
}

#[test]
fn registering_twice_is_fine_and_another_person_is_not() {
    let bench = Bench::vpcd();
    let ca = oracle::authority(&bench, "ca");
    let idp = Idp::start(&bench, &ca.0, &[]);
    let device = Device::new(&bench, idp.configuration(&bench));
    device.register(&bench).success();
    device.register(&bench).success();
    device.register_for(&bench, "mallory").exits_with(7);
}

#[test]
fn the_keys_of_a_device_stay_the_same_and_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::vpcd();
    let state = bench.path("device");
    let keys =
        || bench.pivkit(&["psso", "keys", "--state", state.to_str().unwrap(), "--json"]).output().success().json();
    assert_eq!(keys(), keys());
    assert_eq!(std::fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in std::fs::read_dir(&state).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", entry.path().display());
    }
}

#[test]
fn an_rsa_login_satisfies_an_independent_identity_provider() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    assert_eq!(login_at_stand_in(&bench, &card::authority(&bench.path("card")))["alg"], "RS256");
}

#[test]
fn a_p256_login_satisfies_an_independent_identity_provider() {
    assert_eq!(loaded_login_at_stand_in(&P256)["alg"], "ES256");
}

#[test]
fn a_p384_login_satisfies_an_independent_identity_provider() {
    assert_eq!(loaded_login_at_stand_in(&P384)["alg"], "ES384");
}

#[test]
fn the_independent_identity_provider_refuses_another_authority() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let stranger = oracle::authority(&bench, "stranger");
    let (stand_in, device) = stand_in(&bench, &stranger.0);
    device.login(&bench).exits_with(7);
    let seen = stand_in.wait_for("what it thinks of the login", json_line);
    assert_eq!(seen["accepted"], false, "{seen}");
}

#[test]
fn an_independent_client_logs_in_with_rsa_and_opens_the_answer() {
    let claims: Value = serde_json::from_str(&python_login(&RSA2048, "none").stdout).unwrap();
    assert_eq!(claims["sub"], "alice", "{claims}");
    assert_eq!(claims["upn"], "alice@example.test", "{claims}");
}

#[test]
fn an_independent_client_logs_in_with_p256_and_opens_the_answer() {
    let claims: Value = serde_json::from_str(&python_login(&P256, "none").stdout).unwrap();
    assert_eq!(claims["sub"], "alice", "{claims}");
}

#[test]
fn an_independent_client_is_refused_for_the_right_reason() {
    for (spoil, check) in [
        ("embedded-nonce", "assertion.nonce"),
        ("embedded-aud", "assertion.aud"),
        ("embedded-exp", "assertion.exp"),
        ("embedded-sub", "assertion.iss"),
        ("outer-aud", "outer.aud"),
        ("outer-nonce-reuse", "outer.request_nonce"),
    ] {
        assert_eq!(python_login(&P256, spoil).stdout.trim(), check, "{spoil}");
    }
}

#[test]
fn apples_own_assertion_is_verified() {
    let bench = Bench::vpcd();
    let vectors = std::fs::read_to_string(crate::bench::project().join("tests/data/psso.json")).unwrap();
    let vectors: Value = serde_json::from_str(&vectors).unwrap();
    let file = bench.file("assertion.jwt", vectors["smartcard_embedded_assertion"]["jws"].as_str().unwrap());
    // Apple's certificate has expired since; its assertion was signed at 1685737124.
    let inspect = |at| {
        let args = ["psso", "inspect", file.to_str().unwrap(), "--at", at, "--json"];
        bench.pivkit(&args).output().never_panicked()
    };
    let good = inspect("2023-06-02T20:18:44Z");
    let found = good.json();
    assert_eq!(found["schema_version"], 1, "{good}");
    assert_eq!(found["signature"]["valid"], true, "{good}");
    assert_eq!(found["signature"]["key"], "x5c", "{good}");
    assert_eq!(found["kid_matches"], true, "{good}");
    assert!(found["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true), "{good}");
    let late = inspect("2026-01-01T00:00:00Z");
    assert!(late.json()["checks"].as_array().unwrap().iter().any(|check| check["ok"] == false), "{late}");
}

/// Card, provider, registration, login: alice signs in.
fn assert_alice_logs_in(bench: &Bench) {
    let card = Card::alice(bench);
    let idp = Idp::start(bench, &card.authority(), &[]);
    let device = Device::new(bench, idp.configuration(bench));
    device.login(bench).exits_with(7);
    device.register(bench).success();
    let login = device.login(bench).success();
    let found = login.json();
    assert_eq!(found["schema_version"], 1, "{login}");
    assert_eq!(found["user"], "alice", "{login}");
    let claims = &found["id_token_claims"];
    assert_eq!(claims["iss"], idp.url, "{login}");
    assert_eq!(claims["sub"], "alice", "{login}");
    assert_eq!(claims["upn"], "alice@example.test", "{login}");
    assert!(claims["exp"].as_i64() > claims["iat"].as_i64(), "{login}");
    assert!(found["refresh_token_expires_in"].as_i64() > Some(0), "{login}");
    for part in ["nonce", "card", "token", "total"] {
        assert!(found["timings_ms"][part].is_number(), "timings_ms.{part}: {login}");
    }
    assert!(!login.stdout.contains("refresh_token\""), "a token is shown: {login}");
    idp.wait_for_login();
}

fn loaded_login_at_stand_in(new_key: &[&str]) -> Value {
    let bench = Bench::vpcd();
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", new_key, &authority);
    let _card = Card::insert(&bench, &["--load", &load("9a", &certificate, &key)]);
    login_at_stand_in(&bench, &authority.0)
}

/// Logs in at the independent provider, and returns what that one saw.
fn login_at_stand_in(bench: &Bench, authority: &std::path::Path) -> Value {
    let (stand_in, device) = stand_in(bench, authority);
    let login = device.login(bench);
    let seen = stand_in.wait_for("what it thinks of the login", json_line);
    assert_eq!(seen["accepted"], true, "{seen}");
    let login = login.success();
    assert_eq!(login.json()["id_token_claims"]["nonce"], seen["outer"]["nonce"], "{login}");
    seen
}

/// The independent provider, and a device that it knows.
fn stand_in(bench: &Bench, authority: &std::path::Path) -> (crate::bench::process::Service, Device) {
    let device = Device::new(bench, bench.path("psso.toml"));
    let keys = bench.file("device-keys.json", device.keys(bench).to_string());
    let arguments = [script("stand_in_idp.py"), keys, authority.to_path_buf()];
    let stand_in = bench.service(python().to_str().unwrap(), &arguments);
    let url = stand_in.wait_for("where it listens", idp::url_in);
    idp::fetch_configuration(bench, &url);
    (stand_in, device)
}

fn json_line(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

/// A login at pivkit-idp by the independent client.
fn python_login(new_key: &[&str], spoil: &str) -> Output {
    let bench = Bench::vpcd();
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", new_key, &authority);
    let idp = Idp::start(&bench, &authority.0, &[]);
    let (client, url) = (script("idp_client.py"), &idp.url);
    let arguments =
        [client.to_str().unwrap(), url, certificate.to_str().unwrap(), key.to_str().unwrap(), "alice", spoil];
    bench.command(python(), &arguments).output().success()
}
