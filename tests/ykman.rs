//! Yubico's ykman takes the virtual card for a YubiKey. What it does is judged by openssl, and seen by pivkit.

use std::fs;

use crate::bench::PIN;
use crate::bench::oracle::{self, P256, RSA2048};
use crate::bench::process::Output;
use crate::bench::yubikey::{MANAGEMENT_KEY, PUK, YubiKey};

/// Each scenario with each firmware.
macro_rules! on_both {
    ($($scenario:ident,)*) => {
        mod yubikey_5_4 {
            $(#[test] fn $scenario() { super::$scenario("yubikey-5.4"); })*
        }
        mod yubikey_5_7 {
            $(#[test] fn $scenario() { super::$scenario("yubikey-5.7"); })*
        }
    };
}

on_both! {
    ykman_describes_a_new_card,
    ykman_generates_rsa_2048,
    ykman_generates_p256,
    ykman_generates_p384,
    ykman_imports_keys_and_certificates,
    ykman_changes_pin_and_puk_and_unblocks,
    ykman_changes_the_management_key,
    ykman_keeps_the_management_key_on_the_card,
    ykman_sets_retries,
    ykman_resets_the_card,
    ykman_sees_what_pivkit_did,
}

mod yubikey_4 {
    #[test]
    fn ykman_imports_keys_and_certificates() {
        super::ykman_imports_keys_and_certificates("yubikey-4");
    }

    #[test]
    fn ykman_changes_pin_and_puk_and_unblocks() {
        super::ykman_changes_pin_and_puk_and_unblocks("yubikey-4");
    }

    #[test]
    fn ykman_resets_the_card() {
        super::ykman_resets_the_card("yubikey-4");
    }

    #[test]
    fn ykman_generates_p256() {
        super::ykman_generates_p256("yubikey-4");
    }
}

fn ykman_describes_a_new_card(profile: &str) {
    let Some(card) = YubiKey::insert(profile) else { return };
    let (version, management_key) = match profile {
        "yubikey-5.4" => ("5.4.3", "TDES"),
        _ => ("5.7.4", "AES192"),
    };
    let info = card.ykman(&["info"]).output().success();
    for (name, value) in [
        ("PIV version", version),
        ("PIN tries remaining", "3/3"),
        ("PUK tries remaining", "3/3"),
        ("Management key algorithm", management_key),
    ] {
        assert_eq!(fact(&info, name), value, "{info}");
    }
    for thing in ["PIN", "PUK", "Management key"] {
        assert!(info.stdout.contains(&format!("WARNING: Using default {thing}!")), "{info}");
    }
}

fn ykman_generates_rsa_2048(profile: &str) {
    assert_generates(profile, "9a", "rsa2048");
}

fn ykman_generates_p256(profile: &str) {
    assert_generates(profile, "9c", "eccp256");
}

fn ykman_generates_p384(profile: &str) {
    assert_generates(profile, "82", "eccp384");
}

#[test]
fn ykman_generates_rsa_2048_on_a_yubikey_4() {
    assert_generates("yubikey-4", "9a", "rsa2048");
}

#[test]
fn ykman_generates_rsa_3072_on_a_yubikey_5_7() {
    assert_generates("yubikey-5.7", "9d", "rsa3072");
}

#[test]
fn ykman_generates_rsa_4096_on_a_yubikey_5_7() {
    assert_generates("yubikey-5.7", "9a", "rsa4096");
}

#[test]
fn ykman_generates_ed25519_on_a_yubikey_5_7() {
    assert_generates("yubikey-5.7", "9a", "ed25519");
}

/// A key on the card, a certificate that it signs for itself, and an attestation: all as openssl sees them.
fn assert_generates(profile: &str, slot: &str, algorithm: &str) {
    let Some(card) = YubiKey::insert(profile) else { return };
    let (public_key, certificate) = (card.file("public.pem"), card.file("certificate.pem"));
    card.ykman_as_admin(&["keys", "generate", "--algorithm", algorithm, slot, &public_key]).output().success();
    // Firmware before 5.3 tells nothing of its keys.
    if profile != "yubikey-4" {
        let metadata = card.ykman(&["keys", "info", slot]).output().success();
        assert_eq!(fact(&metadata, "Algorithm").to_lowercase(), algorithm, "{metadata}");
        assert_eq!(fact(&metadata, "Origin"), "GENERATED", "{metadata}");
        let exported = card.file("exported.pem");
        card.ykman(&["keys", "export", slot, &exported]).output().success();
        assert_eq!(fs::read_to_string(&exported).unwrap(), fs::read_to_string(&public_key).unwrap());
    }

    let subject = ["--subject", "CN=made by ykman", "--pin", PIN];
    let generate = ["certificates", "generate", slot, &public_key];
    card.ykman_as_admin(&[&generate[..], &subject].concat()).output().success();
    card.ykman(&["certificates", "export", slot, &certificate]).output().success();
    card.bench.openssl(&["verify", "-check_ss_sig", "-CAfile", &certificate, &certificate], &[]).prints(&[": OK"]);
    let certified = card.bench.openssl(&["x509", "-in", &certificate, "-noout", "-pubkey"], &[]);
    assert_eq!(certified.stdout, fs::read_to_string(&public_key).unwrap());
    card.assert_pivkit_lists(slot, &certificate);

    let (attestation, intermediate) = (card.file("attestation.pem"), card.file("f9.pem"));
    card.ykman(&["keys", "attest", slot, &attestation]).output().success();
    card.ykman(&["certificates", "export", "f9", &intermediate]).output().success();
    card.assert_attested(&attestation, &intermediate, &public_key);
}

/// A key that cannot sign: its certificate is an authority's.
#[test]
fn ykman_generates_x25519_on_a_yubikey_5_7() {
    let Some(card) = YubiKey::insert("yubikey-5.7") else { return };
    let public_key = card.file("public.pem");
    card.ykman_as_admin(&["keys", "generate", "--algorithm", "x25519", "9d", &public_key]).output().success();
    let authority = oracle::authority(&card.bench, "ca");
    let certificate = oracle::certify(&card.bench, "agreement", &public_key, &authority);
    card.ykman_as_admin(&["certificates", "import", "9d", &certificate]).output().success();
    let info = card.ykman(&["info"]).output().success();
    assert_eq!(fact(&info, "Private key type"), "X25519", "{info}");
    let (attestation, intermediate) = (card.file("attestation.pem"), card.file("f9.pem"));
    card.ykman(&["keys", "attest", "9d", &attestation]).output().success();
    card.ykman(&["certificates", "export", "f9", &intermediate]).output().success();
    card.assert_attested(&attestation, &intermediate, &public_key);
}

/// ykman's `--verify` lets the card sign with the imported key; pivkit pairs and checks with it.
fn ykman_imports_keys_and_certificates(profile: &str) {
    let Some(card) = YubiKey::insert(profile) else { return };
    let authority = oracle::authority(&card.bench, "ca");
    let algorithms: [(&str, &[&str], &[&str]); 2] = [("9a", &RSA2048, &[]), ("9d", &P256, &["--compress"])];
    for (slot, algorithm, more) in algorithms {
        let (certificate, key) =
            oracle::issue(&card.bench, &format!("alice-{slot}"), "alice@example.test", algorithm, &authority);
        let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
        card.ykman_as_admin(&["keys", "import", slot, key]).output().success();
        let import = ["certificates", "import", slot, certificate, "--verify", "--pin", PIN];
        card.ykman_as_admin(&[&import[..], more].concat()).output().success();
        card.assert_pivkit_lists(slot, certificate);
        let exported = card.file("exported.pem");
        card.ykman(&["certificates", "export", slot, &exported]).output().success();
        let der = |path: &str| oracle::der_of(&card.bench, path.as_ref());
        assert_eq!(der(&exported), der(certificate), "slot {slot}");
    }
    // A certificate for another key is refused by --verify.
    let (other, _) = oracle::issue(&card.bench, "other", "alice@example.test", &RSA2048, &authority);
    let import = ["certificates", "import", "9a", other.to_str().unwrap(), "--verify", "--pin", PIN];
    let refused = card.ykman_as_admin(&import).output();
    assert_ne!(refused.code, Some(0), "{refused}");
    let pin = card.bench.file("pin", PIN);
    let pin = ["--pin-file", pin.to_str().unwrap()];
    card.bench.pivkit(&[&["pair", "--user", "alice", "--slot", "9a", "--yes"][..], &pin].concat()).output().success();
    card.bench.pivkit(&[&["check", "--user", "alice"][..], &pin].concat()).output().success();
}

fn ykman_changes_pin_and_puk_and_unblocks(profile: &str) {
    let Some(card) = YubiKey::insert(profile) else { return };
    card.ykman(&["access", "change-pin", "--pin", PIN, "--new-pin", "87654321"]).output().success();
    card.ykman(&["access", "change-puk", "--puk", PUK, "--new-puk", "22446688"]).output().success();
    let info = card.ykman(&["info"]).output().success();
    assert!(!info.stdout.contains("default PIN") && !info.stdout.contains("default PUK"), "{info}");
    verify_pin(&card, "87654321").success();
    for tries in [2, 1, 0] {
        let wrong = verify_pin(&card, PIN);
        assert_ne!(wrong.code, Some(0), "{wrong}");
        let info = card.ykman(&["info"]).output().success();
        assert_eq!(pin_tries(profile, &info), (tries, 3), "{info}");
    }
    // The old PUK is none any more.
    let refused = card.ykman(&["access", "unblock-pin", "--puk", PUK, "--new-pin", PIN]).output();
    assert_ne!(refused.code, Some(0), "{refused}");
    card.ykman(&["access", "unblock-pin", "--puk", "22446688", "--new-pin", PIN]).output().success();
    verify_pin(&card, PIN).success();
}

fn ykman_changes_the_management_key(profile: &str) {
    let Some(card) = YubiKey::insert(profile) else { return };
    let mut old = MANAGEMENT_KEY.to_owned();
    for (algorithm, length, first) in [("aes128", 16, 1), ("aes256", 32, 2), ("tdes", 24, 3), ("aes192", 24, 4)] {
        // No weak key of 3DES, and parity is of no importance.
        let new: String = (first..first + length).map(|byte| format!("{:02x}", byte * 7)).collect();
        let change = ["access", "change-management-key", "--management-key", &old, "--new-management-key", &new];
        card.ykman(&[&change[..], &["--algorithm", algorithm]].concat()).output().success();
        let info = card.ykman(&["info"]).output().success();
        assert_eq!(fact(&info, "Management key algorithm").to_lowercase(), algorithm, "{info}");
        let public_key = card.file("public.pem");
        let generate = |key: &str| {
            let generate = ["keys", "generate", "--algorithm", "eccp256", "9a", &public_key, "--management-key", key];
            card.ykman(&generate).output()
        };
        generate(&new).success();
        let refused = generate(&old);
        assert_ne!(refused.code, Some(0), "{refused}");
        old = new;
    }
}

/// A management key of which nobody but the card knows, behind the PIN.
fn ykman_keeps_the_management_key_on_the_card(profile: &str) {
    let Some(card) = YubiKey::insert(profile) else { return };
    let protect = ["access", "change-management-key", "--protect", "--pin", PIN];
    card.ykman_as_admin(&protect).output().success();
    let info = card.ykman(&["info"]).output().success();
    assert!(info.stdout.contains("Management key is stored on the YubiKey, protected by PIN."), "{info}");
    let (public_key, certificate) = (card.file("public.pem"), card.file("certificate.pem"));
    let generate = ["keys", "generate", "--algorithm", "eccp256", "9a", &public_key];
    let refused = card.ykman_as_admin(&generate).output();
    assert_ne!(refused.code, Some(0), "{refused}");
    card.ykman(&[&generate[..], &["--pin", PIN]].concat()).output().success();
    let issue = ["certificates", "generate", "9a", &public_key, "--subject", "CN=protected", "--pin", PIN];
    card.ykman(&issue).output().success();
    card.ykman(&["certificates", "export", "9a", &certificate]).output().success();
    card.assert_pivkit_lists("9a", &certificate);
}

fn ykman_sets_retries(profile: &str) {
    let Some(card) = YubiKey::insert(profile) else { return };
    card.ykman(&["access", "change-pin", "--pin", PIN, "--new-pin", "87654321"]).output().success();
    let retries = ["access", "set-retries", "7", "5", "--pin", "87654321", "--force"];
    card.ykman_as_admin(&retries).output().success();
    let info = card.ykman(&["info"]).output().success();
    assert_eq!(fact(&info, "PIN tries remaining"), "7/7", "{info}");
    assert_eq!(fact(&info, "PUK tries remaining"), "5/5", "{info}");
    // That brings back the PIN from the factory.
    verify_pin(&card, PIN).success();
    let output = card.bench.pivkit(&["identities", "--json"]).output().never_panicked();
    assert_eq!(output.json()["cards"][0]["pin_retries"], 7, "{output}");
}

fn ykman_resets_the_card(profile: &str) {
    let Some(card) = YubiKey::insert(profile) else { return };
    let public_key = card.file("public.pem");
    card.ykman_as_admin(&["keys", "generate", "--algorithm", "eccp256", "9a", &public_key]).output().success();
    let issue = ["certificates", "generate", "9a", &public_key, "--subject", "CN=gone soon", "--pin", PIN];
    card.ykman_as_admin(&issue).output().success();
    card.ykman(&["access", "change-pin", "--pin", PIN, "--new-pin", "87654321"]).output().success();
    card.ykman(&["reset", "--force"]).output().success();
    let info = card.ykman(&["info"]).output().success();
    assert!(!info.stdout.contains("Slot 9A"), "{info}");
    assert_eq!(pin_tries(profile, &info), (3, 3), "{info}");
    verify_pin(&card, PIN).success();
    let gone = card.ykman(&["keys", "attest", "9a", &card.file("attestation.pem")]).output();
    assert_ne!(gone.code, Some(0), "{gone}");
    // The key that attests is not of the PIV application's.
    let (attestation, intermediate) = (card.file("attestation.pem"), card.file("f9.pem"));
    card.ykman_as_admin(&["keys", "generate", "--algorithm", "eccp256", "9a", &public_key]).output().success();
    card.ykman(&["keys", "attest", "9a", &attestation]).output().success();
    card.ykman(&["certificates", "export", "f9", &intermediate]).output().success();
    card.assert_attested(&attestation, &intermediate, &public_key);
}

fn ykman_sees_what_pivkit_did(profile: &str) {
    let Some(card) = YubiKey::insert(profile) else { return };
    let public_key = card.file("public.pem");
    card.ykman_as_admin(&["keys", "generate", "--algorithm", "eccp256", "9a", &public_key]).output().success();
    let issue = ["certificates", "generate", "9a", &public_key, "--subject", "CN=alice", "--pin", PIN];
    card.ykman_as_admin(&issue).output().success();
    let pair = |pin: &str| {
        let pin = card.bench.file("pin", pin);
        let args = ["pair", "--user", "alice", "--slot", "9a", "--yes", "--pin-file", pin.to_str().unwrap()];
        card.bench.pivkit(&args).output()
    };
    pair("654321").exits_with(4);
    let info = card.ykman(&["info"]).output().success();
    assert_eq!(fact(&info, "PIN tries remaining"), "2/3", "{info}");
    pair(PIN).success();
    let info = card.ykman(&["info"]).output().success();
    assert_eq!(fact(&info, "PIN tries remaining"), "3/3", "{info}");

    let run = |args: &[&str], files: &[(&str, &str)]| {
        let mut run = card.bench.pivkit(&["card"]).args(args);
        for (flag, content) in files {
            run = run.args([*flag, card.bench.file(flag.trim_start_matches('-'), content).to_str().unwrap()]);
        }
        run.output()
    };
    let retries = ["set-retries", "--pin-tries", "6", "--puk-tries", "4", "--yes"];
    run(&retries, &[("--pin-file", PIN), ("--new-puk-file", "22446688")]).success();
    run(&["change-pin", "--yes"], &[("--pin-file", PIN), ("--new-pin-file", "87654321")]).success();
    let info = card.ykman(&["info"]).output().success();
    assert_eq!(fact(&info, "PIN tries remaining"), "6/6", "{info}");
    assert_eq!(fact(&info, "PUK tries remaining"), "4/4", "{info}");
    assert!(!info.stdout.contains("default PIN") && !info.stdout.contains("default PUK"), "{info}");
    card.ykman(&["access", "unblock-pin", "--puk", "22446688", "--new-pin", PIN]).output().success();

    let serial = run(&["info", "--json"], &[]).success().json()["serial"].to_string();
    run(&["reset", "--confirm", &serial], &[]).success();
    let info = card.ykman(&["info"]).output().success();
    assert!(info.stdout.contains("default PIN") && !info.stdout.contains("Slot 9A"), "{info}");
}

/// A firmware that tells neither a serial number nor which PIN is the factory's.
#[test]
fn ykman_sees_a_yubikey_4_that_pivkit_reset_and_made_ready() {
    let Some(card) = YubiKey::insert("yubikey-4") else { return };
    let (public_key, certificate) = (card.file("public.pem"), card.file("certificate.pem"));
    card.ykman_as_admin(&["keys", "generate", "--algorithm", "eccp256", "9c", &public_key]).output().success();
    let issue = ["certificates", "generate", "9c", &public_key, "--subject", "CN=gone soon", "--pin", PIN];
    card.ykman_as_admin(&issue).output().success();
    let listed = card.bench.pivkit(&["identities", "--json"]).output().success().json();
    let guid = listed["cards"][0]["guid"].as_str().unwrap();
    card.bench.pivkit(&["card", "reset", "--confirm", guid]).output().success();
    let info = card.ykman(&["info"]).output().success();
    assert!(!info.stdout.to_lowercase().contains("slot 9c"), "{info}");
    verify_pin(&card, PIN).success();

    let (pin, puk) = (card.bench.file("pin", "87654321"), card.bench.file("puk", "22446688"));
    let (old_pin, old_puk) = (card.bench.file("old-pin", PIN), card.bench.file("old-puk", PUK));
    // It does not tell the tries of its PUK either, and nobody but its owner knows them.
    let mut ready = card.bench.pivkit(&["provision", "--subject", "CN=alice", "--use-last-try", "--yes", "--json"]);
    for (flag, file) in
        [("--pin-file", &old_pin), ("--new-pin-file", &pin), ("--puk-file", &old_puk), ("--new-puk-file", &puk)]
    {
        ready = ready.args([flag, file.to_str().unwrap()]);
    }
    let ready = ready.output();
    let slots = ready.success().json()["slots"].as_array().unwrap().len();
    assert_eq!(slots, 2);
    card.ykman(&["certificates", "export", "9a", &certificate]).output().success();
    card.assert_pivkit_lists("9a", &certificate);
    card.ykman(&["access", "change-pin", "--pin", "87654321", "--new-pin", PIN]).output().success();
    card.ykman(&["access", "change-puk", "--puk", "22446688", "--new-puk", PUK]).output().success();
    let pin = card.bench.file("pin", PIN);
    let pair = ["pair", "--user", "alice", "--slot", "9a", "--yes", "--pin-file", pin.to_str().unwrap()];
    card.bench.pivkit(&pair).output().success();
}

/// A third tool judges the PIN.
fn verify_pin(card: &YubiKey, pin: &str) -> Output {
    card.yubico_piv_tool(&["--action", "verify-pin", "--pin", pin]).output()
}

/// The tries that are left, and all of them: three where the firmware is too old to tell.
#[track_caller]
fn pin_tries(profile: &str, info: &Output) -> (u8, u8) {
    let told = fact(info, "PIN tries remaining");
    let told = if profile == "yubikey-4" { format!("{told}/3") } else { told };
    let (left, total) = told.split_once('/').unwrap();
    (left.parse().unwrap(), total.parse().unwrap())
}

/// What ykman's text says of something: the rest of the line `NAME: VALUE`.
#[track_caller]
fn fact(output: &Output, name: &str) -> String {
    let found = output.stdout.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
    found.unwrap_or_else(|| panic!("ykman does not tell of {name}: {output}")).trim().to_owned()
}
