//! The card is pulled at each command of `pivkit provision` in turn. Whatever it was in the middle of: the same command, given
//! again, brings the card to its end, and no try of PIN or PUK is lost.

use std::fs;

use crate::bench::card::{Card, pin_tries};
use crate::bench::{Bench, not_run};
use crate::provision::provision;

#[test]
fn over_vpcd() {
    cut_off_everywhere(&Bench::vpcd(), 1);
}

#[test]
fn through_pcscd_and_the_crate_yubikey() {
    let Some(bench) = Bench::pcscd() else { return };
    // Each pull takes pcscd a while; a prime step, so that each kind of command gets its turn.
    cut_off_everywhere(&bench, 7);
}

fn cut_off_everywhere(bench: &Bench, step: usize) {
    for (pulls, number) in (1..400).step_by(step).enumerate() {
        let fault = bench.file("fault", format!("at {number} remove\n"));
        let state = format!("card-{number}");
        let _ = fs::remove_file(bench.path("puk.txt"));
        let card =
            Card::insert_with_state(bench, &state, &["--profile", "yubikey-5.4", "--fault", fault.to_str().unwrap()]);
        let cut_off = provision(bench, "P256", &[]);
        if cut_off.code == Some(0) {
            drop(card);
            empty(bench);
            assert!(pulls >= 60 / step, "only {pulls} commands were seen");
            not_run::to_terminal(&format!("{}: cut off at {pulls} commands", not_run::test_name()));
            return;
        }
        let cut_off = cut_off.exits_with(3);
        card.wait_for_end();
        empty(bench);

        let card = Card::insert_with_state(bench, &state, &[]);
        let repeated = provision(bench, "P256", &[]).success();
        let report = repeated.json();
        let context = format!("cut off at command {number}: {cut_off}\nrepeated: {repeated}");
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

fn empty(bench: &Bench) {
    if bench.has_pcscd() {
        bench.wait_for_empty_reader();
    }
}
