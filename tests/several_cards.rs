//! Many readers with a card in each: all are read, side by side, and told in the order of their readers.

use crate::bench::card::pin_tries;
use crate::bench::reference_card::{Keys, ReferenceCard, pin_file};
use crate::bench::{Bench, binary, free_port};

#[test]
fn eight_cards_in_eight_slots() {
    let readers = [("Reader A", 35963), ("Reader B", 36963), ("Reader C", 37963), ("Reader D", 38963)];
    let Some(bench) = Bench::with_readers(&readers) else { return };
    let keys = Keys::make(&bench);
    let ports: Vec<u16> = readers.iter().flat_map(|(_, port)| [*port, port + 1]).collect();
    let cards: Vec<_> = ports
        .iter()
        .map(|port| {
            let card = ReferenceCard::insert(&bench, &format!("127.0.0.1:{port}"), &keys, &[]);
            bench.wait_for_card();
            card
        })
        .collect();
    let (commands, output) = cards[0].count(|| bench.pivkit(&["identities", "--json"]).output().success());
    assert_eq!(commands, 9, "{output}");
    let report = output.json();
    let found = report["cards"].as_array().unwrap();
    let names: Vec<&str> = found.iter().map(|card| card["reader"].as_str().unwrap()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!((names.len(), &names), (8, &sorted), "{output}");
    assert!(found.iter().all(|card| card["identities"].as_array().unwrap().len() == 5), "{output}");
    // With several cards one of them has to be named.
    let refused = bench.pivkit(&["hash", "--slot", "9a", "--non-interactive"]).output().exits_with(3);
    assert!(names.iter().all(|name| refused.stderr.contains(name)), "{refused}");
    bench.pivkit(&["hash", "--slot", "9a", "--reader", "Reader C 02"]).output().exits_with(3);
    bench.pivkit(&["hash", "--slot", "9a", "--reader", names[5]]).output().success();
}

#[test]
fn two_cards_at_two_addresses_without_pcscd() {
    let bench = Bench::vpcd();
    let addresses = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let transport = format!("vpcd:{},{}", addresses[0], addresses[1]);
    let vcard = binary("pivkit-vcard");
    let cards = addresses.each_ref().map(|address| {
        let state = bench.path(address);
        bench.service(vcard.to_str().unwrap(), &["run", "--vpcd", address, "--state", state.to_str().unwrap()])
    });
    let pivkit = |args: &[&str]| bench.command(binary("pivkit"), args).args(["--transport", &transport]).output();
    while pivkit(&["readers"]).success().stdout.matches(": card ").count() < 2 {}
    let guids = cards.each_ref().map(|card| {
        card.wait_for("its GUID", |line| {
            line.split_once("GUID ").map(|(_, rest)| rest.split(',').next().unwrap().to_owned())
        })
    });

    let (right, wrong) = (pin_file(&bench), bench.file("wrong", "654321"));
    let wrong = wrong.to_str().unwrap();
    pivkit(&["card", "verify-pin", "--pin-file", wrong, "--guid", &guids[1]]).exits_with(4);
    pivkit(&["card", "verify-pin", "--pin-file", &right, "--guid", &guids[0]]).success();
    assert_eq!(addresses.each_ref().map(|address| pin_tries(&bench, address)), [3, 2]);
    let refused = pivkit(&["card", "verify-pin", "--pin-file", wrong, "--non-interactive"]).exits_with(3);
    assert!(guids.iter().all(|guid| refused.stderr.contains(guid.as_str())), "{refused}");
    assert_eq!(addresses.each_ref().map(|address| pin_tries(&bench, address)), [3, 2]);
}
