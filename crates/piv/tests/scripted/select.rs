//! SELECT as cards want it and answer it.

use piv::Error;
use smartcard::StatusWord;

use crate::script::{SELECT, card};

const WHOLE: &str = "00a404000ba000000308000010000100 00";
const RID: &str = "00a4040005a000000308 00";

#[test]
fn a_card_that_wants_the_whole_identifier_gets_it_and_is_asked_so_from_then_on() {
    let (mut card, rest) = card(&[(SELECT.0, "6a82"), (WHOLE, "9000"), (WHOLE, "9000")]);
    assert_eq!(card.session().unwrap().application().aid, None);
    assert!(card.session().is_ok());
    rest.is_empty();
}

#[test]
fn a_card_that_wants_the_five_bytes_of_the_rid_gets_them() {
    let (mut card, rest) = card(&[(SELECT.0, "6a82"), (WHOLE, "6a82"), (RID, "9000"), (RID, "9000")]);
    assert!(card.session().is_ok());
    assert!(card.session().is_ok());
    rest.is_empty();
}

#[test]
fn a_card_that_refuses_every_name_is_no_piv_card() {
    let (mut card, rest) = card(&[(SELECT.0, "6a82"), (WHOLE, "6a82"), (RID, "6a82")]);
    assert!(matches!(card.session().err(), Some(Error::NotPiv { sw: StatusWord::NOT_FOUND })));
    rest.is_empty();
}

#[test]
fn a_refusal_that_is_not_about_the_name_is_not_asked_again() {
    let (mut card, rest) = card(&[(SELECT.0, "6985")]);
    assert!(matches!(card.session().err(), Some(Error::Status { command: "SELECT", .. })));
    rest.is_empty();
}

/// The shortest and the longest answer seen (19 and 124 bytes), tags in several orders, the answer drained from a chain, and
/// data of another application.
#[test]
fn whatever_is_answered_the_card_is_selected() {
    let label = "50".to_owned() + "20" + &"41".repeat(32);
    let url = "5f5038".to_owned() + &"61".repeat(56);
    let long = format!("617a 4f0ba000000308000010000100 7907 4f05a000000308 {label} {url} ac05 800107 0600 9000");
    let length = long.replace(' ', "").len() / 2 - 2;
    assert_eq!(length, 124, "the script");
    for (answer, aid) in [
        ("61114f06000010000100 7907 4f05a000000308 9000", Some("a000000308000010000100")),
        ("6111 7907 4f05a000000308 4f06000010000100 9000", Some("a000000308000010000100")),
        (long.as_str(), Some("a000000308000010000100")),
        ("4f0ba000000308000010000100 9000", Some("a000000308000010000100")),
        ("6f0a8408a000000003000000 9000", None),
        ("9000", None),
    ] {
        let (mut card, _) = card(&[(SELECT.0, answer)]);
        let session = card.session().unwrap();
        assert_eq!(session.application().aid.as_ref().map(hex::encode).as_deref(), aid, "{answer}");
    }
}

#[test]
fn an_answer_in_two_pieces_is_drained() {
    let (mut card, rest) = card(&[
        (SELECT.0, "61114f06000010 6108"),
        ("00c0000008", "0001 00 7907 4f05a0 00 6104"),
        ("00c0000004", "00 03 08 9000"),
    ]);
    // Two bytes less than promised: the answer is of no use, and the card is selected.
    assert!(card.session().is_ok());
    rest.is_empty();
}
