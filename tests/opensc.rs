//! OpenSC's tools beyond reading: every operation of a key, and administration with the management key.

use std::collections::BTreeMap;
use std::fs;

use crate::bench::card::Card;
use crate::bench::oracle::{self, P256, P384, RSA2048, der_of};
use crate::bench::process::Output;
use crate::bench::yubikey::YubiKey;
use crate::bench::{Bench, PIN, not_run};
use crate::foreign_clients::{load, pkcs11};

#[test]
fn pkcs11_tool_tests_every_operation_on_a_plain_card() {
    assert_pkcs11_tool_tests("plain");
}

#[test]
fn pkcs11_tool_tests_every_operation_on_a_yubikey_5_4() {
    assert_pkcs11_tool_tests("yubikey-5.4");
}

#[test]
fn pkcs11_tool_tests_every_operation_on_a_yubikey_5_7() {
    assert_pkcs11_tool_tests("yubikey-5.7");
}

#[test]
fn pkcs11_tool_tests_every_operation_on_a_federal_card() {
    assert_pkcs11_tool_tests("federal");
}

/// RSA keys that want the PIN once, each time, and never.
fn assert_pkcs11_tool_tests(profile: &str) {
    let Some(bench) = Bench::pcscd() else { return };
    let authority = oracle::authority(&bench, "ca");
    let mut args = vec!["--profile".to_owned(), profile.to_owned()];
    for (slot, algorithm) in [("9a", &RSA2048[..]), ("9c", &RSA2048), ("9d", &RSA2048), ("9e", &P256)] {
        let (certificate, key) = oracle::issue(&bench, &format!("alice-{slot}"), "alice@x.test", algorithm, &authority);
        args.extend(["--load".to_owned(), load(slot, &certificate, &key)]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let _card = Card::insert(&bench, &args);
    let test = pkcs11(&bench, &["--login", "--pin", PIN, "--test"]).output();
    let passed = passed_key_operations(&test);
    // The tool tries all mechanisms of the first key only.
    for (section, first, others) in [("Signatures", 6, 1), ("Verify", 5, 1), ("Decryption", 4, 4)] {
        for (key, wanted) in [("PIV AUTH key", first), ("SIGN key", others), ("KEY MAN key", others)] {
            let count = passed.get(&(section.to_owned(), key.to_owned())).copied().unwrap_or(0);
            assert_eq!(count, wanted, "{section} with {key}: {test}");
        }
    }
}

/// On keys on curves the tool tests nothing by itself; that it finds nothing wrong with them is all it says.
#[test]
fn pkcs11_tool_finds_no_fault_with_keys_on_curves() {
    let Some(bench) = Bench::pcscd() else { return };
    let authority = oracle::authority(&bench, "ca");
    let mut args = Vec::new();
    for (slot, algorithm) in [("9a", &P256), ("9c", &P384)] {
        let (certificate, key) = oracle::issue(&bench, &format!("alice-{slot}"), "alice@x.test", algorithm, &authority);
        args.extend(["--load".to_owned(), load(slot, &certificate, &key)]);
    }
    // OpenSC goes by the key usage as well: this certificate has none.
    let (key, public_key) = (bench.path("agreement.key"), bench.path("agreement.public"));
    let (path, public_key) = (key.to_str().unwrap(), public_key.to_str().unwrap());
    bench.openssl(&["ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", path], &[]);
    bench.openssl(&["pkey", "-in", path, "-pubout", "-out", public_key], &[]);
    let certificate = oracle::certify(&bench, "agreement", public_key, &authority);
    args.extend(["--load".to_owned(), load("9d", certificate.as_ref(), &key)]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let _card = Card::insert(&bench, &args);
    let test = pkcs11(&bench, &["--login", "--pin", PIN, "--test"]).output();
    let rsa = passed_key_operations(&test).into_keys().filter(|(_, key)| !key.is_empty());
    assert_eq!(rsa.count(), 0, "{test}");
    assert!(test.stdout.matches("non-RSA, skipping").count() >= 6, "{test}");
    assert_agrees(&bench, "03", "secp384r1");
}

/// How many operations passed, by section and key. Any failure fails the test, but for random numbers, which OpenSC gets from
/// some PIV cards only.
fn passed_key_operations(test: &Output) -> BTreeMap<(String, String), usize> {
    for line in test.stderr.lines().chain(test.stdout.lines()) {
        let lower = line.to_lowercase();
        let bad = ["err", "fail", "invalid", "wrong"].iter().any(|word| lower.contains(word));
        let known = ["1 errors", "No errors"].contains(&line.trim())
            || line.contains("C_GenerateRandom failed: CKR_FUNCTION_NOT_SUPPORTED");
        assert!(!bad || known, "{line}: {test}");
    }
    let (mut section, mut key) = (String::new(), String::new());
    let mut passed = BTreeMap::new();
    for line in test.stdout.lines() {
        if !line.starts_with(' ') && line != "OK" {
            section = line.split([' ', ':']).next().unwrap_or_default().to_owned();
        } else if let Some((_, name)) = line.split_once("testing key ") {
            key = name.split(['(', ')']).nth(1).unwrap_or_default().to_owned();
        } else if line.ends_with("OK") {
            *passed.entry((section.clone(), key.clone())).or_insert(0) += 1;
        }
    }
    passed
}

#[test]
fn pkcs11_tool_agrees_on_a_secret_with_openssl() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::alice(&bench);
    assert_agrees(&bench, "03", "prime256v1");
}

/// The other side's key, and the secret as openssl computes it with the card's certificate.
fn assert_agrees(bench: &Bench, id: &str, curve: &str) {
    let file = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let (peer, peer_public, card_public) = (file("peer.pem"), file("peer.der"), file("card.pem"));
    bench.openssl(&["ecparam", "-name", curve, "-genkey", "-noout", "-out", &peer], &[]);
    bench.openssl(&["pkey", "-in", &peer, "-pubout", "-outform", "DER", "-out", &peer_public], &[]);
    let certificate = pkcs11(bench, &["--read-object", "--type", "cert", "--id", id]).output().success();
    bench.openssl(&["x509", "-inform", "DER", "-noout", "-pubkey", "-out", &card_public], &certificate.bytes);
    let expected = bench.openssl(&["pkeyutl", "-derive", "-inkey", &peer, "-peerkey", &card_public], &[]);
    let secret = file("secret");
    let derive = ["--login", "--pin", PIN, "--derive", "--id", id, "--mechanism", "ECDH1-COFACTOR-DERIVE"];
    pkcs11(bench, &[&derive[..], &["--input-file", &peer_public, "--output-file", &secret]].concat())
        .output()
        .success();
    assert_eq!(fs::read(&secret).unwrap(), expected.bytes);
}

#[test]
fn pkcs15_tool_lists_the_keys_and_verifies_the_pin() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::alice(&bench);
    let keys = bench.command("pkcs15-tool", &["--list-keys", "--list-public-keys", "--list-pins"]).output().success();
    let keys =
        keys.prints(&["Private RSA Key [PIV AUTH key]", "Private EC Key [KEY MAN key]", "ModLength      : 2048"]);
    assert!(keys.stdout.contains("FieldLength    : 256"), "{keys}");
    bench.command("pkcs15-tool", &["--verify-pin", "--pin", PIN]).output().success();
    let wrong = bench.command("pkcs15-tool", &["--verify-pin", "--pin", "654321"]).output();
    assert_ne!(wrong.code, Some(0), "{wrong}");
}

#[test]
fn piv_tool_generates_and_writes_a_certificate() {
    let Some(card) = YubiKey::insert("yubikey-5.4") else { return };
    let Some(()) = not_run::unless_installed("piv-tool") else { return };
    let (before, after) = (card.file("before.pem"), card.file("after.pem"));
    card.ykman_as_admin(&["keys", "generate", "--algorithm", "eccp256", "9a", &before]).output().success();
    for (algorithm, name) in [("9A:07", "RSA2048"), ("9A:11", "ECCP256")] {
        let generated = piv_tool(&card, FACTORY_KEY, &["--genkey", algorithm]);
        // The tool of OpenSC 0.23 cannot build the public key that the card gave it from OpenSSL 3 (OpenSC issue 3156).
        let known = generated.stderr.contains("gen_key unable to gen");
        assert!(generated.code == Some(0) || known, "{generated}");
        card.ykman(&["keys", "export", "9a", &after]).output().success();
        let public = |file: &str| fs::read_to_string(file).unwrap();
        assert_ne!(public(&before), public(&after), "no key was made: {generated}");
        card.ykman(&["keys", "info", "9a"]).output().success().prints(&[name, "GENERATED"]);
        fs::copy(&after, &before).unwrap();
    }
    let authority = oracle::authority(&card.bench, "ca");
    let (certificate, _) = oracle::issue(&card.bench, "alice", "alice@example.test", &P256, &authority);
    let path = certificate.to_str().unwrap();
    // Its exit code is the number of bytes that it has written.
    let written = piv_tool(&card, FACTORY_KEY, &["--cert", "9A", "--in", path]);
    assert!(!written.stderr.to_lowercase().contains("error"), "{written}");
    card.assert_pivkit_lists("9a", path);
    let read = pkcs11(&card.bench, &["--read-object", "--type", "cert", "--id", "01"]).output().success();
    assert_eq!(read.bytes, der_of(&card.bench, &certificate));
}

#[test]
fn piv_tool_is_refused_with_a_wrong_management_key() {
    let Some(card) = YubiKey::insert("yubikey-5.4") else { return };
    // Not by the lowest bit, which DES leaves out.
    let wrong = FACTORY_KEY.replace("08", "18");
    let refused = piv_tool(&card, &wrong, &["--genkey", "9A:11"]);
    assert_ne!(refused.code, Some(0), "{refused}");
    let info = card.ykman(&["info"]).output().success();
    assert!(!info.stdout.contains("Slot 9A"), "{info}");
}

/// The management key of a new YubiKey, as piv-tool reads it from a file.
const FACTORY_KEY: &str = "01:02:03:04:05:06:07:08:01:02:03:04:05:06:07:08:01:02:03:04:05:06:07:08";

/// piv-tool, after mutual authentication with 9B (3DES).
fn piv_tool(card: &YubiKey, key: &str, args: &[&str]) -> Output {
    let key = card.bench.file("management-key", key);
    let variable = format!("PIV_EXT_AUTH_KEY={}", key.display());
    card.bench.command("env", &[&variable, "piv-tool", "--admin", "M:9B:03"]).args(args).output()
}
