//! Many readers with a card in each: all are read, side by side, and told in the order of their readers.

use crate::bench::Bench;
use crate::bench::reference_card::{Keys, ReferenceCard};

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
