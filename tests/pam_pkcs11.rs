//! Real logins: PAM with pam_pkcs11 and its digest mapper, the card in pcscd's reader, accounts paired and unpaired by pivkit.

use std::fs;
use std::path::{Path, PathBuf};

use crate::bench::card::Card;
use crate::bench::oracle::{self, P256, P384, RSA2048};
use crate::bench::process::Output;
use crate::bench::{Bench, PIN, not_run};
use crate::foreign_clients::{load, opensc_pkcs11};
use crate::pam::{assert_accepted, assert_refused, authenticate};

#[test]
fn an_rsa_card_opens_the_account_it_is_paired_with_and_no_other() {
    let Some(bench) = bench("digest") else { return };
    let _card = loaded_card(&bench, &RSA2048);
    assert_pairing_decides(&bench);
}

#[test]
fn a_p256_card_opens_the_account_it_is_paired_with_and_no_other() {
    let Some(bench) = bench("digest") else { return };
    let _card = loaded_card(&bench, &P256);
    assert_pairing_decides(&bench);
}

#[test]
fn a_p384_card_opens_the_account_it_is_paired_with_and_no_other() {
    let Some(bench) = bench("digest") else { return };
    let _card = loaded_card(&bench, &P384);
    assert_pairing_decides(&bench);
}

#[test]
fn a_renewed_certificate_has_to_be_paired_again() {
    let Some(bench) = bench("digest") else { return };
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", &P256, &authority);
    let card = Card::insert_with_state(&bench, "first", &["--load", &load("9a", &certificate, &key)]);
    pair(&bench, "alice").success();
    assert_accepted(&authenticate(&bench, "alice", PIN));
    let old = oracle::der_of(&bench, &certificate);
    drop(card);
    bench.wait_for_empty_reader();

    let renewed = certificate_for_the_same_key(&bench, &key, &authority);
    assert_eq!(oracle::pairing_hash(&bench, &oracle::der_of(&bench, &renewed)), oracle::pairing_hash(&bench, &old));
    let _card = Card::insert_with_state(&bench, "second", &["--load", &load("9a", &renewed, &key)]);
    assert_not_mapped(&authenticate(&bench, "alice", PIN));
    assert_ne!(check(&bench, "alice").never_panicked().code, Some(0));
    pair(&bench, "alice").success();
    assert_accepted(&authenticate(&bench, "alice", PIN));
    check(&bench, "alice").success();
    // Both certificates are for one key, and go together.
    let hash = oracle::pairing_hash(&bench, &old);
    let args = ["unpair", "--user", "alice", "--backend", "pam_pkcs11", "--hash", &hash, "--yes"];
    bench.pivkit(&args).output().success();
    assert_not_mapped(&authenticate(&bench, "alice", PIN));
}

/// What administrators write by hand, with the fingerprint out of openssl, is a pairing as well.
#[test]
fn a_line_of_an_administrator_is_kept_until_it_is_unpaired() {
    let Some(bench) = bench("digest") else { return };
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", &P256, &authority);
    let _card = Card::insert_with_state(&bench, "card", &["--load", &load("9a", &certificate, &key)]);
    let fingerprint = ["x509", "-in", certificate.to_str().unwrap(), "-noout", "-fingerprint", "-sha256"];
    let fingerprint = bench.openssl(&fingerprint, &[]).stdout;
    let line = format!("{} -> alice\n", fingerprint.trim().split_once('=').unwrap().1.to_lowercase());
    fs::write(map_file(&bench), &line).unwrap();
    assert_accepted(&authenticate(&bench, "alice", PIN));
    pair(&bench, "alice").success();
    assert_eq!(fs::read_to_string(map_file(&bench)).unwrap(), line, "it is paired already");
    let refused = pair(&bench, "bob").never_panicked();
    assert!(refused.code == Some(6) && refused.stderr.contains("mapped to account alice"), "{refused}");
    bench.pivkit(&["unpair", "--user", "alice", "--backend", "pam_pkcs11", "--yes"]).output().success();
    // The file is empty but for a comment; pam_pkcs11 would crash on one without.
    assert_not_mapped(&authenticate(&bench, "alice", PIN));
}

#[test]
fn a_configuration_that_asks_for_no_signature_is_refused() {
    let Some(bench) = bench("digest") else { return };
    let _card = loaded_card(&bench, &P256);
    configure(&bench, "digest", "ca");
    let refused = pair(&bench, "alice").never_panicked();
    assert!(refused.code == Some(6) && refused.stderr.contains("without `signature`"), "{refused}");
    configure(&bench, "cn", "signature");
    let refused = pair(&bench, "alice").never_panicked();
    assert!(refused.code == Some(6) && refused.stderr.contains("use_mappers"), "{refused}");
    assert!(!map_file(&bench).exists());
}

/// pam_pkcs11 lets the card in by its common name, whatever the mapping file says: no word that the account is closed.
#[test]
fn an_account_that_another_mapper_opens_is_not_called_closed() {
    let Some(bench) = bench("digest, cn") else { return };
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", &P256, &authority);
    let _card = Card::insert_with_state(&bench, "card", &["--load", &load("9a", &certificate, &key)]);
    pair(&bench, "alice").success();
    let by_certificate = ["--cert", certificate.to_str().unwrap()];
    for selection in [&by_certificate[..], &[]] {
        pair(&bench, "alice").success();
        let args = ["unpair", "--user", "alice", "--backend", "pam_pkcs11", "--yes"];
        let told = bench.pivkit(&[&args, selection].concat()).output().exits_with(6);
        assert!(told.stderr.contains("mapper cn") && !told.stdout.contains("no longer opens"), "{told}");
        assert_accepted(&authenticate(&bench, "alice", PIN));
    }
    configure(&bench, "digest", "signature");
    assert_not_mapped(&authenticate(&bench, "alice", PIN));
}

/// The whole life of a pairing, as PAM sees it.
fn assert_pairing_decides(bench: &Bench) {
    assert_not_mapped(&authenticate(bench, "alice", PIN));
    pair(bench, "alice").success();
    assert_accepted(&authenticate(bench, "alice", PIN));
    check(bench, "alice").success();
    assert_refused(&authenticate(bench, "alice", "654321"), "Wrong smartcard PIN");
    assert_not_mapped(&authenticate(bench, "bob", PIN));
    assert_accepted(&authenticate(bench, "alice", PIN));
    bench.pivkit(&["unpair", "--user", "alice", "--backend", "pam_pkcs11", "--yes"]).output().success();
    assert_not_mapped(&authenticate(bench, "alice", PIN));
    pair(bench, "alice").success();
    assert_accepted(&authenticate(bench, "alice", PIN));
}

/// A bench whose PAM service `t-x` asks pam_pkcs11, which asks these mappers.
pub(crate) fn bench(mappers: &str) -> Option<Bench> {
    let bench = Bench::pcscd()?;
    not_run::unless_installed("pamtester")?;
    let folders = ["/lib", "/usr/lib", "/usr/lib64", "-name", "pam_pkcs11.so"];
    if bench.command("find", &folders).output().stdout.is_empty() {
        return not_run::report("needs pam_pkcs11; scripts/setup installs it, or says how");
    }
    fs::create_dir_all(bench.inside("/etc/pam_pkcs11")).unwrap();
    configure(&bench, mappers, "signature");
    fs::write(bench.inside("/etc/pam.d/t-x"), "auth required pam_pkcs11.so\naccount required pam_permit.so\n").unwrap();
    Some(bench)
}

pub(crate) fn configure(bench: &Bench, mappers: &str, policy: &str) {
    let text = format!(
        "pam_pkcs11 {{\n  use_pkcs11_module = opensc;\n  pkcs11_module opensc {{\n    module = {};\n    slot_num = 0;\n    \
         ca_dir = /etc/pam_pkcs11/cacerts;\n    cert_policy = {policy};\n  }}\n  use_mappers = {mappers};\n  \
         mapper digest {{ module = internal; algorithm = sha256; mapfile = file:///etc/pam_pkcs11/digest_mapping; }}\n}}\n",
        opensc_pkcs11(bench).display()
    );
    fs::write(bench.inside("/etc/pam_pkcs11/pam_pkcs11.conf"), text).unwrap();
}

fn map_file(bench: &Bench) -> PathBuf {
    bench.inside("/etc/pam_pkcs11/digest_mapping")
}

fn loaded_card(bench: &Bench, new_key: &[&str]) -> Card {
    let authority = oracle::authority(bench, "ca");
    let (certificate, key) = oracle::issue(bench, "alice", "alice@example.test", new_key, &authority);
    Card::insert_with_state(bench, "loaded-card", &["--load", &load("9a", &certificate, &key)])
}

/// Another certificate with the same name for the key in a file.
pub(crate) fn certificate_for_the_same_key(bench: &Bench, key: &Path, authority: &(PathBuf, PathBuf)) -> PathBuf {
    let file = bench.path("renewed.pem");
    let (authority, authority_key) = (authority.0.to_str().unwrap(), authority.1.to_str().unwrap());
    let mut args = vec!["req", "-x509", "-days", "60", "-subj", "/CN=alice", "-key", key.to_str().unwrap()];
    args.extend(["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "keyUsage=critical,digitalSignature"]);
    args.extend(["-addext", "extendedKeyUsage=clientAuth,1.3.6.1.4.1.311.20.2.2"]);
    args.extend(["-CA", authority, "-CAkey", authority_key, "-out", file.to_str().unwrap()]);
    bench.openssl(&args, &[]);
    file
}

fn pair(bench: &Bench, user: &str) -> Output {
    let pin = bench.file("pin", PIN);
    let pin = pin.to_str().unwrap();
    let args = ["pair", "--user", user, "--slot", "9a", "--backend", "pam_pkcs11", "--pin-file", pin, "--yes"];
    bench.pivkit(&args).output()
}

fn check(bench: &Bench, user: &str) -> Output {
    let pin = bench.file("pin", PIN);
    bench.pivkit(&["check", "--user", user, "--backend", "pam_pkcs11", "--pin-file", pin.to_str().unwrap()]).output()
}

#[track_caller]
fn assert_not_mapped(login: &Output) {
    assert_refused(login, "No matching certificate found");
}
