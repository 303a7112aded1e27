//! yubico-piv-tool administers the virtual card as a YubiKey. What it makes is judged by openssl and ykman, and seen by pivkit.

use std::fs;

use crate::bench::PIN;
use crate::bench::oracle::{self, RSA2048};
use crate::bench::process::Output;
use crate::bench::yubikey::{MANAGEMENT_KEY, PUK, YubiKey};

/// The version of Debian 12 knows no other management keys than 3DES: no YubiKey 5.7 to begin with.
const PROFILE: &str = "yubikey-5.4";

#[test]
fn yubico_piv_tool_makes_an_rsa_identity() {
    assert_makes_identity("9a", "RSA2048");
}

#[test]
fn yubico_piv_tool_makes_a_p256_identity() {
    assert_makes_identity("9c", "ECCP256");
}

#[test]
fn yubico_piv_tool_makes_a_p384_identity() {
    assert_makes_identity("95", "ECCP384");
}

fn assert_makes_identity(slot: &str, algorithm: &str) {
    let Some(card) = YubiKey::insert(PROFILE) else { return };
    let public_key = card.file("public.pem");
    let run = |args: &[&str]| card.yubico_piv_tool(&[&["--slot", slot, "--action"][..], args].concat()).output();
    run(&["generate", "--algorithm", algorithm, "--output", &public_key]).success();
    // Its own selfsign-certificate, of version 2.2 with OpenSSL 3, gives up before it asks the card (yubico-piv-tool issue 388).
    let authority = oracle::authority(&card.bench, "ca");
    let certificate = oracle::certify(&card.bench, "alice", &public_key, &authority);
    run(&["import-certificate", "--input", &certificate]).success();
    card.assert_pivkit_lists(slot, &certificate);
    let test = run(&["verify-pin", "--pin", PIN, "--action", "test-signature", "--input", &certificate]).success();
    assert!(test.stderr.contains("Successful"), "{test}");
    run(&["status"]).success().prints(&[&format!("Slot {slot}:"), algorithm, "CN=alice"]);

    let (attestation, intermediate) = (card.file("attestation.pem"), card.file("f9.pem"));
    run(&["attest", "--output", &attestation]).success();
    let read = ["--slot", "f9", "--action", "read-certificate", "--output", &intermediate];
    card.yubico_piv_tool(&read).output().success();
    card.assert_attested(&attestation, &intermediate, &public_key);
}

#[test]
fn yubico_piv_tool_imports_a_key_and_decrypts_with_it() {
    let Some(card) = YubiKey::insert(PROFILE) else { return };
    let authority = oracle::authority(&card.bench, "ca");
    let (certificate, key) = oracle::issue(&card.bench, "alice", "alice@example.test", &RSA2048, &authority);
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let run = |args: &[&str]| card.yubico_piv_tool(&[&["--slot", "9d", "--action"][..], args].concat()).output();
    run(&["import-key", "--input", key]).success();
    run(&["import-certificate", "--input", certificate]).success();
    card.assert_pivkit_lists("9d", certificate);
    let decipher = ["verify-pin", "--pin", PIN, "--action", "test-decipher", "--input", certificate];
    let test = run(&decipher).success();
    assert!(test.stderr.contains("Successful"), "{test}");
    // A key that came from outside has no attestation.
    let refused = run(&["attest"]);
    assert_ne!(refused.code, Some(0), "{refused}");
}

#[test]
fn yubico_piv_tool_changes_and_unblocks_the_pin() {
    let Some(card) = YubiKey::insert(PROFILE) else { return };
    let run = |args: &[&str]| card.yubico_piv_tool(&[&["--action"][..], args].concat()).output();
    run(&["change-pin", "--pin", PIN, "--new-pin", "87654321"]).success();
    run(&["verify-pin", "--pin", "87654321"]).success();
    run(&["change-puk", "--pin", PUK, "--new-pin", "22446688"]).success();
    for _ in 0..3 {
        assert_ne!(run(&["verify-pin", "--pin", PIN]).code, Some(0));
    }
    let blocked = run(&["verify-pin", "--pin", "87654321"]);
    assert!(blocked.code != Some(0) && blocked.stderr.contains("blocked"), "{blocked}");
    run(&["unblock-pin", "--pin", "22446688", "--new-pin", PIN]).success();
    run(&["verify-pin", "--pin", PIN]).success();
}

#[test]
fn yubico_piv_tool_sets_retries_and_resets_a_blocked_card() {
    let Some(card) = YubiKey::insert(PROFILE) else { return };
    let run = |args: &[&str]| card.yubico_piv_tool(&[&["--action"][..], args].concat()).output();
    run(&["verify-pin", "--pin", PIN, "--action", "pin-retries", "--pin-retries", "2", "--puk-retries", "1"]).success();
    run(&["status"]).success().prints(&["PIN tries left:\t2"]);
    // Nothing is reset that could still be opened.
    assert_ne!(run(&["reset"]).code, Some(0));
    for _ in 0..2 {
        assert_ne!(run(&["verify-pin", "--pin", "654321"]).code, Some(0));
    }
    assert_ne!(run(&["reset"]).code, Some(0));
    assert_ne!(run(&["change-puk", "--pin", "87654321", "--new-pin", "12341234"]).code, Some(0));
    run(&["reset"]).success();
    run(&["status"]).success().prints(&["PIN tries left:\t3"]);
    run(&["verify-pin", "--pin", PIN]).success();
}

#[test]
fn yubico_piv_tool_changes_the_management_key() {
    let Some(card) = YubiKey::insert(PROFILE) else { return };
    let new = "f0e1d2c3b4a5968778695a4b3c2d1e0f0011223344556677";
    let run = |args: &[&str]| card.yubico_piv_tool(&[&["--action"][..], args].concat()).output();
    run(&["set-mgm-key", "--new-key", new]).success();
    let public_key = card.file("public.pem");
    let generate = |key: &str| -> Output {
        let key = format!("--key={key}");
        run(&["generate", "--slot", "9a", "--algorithm", "ECCP256", "--output", &public_key, &key])
    };
    let refused = generate(MANAGEMENT_KEY);
    assert!(refused.code != Some(0) && refused.stderr.contains("Failed authentication"), "{refused}");
    generate(new).success();
    // ykman sees the same key, and takes the same management key.
    let exported = card.file("exported.pem");
    card.ykman(&["keys", "export", "9a", &exported]).output().success();
    assert_eq!(fs::read_to_string(&exported).unwrap(), fs::read_to_string(&public_key).unwrap());
    let again = ["keys", "generate", "--algorithm", "eccp384", "9e", &public_key, "--management-key", new];
    card.ykman(&again).output().success();
}

#[test]
fn yubico_piv_tool_writes_chuid_and_ccc() {
    let Some(card) = YubiKey::insert(PROFILE) else { return };
    let status = || card.yubico_piv_tool(&["--action", "status"]).output().success();
    let line = |name: &str| {
        let status = status();
        let line = status.stdout.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        line.unwrap_or_else(|| panic!("no {name}: {status}"))
    };
    let before = line("CHUID:");
    card.yubico_piv_tool(&["--action", "set-chuid", "--action", "set-ccc"]).output().success();
    let chuid = line("CHUID:");
    assert_ne!(chuid, before);
    assert!(!line("CCC:").contains("No data"), "{}", status());
    // pivkit reads the GUID (34) that the tool wrote: the sixteen bytes after 3410.
    let guid = pivkit_guid(&card);
    assert!(chuid.to_uppercase().contains(&format!("3410{guid}")), "{guid} is not in {chuid}");
}

/// A card without certificates is an error of `identities`, which lists it all the same.
fn pivkit_guid(card: &YubiKey) -> String {
    let output = card.bench.pivkit(&["identities", "--json"]).output().never_panicked();
    output.json()["cards"][0]["guid"].as_str().unwrap_or_else(|| panic!("no GUID: {output}")).to_owned()
}
