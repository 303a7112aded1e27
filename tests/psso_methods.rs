//! The methods of a login beside the card, and the key service, at pivkit's test identity provider through the real binaries.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::bad_input::assert_refused;
use crate::bench::idp::{Device, Idp};
use crate::bench::oracle::{self, python};
use crate::bench::process::Output;
use crate::bench::{Bench, card};

const FAILED: i32 = 1;
const USAGE: i32 = 2;
const NO_IDENTITY: i32 = 5;
const LOGIN: i32 = 7;
const PASSWORD: &str = "correct horse b\u{e4}ttery";

#[test]
fn a_key_in_place_of_the_secure_enclave_signs_in_without_a_card() {
    let (bench, idp, device) = provider();
    let without = device.login_by(&bench, "secure-enclave-key", &[]);
    assert_refused(&without, FAILED, &["no user key yet", "psso register"]);
    let registered = register(&bench, &device, "secure-enclave-key", &[]).success();
    assert_eq!(registered.json()["method"], "secure-enclave-key", "{registered}");
    let login = device.login_by(&bench, "secure-enclave-key", &[]).success();
    assert_alice(&login, &idp, "secure-enclave-key");

    let file = device.state.join("user-key-software.pem");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    let status = device.signed_in(&bench, "status", &[]).success().json();
    assert_eq!(status["user_key"]["file"], "user-key-software.pem", "{status}");
    assert!(status["user_key"]["stands_in_for"].as_str().unwrap().contains("Secure Enclave"), "{status}");
    assert_eq!(status["user_key"]["kid"], status["registration"]["users"][0]["user_key"], "{status}");
    // It is the same key for openssl.
    let der = bench.openssl(&["pkey", "-in", file.to_str().unwrap(), "-pubout", "-outform", "DER"], &[]).bytes;
    assert_eq!(status["user_key"]["kid"], kid_of_point(&bench, &der[der.len() - 65..]), "{status}");
    device.signed_in(&bench, "refresh", &[]).success();

    // Another key in its place is not the registered one.
    bench.openssl(
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file.to_str().unwrap()],
        &[],
    );
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_refused(&device.login_by(&bench, "secure-enclave-key", &[]), LOGIN, &["401"]);
}

#[test]
fn a_password_from_a_file_and_from_standard_input() {
    let (bench, idp, device) = provider();
    register(&bench, &device, "password", &[]).success();
    let file = bench.file("secret", format!("{PASSWORD}\n"));
    let login = device.login_by(&bench, "password", &["--password-file", file.to_str().unwrap()]).success();
    assert_alice(&login, &idp, "password");
    let fixed = ["psso", "login", "--config", device.config(), "--state", device.state.to_str().unwrap()];
    let more = ["--user", "alice", "--method", "password", "--key-store", "file", "--password-stdin", "--json"];
    let piped = bench.pivkit(&[&fixed[..], &more].concat()).stdin(format!("{PASSWORD}\r\n")).output().success();
    assert_alice(&piped, &idp, "password");
    device.signed_in(&bench, "refresh", &[]).success();
    assert!(!idp.log().contains(PASSWORD));
}

#[test]
fn a_password_that_is_wrong_missing_or_in_the_wrong_place() {
    let (bench, _idp, device) = provider();
    register(&bench, &device, "password", &[]).success();
    let wrong = bench.file("wrong", "incorrect horse");
    let output = device.login_by(&bench, "password", &["--password-file", wrong.to_str().unwrap()]);
    assert_refused(&output, LOGIN, &["does not accept the credential", "the password, and try again"]);
    assert!(!output.stderr.contains("incorrect horse"), "{output}");
    assert!(!device.state.join("sign-on.json").exists());

    assert_refused(&device.login_by(&bench, "password", &["--non-interactive"]), USAGE, &["--password-file"]);
    let empty = bench.file("empty", "\n");
    let empty = ["--password-file", empty.to_str().unwrap()];
    assert_refused(&device.login_by(&bench, "password", &empty), USAGE, &["it is empty"]);
    let open = bench.file("open", PASSWORD);
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let open = ["--password-file", open.to_str().unwrap()];
    assert_refused(&device.login_by(&bench, "password", &open), USAGE, &["others than its owner"]);
    assert_refused(&device.login_by(&bench, "smart-card", &open), USAGE, &["--method password"]);
    let pin = bench.file("pin", "123456");
    let pin = ["--pin-file", pin.to_str().unwrap()];
    assert_refused(&device.login_by(&bench, "password", &pin), USAGE, &["--method smart-card"]);
    let unknown = device.login_by(&bench, "fingerprint", &[]).exits_with(USAGE);
    assert!(unknown.stderr.contains("smart-card, secure-enclave-key and password"), "{unknown}");
}

#[test]
fn a_password_is_asked_for_without_echo() {
    let (bench, _idp, device) = provider();
    register(&bench, &device, "password", &[]).success();
    let arguments = ["psso", "login", "--config", device.config(), "--state", device.state.to_str().unwrap()];
    let more = ["--user", "alice", "--method", "password", "--key-store", "file"];
    let mut person = bench.at_terminal(100, &[&arguments[..], &more].concat());
    person.answer("Password of alice at the identity provider:", PASSWORD);
    person.wait_for("signed in: alice");
    let shown = person.ends_with(0);
    assert!(!shown.contains(PASSWORD) && !shown.contains("horse"), "{shown}");
}

#[test]
fn the_identity_provider_has_the_key_of_its_certificate_and_agrees_on_keys() {
    let (bench, _idp, device) = provider();
    register(&bench, &device, "secure-enclave-key", &[]).success();
    for command in ["key-request", "key-exchange"] {
        assert_refused(&device.signed_in(&bench, command, &[]), NO_IDENTITY, &["nobody is signed in"]);
    }
    device.login_by(&bench, "secure-enclave-key", &[]).success();
    let requested = device.signed_in(&bench, "key-request", &[]).success();
    let certificate = bench.file("unlock.der", crate::bench::from_base64(&requested.json()["certificate"]));
    let args = ["x509", "-inform", "DER", "-in", certificate.to_str().unwrap(), "-noout", "-pubkey"];
    let public = bench.file("unlock.pem", bench.openssl(&args, &[]).bytes);
    assert_eq!(requested.json()["key_context_kept"], true, "{requested}");

    // With a key of pivkit's own, it compares.
    let compared = device.signed_in(&bench, "key-exchange", &[]).success();
    assert_eq!((&compared.json()["verified"], &compared.json()["written_to"]), (&true.into(), &Value::Null));

    // With a key of openssl's, openssl compares.
    let own = bench.path("own.pem");
    let p256 = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", own.to_str().unwrap()];
    bench.openssl(&p256, &[]);
    let own_public =
        bench.file("own-public.pem", bench.openssl(&["pkey", "-in", own.to_str().unwrap(), "-pubout"], &[]).bytes);
    let out = bench.path("agreed.key");
    let args = ["--other-key", own_public.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let exchanged = device.signed_in(&bench, "key-exchange", &args).success();
    let derive = ["pkeyutl", "-derive", "-inkey", own.to_str().unwrap(), "-peerkey", public.to_str().unwrap()];
    let expected = bench.openssl(&derive, &[]).bytes;
    assert_eq!(fs::read(&out).unwrap(), expected, "what openssl derives");
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(exchanged.json()["verified"], Value::Null, "{exchanged}");
    let shown = format!("{}{}", exchanged.stdout, exchanged.stderr);
    assert!(!shown.to_lowercase().contains(&hex::encode(&expected)), "{exchanged}");

    // A file that is there is not written over, and nobody is asked for a key that has no place.
    assert_refused(&device.signed_in(&bench, "key-exchange", &args), FAILED, &["agreed.key"]);
    assert_eq!(fs::read(&out).unwrap(), expected);
}

#[test]
fn what_was_pinned_at_the_registration_is_noted() {
    let bench = Bench::vpcd();
    let card = card::Card::alice(&bench);
    let idp = Idp::start(&bench, &card.authority(), &[]);
    let device = Device::new(&bench, idp.configuration(&bench));
    let certificate = bench.path("card").join("9a.pem");
    register(&bench, &device, "smart-card", &["--certificate", certificate.to_str().unwrap()]).success();
    let args = ["x509", "-in", certificate.to_str().unwrap(), "-noout", "-fingerprint", "-sha256"];
    let line = bench.openssl(&args, &[]).stdout;
    let fingerprint = line.trim().split_once('=').unwrap().1.replace(':', "").to_lowercase();
    let status = device.signed_in(&bench, "status", &[]).success().json();
    assert_eq!(status["registration"]["users"][0]["user_certificate"], fingerprint, "{status}");
    device.login(&bench).success();
    let none = bench.file("none.pem", "no certificate");
    let refused = register(&bench, &device, "smart-card", &["--certificate", none.to_str().unwrap()]);
    assert_refused(&refused, USAGE, &["none.pem"]);
}

#[test]
fn a_configuration_is_checked_shown_and_discovered() {
    let (bench, idp, device) = provider();
    let lint = |file: &str| bench.pivkit(&["psso", "config", "lint", file, "--json"]).output().never_panicked();
    let good = lint(device.config()).success();
    assert_eq!(good.json()["usable"], true, "{good}");
    let example = bench.pivkit(&["psso", "config", "example"]).output().success();
    let file = bench.file("example.toml", example.bytes);
    assert_eq!(lint(file.to_str().unwrap()).success().json()["usable"], true);
    let bad = bench.file("bad.toml", "issuer = 1\nsurprise = 2\n");
    let output = lint(bad.to_str().unwrap()).exits_with(NO_IDENTITY);
    let findings = output.json()["findings"].to_string();
    assert!(
        output.json()["usable"] == false && findings.contains("surprise") && findings.contains("issuer"),
        "{output}"
    );

    let found = bench.pivkit(&["psso", "config", "discover", &idp.url]).output().success();
    assert!(found.stdout.contains(&format!("issuer = \"{}\"", idp.url)), "{found}");
    let nobody = bench.pivkit(&["psso", "config", "discover", "http://127.0.0.1:1"]).output();
    assert_refused(&nobody, LOGIN, &["did not answer"]);
}

/// The key id of a point, as another implementation makes it.
fn kid_of_point(bench: &Bench, point: &[u8]) -> String {
    let code =
        "import sys,hashlib,base64;print(base64.b64encode(hashlib.sha256(sys.stdin.buffer.read()).digest()).decode())";
    bench.command(python(), &["-c", code]).stdin(point).output().success().stdout.trim().to_owned()
}

#[track_caller]
fn assert_alice(login: &Output, idp: &Idp, method: &str) {
    let found = login.json();
    assert_eq!((&found["user"], &found["method"]), (&"alice".into(), &method.into()), "{login}");
    assert_eq!(found["id_token_claims"]["sub"], "alice", "{login}");
    assert_eq!(found["id_token_claims"]["iss"], idp.url, "{login}");
    assert!(found.get("tokens").is_none(), "{login}");
}

fn register(bench: &Bench, device: &Device, method: &str, more: &[&str]) -> Output {
    let state = device.state.to_str().unwrap();
    let fixed = ["psso", "register", "--config", device.config(), "--state", state, "--user", "alice", "--json"];
    bench.pivkit(&[&fixed[..], &["--method", method], more].concat()).output()
}

/// An identity provider that knows alice's password, and a device that is not registered yet.
fn provider() -> (Bench, Idp, Device) {
    let bench = Bench::vpcd();
    let authority = oracle::authority(&bench, "ca");
    let passwords = bench.file("passwords", format!("alice:{PASSWORD}\n"));
    let idp = Idp::start(&bench, &authority.0, &["--passwords", passwords.to_str().unwrap()]);
    let device = Device::new(&bench, idp.configuration(&bench));
    (bench, idp, device)
}
