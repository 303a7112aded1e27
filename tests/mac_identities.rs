//! `identities --from-system-profiler`: what a Mac sees, without PC/SC.

use crate::bench::Bench;
use crate::bench::card::Card;
use crate::bench::mac::{Mac, guid, hash_of};
use crate::bench::oracle::{self, P256};

#[test]
fn identities_are_read_live_and_from_a_saved_report() {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let guid = guid(&bench);
    let over_vpcd = bench.pivkit(&["identities", "--json"]).output().success().json();
    drop(card);
    let mac = Mac::new(&bench, "mac");
    mac.insert("card", &guid, &[]);

    let live = mac.bare_pivkit(&["identities", "--from-system-profiler", "--json"]).output().success();
    let report = live.json();
    assert_eq!(report["cards"].as_array().unwrap().len(), 1, "{live}");
    let found = &report["cards"][0];
    assert_eq!(found["token_id"], format!("com.apple.pivtoken:{guid}"), "{live}");
    let hashes: Vec<_> =
        found["identities"].as_array().unwrap().iter().map(|one| one["pairing_hash"].clone()).collect();
    assert_eq!(hashes, [hash_of(&bench, "card", "9a"), hash_of(&bench, "card", "9d")], "{live}");
    // The certificate of the card itself.
    let certificate =
        |report: &serde_json::Value, at: usize| report["cards"][0]["identities"][at]["certificate"].clone();
    assert_eq!(certificate(&report, 0), certificate(&over_vpcd, 0), "{live}");

    let saved = mac.tool("system_profiler", &["SPSmartCardsDataType", "-json"]).output().success();
    let file = bench.file("report.json", saved.stdout);
    let run = ["identities", "--from-system-profiler", file.to_str().unwrap(), "--json"];
    let from_file = bench.command(crate::bench::binary("pivkit"), &run).output().success();
    assert_eq!(from_file.json()["cards"], report["cards"], "{from_file}");
}

#[test]
fn several_cards_and_the_macs_own_tokens() {
    let bench = Bench::vpcd();
    let mac = Mac::new(&bench, "mac");
    let none = mac.bare_pivkit(&["identities", "--from-system-profiler", "--json"]).output().never_panicked();
    assert!([Some(3), Some(5)].contains(&none.code), "{none}");
    let authority = oracle::authority(&bench, "ca");
    let mut expected = Vec::new();
    for (name, digit) in [("one", "1A"), ("two", "2B"), ("three", "3C")] {
        let file = oracle::issue(&bench, name, "alice@example.test", &P256, &authority).0;
        expected.push(oracle::pairing_hash(&bench, &oracle::der_of(&bench, &file)));
        let certificate = format!("9a={}", file.display());
        mac.set(&["insert", "--guid", &digit.repeat(16), "--reader", name, "--certificate", &certificate]);
    }
    let output = mac.bare_pivkit(&["identities", "--from-system-profiler", "--json"]).output().success();
    let report = output.json();
    let cards = report["cards"].as_array().unwrap();
    let hashes: Vec<_> = cards.iter().map(|card| card["identities"][0]["pairing_hash"].as_str().unwrap()).collect();
    assert_eq!(hashes, expected, "{output}");
    assert!(!output.stdout.contains("setoken"), "{output}");
    let text = mac.bare_pivkit(&["identities", "--from-system-profiler"]).output().success();
    assert!(expected.iter().all(|hash| text.stdout.contains(hash)), "{text}");
}

#[test]
fn a_report_that_is_none_is_refused() {
    let bench = Bench::vpcd();
    for (number, content) in ["", "{}", "[1]", "{\"SPSmartCardsDataType\": 7}", "\u{0}\u{1}"].into_iter().enumerate() {
        let file = bench.file(&format!("report{number}"), content);
        let run = ["identities", "--from-system-profiler", file.to_str().unwrap()];
        let refused = bench.command(crate::bench::binary("pivkit"), &run).output().never_panicked();
        assert_ne!(refused.code, Some(0), "{content:?}: {refused}");
    }
    let missing = ["identities", "--from-system-profiler", "/nowhere/report.json"];
    let refused = bench.command(crate::bench::binary("pivkit"), &missing).output().never_panicked();
    assert!(refused.stderr.contains("/nowhere/report.json"), "{refused}");
}
