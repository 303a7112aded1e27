//! PIN and PUK: what is sent, how often, and what is kept.

use piv::{Error, LastTry, Pin, PinStatus, Puk};

use crate::script::{SELECT, card};

const NO_DISCOVERY: (&str, &str) = (DISCOVERY, "6a82");
/// In the extended form: the first GET DATA finds out whether the card takes it.
const DISCOVERY: &str = "00cb3fff 000003 5c017e 0000";
const GLOBAL_PREFERRED: &str = "7e12 4f0ba000000308000010000100 5f2f026020 9000";
const TRIES: &str = "00200080";
const PUK_METADATA: &str = "00f7008100";
const NO_METADATA: (&str, &str) = (PUK_METADATA, "6d00");
/// 123456 to 654321.
const CHANGE_PIN: &str = "0024008010 313233343536ffff 363534333231ffff";
/// 12345678 to 87654321.
const CHANGE_PUK: &str = "0024008110 3132333435363738 3837363534333231";
/// 12345678, and the new PIN 654321.
const UNBLOCK: &str = "002c008010 3132333435363738 363534333231ffff";

fn pin(text: &str) -> Pin {
    Pin::new(text).unwrap()
}

fn puk(text: &str) -> Puk {
    Puk::new(text).unwrap()
}

fn change_pin(lines: &[(&str, &str)], last_try: LastTry) -> Result<(), Error> {
    let (mut card, rest) = card(lines);
    let result = card.session().unwrap().change_pin(&pin("123456"), &pin("654321"), last_try);
    rest.is_empty();
    result
}

fn change_puk(lines: &[(&str, &str)], last_try: LastTry) -> Result<(), Error> {
    let (mut card, rest) = card(lines);
    let result = card.session().unwrap().change_puk(&puk("12345678"), &puk("87654321"), last_try);
    rest.is_empty();
    result
}

fn unblock(lines: &[(&str, &str)], last_try: LastTry) -> Result<(), Error> {
    let (mut card, rest) = card(lines);
    let result = card.session().unwrap().unblock_pin(&puk("12345678"), &pin("654321"), last_try);
    rest.is_empty();
    result
}

#[test]
fn the_pin_is_changed_after_its_counter_was_read() {
    change_pin(&[SELECT, NO_DISCOVERY, (TRIES, "63c3"), (CHANGE_PIN, "9000")], LastTry::Keep).unwrap();
}

#[test]
fn the_global_pin_is_changed_where_people_use_that_one() {
    let change = CHANGE_PIN.replace("00240080", "00240000");
    let lines = [SELECT, (DISCOVERY, GLOBAL_PREFERRED), ("00200000", "63c8"), (change.as_str(), "9000")];
    change_pin(&lines, LastTry::Keep).unwrap();
}

#[test]
fn a_wrong_old_pin_and_a_refused_new_one_are_told_apart() {
    let answered = |sw| change_pin(&[SELECT, NO_DISCOVERY, (TRIES, "63c3"), (CHANGE_PIN, sw)], LastTry::Keep);
    assert!(matches!(answered("63c2"), Err(Error::WrongPin { retries_left: Some(2) })));
    assert!(matches!(answered("6302"), Err(Error::WrongPin { retries_left: Some(2) })), "an old token");
    assert!(matches!(answered("6983"), Err(Error::PinBlocked)));
    assert!(matches!(answered("6a80"), Err(Error::NewSecretRefused { .. })));
    assert!(matches!(answered("6985"), Err(Error::NewSecretRefused { .. })));
    assert!(matches!(answered("6f00"), Err(Error::Status { command: "CHANGE REFERENCE DATA", .. })));
}

#[test]
fn the_last_pin_try_is_kept_unless_the_caller_gives_it() {
    let status = |sw, last_try| change_pin(&[SELECT, NO_DISCOVERY, (TRIES, sw)], last_try);
    assert!(matches!(status("63c1", LastTry::Keep), Err(Error::LastPinTry)));
    assert!(matches!(status("6301", LastTry::Keep), Err(Error::LastPinTry)));
    assert!(matches!(status("6a88", LastTry::Keep), Err(Error::PinTriesUnknown { .. })));
    assert!(matches!(status("6983", LastTry::Use), Err(Error::PinBlocked)));
    change_pin(&[SELECT, NO_DISCOVERY, (TRIES, "63c1"), (CHANGE_PIN, "9000")], LastTry::Use).unwrap();
}

#[test]
fn the_puk_is_changed_after_the_card_told_its_tries() {
    let told = (PUK_METADATA, "050100 06020503 9000");
    change_puk(&[SELECT, told, (CHANGE_PUK, "9000")], LastTry::Keep).unwrap();
    let wrong = change_puk(&[SELECT, told, (CHANGE_PUK, "63c2")], LastTry::Keep);
    assert!(matches!(wrong, Err(Error::WrongPuk { retries_left: Some(2) })));
    let blocked = change_puk(&[SELECT, told, (CHANGE_PUK, "6983")], LastTry::Keep);
    assert!(matches!(blocked, Err(Error::PukBlocked)));
}

#[test]
fn the_last_puk_try_is_kept_unless_the_caller_gives_it() {
    let last = (PUK_METADATA, "050100 06020301 9000");
    assert!(matches!(unblock(&[SELECT, NO_DISCOVERY, last], LastTry::Keep), Err(Error::LastPukTry)));
    let none = (PUK_METADATA, "050100 06020300 9000");
    assert!(matches!(unblock(&[SELECT, NO_DISCOVERY, none], LastTry::Use), Err(Error::PukBlocked)));
    unblock(&[SELECT, NO_DISCOVERY, last, (UNBLOCK, "9000")], LastTry::Use).unwrap();
}

#[test]
fn a_card_that_does_not_tell_the_tries_of_its_puk_is_asked_twice_without_cost() {
    let silent = [SELECT, NO_DISCOVERY, NO_METADATA, ("00200081", "6a88")];
    assert!(matches!(unblock(&silent, LastTry::Keep), Err(Error::PukTriesUnknown { .. })));
    let told = [SELECT, NO_DISCOVERY, NO_METADATA, ("00200081", "63c3"), (UNBLOCK, "9000")];
    unblock(&told, LastTry::Keep).unwrap();
    let insisted = [&silent[..], &[(UNBLOCK, "63c1")]].concat();
    assert!(matches!(unblock(&insisted, LastTry::Use), Err(Error::WrongPuk { retries_left: Some(1) })));
}

#[test]
fn a_card_that_is_content_with_no_puk_at_all_has_told_nothing() {
    let (mut card, _) = card(&[SELECT, NO_METADATA, ("00200081", "9000")]);
    assert!(matches!(card.session().unwrap().puk_status(), Ok(PinStatus::Unknown(_))));
}

#[test]
fn no_puk_is_sent_for_a_global_pin() {
    let lines = [SELECT, (DISCOVERY, GLOBAL_PREFERRED)];
    assert!(matches!(unblock(&lines, LastTry::Use), Err(Error::NotSupported { .. })));
}

#[test]
fn pin_and_puk_are_blocked_on_purpose_with_wrong_ones_until_the_card_says_so() {
    let wrong_pin = "0020008008 ????????????????";
    let wrong_puk = "002c008010 ????????????????????????????????";
    let lines = [
        SELECT,
        (wrong_pin, "63c1"),
        (wrong_pin, "63c0"),
        (wrong_puk, "63c1"),
        (wrong_puk, "6983"),
        ("00fb0000", "9000"),
    ];
    let (mut card, rest) = card(&lines);
    let mut session = card.session().unwrap();
    session.block_pin_and_puk().unwrap();
    session.reset().unwrap();
    rest.is_empty();
}

#[test]
fn a_card_that_counts_nothing_is_not_asked_for_ever() {
    let (mut card, rest) = card(&[SELECT, ("0020008008 ????????????????", "6a80")]);
    let blocked = card.session().unwrap().block_pin_and_puk();
    assert!(matches!(blocked, Err(Error::Status { command: "VERIFY", .. })));
    rest.is_empty();
}

#[test]
fn a_reset_that_the_card_refuses_says_why() {
    let reset = |sw| card(&[SELECT, ("00fb0000", sw)]).0.session().unwrap().reset();
    assert!(matches!(reset("6985"), Err(Error::NotBlocked { .. })));
    assert!(matches!(reset("6d00"), Err(Error::NotSupported { .. })));
    assert!(matches!(reset("6f00"), Err(Error::Status { command: "RESET", .. })));
}
