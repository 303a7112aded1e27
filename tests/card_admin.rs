//! `card set-retries`, `attest`, `reset`, and their examples: what a maker's own commands can do, and what cards of others say.

use std::fs;
use std::path::PathBuf;

use crate::bench::card::{Card, pin_tries, puk_tries};
use crate::bench::process::Output;
use crate::bench::{Bench, PIN, not_run};
use crate::documented::{commands, shell};
use crate::foreign_clients::yubico;

fn info(bench: &Bench) -> serde_json::Value {
    bench.pivkit(&["card", "info", "--json"]).output().success().json()
}

fn verify_pin(bench: &Bench, pin: &str) -> Output {
    let pin = bench.file("a-pin", pin);
    bench.pivkit(&["card", "verify-pin", "--pin-file", pin.to_str().unwrap()]).output()
}

#[test]
fn tries_are_set_and_the_pin_stays_what_it_was() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7"]);
    let [old, pin, new_puk] =
        [("old", PIN), ("pin", "246810"), ("puk", "87654321")].map(|(name, text)| bench.file(name, text));
    let change = ["--pin-file", old.to_str().unwrap(), "--new-pin-file", pin.to_str().unwrap(), "--yes"];
    bench.pivkit(&[&["card", "change-pin"], &change[..]].concat()).output().success();
    let set = ["card", "set-retries", "--pin-tries", "5", "--puk-tries", "4", "--pin-file", pin.to_str().unwrap()];
    bench.pivkit(&[&set[..], &["--dry-run"]].concat()).output().success();
    assert_eq!((pin_tries(&bench, "card"), puk_tries(&bench, "card")), (3, 3));
    let puk = ["--new-puk-file", new_puk.to_str().unwrap(), "--yes", "--json"];
    let report = bench.pivkit(&[&set[..], &puk].concat()).output().success().json();
    assert_eq!((&report["changed"], &report["puk_is_default"]), (&true.into(), &false.into()), "{report}");
    assert_eq!((pin_tries(&bench, "card"), puk_tries(&bench, "card")), (5, 4));
    verify_pin(&bench, "246810").success();
    verify_pin(&bench, PIN).exits_with(4);
    let unblock = ["--puk-file", new_puk.to_str().unwrap(), "--new-pin-file", old.to_str().unwrap(), "--yes"];
    bench.pivkit(&[&["card", "unblock"], &unblock[..]].concat()).output().success();
    for tries in ["1", "16", "0", "x"] {
        let set = ["card", "set-retries", "--pin-tries", tries, "--puk-tries", "4", "--yes"];
        bench.pivkit(&set).output().exits_with(2);
    }
}

#[test]
fn the_management_key_is_the_given_one_or_the_one_under_the_pin() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(()) = not_run::unless_installed("yubico-piv-tool") else { return };
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.4"]);
    let key = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718";
    yubico(&bench, &["--action", "set-mgm-key", "--new-key", key]).success();
    let pin = bench.file("pin", PIN);
    let set =
        ["card", "set-retries", "--pin-tries", "5", "--puk-tries", "5", "--pin-file", pin.to_str().unwrap(), "--yes"];
    let wrong = bench.pivkit(&set).output().exits_with(5);
    assert!(wrong.stderr.contains("--management-key-file"), "{wrong}");
    assert_eq!((pin_tries(&bench, "card"), puk_tries(&bench, "card")), (3, 3), "{wrong}");
    let file = bench.file("key", key);
    bench.pivkit(&[&set[..], &["--management-key-file", file.to_str().unwrap()]].concat()).output().success();
    assert_eq!((pin_tries(&bench, "card"), puk_tries(&bench, "card")), (5, 5));
    let nonsense = bench.file("nonsense", "no key");
    let refused = bench.pivkit(&[&set[..], &["--management-key-file", nonsense.to_str().unwrap()]].concat()).output();
    refused.exits_with(2);
}

#[test]
fn a_reset_wants_the_card_named_and_leaves_it_as_from_the_factory() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7", "--preset", "alice"]);
    let before = info(&bench);
    let (serial, guid) = (before["serial"].to_string(), before["guid"].as_str().unwrap().to_owned());
    let unchanged = || {
        assert_eq!((pin_tries(&bench, "card"), puk_tries(&bench, "card")), (3, 3));
        assert_eq!(info(&bench)["slots"], before["slots"]);
    };
    for (args, code) in [
        (&["--confirm", "1"][..], 2),
        (&["--confirm", ""], 2),
        (&["--confirm", &guid[..31]], 2),
        (&["--yes"], 2),
        (&[], 2),
        (&["--non-interactive"], 2),
        (&["--dry-run"], 0),
    ] {
        let run = bench.pivkit(&[&["card", "reset"], args].concat()).output().exits_with(code);
        unchanged();
        if args == ["--dry-run"] {
            run.prints(&["block the PIN and the PUK", "9a, 9d", "dry run: nothing was changed"]);
        }
    }
    let report = bench.pivkit(&["card", "reset", "--confirm", &serial, "--json"]).output().success().json();
    assert_eq!((&report["reset"], &report["guid"]), (&true.into(), &guid.as_str().into()), "{report}");
    let after = info(&bench);
    assert_eq!((&after["slots"], &after["guid"]), (&serde_json::json!([]), &serde_json::Value::Null), "{after}");
    verify_pin(&bench, PIN).success();
}

#[test]
fn a_reset_by_guid_goes_on_where_a_pulled_card_left_it() {
    let bench = Bench::vpcd();
    let card = Card::insert(&bench, &["--profile", "yubikey-5.4", "--preset", "alice"]);
    let guid = info(&bench)["guid"].as_str().unwrap().to_owned();
    drop(card);
    // The PIN is blocked, the PUK nearly so, and the card is gone: VERIFY is 20, RESET RETRY COUNTER is 2C.
    let fault = bench.file("fault", "at 2 of 2C remove\n");
    let card = Card::insert(&bench, &["--profile", "yubikey-5.4", "--fault", fault.to_str().unwrap()]);
    let pulled = bench.pivkit(&["card", "reset", "--confirm", &guid]).output();
    assert!(pulled.code.is_some_and(|code| code != 0), "{pulled}");
    assert!(pulled.stderr.contains("pivkit card reset"), "{pulled}");
    drop(card);
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.4"]);
    assert_eq!(pin_tries(&bench, "card"), 0);
    bench.pivkit(&["card", "reset", "--confirm", &guid]).output().success();
    verify_pin(&bench, PIN).success();
}

#[test]
fn a_card_that_is_pulled_while_it_is_changed_is_not_said_to_be_as_it_was() {
    let bench = Bench::vpcd();
    drop(Card::insert(&bench, &["--profile", "yubikey-5.4"]));
    let files = [("pin", PIN), ("new", "246810")].map(|(name, text)| bench.file(name, text).display().to_string());
    let change = ["card", "change-pin", "--pin-file", &files[0], "--new-pin-file", &files[1], "--yes"];
    // CHANGE REFERENCE DATA is 24; the empty VERIFY (20) before it changes nothing.
    for (fault, code, says) in [
        ("at 1 of 24 remove\n", 3, "try the new one first"),
        ("at 1 of 24 sw=6F00\n", 1, "try the new one first"),
        ("at 2 of 20 remove\n", 3, "nothing was changed"),
    ] {
        let fault = bench.file("fault", fault);
        let card = Card::insert(&bench, &["--profile", "yubikey-5.4", "--fault", fault.to_str().unwrap()]);
        let pulled = bench.pivkit(&change).output().exits_with(code);
        assert!(pulled.stderr.contains(says), "{pulled}");
        drop(card);
    }
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.4"]);
    verify_pin(&bench, PIN).success();
    assert_eq!((pin_tries(&bench, "card"), puk_tries(&bench, "card")), (3, 3));
}

/// The card does what it is told, and nobody hears of it.
#[test]
fn a_change_whose_answer_is_lost_is_told_as_one_that_may_have_happened() {
    let bench = Bench::vpcd();
    let names =
        [("pin", PIN), ("new-pin", "246810"), ("puk", "12345678"), ("new-puk", "87654321"), ("wrong", "000000")];
    let [pin, new_pin, puk, new_puk, wrong] = names.map(|(name, text)| bench.file(name, text).display().to_string());
    let line = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let change_pin = line(&format!("change-pin --pin-file {pin} --new-pin-file {new_pin} --yes"));
    let change_puk = line(&format!("change-puk --puk-file {puk} --new-puk-file {new_puk} --yes"));
    let unblock = line(&format!("unblock --puk-file {puk} --new-pin-file {new_pin} --yes"));
    let set =
        line(&format!("set-retries --pin-tries 5 --puk-tries 4 --pin-file {new_pin} --new-puk-file {new_puk} --yes"));
    let verify = line(&format!("verify-pin --pin-file {wrong}"));
    let sign = line(&format!("sign --slot 9a --algorithm ES256 --pin-file {wrong} {wrong}"));
    let (new_first, factory) = ("try the new one first", "12345678");
    for (number, (arguments, fault, code, says, pin_now)) in [
        (&change_pin, "at 1 of 24 remove-after", 3, new_first, "246810"),
        (&change_pin, "at 1 of 24 reset-after", 1, new_first, "246810"),
        (&change_pin, "at 1 of 24 truncate", 1, new_first, "246810"),
        (&change_puk, "at 1 of 24 remove-after", 3, new_first, PIN),
        (&change_puk, "at 1 of 24 truncate", 1, new_first, PIN),
        (&unblock, "at 1 of 2C remove-after", 3, new_first, "246810"),
        (&set, "at 1 of FA remove-after", 3, factory, PIN),
        (&set, "at 1 of FA truncate", 1, factory, PIN),
        (&verify, "at 2 of 20 remove-after", 3, "it may have cost a try", PIN),
        (&sign, "at 2 of 20 remove-after", 3, "it may have cost a try", PIN),
    ]
    .into_iter()
    .enumerate()
    {
        // Each on a card of its own, whose PIN set-retries finds changed.
        let state = format!("card-{number}");
        if arguments == &set {
            let _card = Card::insert_with_state(&bench, &state, &["--profile", "yubikey-5.4"]);
            bench.pivkit(&card_line(&change_pin)).output().success();
        }
        let file = bench.file("fault", format!("{fault}\n"));
        let card =
            Card::insert_with_state(&bench, &state, &["--profile", "yubikey-5.4", "--fault", file.to_str().unwrap()]);
        let lost = bench.pivkit(&card_line(arguments)).output().exits_with(code);
        assert!(lost.stderr.contains(says), "{fault}: {lost}");
        assert!(!lost.stderr.to_lowercase().contains("nothing was changed"), "{fault}: {lost}");
        drop(card);
        let _card = Card::insert_with_state(&bench, &state, &["--profile", "yubikey-5.4"]);
        verify_pin(&bench, pin_now).success();
    }
}

/// The arguments of `pivkit card`.
fn card_line(arguments: &[String]) -> Vec<&str> {
    std::iter::once("card").chain(arguments.iter().map(String::as_str)).collect()
}

#[test]
fn a_reset_whose_answer_is_lost_is_not_said_to_have_changed_nothing() {
    let bench = Bench::vpcd();
    // Of a new card the first RESET (FB) is refused, because PIN and PUK are not blocked, and the second one does it.
    for (state, before, fault) in [
        ("new", None, "at 2 of FB remove-after\n"),
        ("blocked", Some("at 2 of FB remove\n"), "at 1 of FB remove-after\n"),
    ] {
        is_reset_unheard(&bench, state, before, fault);
    }
}

/// A card on which `before` has happened to a reset already, and to which `fault` happens now.
fn is_reset_unheard(bench: &Bench, state: &str, before: Option<&str>, fault: &str) {
    let profile = ["--profile", "yubikey-5.7", "--preset", "alice"];
    let serial = {
        let _card = Card::insert_with_state(bench, state, &profile);
        info(bench)["serial"].to_string()
    };
    let mut lost = None;
    for fault in before.into_iter().chain([fault]) {
        let file = bench.file("fault", fault);
        let _card =
            Card::insert_with_state(bench, state, &["--profile", "yubikey-5.7", "--fault", file.to_str().unwrap()]);
        lost = Some(bench.pivkit(&["card", "reset", "--confirm", &serial]).output().exits_with(3));
    }
    let lost = lost.unwrap();
    assert!(lost.stderr.contains("Unless `pivkit card info` shows an empty card"), "{lost}");
    assert!(!lost.stderr.contains("nothing was changed"), "{lost}");
    let _card = Card::insert_with_state(bench, state, &["--profile", "yubikey-5.7"]);
    assert_eq!(info(bench)["slots"], serde_json::json!([]), "{lost}");
    verify_pin(bench, PIN).success();
}

#[test]
fn a_puk_of_somebodys_own_is_not_given_up_for_that_of_the_factory() {
    let bench = Bench::vpcd();
    let names = [("pin", PIN), ("puk", "12345678"), ("new-puk", "87654321")];
    let [pin, puk, new_puk] = names.map(|(name, text)| bench.file(name, text).display().to_string());
    let set = ["card", "set-retries", "--pin-tries", "5", "--puk-tries", "4", "--pin-file", &pin];
    let change = ["card", "change-puk", "--puk-file", &puk, "--new-puk-file", &new_puk, "--yes"];
    // A YubiKey 4 does not tell whether its PUK is the factory's.
    for profile in ["yubikey-5.7", "yubikey-4"] {
        let card = Card::insert_with_state(&bench, profile, &["--profile", profile]);
        bench.pivkit(&[&change[..], &["--use-last-try"]].concat()).output().success();
        let refused = bench.pivkit(&[&set[..], &["--yes"]].concat()).output().exits_with(2);
        assert!(refused.stderr.contains("--new-puk-file"), "{refused}");
        bench.pivkit(&[&set[..], &["--dry-run"]].concat()).output().success().prints(&["set a new PUK"]);
        assert_eq!((pin_tries(&bench, profile), puk_tries(&bench, profile)), (3, 3), "{refused}");
        // It is still the old one, and is given back as it was.
        let given = ["--new-puk-file", &new_puk, "--yes"];
        bench.pivkit(&[&set[..], &given].concat()).output().success().prints(&["5", "4"]);
        let unblock = ["card", "unblock", "--puk-file", &new_puk, "--new-pin-file", &pin, "--yes", "--use-last-try"];
        bench.pivkit(&unblock).output().success();
        drop(card);
    }
}

#[test]
fn a_file_without_roots_is_named_and_said_what_should_be_in_it() {
    let bench = Bench::vpcd();
    let file = bench.file("roots", "no certificate");
    let attest = ["card", "attest", "--slot", "9a", "--attestation-root", file.to_str().unwrap()];
    let refused = bench.pivkit(&attest).output().exits_with(2);
    let told =
        refused.stderr.contains("holds no attestation root") && refused.stderr.contains("Give the file with the roots");
    assert!(told, "{refused}");
}

#[test]
fn a_plain_card_says_what_it_cannot_and_is_left_as_it_was() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "plain", "--preset", "alice"]);
    let before = info(&bench);
    let pin = bench.file("pin", PIN);
    let guid = before["guid"].as_str().unwrap().to_owned();
    for args in [
        &["reset", "--confirm", &guid][..],
        &["set-retries", "--pin-tries", "5", "--puk-tries", "5", "--pin-file", pin.to_str().unwrap(), "--yes"],
        &["attest", "--slot", "9a"],
    ] {
        let run = bench.pivkit(&[&["card"], args].concat()).output().exits_with(5);
        assert!(run.stderr.contains("the card cannot do this"), "{run}");
    }
    assert_eq!((pin_tries(&bench, "card"), puk_tries(&bench, "card")), (3, 3));
    assert_eq!(info(&bench), before);
}

/// A YubiKey with a key in 9A that it made itself.
fn with_generated_key(bench: &Bench) -> Option<Card> {
    not_run::unless_installed("yubico-piv-tool")?;
    let card = Card::insert(bench, &["--profile", "yubikey-5.4", "--preset", "alice"]);
    let generate = ["--action", "generate", "--slot", "9a", "--algorithm", "RSA2048", "--output", "/dev/null"];
    yubico(bench, &generate).success();
    Some(card)
}

#[test]
fn an_attestation_is_checked_up_to_the_root() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(_card) = with_generated_key(&bench) else { return };
    let root = bench.path("card").join("attestation-root.pem");
    let attest = ["card", "attest", "--slot", "9a"];
    let rooted = [&attest[..], &["--attestation-root", root.to_str().unwrap()]].concat();
    let report = bench.pivkit(&[&rooted[..], &["--json"]].concat()).output().success().json();
    assert_eq!((&report["verified"], &report["slot"]), (&true.into(), &"9a".into()), "{report}");
    assert_eq!((&report["says"]["firmware"], &report["algorithm"]), (&"5.4.3".into(), &"RSA2048".into()), "{report}");
    // openssl follows the same chain.
    let [leaf, intermediate]: [PathBuf; 2] =
        ["attestation", "intermediate"].map(|name| bench.file(name, report[name].as_str().unwrap()));
    let chain = ["verify", "-CAfile", root.to_str().unwrap(), "-untrusted", intermediate.to_str().unwrap()];
    bench.openssl(&[&chain[..], &[leaf.to_str().unwrap()]].concat(), b"").prints(&["OK"]);
    // The text holds the certificate where programs look for it.
    let text = bench.pivkit(&attest).output().success().prints(&["not verified: no root was given"]);
    let key = |pem: &[u8]| bench.openssl(&["x509", "-noout", "-pubkey"], pem).stdout;
    assert_eq!(key(&text.bytes), key(report["attestation"].as_str().unwrap().as_bytes()));
    let stranger = bench.path("card").join("ca.pem");
    let refused = [&attest[..], &["--attestation-root", stranger.to_str().unwrap()]].concat();
    bench.pivkit(&refused).output().exits_with(5);
    // 9D was imported.
    bench.pivkit(&["card", "attest", "--slot", "9d"]).output().exits_with(5);
}

#[test]
fn every_example_of_card_succeeds() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(card) = with_generated_key(&bench) else { return };
    drop(card);
    bench.wait_for_empty_reader();
    for (name, text) in [
        ("pin.txt", PIN),
        ("new-pin.txt", "246810"),
        ("puk.txt", "12345678"),
        ("new-puk.txt", "87654321"),
        ("letter.txt", "a letter"),
    ] {
        bench.file(name, text);
    }
    let kept = bench.path("kept");
    copy(&bench.path("card"), &kept);
    let names =
        ["", "info", "verify-pin", "change-pin", "unblock", "change-puk", "set-retries", "attest", "reset", "sign"];
    for (number, name) in names.into_iter().enumerate() {
        // Each on a card of its own: some change the PIN.
        let state = format!("card-{number}");
        copy(&kept, &bench.path(&state));
        let card = Card::insert_with_state(&bench, &state, &["--profile", "yubikey-5.4"]);
        let help = shell(&bench, &format!("pivkit card {name} --help")).stdout;
        let (_, examples) = help.split_once("EXAMPLES:\n").unwrap_or_else(|| panic!("no examples for {name}"));
        let (examples, codes) = examples.split_once("EXIT CODES:\n").unwrap();
        assert!(codes.contains("  130  interrupted"), "{codes}");
        let shown = commands(examples);
        assert!(!shown.is_empty(), "no examples for {name}");
        shown.iter().for_each(|shown| drop(shell(&bench, &shown.command)));
        drop(card);
        bench.wait_for_empty_reader();
    }
}

/// A card's state, for another card of the same kind.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
