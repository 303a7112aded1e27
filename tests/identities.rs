//! `identities`, `hash`, `readers`: what is on the card, with the pairing hashes that openssl computes as well.

use std::fs;

use serde_json::Value;

use crate::bench::card::Card;
use crate::bench::oracle::{self, P256, P384, der_of, pairing_hash};
use crate::bench::process::Output;
use crate::bench::{Bench, from_base64, project};
use crate::foreign_clients::load;

#[test]
fn the_pairing_hashes_are_those_of_openssl_through_pcscd() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::alice(&bench);
    assert_hashes(&bench, &["9a RSA2048", "9d P256"]);
}

#[test]
fn the_pairing_hashes_are_those_of_openssl_over_vpcd() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    assert_hashes(&bench, &["9a RSA2048", "9d P256"]);
}

#[test]
fn the_pairing_hash_of_a_p384_key_is_that_of_openssl() {
    let bench = Bench::vpcd();
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", &P384, &authority);
    let _card = Card::insert(&bench, &["--load", &load("9c", &certificate, &key)]);
    assert_hashes(&bench, &["9c P384"]);
}

#[test]
fn a_certificate_in_a_retired_slot_is_found() {
    let bench = Bench::vpcd();
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", &P256, &authority);
    let _card = Card::insert(&bench, &["--preset", "alice", "--load", &load("82", &certificate, &key)]);
    assert_hashes(&bench, &["82 P256", "9a RSA2048", "9d P256"]);
}

#[test]
fn the_identity_of_alice_is_told_in_full() {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let output = bench.pivkit(&["identities", "--json"]).output().success();
    let report = output.json();
    assert_eq!(report["schema_version"], 1, "{output}");
    assert!(
        output.stdout.trim_start().trim_start_matches('{').trim_start().starts_with("\"schema_version\""),
        "{output}"
    );
    let found = &report["cards"][0];
    let guid = found["guid"].as_str().unwrap();
    assert!(
        guid.len() == 32 && guid.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)),
        "{output}"
    );
    assert_eq!(found["token_id"], format!("com.apple.pivtoken:{guid}"), "{output}");
    assert_eq!(found["pin_retries"], 3, "{output}");
    let identity = in_slot(&report, "9a");
    assert_eq!(identity["upn"], "alice@example.test", "{output}");
    assert!(identity["usable_for"].as_array().unwrap().contains(&"authentication".into()), "{output}");
    assert_eq!(identity["problems"], serde_json::json!([]), "{output}");
    assert_eq!(report["errors"], serde_json::json!([]), "{output}");

    // The certificate is the one that the card was given; subject, serial number and validity are openssl's.
    let given = der_of(&bench, &card.authority().with_file_name("9a.pem"));
    assert_eq!(from_base64(&identity["certificate"]), given);
    let facts = ["x509", "-inform", "DER", "-noout", "-serial", "-subject", "-dates", "-nameopt", "RFC2253"];
    let facts = bench.openssl(&[&facts[..], &["-dateopt", "iso_8601"]].concat(), &given).stdout;
    let fact =
        |name: &str| facts.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().replace(' ', "T");
    assert_eq!(fact("serial=").trim_start_matches('0').to_lowercase(), serial(identity), "{facts}{output}");
    assert_eq!(fact("subject="), identity["subject"].as_str().unwrap(), "{output}");
    for (theirs, ours) in [("notBefore=", "not_before"), ("notAfter=", "not_after")] {
        assert_eq!(fact(theirs), identity[ours].as_str().unwrap(), "{facts}{output}");
    }
}

#[test]
fn one_damaged_slot_does_not_hide_the_others() {
    let bench = Bench::vpcd();
    drop(Card::alice(&bench));
    crate::bench::card::damage_certificate(&bench, "card", "9d");
    let _card = Card::insert(&bench, &[]);
    let output = bench.pivkit(&["identities", "--json"]).output().success();
    let report = output.json();
    assert_eq!(in_slot(&report, "9a")["algorithm"], "RSA2048", "{output}");
    assert_eq!(report["errors"][0]["slot"], "9d", "{output}");
    assert!(!output.stderr.is_empty(), "{output}");
}

#[test]
fn one_foreign_card_does_not_hide_the_others() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::alice(&bench);
    let _stub = crate::bench::stub_card::insert_into(&bench, "foreign", &crate::bench::second_reader());
    let output = bench.pivkit(&["identities", "--json"]).output().success();
    let report = output.json();
    assert_eq!(report["cards"].as_array().unwrap().len(), 1, "{output}");
    assert_eq!(report["errors"].as_array().unwrap().len(), 1, "{output}");
    let readers = bench.pivkit(&["readers", "--json"]).output().success().json();
    assert_eq!(readers["readers"].as_array().unwrap().len(), 2, "{readers}");
}

#[test]
fn readers_are_listed_with_what_is_in_them() {
    let Some(bench) = Bench::pcscd() else { return };
    let atr = |reader: usize| {
        let output = bench.pivkit(&["readers", "--json"]).output().success();
        output.json()["readers"][reader]["atr"].as_str().map(str::to_owned)
    };
    assert_eq!(atr(0), None);
    let card = Card::alice(&bench);
    let theirs = bench.command("opensc-tool", &["--atr"]).output().success();
    assert_eq!(atr(0), Some(theirs.stdout.trim().replace(':', "").to_uppercase()));
    drop(card);
    bench.wait_for_empty_reader();
    assert_eq!(atr(0), None);
}

#[test]
fn certificate_files_have_the_hashes_that_openssl_computes() {
    let bench = Bench::vpcd();
    let folder = project().join("tests/data/icam");
    let output = bench.pivkit(&["hash", folder.to_str().unwrap(), "--json"]).output().never_panicked();
    let report = output.json();
    let hashes = report["hashes"].as_array().unwrap();
    assert!(hashes.len() >= 20, "{output}");
    for entry in hashes {
        let der = openssl_der(&bench, entry["path"].as_str().unwrap());
        assert_eq!(entry["pairing_hash"], pairing_hash(&bench, &der), "{entry}");
    }
}

#[test]
fn hash_prints_lines_for_programs() {
    let bench = Bench::vpcd();
    let (certificate, _) = oracle::authority(&bench, "ca");
    let path = certificate.to_str().unwrap();
    let expected = pairing_hash(&bench, &der_of(&bench, &certificate));
    let output = bench.pivkit(&["hash", path]).output().success();
    assert_eq!(output.stdout, format!("{expected}\t{path}\n"));
    let as_identity = bench.pivkit(&["identities", "--cert", path]).output().success();
    assert!(as_identity.stdout.contains(&expected), "{as_identity}");
}

fn openssl_der(bench: &Bench, path: &str) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    // Some begin with what openssl knows of the PKCS#12 they came from.
    let form = if String::from_utf8_lossy(&bytes).contains("-----BEGIN") { "PEM" } else { "DER" };
    bench.openssl(&["x509", "-inform", form, "-outform", "DER"], &bytes).bytes
}

/// Asserts that the card has exactly these slots, each with the hash of openssl.
fn assert_hashes(bench: &Bench, expected: &[&str]) {
    let output = bench.pivkit(&["identities", "--json"]).output().success();
    let report = output.json();
    let mut found = Vec::new();
    for identity in report["cards"][0]["identities"].as_array().unwrap() {
        let hash = pairing_hash(bench, &from_base64(&identity["certificate"]));
        assert_eq!(identity["pairing_hash"], hash, "{output}");
        found.push(format!("{} {}", text(identity, "slot"), text(identity, "algorithm")));
        // What people see is the same.
        assert_text_shows(bench, &hash);
    }
    found.sort();
    assert_eq!(found, expected, "{output}");
}

fn assert_text_shows(bench: &Bench, hash: &str) {
    let output: Output = bench.pivkit(&["identities"]).output().success();
    assert!(output.stdout.contains(hash), "{hash} is missing: {output}");
}

fn in_slot<'a>(report: &'a Value, slot: &str) -> &'a Value {
    let identities = report["cards"][0]["identities"].as_array().unwrap();
    identities.iter().find(|identity| identity["slot"] == slot).unwrap_or_else(|| panic!("no slot {slot}: {report}"))
}

fn serial(identity: &Value) -> &str {
    text(identity, "serial_number").trim_start_matches('0')
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is no text: {value}"))
}
