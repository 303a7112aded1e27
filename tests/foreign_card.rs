//! pivkit on somebody else's card: Nitrokey's PIV firmware, which shares no code with the virtual card. Its keys are of its own
//! making; its certificates come from Python (tests/python/personalise_card.py).

use std::path::Path;

use crate::bench::foreign_card::ForeignCard;
use crate::bench::oracle::{der_of, pairing_hash};
use crate::bench::process::Output;
use crate::bench::{Bench, PIN, from_base64};
use crate::pam;

#[test]
fn the_foreign_card_is_listed_slot_by_slot() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(card) = ForeignCard::insert(&bench) else { return };
    let slots = ["9a", "9c", "9d", "9e", "82", "95"];
    let certificates = card.personalise(&bench, &slots.map(|slot| format!("{slot}=P-256")));
    let output = bench.pivkit(&["identities", "--json"]).output().success();
    assert_eq!(output.json()["cards"][0]["identities"].as_array().unwrap().len(), slots.len(), "{output}");
    for slot in slots {
        assert_lists(&output, &bench, slot, "P256", &certificates);
    }
}

#[test]
fn the_foreign_card_signs_with_p256() {
    assert_signs("P-256", "P256");
}

#[test]
fn the_foreign_card_signs_with_p384() {
    assert_signs("P-384", "P384");
}

#[test]
fn the_foreign_card_signs_with_rsa_2048() {
    assert_signs("RSA-2048", "RSA2048");
}

#[test]
fn the_foreign_card_signs_with_rsa_3072() {
    assert_signs("RSA-3072", "RSA3072");
}

#[test]
fn the_foreign_card_signs_with_rsa_4096() {
    assert_signs("RSA-4096", "RSA4096");
}

fn assert_signs(algorithm: &str, in_reports: &str) {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(card) = ForeignCard::insert(&bench) else { return };
    let certificates = card.personalise(&bench, &[format!("9a={algorithm}")]);
    let output = bench.pivkit(&["identities", "--json"]).output().success();
    assert_lists(&output, &bench, "9a", in_reports, &certificates);
    assert_pairs_and_checks(&bench, "9a", &certificates);
}

/// Asserts that a slot has the certificate that the card was given, with openssl's hash.
fn assert_lists(output: &Output, bench: &Bench, slot: &str, algorithm: &str, certificates: &Path) {
    let report = output.json();
    assert_eq!(report["errors"], serde_json::json!([]), "{output}");
    let mut identities = report["cards"][0]["identities"].as_array().unwrap().iter();
    let identity = identities.find(|identity| identity["slot"] == slot);
    let identity = identity.unwrap_or_else(|| panic!("slot {slot} is missing: {output}"));
    let given = der_of(bench, &certificates.join(format!("{slot}.pem")));
    assert_eq!(from_base64(&identity["certificate"]), given, "slot {slot}");
    assert_eq!(identity["pairing_hash"], pairing_hash(bench, &given), "slot {slot}");
    assert_eq!(identity["algorithm"], algorithm, "slot {slot}");
}

/// Pairing and checking both let the card sign a challenge, and verify the signature with the certificate.
fn assert_pairs_and_checks(bench: &Bench, slot: &str, certificates: &Path) {
    let pin = bench.file("pin", PIN);
    let pin = ["--pin-file", pin.to_str().unwrap()];
    let pair = ["pair", "--user", "alice", "--slot", slot, "--yes"];
    bench.pivkit(&[&pair[..], &pin].concat()).output().success();
    let check = bench.pivkit(&[&["check", "--user", "alice", "--json"][..], &pin].concat()).output().success();
    let report = check.json();
    assert_eq!((&report["slot"], &report["proved"]), (&slot.into(), &true.into()), "{check}");
    let given = der_of(bench, &certificates.join(format!("{slot}.pem")));
    assert_eq!(report["pairing_hash"], pairing_hash(bench, &given), "{check}");
    bench.pivkit(&["unpair", "--user", "alice", "--yes"]).output().success();
}

#[test]
fn the_foreign_card_opens_the_account_it_is_paired_with() {
    let Some(bench) = pam::bench() else { return };
    let Some(card) = ForeignCard::insert(&bench) else { return };
    card.personalise(&bench, &["9a=RSA-2048"]);
    pam::assert_not_authorized(&pam::authenticate(&bench, "alice", PIN));
    pam::pair(&bench, "alice").success();
    pam::assert_accepted(&pam::authenticate(&bench, "alice", PIN));
    pam::assert_refused(&pam::authenticate(&bench, "alice", "654321"), "PIN not verified");
    bench.pivkit(&["unpair", "--user", "alice", "--yes"]).output().success();
    pam::assert_not_authorized(&pam::authenticate(&bench, "alice", PIN));
}

/// pam_p11 0.3.1 lets the card sign a SHA-1 hash. This firmware signs nothing that is shorter than the curve, and OpenSC does
/// not fill it up: a limit of pam_p11 on such cards, and none of the pairing.
#[test]
fn pam_p11_cannot_use_a_p256_key_of_the_foreign_card() {
    let Some(bench) = pam::bench() else { return };
    let Some(card) = ForeignCard::insert(&bench) else { return };
    let certificates = card.personalise(&bench, &["9a=P-256"]);
    assert_pairs_and_checks(&bench, "9a", &certificates);
    pam::pair(&bench, "alice").success();
    pam::assert_refused(&pam::authenticate(&bench, "alice", PIN), "Error verifying key");
}

#[test]
fn a_wrong_pin_costs_the_foreign_card_one_try_and_the_last_is_kept() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(card) = ForeignCard::insert(&bench) else { return };
    card.personalise(&bench, &["9a=P-256"]);
    let wrong = bench.file("wrong-pin", "654321");
    let pair = |pin: &Path| -> Output {
        let pin = pin.to_str().unwrap();
        bench.pivkit(&["pair", "--user", "alice", "--slot", "9a", "--pin-file", pin, "--yes"]).output()
    };
    assert_eq!(tries_left(&bench), 3);
    pair(&wrong).exits_with(4);
    assert_eq!(tries_left(&bench), 2);
    pair(&wrong).exits_with(4);
    assert_eq!(tries_left(&bench), 1);
    // With one left it is not even tried.
    pair(&wrong).exits_with(4);
    assert_eq!(tries_left(&bench), 1);
    let right = bench.file("pin", PIN);
    let last = ["pair", "--user", "alice", "--slot", "9a", "--pin-file", right.to_str().unwrap(), "--yes"];
    bench.pivkit(&[&last[..], &["--use-last-try"]].concat()).output().success();
    assert_eq!(tries_left(&bench), 3);
}

#[test]
fn the_foreign_card_keeps_its_keys_when_it_is_pulled() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(card) = ForeignCard::insert(&bench) else { return };
    card.personalise(&bench, &["9a=P-256"]);
    let hash = |bench: &Bench| {
        let output = bench.pivkit(&["identities", "--json"]).output().success();
        output.json()["cards"][0]["identities"][0]["pairing_hash"].as_str().map(str::to_owned)
    };
    let before = hash(&bench);
    assert!(before.is_some());
    drop(card);
    bench.wait_for_empty_reader();
    let Some(_card) = ForeignCard::insert(&bench) else { return };
    assert_eq!(hash(&bench), before);
    assert_pairs_and_checks(&bench, "9a", &bench.path("certificates"));
}

/// What OpenSC reads from the card: the empty VERIFY's 63Cx (SP 800-73-4 Part 2, 3.2.1), which costs no try. Before it the
/// VERIFY that takes a verified PIN back: the firmware keeps one from program to program.
pub(crate) fn tries_left(bench: &Bench) -> u8 {
    let sent = ["00:A4:04:00:09:A0:00:00:03:08:00:00:10:00", "00:20:FF:80", "00:20:00:80"];
    let sent: Vec<&str> = sent.into_iter().flat_map(|command| ["--send-apdu", command]).collect();
    let output = bench.command("opensc-tool", &sent).output().success();
    let tries = output.stdout.lines().filter_map(|line| line.split_once("SW1=0x63, SW2=0xC")).next_back();
    tries.and_then(|(_, rest)| rest[..1].parse().ok()).unwrap_or_else(|| panic!("no 63Cx: {output}"))
}
