//! Real logins: PAM with pam_p11 and OpenSC, the card in pcscd's reader, accounts paired and unpaired by pivkit.

use std::fs;
use std::time::Duration;

use crate::bench::card::Card;
use crate::bench::oracle::{self, P256, P384};
use crate::bench::process::Output;
use crate::bench::{Bench, PIN, not_run};
use crate::foreign_clients::{load, opensc_pkcs11};

#[test]
fn an_rsa_card_opens_the_account_it_is_paired_with_and_no_other() {
    let Some(bench) = bench() else { return };
    let _card = Card::alice(&bench);
    assert_pairing_decides(&bench);
}

#[test]
fn a_p256_card_opens_the_account_it_is_paired_with_and_no_other() {
    let Some(bench) = bench() else { return };
    let _card = loaded_card(&bench, &P256);
    assert_pairing_decides(&bench);
}

#[test]
fn a_p384_card_opens_the_account_it_is_paired_with_and_no_other() {
    let Some(bench) = bench() else { return };
    let _card = loaded_card(&bench, &P384);
    assert_pairing_decides(&bench);
}

#[test]
fn check_and_pam_agree() {
    let Some(bench) = bench() else { return };
    let _card = Card::alice(&bench);
    let pin = bench.file("pin", PIN);
    let check = |user| bench.pivkit(&["check", "--user", user, "--pin-file", pin.to_str().unwrap()]).output();
    assert_ne!(check("alice").never_panicked().code, Some(0));
    pair(&bench, "alice").success();
    check("alice").success();
    assert_accepted(&authenticate(&bench, "alice", PIN));
    assert_ne!(check("bob").never_panicked().code, Some(0));
    assert_not_authorized(&authenticate(&bench, "bob", PIN));
}

/// OpenSSL, and so pam_p11, takes lines for PEM that look damaged.
#[test]
fn a_damaged_list_that_pam_still_reads_is_cleared_by_unpair() {
    let Some(bench) = bench() else { return };
    let _card = Card::alice(&bench);
    pair(&bench, "alice").success();
    let file = bench.authorized_certificates("alice");
    let plain = fs::read_to_string(&file).unwrap();
    let other = oracle::authority(&bench, "other");
    let other = fs::read_to_string(other.0).unwrap();
    for damaged in [
        plain.replacen("-----\n", "-----\u{a0}\n", 1),
        plain.replace("-----END", "----END") + &other,
        plain.replace("\n-----END", "\n- remark\n-----END") + &other,
    ] {
        fs::write(&file, damaged).unwrap();
        assert_accepted(&authenticate(&bench, "alice", PIN));
        bench.pivkit(&["unpair", "--user", "alice", "--yes"]).output().success();
        assert_not_authorized(&authenticate(&bench, "alice", PIN));
        pair(&bench, "alice").success();
        assert_accepted(&authenticate(&bench, "alice", PIN));
    }
}

#[test]
fn a_key_for_ssh_opens_the_account_as_well_and_unpair_says_so() {
    let Some(bench) = bench() else { return };
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", &P256, &authority);
    let _card = Card::insert_with_state(&bench, "loaded-card", &["--load", &load("9a", &certificate, &key)]);
    let der = oracle::der_of(&bench, &certificate);
    let spki = bench.openssl(&["x509", "-inform", "DER", "-noout", "-pubkey"], &der).bytes;
    let spki = bench.openssl(&["pkey", "-pubin", "-outform", "DER"], &spki).bytes;
    // RFC 5656 3.1: the name of the algorithm, the curve, the point.
    let mut blob = Vec::new();
    for part in [&b"ecdsa-sha2-nistp256"[..], b"nistp256", &spki[spki.len() - 65..]] {
        blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        blob.extend(part);
    }
    let blob = bench.openssl(&["base64", "-A"], &blob).stdout;
    let ssh = bench.inside("/home/alice/.ssh");
    fs::create_dir(&ssh).unwrap();
    fs::write(ssh.join("authorized_keys"), format!("ecdsa-sha2-nistp256 {blob} alice\n")).unwrap();

    assert_accepted(&authenticate(&bench, "alice", PIN));
    pair(&bench, "alice").success();
    let unpaired = bench.pivkit(&["unpair", "--user", "alice", "--yes"]).output().exits_with(6);
    assert!(!unpaired.stdout.contains("no longer opens"), "{unpaired}");
    assert!(unpaired.stderr.contains("may open account alice all the same"), "{unpaired}");
    bench
        .pivkit(&["list", "--user", "alice"])
        .output()
        .success()
        .prints(&["authorized_keys line 1", "not managed here"]);
    let hash = oracle::pairing_hash(&bench, &der);
    let note = unpaired.stderr.lines().find(|line| line.contains("authorized_keys line 1"));
    assert!(note.is_some_and(|note| note.contains(&hash)), "{unpaired}");
    assert_accepted(&authenticate(&bench, "alice", PIN));
    fs::remove_file(ssh.join("authorized_keys")).unwrap();
    assert_not_authorized(&authenticate(&bench, "alice", PIN));
}

#[test]
fn pairing_again_changes_nothing_and_another_card_is_added() {
    let Some(bench) = bench() else { return };
    let card = Card::alice(&bench);
    pair(&bench, "alice").success();
    let file = bench.authorized_certificates("alice");
    let before = fs::read(&file).unwrap();
    pair(&bench, "alice").never_panicked();
    assert_eq!(fs::read(&file).unwrap(), before);
    drop(card);

    bench.wait_for_empty_reader();
    let _second = loaded_card(&bench, &P256);
    assert_not_authorized(&authenticate(&bench, "alice", PIN));
    pair(&bench, "alice").success();
    assert_accepted(&authenticate(&bench, "alice", PIN));
    let after = fs::read_to_string(&file).unwrap();
    assert_eq!(after.matches("BEGIN CERTIFICATE").count(), 2, "{after}");
    assert!(after.contains(std::str::from_utf8(&before).unwrap().trim_end()), "the first pairing is gone: {after}");
}

#[test]
fn the_pairing_belongs_to_its_person_and_is_read_by_them_alone_to_write() {
    use std::os::unix::fs::MetadataExt;
    let Some(bench) = bench() else { return };
    let _card = Card::alice(&bench);
    pair(&bench, "alice").success();
    let file = bench.authorized_certificates("alice");
    for path in [file.as_path(), file.parent().unwrap()] {
        let metadata = fs::metadata(path).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (4001, 4001), "{}", path.display());
        assert_eq!(metadata.mode() & 0o022, 0, "others may write {}", path.display());
    }
}

/// The whole life of a pairing, as PAM sees it.
fn assert_pairing_decides(bench: &Bench) {
    assert_not_authorized(&authenticate(bench, "alice", PIN));
    pair(bench, "alice").success();
    assert_accepted(&authenticate(bench, "alice", PIN));
    assert_refused(&authenticate(bench, "alice", "654321"), "PIN not verified");
    assert_not_authorized(&authenticate(bench, "bob", PIN));
    assert_accepted(&authenticate(bench, "alice", PIN));
    bench.pivkit(&["unpair", "--user", "alice", "--yes"]).output().success();
    assert_not_authorized(&authenticate(bench, "alice", PIN));
    // Reader, card and PIN are as good as before: it was the pairing that was missing.
    pair(bench, "alice").success();
    assert_accepted(&authenticate(bench, "alice", PIN));
}

/// A bench whose PAM service `t-x` asks pam_p11.
pub(crate) fn bench() -> Option<Bench> {
    with_pam(Bench::pcscd()?)
}

/// The same for a bench that is there already.
pub(crate) fn with_pam(bench: Bench) -> Option<Bench> {
    not_run::unless_installed("pamtester")?;
    let module = opensc_pkcs11(&bench);
    if bench.command("find", &["/lib", "/usr/lib", "/usr/lib64", "-name", "pam_p11.so"]).output().stdout.is_empty() {
        return not_run::report("needs pam_p11; scripts/setup installs it, or says how");
    }
    let service = format!("auth required pam_p11.so {}\naccount required pam_permit.so\n", module.display());
    fs::write(bench.inside("/etc/pam.d/t-x"), service).unwrap();
    Some(bench)
}

fn loaded_card(bench: &Bench, new_key: &[&str]) -> Card {
    let authority = oracle::authority(bench, "ca");
    let (certificate, key) = oracle::issue(bench, "alice", "alice@example.test", new_key, &authority);
    Card::insert_with_state(bench, "loaded-card", &["--load", &load("9a", &certificate, &key)])
}

pub(crate) fn pair(bench: &Bench, user: &str) -> Output {
    let pin = bench.file("pin", PIN);
    let pin = pin.to_str().unwrap();
    bench.pivkit(&["pair", "--user", user, "--slot", "9a", "--pin-file", pin, "--yes"]).output()
}

/// Logs in through PAM. pam_p11 0.3.1 was seen to hang on a card that it does not know when standard input is a pipe: so not
/// without a time limit. What it says comes before.
pub(crate) fn authenticate(bench: &Bench, user: &str, pin: &str) -> Output {
    let limit = PATIENCE.as_secs().to_string();
    bench
        .command("timeout", &["--kill-after", "1", &limit, "pamtester", "t-x", user, "authenticate"])
        .stdin(format!("{pin}\n"))
        .limit(2 * PATIENCE)
        .output()
}

const PATIENCE: Duration = Duration::from_secs(10);

#[track_caller]
pub(crate) fn assert_accepted(login: &Output) {
    assert!(login.code == Some(0) && login.stdout.contains("successfully authenticated"), "{login}");
}

/// A refusal because no key of the card is on the account's list.
#[track_caller]
pub(crate) fn assert_not_authorized(login: &Output) {
    assert_refused(login, "o authorized key");
}

/// A refusal for this reason, in the words of pam_p11: a reader or a card that fails is none.
#[track_caller]
pub(crate) fn assert_refused(login: &Output, word: &str) {
    let refused = login.code != Some(0) && !login.stdout.contains("successfully authenticated");
    assert!(refused && (login.stdout.contains(word) || login.stderr.contains(word)), "{login}");
}
