//! The card is pulled, reset, or answers nonsense at each command of `pivkit provision` in turn. Whatever it was in the middle
//! of: the same command, given again, brings the card to its end, and no try of PIN or PUK is lost.

use std::fs;

use crate::bench::card::{Card, pin_tries};
use crate::bench::{Bench, not_run};
use crate::provision::provision;

#[test]
fn pulled_over_vpcd() {
    cut_off_everywhere(&Bench::vpcd(), "remove", 1, &[3]);
}

#[test]
fn pulled_from_pcscd_and_the_crate_yubikey() {
    let Some(bench) = Bench::pcscd() else { return };
    // Each pull takes pcscd a while; a prime step, so that each kind of command gets its turn.
    cut_off_everywhere(&bench, "remove", 3, &[3]);
}

#[test]
fn reset_over_vpcd() {
    cut_off_everywhere(&Bench::vpcd(), "reset", 2, &[1, 3, 5]);
}

#[test]
fn nonsense_over_vpcd() {
    for fault in ["garbage", "truncate", "sw=6F00"] {
        cut_off_everywhere(&Bench::vpcd(), fault, 5, &[1, 3, 4, 5]);
    }
}

#[test]
fn nonsense_from_pcscd_and_the_crate_yubikey() {
    for fault in ["garbage", "truncate", "sw=6F00"] {
        let Some(bench) = Bench::pcscd() else { return };
        cut_off_everywhere(&bench, fault, 9, &[1, 3, 4, 5]);
    }
}

/// A fault at every `step`-th command, each with a card of its own, until one is that far behind the end that nothing happens.
/// What is not a success exits with one of `codes`. A fault that the program gets over is as good as none.
fn cut_off_everywhere(bench: &Bench, kind: &str, step: usize, codes: &[i32]) {
    let mut pulls = 0;
    for number in (1..400).step_by(step) {
        let fault = bench.file("fault", format!("at {number} {kind}\n"));
        let state = format!("card-{kind}-{number}");
        let _ = fs::remove_file(bench.path("puk.txt"));
        let card =
            Card::insert_with_state(bench, &state, &["--profile", "yubikey-5.4", "--fault", fault.to_str().unwrap()]);
        let cut_off = provision(bench, "P256", &[]);
        if cut_off.code == Some(0) && number > LEAST_COMMANDS {
            drop(card);
            empty(bench);
            assert!(pulls >= 1, "nothing was ever cut off");
            let name = not_run::test_name();
            not_run::to_terminal(&format!("{name}: {kind} stopped the program at {pulls} of {number} commands"));
            return;
        }
        let cut_off = cut_off.never_panicked();
        assert!(
            cut_off.code == Some(0) || cut_off.code.is_some_and(|code| codes.contains(&code)),
            "{kind} at command {number}: {cut_off}"
        );
        if kind == "remove" {
            assert_ne!(cut_off.code, Some(0), "{cut_off}");
            card.wait_for_end();
        }
        pulls += usize::from(cut_off.code != Some(0));
        drop(card);
        empty(bench);

        let card = Card::insert_with_state(bench, &state, &[]);
        let repeated = provision(bench, "P256", &[]).success();
        let report = repeated.json();
        let context = format!("{kind} at command {number}: {cut_off}\nrepeated: {repeated}");
        assert_eq!(report["management_key"], "protected", "{context}");
        assert_eq!(report["pin_is_factory"], false, "{context}");
        assert_eq!(report["puk_is_factory"], false, "{context}");
        assert!(report["guid"].is_string(), "{context}");
        for slot in report["slots"].as_array().unwrap() {
            assert!(slot["certificate"].is_string(), "{context}");
        }
        assert_eq!(pin_tries(bench, &state), 3, "{context}");
        // The key under the PIN is the card's: whoever knows the PIN can write to it.
        let pin = bench.path("new-pin.txt");
        let args = ["provision", "--slot", "9d", "--replace", "--subject", "Again", "--yes", "--json"];
        bench.pivkit(&[&args[..], &["--pin-file", pin.to_str().unwrap()]].concat()).output().success();
        drop(card);
        empty(bench);
    }
    panic!("provisioning never comes to an end");
}

/// Provisioning takes more commands than these: a success beyond them is the end, and before them a fault that was got over.
const LEAST_COMMANDS: usize = 50;

fn empty(bench: &Bench) {
    if bench.has_pcscd() {
        bench.wait_for_empty_reader();
    }
}
