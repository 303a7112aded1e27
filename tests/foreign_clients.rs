//! Other people's clients use the virtual card through pcscd. They judge the card; pivkit has no part in it.

use std::path::{Path, PathBuf};

use crate::bench::card::Card;
use crate::bench::oracle::{self, P256, P384, der_of};
use crate::bench::process::{Output, Run};
use crate::bench::{Bench, PIN, not_run};

#[test]
fn opensc_takes_the_card_for_a_piv_card() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::alice(&bench);
    let name = bench.command("opensc-tool", &["--name"]).output().success();
    // OpenSC goes by the ATR as well; it thinks of some that they cannot do EC, and names those otherwise.
    assert!(name.stdout.starts_with("Personal Identity Verification Card"), "{name}");
}

#[test]
fn opensc_lists_the_certificates() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::alice(&bench);
    bench
        .command("pkcs15-tool", &["--list-certificates"])
        .output()
        .success()
        .prints(&["Certificate for PIV Authentication", "Certificate for Key Management"]);
    let objects = pkcs11(&bench, &["--list-objects"]).output().success();
    let certificates = objects.stdout.matches("Certificate Object").count();
    assert_eq!(certificates, 2, "{objects}");
}

#[test]
fn opensc_reads_the_certificates_that_the_card_was_given() {
    let Some(bench) = Bench::pcscd() else { return };
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", &P256, &authority);
    let _card = Card::insert(&bench, &["--load", &load("9a", &certificate, &key)]);
    let read = pkcs11(&bench, &["--read-object", "--type", "cert", "--id", "01"]).output().success();
    assert_eq!(read.bytes, der_of(&bench, &certificate));
}

#[test]
fn opensc_signs_with_rsa() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::alice(&bench);
    assert_opensc_signs(&bench, "RSA-PKCS", "sha256");
}

#[test]
fn opensc_signs_with_p256() {
    let Some(bench) = Bench::pcscd() else { return };
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", &P256, &authority);
    let _card = Card::insert(&bench, &["--load", &load("9a", &certificate, &key)]);
    assert_opensc_signs(&bench, "ECDSA", "sha256");
}

#[test]
fn opensc_signs_with_p384() {
    let Some(bench) = Bench::pcscd() else { return };
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", &P384, &authority);
    let _card = Card::insert(&bench, &["--load", &load("9a", &certificate, &key)]);
    assert_opensc_signs(&bench, "ECDSA", "sha384");
}

#[test]
fn a_card_without_extended_length_serves_opensc_as_well() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::insert(&bench, &["--preset", "alice", "--no-extended"]);
    assert_opensc_signs(&bench, "RSA-PKCS", "sha256");
}

#[test]
fn opensc_is_refused_with_a_wrong_pin() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::alice(&bench);
    let login = bench.command("pkcs11-tool", &["--login", "--pin", "654321", "--list-objects"]).output();
    assert_ne!(login.code, Some(0), "{login}");
    assert!(login.stderr.contains("CKR_PIN_INCORRECT"), "{login}");
}

#[test]
fn yubico_piv_tool_shows_the_card() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(()) = not_run::unless_installed("yubico-piv-tool") else { return };
    let _card = Card::alice(&bench);
    yubico(&bench, &["--action", "status"]).success().prints(&[
        "Slot 9a:",
        "Slot 9d:",
        "Subject DN:",
        "CN=",
        "RSA2048",
        "ECCP256",
        "PIN tries left:\t3",
    ]);
}

#[test]
fn yubico_piv_tool_reads_the_certificates_that_opensc_reads() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(()) = not_run::unless_installed("yubico-piv-tool") else { return };
    let _card = Card::alice(&bench);
    for (slot, id) in [("9a", "01"), ("9d", "03")] {
        let pem = yubico(&bench, &["--action", "read-certificate", "--slot", slot]).success();
        let der = bench.openssl(&["x509", "-outform", "DER"], &pem.bytes).bytes;
        let other = pkcs11(&bench, &["--read-object", "--type", "cert", "--id", id]).output().success();
        assert_eq!(der, other.bytes, "slot {slot}");
    }
}

#[test]
fn yubico_piv_tool_accepts_the_pin_and_is_told_of_a_wrong_one() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(()) = not_run::unless_installed("yubico-piv-tool") else { return };
    let _card = Card::alice(&bench);
    yubico(&bench, &["--action", "verify-pin", "--pin", PIN]).success();
    let wrong = yubico(&bench, &["--action", "verify-pin", "--pin", "654321"]);
    assert_ne!(wrong.code, Some(0), "{wrong}");
    assert!(wrong.stderr.contains("2 tries left"), "{wrong}");
    // The right one brings the tries back.
    yubico(&bench, &["--action", "verify-pin", "--pin", PIN]).success();
    yubico(&bench, &["--action", "status"]).success().prints(&["PIN tries left:\t3"]);
}

/// Signs with the key in 9A, and lets openssl verify with the certificate in 9A.
fn assert_opensc_signs(bench: &Bench, mechanism: &str, hash: &str) {
    let message = b"what the card is asked to sign";
    let dgst = format!("-{hash}");
    let digest = bench.openssl(&["dgst", &dgst, "-binary"], message).bytes;
    let (input, signature) = (bench.path("input"), bench.path("signature"));
    std::fs::write(&input, to_be_signed(mechanism, &digest)).unwrap();
    let files = ["--input-file", input.to_str().unwrap(), "--output-file", signature.to_str().unwrap()];
    let ec: &[&str] = if mechanism == "ECDSA" { &["--signature-format", "openssl"] } else { &[] };
    let sign = ["--login", "--pin", PIN, "--sign", "--id", "01", "--mechanism", mechanism];
    pkcs11(bench, &[&sign[..], &files, ec].concat()).output().success();

    let certificate = pkcs11(bench, &["--read-object", "--type", "cert", "--id", "01"]).output().success();
    let public_key = bench.openssl(&["x509", "-inform", "DER", "-noout", "-pubkey"], &certificate.bytes);
    let public_key = bench.file("public-key.pem", public_key.bytes);
    let verify = ["dgst", &dgst, "-verify", public_key.to_str().unwrap(), "-signature", signature.to_str().unwrap()];
    bench.openssl(&verify, message).prints(&["Verified OK"]);
}

/// The input of the mechanism: RSA-PKCS wants the DigestInfo of RFC 8017 9.2 note 1 made by the caller.
fn to_be_signed(mechanism: &str, digest: &[u8]) -> Vec<u8> {
    const SHA256: &str = "3031300d060960864801650304020105000420";
    match mechanism {
        "RSA-PKCS" => [hex::decode(SHA256).unwrap(), digest.to_vec()].concat(),
        _ => digest.to_vec(),
    }
}

/// `--load` of pivkit-vcard.
pub(crate) fn load(slot: &str, certificate: &Path, key: &Path) -> String {
    format!("{slot}={},{}", certificate.display(), key.display())
}

/// `pkcs11-tool` with OpenSC's module.
pub(crate) fn pkcs11(bench: &Bench, args: &[&str]) -> Run {
    let module = opensc_pkcs11(bench);
    bench.command("pkcs11-tool", &["--module", module.to_str().unwrap()]).args(args)
}

/// `yubico-piv-tool` with the bench's reader.
pub(crate) fn yubico(bench: &Bench, args: &[&str]) -> Output {
    // The tool looks for a YubiKey's reader unless it is told which one.
    bench.command("yubico-piv-tool", &["--reader", "Virtual PCD"]).args(args).output()
}

/// OpenSC's PKCS#11 module, which lies elsewhere on each architecture.
pub(crate) fn opensc_pkcs11(bench: &Bench) -> PathBuf {
    let found = bench.command("find", &["/usr/lib", "/usr/lib64", "-name", "opensc-pkcs11.so"]).output();
    let line = found.stdout.lines().min_by_key(|line| line.len()).map(PathBuf::from);
    line.unwrap_or_else(|| panic!("there is no opensc-pkcs11.so: {found}"))
}
