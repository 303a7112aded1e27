//! `card sign`: openssl verifies what every slot signs, and few commands are sent for it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::bench::card::{Card, pin_tries};
use crate::bench::{Bench, PIN, from_base64, not_run};
use crate::command_count::count;
use crate::foreign_clients::yubico;

const LETTER: &str = "a letter to be signed";

/// A bench with the reference card, the PIN in a file, and a letter.
fn bench(card: &[&str]) -> (Bench, Card, [PathBuf; 3]) {
    let bench = Bench::vpcd();
    let card = Card::insert(&bench, &[&["--preset", "reference"], card].concat());
    let files = [bench.file("pin.txt", PIN), bench.file("letter.txt", LETTER), bench.path("letter.sig")];
    (bench, card, files)
}

fn verify(bench: &Bench, slot: &str, hash: &str, signature: &Path) {
    let certificate = fs::read(bench.path("card").join(format!("{slot}.pem"))).unwrap();
    let public_key = bench.openssl(&["x509", "-noout", "-pubkey"], &certificate);
    let public_key = bench.file("public.pem", public_key.bytes);
    let verify = ["dgst", hash, "-verify", public_key.to_str().unwrap(), "-signature", signature.to_str().unwrap()];
    bench.openssl(&verify, LETTER.as_bytes()).prints(&["Verified OK"]);
}

#[test]
fn openssl_verifies_the_signature_of_every_slot() {
    for profile in ["plain", "yubikey-5.7"] {
        let (bench, _card, [pin, letter, signature]) = bench(&["--profile", profile]);
        let (pin, letter, out) = (pin.to_str().unwrap(), letter.to_str().unwrap(), signature.to_str().unwrap());
        for slot in ["9a", "9c", "9d", "9e", "82"] {
            let sign = ["card", "sign", "--slot", slot, "--pin-file", pin, "--out", out, letter];
            let run = bench.pivkit(&sign).output().success();
            assert!(run.stdout.is_empty(), "{run}");
            verify(&bench, slot, "-sha256", &signature);
        }
        for (slot, algorithm, hash) in [
            ("9a", "RS256", "-sha256"),
            ("9a", "RS384", "-sha384"),
            ("9a", "RS512", "-sha512"),
            ("9c", "ES256", "-sha256"),
        ] {
            let sign = ["card", "sign", "--slot", slot, "--algorithm", algorithm, "--pin-file", pin, letter];
            let run = bench.pivkit(&sign).output().success();
            fs::write(&signature, run.bytes).unwrap();
            verify(&bench, slot, hash, &signature);
        }
    }
}

#[test]
fn a_signature_takes_five_commands_at_most_and_eight_without_extended_length() {
    for (card, most) in [(&[][..], 5), (&["--no-extended"], 8)] {
        let (bench, _card, [pin, letter, signature]) = bench(card);
        let (pin, letter, out) = (pin.to_str().unwrap(), letter.to_str().unwrap(), signature.to_str().unwrap());
        let sign = ["card", "sign", "--slot", "9a", "--algorithm", "RS256", "--pin-file", pin, "--out", out, letter];
        let run = bench.pivkit_with(&sign, &[("RUST_LOG", "smartcard=trace")]).output().success();
        let commands = count(&run);
        assert!(commands <= most, "{commands}: {run}");
        assert!(!run.stderr.contains("00cb3fff0000055c035fc105"), "no certificate was read: {run}");
        verify(&bench, "9a", "-sha256", &signature);
    }
}

#[test]
fn the_card_authentication_key_signs_without_a_pin() {
    let (bench, _card, [_, letter, signature]) = bench(&[]);
    let (letter, out) = (letter.to_str().unwrap(), signature.to_str().unwrap());
    bench.pivkit(&["card", "sign", "--slot", "9e", "--out", out, letter]).output().success();
    verify(&bench, "9e", "-sha256", &signature);
}

#[test]
fn standard_input_and_json_are_for_programs() {
    let (bench, _card, [pin, _, signature]) = bench(&[]);
    let sign = ["card", "sign", "--slot", "9a", "--pin-file", pin.to_str().unwrap(), "--json", "-"];
    let report = bench.pivkit(&sign).stdin(LETTER).output().success().json();
    assert_eq!((&report["schema_version"], &report["slot"]), (&1.into(), &"9a".into()));
    assert_eq!((&report["algorithm"], &report["key"]), (&"RS256".into(), &"RSA-2048".into()));
    fs::write(&signature, from_base64(&report["signature"])).unwrap();
    verify(&bench, "9a", "-sha256", &signature);
    let both = bench.pivkit(&["card", "sign", "--slot", "9a", "--pin-stdin", "-"]).stdin(PIN).output().exits_with(2);
    assert!(both.stderr.contains("--pin-file"), "{both}");
}

#[test]
fn what_cannot_be_signed_is_named_and_costs_no_try() {
    let (bench, _card, [pin, letter, _]) = bench(&["--profile", "yubikey-5.7"]);
    let (pin, letter) = (pin.to_str().unwrap(), letter.to_str().unwrap());
    let sign = |args: &[&str], code| {
        let run = bench.pivkit(&[&["card", "sign", "--pin-file", pin], args].concat()).output().exits_with(code);
        assert!(run.stdout.is_empty(), "{run}");
        assert_eq!(pin_tries(&bench, "card"), 3, "{run}");
    };
    sign(&["--slot", "83", letter], 5);
    sign(&["--slot", "9a", "--algorithm", "ES256", letter], 5);
    sign(&["--slot", "9c", "--algorithm", "RS256", letter], 5);
    sign(&["--slot", "9a", "--algorithm", "HS256", letter], 2);
    sign(&["--slot", "9b", letter], 2);
    sign(&["--slot", "9a", "no-such-file"], 1);
    let nowhere = bench.path("no-such-directory").join("signature").display().to_string();
    sign(&["--slot", "9a", "--out", &nowhere, letter], 1);
}

#[test]
fn a_person_is_told_to_touch_the_key_and_a_touch_that_does_not_come_is_no_wrong_pin() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(()) = not_run::unless_installed("yubico-piv-tool") else { return };
    let [pin, letter] = [bench.file("pin.txt", PIN), bench.file("letter.txt", LETTER)];
    let profile = ["--profile", "yubikey-5.4"];
    let card = Card::insert(&bench, &profile);
    let key = ["--action", "generate", "--slot", "9a", "--algorithm", "ECCP256", "--touch-policy", "always"];
    let public_key = bench.path("public.pem");
    yubico(&bench, &[&key[..], &["--output", public_key.to_str().unwrap()]].concat()).success();
    drop(card);
    bench.wait_for_empty_reader();

    let sign = ["card", "sign", "--slot", "9a", "--algorithm", "ES256", "--pin-file", pin.to_str().unwrap()];
    let sign = [&sign[..], &[letter.to_str().unwrap()]].concat();
    let card = Card::insert(&bench, &[&profile[..], &["--touch", "2"]].concat());
    let touched = bench.pivkit(&sign).output().success();
    assert!(touched.stderr.contains("touch your key"), "{touched}");
    let signature = bench.path("letter.sig");
    fs::write(&signature, &touched.bytes).unwrap();
    let verify = ["dgst", "-sha256", "-verify", public_key.to_str().unwrap(), "-signature"];
    bench.openssl(&[&verify[..], &[signature.to_str().unwrap()]].concat(), LETTER.as_bytes()).prints(&["Verified OK"]);
    drop(card);
    bench.wait_for_empty_reader();

    let _card = Card::insert(&bench, &[&profile[..], &["--touch", "never=2"]].concat());
    let untouched = bench.pivkit(&sign).output().exits_with(5);
    assert!(untouched.stderr.contains("touch the card when it blinks"), "{untouched}");
    assert_eq!(pin_tries(&bench, "card"), 3);
}

/// A key whose length is found by trial, and which wants the PIN before each use, in another slot than 9C.
#[test]
fn a_key_that_wants_its_pin_each_time_signs_with_the_length_that_is_tried_second() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(()) = not_run::unless_installed("yubico-piv-tool") else { return };
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.4"]);
    let public = bench.path("public.pem");
    let generate = ["--action", "generate", "--slot", "9a", "--algorithm", "RSA1024", "--pin-policy", "always"];
    yubico(&bench, &[&generate[..], &["--output", public.to_str().unwrap()]].concat()).success();
    let [pin, letter, signature] =
        [bench.file("pin.txt", PIN), bench.file("letter.txt", LETTER), bench.path("letter.sig")];
    let out = ["--out", signature.to_str().unwrap(), letter.to_str().unwrap()];
    let sign = ["card", "sign", "--slot", "9a", "--algorithm", "RS256", "--pin-file", pin.to_str().unwrap()];
    bench.pivkit(&[&sign[..], &out].concat()).output().success();
    let verify = ["dgst", "-sha256", "-verify", public.to_str().unwrap(), "-signature", signature.to_str().unwrap()];
    bench.openssl(&verify, LETTER.as_bytes()).prints(&["Verified OK"]);
    assert_eq!(pin_tries(&bench, "card"), 3);
}
