//! Another program keeps the card: pivkit says that it waits, goes on when the card is free, and gives up after a while.

use std::time::Duration;

use crate::bench::Bench;
use crate::bench::binary;
use crate::bench::card::Card;
use crate::bench::oracle::script;
use crate::bench::process::Service;

const WAITING: &str = "waiting for another program to release the card in Virtual PCD 00 00";

#[test]
fn a_transaction_of_another_program_is_waited_for() {
    is_waited_for("transaction");
}

#[test]
fn a_program_that_has_the_card_for_itself_is_waited_for() {
    is_waited_for("exclusive");
}

#[test]
fn a_transaction_that_does_not_end_is_given_up() {
    is_given_up("transaction");
}

#[test]
fn a_program_that_keeps_the_card_for_itself_is_given_up() {
    is_given_up("exclusive");
}

fn is_waited_for(how: &str) {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::alice(&bench);
    let other = hold(&bench, how);
    let pivkit = bench.service(binary("pivkit").to_str().unwrap(), &["identities"]);
    pivkit.wait_for("that it waits", |line| (line == WAITING).then_some(()));
    drop(other);
    pivkit.wait_for("what is on the card", |line| line.contains("alice@example.test").then_some(()));
    pivkit.wait_for_end();
}

fn is_given_up(how: &str) {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::alice(&bench);
    let _other = hold(&bench, how);
    let output = bench.pivkit(&["identities"]).limit(Duration::from_secs(40)).output().exits_with(3);
    assert_eq!(output.stdout, "", "{output}");
    assert!(output.stderr.contains(WAITING), "{output}");
    assert!(output.stderr.contains("another program is using the card"), "{output}");
}

fn hold(bench: &Bench, how: &str) -> Service {
    let other = bench.service("python3", &[script("hold_card.py").to_str().unwrap(), how]);
    other.wait_for("that it holds the card", |line| (line == "holding the card").then_some(()));
    other
}
