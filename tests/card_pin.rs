//! `card verify-pin`, `change-pin`, `unblock`, `change-puk`: what is right, what it costs, and what other people's tools make
//! of the card afterwards.

use crate::bench::card::{Card, pin_tries, puk_tries};
use crate::bench::process::Output;
use crate::bench::{Bench, PIN, not_run};
use crate::foreign_clients::{pkcs11, yubico};

const PUK: &str = "12345678";
const NEW_PIN: &str = "246810";
const NEW_PUK: &str = "87654321";

/// Runs `pivkit card ...` with secrets in files: `--pin-file:123456` becomes `--pin-file` and a file with that.
fn card(bench: &Bench, args: &[&str]) -> Output {
    let mut line = vec!["card".to_owned()];
    for arg in args {
        match arg.split_once(':') {
            Some((flag, secret)) if flag.starts_with("--") => {
                let file = bench.file(&format!("{}-{secret}", &flag[2..]), format!("{secret}\n"));
                line.extend([flag.to_owned(), file.display().to_string()]);
            }
            _ => line.push((*arg).to_owned()),
        }
    }
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    bench.pivkit(&line).output()
}

fn tries(bench: &Bench) -> (u64, u64) {
    (pin_tries(bench, "card"), puk_tries(bench, "card"))
}

#[test]
fn the_right_pin_is_right_and_a_wrong_one_costs_one_try_and_the_last_one_is_kept() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7"]);
    card(&bench, &["verify-pin", "--pin-file:123456"]).success().prints(&["is right; there were 3 tries left"]);
    for (left, code) in [(2, 4), (1, 4)] {
        let wrong = card(&bench, &["verify-pin", "--pin-file:000000"]).exits_with(code);
        assert_eq!(tries(&bench), (left, 3), "{wrong}");
    }
    let kept = card(&bench, &["verify-pin", "--pin-file:123456"]).exits_with(4);
    assert!(kept.stderr.contains("--use-last-try"), "{kept}");
    assert_eq!(tries(&bench), (1, 3), "no PIN was sent: {kept}");
    let report = card(&bench, &["verify-pin", "--pin-file:123456", "--use-last-try", "--json"]).success();
    let report = report.json();
    assert_eq!((&report["schema_version"], &report["verified"]), (&1.into(), &true.into()));
    assert_eq!((&report["pin"], &report["pin_retries_before"]), (&"application".into(), &1.into()));
    assert_eq!(tries(&bench), (3, 3));
}

#[test]
fn a_pin_comes_from_standard_input_as_well_and_from_nowhere_without_a_terminal() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "plain"]);
    bench.pivkit(&["card", "verify-pin", "--pin-stdin"]).stdin(format!("{PIN}\n")).output().success();
    let asked = card(&bench, &["verify-pin"]).exits_with(2);
    assert!(asked.stderr.contains("--pin-file or --pin-stdin"), "{asked}");
    let asked = card(&bench, &["change-pin", "--pin-file:123456", "--yes"]).exits_with(2);
    assert!(asked.stderr.contains("--new-pin-file"), "{asked}");
    let asked = card(&bench, &["unblock", "--new-pin-file:246810", "--yes", "--use-last-try"]).exits_with(2);
    assert!(asked.stderr.contains("--puk-file"), "{asked}");
    let asked = card(&bench, &["change-pin", "--pin-file:123456", "--new-pin-file:246810"]).exits_with(2);
    assert!(asked.stderr.contains("--yes"), "{asked}");
    assert_eq!(tries(&bench), (3, 3));
}

#[test]
fn other_tools_take_the_new_pin_and_not_the_old_one() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(()) = not_run::unless_installed("yubico-piv-tool") else { return };
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.4", "--preset", "alice"]);
    let report =
        card(&bench, &["change-pin", "--pin-file:123456", "--new-pin-file:246810", "--yes", "--json"]).success();
    let report = report.json();
    assert_eq!((&report["schema_version"], &report["changed"]), (&1.into(), &true.into()));
    assert_eq!((&report["pin_retries"], &report["puk_retries"]), (&3.into(), &3.into()));
    let old = yubico(&bench, &["--action", "verify-pin", "--pin", PIN]);
    assert!(old.code != Some(0) && old.stderr.contains("2 tries left"), "{old}");
    yubico(&bench, &["--action", "verify-pin", "--pin", NEW_PIN]).success();
    pkcs11(&bench, &["--login", "--pin", NEW_PIN, "--list-objects"]).output().success();
    // And the other way round: what another tool changes, pivkit knows.
    yubico(&bench, &["--action", "change-pin", "--pin", NEW_PIN, "--new-pin", PIN]).success();
    card(&bench, &["verify-pin", "--pin-file:123456"]).success();
}

#[test]
fn bad_new_pins_are_refused_before_anything_is_sent() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7"]);
    for new in ["12345", "123456789", "24681\u{fc}", "", "123456"] {
        let refused = card(&bench, &["change-pin", "--pin-file:000000", &format!("--new-pin-file:{new}"), "--yes"]);
        // 123456 is a PIN; the old one is wrong then.
        refused.assert_exit(if new == "123456" { 4 } else { 2 });
        assert_eq!(tries(&bench).0, if new == "123456" { 2 } else { 3 }, "{new:?}: {refused}");
    }
    let same = card(&bench, &["change-pin", "--pin-file:123456", "--new-pin-file:123456", "--yes"]).exits_with(2);
    assert!(same.stderr.contains("the new PIN is the old one"), "{same}");
    for new in ["1234567", "123456789"] {
        let puk = format!("--new-puk-file:{new}");
        let refused = card(&bench, &["change-puk", "--puk-file:00000000", &puk, "--yes"]);
        // Seven characters are enough for a YubiKey, whose PUK this is not.
        refused.assert_exit(if new.len() == 7 { 4 } else { 2 });
    }
    assert_eq!(tries(&bench), (2, 2));
}

#[test]
fn a_blocked_pin_is_unblocked_by_the_puk_and_only_by_the_right_one() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7"]);
    for _ in 0..3 {
        card(&bench, &["verify-pin", "--pin-file:000000", "--use-last-try"]).exits_with(4);
    }
    let blocked = card(&bench, &["verify-pin", "--pin-file:123456", "--use-last-try"]).exits_with(4);
    assert!(blocked.stderr.contains("the PIN is blocked"), "{blocked}");
    let wrong = card(&bench, &["unblock", "--puk-file:00000000", "--new-pin-file:246810", "--yes"]).exits_with(4);
    assert!(wrong.stderr.contains("the PUK is wrong") && wrong.stderr.contains("2 tries are left"), "{wrong}");
    assert_eq!(tries(&bench), (0, 2));
    card(&bench, &["unblock", "--puk-file:12345678", "--new-pin-file:246810", "--yes"]).success();
    assert_eq!(tries(&bench), (3, 3));
    card(&bench, &["verify-pin", "--pin-file:246810"]).success();
}

#[test]
fn the_puk_is_changed_and_its_last_try_kept() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(()) = not_run::unless_installed("yubico-piv-tool") else { return };
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.4"]);
    card(&bench, &["change-puk", "--puk-file:12345678", "--new-puk-file:87654321", "--yes"]).success();
    for left in [2, 1] {
        card(&bench, &["change-puk", "--puk-file:12345678", "--new-puk-file:11223344", "--yes"]).exits_with(4);
        assert_eq!(tries(&bench), (3, left));
    }
    let kept = card(&bench, &["unblock", "--puk-file:12345678", "--new-pin-file:246810", "--yes"]).exits_with(4);
    assert!(kept.stderr.contains("only one PUK try is left"), "{kept}");
    assert_eq!(tries(&bench), (3, 1), "no PUK was sent");
    yubico(&bench, &["--action", "unblock-pin", "--pin", NEW_PUK, "--new-pin", NEW_PIN]).success();
    assert_eq!(tries(&bench), (3, 3));
    let changed = yubico(&bench, &["--action", "change-puk", "--pin", NEW_PUK, "--new-pin", PUK]);
    changed.success();
}

#[test]
fn a_dry_run_reads_the_counters_and_changes_nothing() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7"]);
    for command in ["change-pin", "change-puk", "unblock"] {
        let run = card(&bench, &[command, "--dry-run", "--json"]).success();
        let report = run.json();
        assert_eq!((&report["changed"], &report["pin_retries"]), (&false.into(), &3.into()), "{run}");
        assert!(report["plan"].as_array().is_some_and(|plan| !plan.is_empty()), "{run}");
    }
    assert_eq!(tries(&bench), (3, 3));
    card(&bench, &["verify-pin", "--pin-file:123456"]).success();
}

#[test]
fn a_card_that_does_not_tell_the_tries_of_its_puk_gets_none_unless_told_so() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "plain"]);
    let kept = card(&bench, &["unblock", "--puk-file:00000000", "--new-pin-file:246810", "--yes"]).exits_with(4);
    assert!(kept.stderr.contains("--use-last-try"), "{kept}");
    assert_eq!(tries(&bench), (3, 3), "no PUK was sent");
    let unblock = ["unblock", "--puk-file:12345678", "--new-pin-file:246810", "--yes", "--use-last-try"];
    card(&bench, &unblock).success();
    card(&bench, &["verify-pin", "--pin-file:246810"]).success();
}

#[test]
fn the_global_pin_is_the_one_that_is_verified_and_changed_where_people_use_it() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "federal", "--quirk", "pin-policy=6020"]);
    card(&bench, &["verify-pin", "--pin-file:654321"]).success().prints(&["the global PIN"]);
    card(&bench, &["change-pin", "--pin-file:654321", "--new-pin-file:246810", "--yes"]).success();
    card(&bench, &["verify-pin", "--pin-file:246810"]).success();
    assert_eq!(tries(&bench), (3, 3), "the card's own PIN has nothing to do with it");
    let unblock = ["unblock", "--puk-file:12345678", "--new-pin-file:246810", "--yes", "--use-last-try"];
    let refused = card(&bench, &unblock).exits_with(5);
    assert!(refused.stderr.contains("unblocking the global PIN"), "{refused}");
    assert_eq!(tries(&bench), (3, 3));
}

#[test]
fn a_trace_of_all_of_it_holds_no_pin_and_no_puk() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7"]);
    let files = [("pin", PIN), ("new-pin", NEW_PIN), ("puk", PUK), ("new-puk", NEW_PUK)];
    let [pin, new_pin, puk, new_puk] = files.map(|(name, text)| bench.file(name, text).display().to_string());
    let tries = ["--pin-tries", "5", "--puk-tries", "5"];
    for line in [
        vec!["change-puk", "--puk-file", &puk, "--new-puk-file", &new_puk, "--yes"],
        vec!["unblock", "--puk-file", &new_puk, "--new-pin-file", &new_pin, "--yes"],
        vec!["change-pin", "--pin-file", &new_pin, "--new-pin-file", &pin, "--yes"],
        vec!["verify-pin", "--pin-file", &pin],
        [&["set-retries"], &tries[..], &["--pin-file", &pin, "--new-puk-file", &new_puk, "--yes"]].concat(),
    ] {
        let line: Vec<&str> = [&["card"], &line[..]].concat();
        let run = bench.pivkit_with(&line, &[("RUST_LOG", "trace")]).output().success();
        assert!(run.stderr.contains("secret bytes"), "the trace is on: {run}");
        for (name, text) in files {
            for written in [text.to_owned(), hex::encode(text)] {
                let found = run.stderr.contains(&written) || run.stdout.contains(&written);
                assert!(!found, "{name} as {written}: {run}");
            }
        }
    }
}
