//! A key that waits for a touch: the person is told while it waits, and when nobody touches it, nothing is lost.

use crate::bench::Bench;
use crate::bench::card::{Card, pin_tries};
use crate::provision::provision;

#[test]
fn the_person_is_told_while_the_card_waits_over_vpcd() {
    assert_told(&Bench::vpcd());
}

#[test]
fn the_person_is_told_while_the_card_waits_through_pcscd() {
    let Some(bench) = Bench::pcscd() else { return };
    assert_told(&bench);
}

fn assert_told(bench: &Bench) {
    let card = Card::insert(bench, &["--profile", "yubikey-5.7"]);
    let policies = ["--pin-policy", "always", "--touch-policy", "always"];
    provision(bench, "RSA2048", &policies).success();
    take_out(bench, card);
    let message = bench.file("message", "what is signed");
    let pin = bench.path("new-pin.txt");
    let sign = ["card", "sign", "--slot", "9a", message.to_str().unwrap(), "--pin-file", pin.to_str().unwrap()];

    let card = Card::insert(bench, &["--touch", "2"]);
    let signed = bench.pivkit(&sign).output().success();
    assert!(signed.stderr.starts_with("touch your key"), "{signed}");
    take_out(bench, card);

    let card = Card::insert(bench, &["--touch", "never=2"]);
    let refused = bench.pivkit(&sign).output().exits_with(5);
    assert!(refused.stderr.contains("touch your key") && refused.stderr.contains("when it blinks"), "{refused}");
    assert_eq!(pin_tries(bench, "card"), 3);
    take_out(bench, card);

    let _card = Card::insert(bench, &[]);
    let signed = bench.pivkit(&sign).output().success();
    assert!(!signed.stderr.contains("touch"), "nobody is told of a touch that came at once: {signed}");
}

/// Takes the card out.
fn take_out(bench: &Bench, card: Card) {
    drop(card);
    if bench.has_pcscd() {
        bench.wait_for_empty_reader();
    }
}
