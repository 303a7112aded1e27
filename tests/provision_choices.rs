//! `pivkit provision` as people want it differently: on a terminal, with policies, other keys, a management key of their own.

use std::fs;

use crate::bench::card::{Card, pin_tries};
use crate::bench::oracle::{python, script};
use crate::bench::process::Output;
use crate::bench::yubikey::{MANAGEMENT_KEY, YubiKey};
use crate::bench::{Bench, binary, from_base64};
use crate::provision::{provision, state};

#[test]
fn a_person_at_a_terminal_is_asked_for_what_cannot_be_inferred() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7"]);
    let before = state(&bench, "card");
    let asked = |answers: &[&str]| on_terminal(&bench, answers, &["provision"]);
    let name = "Name on the certificates=Alice Example";

    asked(&["Do this to the card=n"]).exits_with(1);
    let typo = ["Do this to the card=y", name, "ew PIN=843925", "once more=843926"];
    let refused = asked(&typo).exits_with(2);
    assert!(refused.stdout.contains("differ"), "{refused}");
    assert_eq!(state(&bench, "card"), before);

    let all =
        ["Do this to the card=y", name, "ew PIN=843925", "once more=843925", "ew PUK=55554444", "once more=55554444"];
    let done = asked(&all).success();
    assert!(done.stdout.contains("replace the PUK") && done.stdout.contains("CN=Alice Example"), "{done}");
    assert!(!done.stdout.contains("843925") && !done.stdout.contains("55554444"), "what was typed is shown: {done}");
    let pin = bench.file("pin", "843925");
    bench.pivkit(&["card", "verify-pin", "--pin-file", pin.to_str().unwrap()]).output().success();
    let puk = bench.file("puk", "55554444");
    let unblock =
        ["card", "unblock", "--puk-file", puk.to_str().unwrap(), "--new-pin-file", pin.to_str().unwrap(), "--yes"];
    bench.pivkit(&unblock).output().success();
}

#[test]
fn keys_that_want_the_pin_and_a_touch_each_time_over_vpcd() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7", "--touch", "1"]);
    assert_policies(&bench);
}

#[test]
fn keys_that_want_the_pin_and_a_touch_each_time_through_the_crate_yubikey() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7", "--touch", "1"]);
    assert_policies(&bench);
}

fn assert_policies(bench: &Bench) {
    let root = bench.path("card/attestation-root.pem");
    let attested = ["--require-attestation", "--attestation-root", root.to_str().unwrap()];
    let policies = ["--pin-policy", "always", "--touch-policy", "always"];
    let done = provision(bench, "P256", &[&policies[..], &attested].concat()).success();
    assert!(done.stderr.contains("touch the card"), "{done}");
    for slot in done.json()["slots"].as_array().unwrap() {
        assert_eq!(slot["attestation"]["pin_policy"], "always", "{done}");
        assert_eq!(slot["attestation"]["touch_policy"], "always", "{done}");
    }
    // They are what was asked for, so nothing is left to do; other policies cannot be had without another key.
    assert_eq!(provision(bench, "P256", &policies).success().json()["changed"], false);
    provision(bench, "P256", &["--touch-policy", "cached"]).exits_with(5);
    assert_eq!(pin_tries(bench, "card"), 3);
}

#[test]
fn a_touch_that_does_not_come_leaves_a_run_to_be_repeated() {
    let bench = Bench::vpcd();
    let untouched = Card::insert(&bench, &["--profile", "yubikey-5.4", "--touch", "never=1"]);
    let refused = provision(&bench, "P256", &["--touch-policy", "always"]).exits_with(5);
    assert!(refused.stderr.contains("nobody touched it"), "{refused}");
    drop(untouched);
    let _card = Card::insert(&bench, &[]);
    provision(&bench, "P256", &["--touch-policy", "always"]).success();
    assert_eq!(pin_tries(&bench, "card"), 3);
}

#[test]
fn p384_and_long_rsa_where_the_firmware_has_them() {
    let bench = Bench::vpcd();
    let new = Card::insert_with_state(&bench, "new", &["--profile", "yubikey-5.7"]);
    let done = provision(&bench, "P384", &["--slot", "9a"]).success().json();
    assert_eq!(
        (&done["slots"][0]["algorithm"], &done["slots"][1]["algorithm"]),
        (&"P384".into(), &serde_json::Value::Null)
    );
    // The PIN is the person's own by now, and no new one is tried in its place.
    provision(&bench, "RSA3072", &["--slot", "9d"]).exits_with(2);
    let pin = bench.file("pin", "843925");
    let with_pin = ["--slot", "9d", "--pin-file", pin.to_str().unwrap()];
    let done = provision(&bench, "RSA3072", &with_pin).success().json();
    assert_eq!((&done["slots"][0]["algorithm"], &done["slots"][1]["algorithm"]), (&"P384".into(), &"RSA3072".into()));
    for slot in done["slots"].as_array().unwrap() {
        let certificate = bench.file("certificate.der", from_base64(&slot["certificate"]));
        let pem = bench.openssl(&["x509", "-inform", "DER", "-in", certificate.to_str().unwrap()], &[]).bytes;
        let pem = bench.file("certificate.pem", pem);
        bench.openssl(&["verify", "-check_ss_sig", "-CAfile", pem.to_str().unwrap(), pem.to_str().unwrap()], &[]);
    }
    drop(new);

    let _old = Card::insert_with_state(&bench, "old", &["--profile", "yubikey-5.4"]);
    let before = state(&bench, "old");
    fs::remove_file(bench.path("puk.txt")).unwrap();
    let refused = provision(&bench, "RSA3072", &[]).exits_with(5);
    assert!(refused.stderr.contains("from firmware 5.7 on"), "{refused}");
    assert_eq!(state(&bench, "old"), before);
}

#[test]
fn a_management_key_of_ones_own_has_to_be_given() {
    let Some(card) = YubiKey::insert("yubikey-5.4") else { return };
    let bench = &card.bench;
    let own = "0f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdef";
    let change = ["access", "change-management-key", "--management-key", MANAGEMENT_KEY];
    card.ykman(&[&change[..], &["--new-management-key", own, "--algorithm", "TDES"]].concat()).output().success();

    let refused = provision(bench, "P256", &[]).exits_with(5);
    assert!(refused.stderr.contains("--management-key-file"), "{refused}");
    let wrong = bench.file("wrong-key", MANAGEMENT_KEY.replace('1', "2"));
    provision(bench, "P256", &["--management-key-file", wrong.to_str().unwrap()]).exits_with(5);
    let key = bench.file("key", own);
    let done = provision(bench, "P256", &["--management-key-file", key.to_str().unwrap()]).success();
    assert_eq!(done.json()["management_key"], "other", "{done}");
    // It is still the person's own.
    let generate = ["objects", "generate", "CHUID", "--management-key", own];
    card.ykman(&generate).output().success();
    assert_eq!(pin_tries(bench, "card"), 3);
}

#[test]
fn the_factorys_management_key_stays_if_asked() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7"]);
    let done = provision(&bench, "P256", &["--keep-management-key"]).success().json();
    assert_eq!(done["management_key"], "factory");
    assert!(done["notes"].to_string().contains("whoever has the card can write to it"), "{done}");
    // A later run may still replace it.
    let pin = bench.file("pin", "843925");
    let with_pin = ["--pin-file", pin.to_str().unwrap()];
    assert_eq!(provision(&bench, "P256", &with_pin).success().json()["management_key"], "protected");
}

/// Runs pivkit on a terminal; `answers` are `QUESTION=ANSWER`, in order.
fn on_terminal(bench: &Bench, answers: &[&str], args: &[&str]) -> Output {
    let (script, pivkit) = (script("on_terminal.py"), binary("pivkit"));
    let transport = format!("vpcd:{}", bench.reader_address());
    let mut words = vec![script.to_str().unwrap()];
    words.extend(answers);
    words.extend(["--", pivkit.to_str().unwrap()]);
    words.extend(args);
    words.extend(["--transport", &transport]);
    bench.command(python(), &words).output().never_panicked()
}
