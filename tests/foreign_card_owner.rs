//! `pivkit card` and `pivkit provision` on somebody else's card: Nitrokey's PIV firmware (see `foreign_card`). What pivkit made
//! is judged by openssl, OpenSC and PAM.

use std::path::Path;

use crate::bench::foreign_card::ForeignCard;
use crate::bench::oracle::{der_of, pairing_hash};
use crate::bench::process::Output;
use crate::bench::{Bench, PIN, from_base64};
use crate::{foreign_card, pam};

#[test]
fn the_foreign_card_signs_files_in_slots_of_every_kind() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(card) = ForeignCard::insert(&bench) else { return };
    // The PIN once, before each signature, once, never.
    let keys = [("9a", "P-256"), ("9c", "P-384"), ("9d", "RSA-2048"), ("9e", "P-384")];
    let certificates = card.personalise(&bench, &keys.map(|(slot, algorithm)| format!("{slot}={algorithm}")));
    for (slot, algorithm) in keys {
        let (name, hash) = match algorithm {
            "P-256" => ("ES256", "-sha256"),
            "P-384" => ("ES384", "-sha384"),
            _ => ("RS256", "-sha256"),
        };
        assert_signs(&bench, slot, &[], hash, &certificates);
        assert_signs(&bench, slot, &["--algorithm", name], hash, &certificates);
    }
    assert_signs(&bench, "9d", &["--algorithm", "RS512"], "-sha512", &certificates);
    assert_eq!(foreign_card::tries_left(&bench), 3);
}

/// Signs twice: for a slot that wants the PIN before each signature, once is not enough.
fn assert_signs(bench: &Bench, slot: &str, algorithm: &[&str], hash: &str, certificates: &Path) {
    let (pin, message) = (bench.file("pin", PIN), bench.file("message", "what is signed"));
    let public_key = bench.path("public.pem");
    let public_key = public_key.to_str().unwrap();
    let certificate = certificates.join(format!("{slot}.pem"));
    bench.openssl(&["x509", "-in", certificate.to_str().unwrap(), "-noout", "-pubkey", "-out", public_key], &[]);
    for signature in ["first", "second"] {
        let signature = bench.path(signature);
        let (signature, message) = (signature.to_str().unwrap(), message.to_str().unwrap());
        let sign = ["card", "sign", message, "--slot", slot, "--out", signature, "--pin-file", pin.to_str().unwrap()];
        bench.pivkit(&[&sign[..], algorithm].concat()).output().success();
        let verify = ["dgst", hash, "-verify", public_key, "-signature", signature, message];
        bench.openssl(&verify, &[]).prints(&["Verified OK"]);
    }
}

#[test]
fn the_foreign_card_is_described() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(card) = ForeignCard::insert(&bench) else { return };
    let certificates = card.personalise(&bench, &["9a=P-256"]);
    let output = bench.pivkit(&["card", "info", "--json"]).output().success();
    let info = output.json();
    let atr = bench.command("opensc-tool", &["--atr"]).output().success().stdout.trim().replace(':', "").to_uppercase();
    // What its authors wrote into the firmware.
    for (name, value) in [("atr", atr.as_str()), ("label", "Nitrokey PIV"), ("firmware", "6.6.6")] {
        assert_eq!(info[name], value, "{output}");
    }
    assert_eq!((&info["serial"], &info["pin"]["retries"]), (&0x0052_f743.into(), &3.into()), "{output}");
    let expected = pairing_hash(&bench, &der_of(&bench, &certificates.join("9a.pem")));
    assert_eq!(info["slots"][0]["certificate"]["pairing_hash"], expected, "{output}");
}

#[test]
fn pin_and_puk_of_the_foreign_card_are_changed_blocked_and_unblocked() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(_card) = ForeignCard::insert(&bench) else { return };
    let new_pin = "2468135";
    change(&bench, "change-pin", &[("--pin-file", PIN), ("--new-pin-file", new_pin)]).success();
    verify(&bench, new_pin).success();
    // It does not say how many tries its PUK has: what could be the last one wants a word.
    let puks = [("--puk-file", "12345678"), ("--new-puk-file", "87654321")];
    change(&bench, "change-puk", &puks).exits_with(4);
    change_at_risk(&bench, "change-puk", &puks).success();
    for tries in [2, 1] {
        verify(&bench, PIN).exits_with(4);
        assert_eq!(foreign_card::tries_left(&bench), tries);
    }
    change_at_risk(&bench, "verify-pin", &[("--pin-file", PIN)]).exits_with(4);
    verify(&bench, new_pin).exits_with(4);
    change_at_risk(&bench, "unblock", &[("--puk-file", "12345678"), ("--new-pin-file", PIN)]).exits_with(4);
    change_at_risk(&bench, "unblock", &[("--puk-file", "87654321"), ("--new-pin-file", PIN)]).success();
    verify(&bench, PIN).success();
    bench.command("pkcs15-tool", &["--verify-pin", "--pin", PIN]).output().success();
}

#[test]
fn what_the_foreign_card_cannot_do_is_said_so() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(card) = ForeignCard::insert(&bench) else { return };
    card.personalise(&bench, &["9a=P-256"]);
    let attest = bench.pivkit(&["card", "attest", "--slot", "9a"]).output().exits_with(5);
    let files = [("--pin-file", PIN), ("--new-puk-file", "12345678")];
    let mut retries = vec!["card", "set-retries", "--pin-tries", "5", "--puk-tries", "5", "--yes"];
    let files = files.map(|(flag, content)| [flag.to_owned(), file(&bench, flag, content)]).concat();
    retries.extend(files.iter().map(String::as_str));
    let retries = bench.pivkit(&retries).output().exits_with(5);
    for refused in [attest, retries] {
        assert!(refused.stderr.contains("the card cannot do this"), "{refused}");
    }
    assert_eq!(foreign_card::tries_left(&bench), 3);
}

#[test]
fn the_foreign_card_is_reset() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(card) = ForeignCard::insert(&bench) else { return };
    card.personalise(&bench, &["9a=P-256"]);
    change(&bench, "change-pin", &[("--pin-file", PIN), ("--new-pin-file", "2468135")]).success();
    // Another card's number is no consent.
    assert_ne!(bench.pivkit(&["card", "reset", "--confirm", "5437252"]).output().never_panicked().code, Some(0));
    verify(&bench, "2468135").success();
    bench.pivkit(&["card", "reset", "--confirm", "5437251"]).output().success();
    verify(&bench, PIN).success();
    let output = bench.pivkit(&["identities", "--json"]).output().never_panicked();
    assert_eq!(output.json()["cards"][0]["identities"], serde_json::json!([]), "{output}");
}

#[test]
fn the_foreign_card_is_provisioned_and_opens_an_account() {
    let Some(bench) = pam::bench() else { return };
    let Some(_card) = ForeignCard::insert(&bench) else { return };
    let new_pin = "2468135";
    let files = [("--pin-file", PIN), ("--new-pin-file", new_pin), ("--puk-file", "12345678")];
    let files = [&files[..], &[("--new-puk-file", "87654321")]].concat();
    let files: Vec<String> =
        files.into_iter().flat_map(|(flag, content)| [flag.to_owned(), file(&bench, flag, content)]).collect();
    let mut args = vec!["provision", "--subject", "Alice", "--upn", "alice@example.test", "--json", "--yes"];
    args.extend(["--slot-9a-algorithm", "RSA2048", "--slot-9d-algorithm", "P384", "--use-last-try"]);
    args.extend(files.iter().map(String::as_str));
    // It answers alike whether a slot has a key or not, before the PIN: what could be there is not destroyed unasked.
    let refused = bench.pivkit(&args).output().exits_with(5);
    assert!(refused.stderr.contains("perhaps a key without a certificate"), "{refused}");
    args.push("--replace");
    let run = bench.pivkit(&args).output().success();
    let report = run.json();
    for (index, slot) in ["9a", "9d"].into_iter().enumerate() {
        let slot_report = &report["slots"][index];
        assert_eq!(slot_report["slot"], slot, "{run}");
        let der = from_base64(&slot_report["certificate"]);
        assert_eq!(slot_report["pairing_hash"], pairing_hash(&bench, &der), "{run}");
        // The key on the card has signed it.
        let certificate = bench.file("self-signed.pem", bench.openssl(&["x509", "-inform", "DER"], &der).bytes);
        let certificate = certificate.to_str().unwrap();
        bench.openssl(&["verify", "-check_ss_sig", "-CAfile", certificate, certificate], &[]).prints(&[": OK"]);
    }
    let pin = file(&bench, "pin", new_pin);
    bench.pivkit(&["pair", "--user", "alice", "--slot", "9a", "--yes", "--pin-file", &pin]).output().success();
    pam::assert_accepted(&pam::authenticate(&bench, "alice", new_pin));
    pam::assert_refused(&pam::authenticate(&bench, "alice", PIN), "PIN not verified");
}

/// A command of `pivkit card`, with these contents in the files of these flags.
fn change(bench: &Bench, command: &str, files: &[(&str, &str)]) -> Output {
    card_command(bench, &[command, "--yes"], files)
}

/// As [`change`], with a try that may be the last one.
fn change_at_risk(bench: &Bench, command: &str, files: &[(&str, &str)]) -> Output {
    let consent: &[&str] = if command == "verify-pin" { &[] } else { &["--yes"] };
    card_command(bench, &[&[command, "--use-last-try"][..], consent].concat(), files)
}

fn verify(bench: &Bench, pin: &str) -> Output {
    card_command(bench, &["verify-pin"], &[("--pin-file", pin)])
}

fn card_command(bench: &Bench, args: &[&str], files: &[(&str, &str)]) -> Output {
    let mut run = bench.pivkit(&["card"]).args(args);
    for (flag, content) in files {
        run = run.args([*flag, &file(bench, flag, content)]);
    }
    run.output().never_panicked()
}

fn file(bench: &Bench, flag: &str, content: &str) -> String {
    bench.file(flag.trim_start_matches('-'), content).to_str().unwrap().to_owned()
}
