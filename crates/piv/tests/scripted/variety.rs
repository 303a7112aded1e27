//! How real cards differ, row by row, where it shows in a few commands. Certificates, the SELECT answer and the tries have
//! tests of their own; extended length, chaining and 61xx are `smartcard`'s.

use piv::{AlgorithmId, Error, Hash, LastTry, Metadata, ObjectId, Pin, PinStatus, Slot};

use crate::script::{SELECT, card};

const CERTIFICATE_9A: &str = "00cb3fff 000005 5c035fc105 0000";
const KEY_HISTORY: &str = "00cb3fff 000005 5c035fc10c 0000";
const DISCOVERY: &str = "00cb3fff 000003 5c017e 0000";

#[test]
fn an_empty_slot_is_empty_however_the_card_says_it() {
    for answer in ["6a82", "6a88", "9000", "5300 9000", "5304 7000fe00 9000", "5307 7000 710100 fe00 9000"] {
        let (mut card, _) = card(&[SELECT, (CERTIFICATE_9A, answer)]);
        let certificate = card.session().unwrap().certificate(Slot::Authentication);
        assert!(matches!(certificate, Ok(None)), "{answer}: {certificate:?}");
    }
    for (answer, expected) in [("6a88", Metadata::Absent), ("9000", Metadata::Unknown), ("6d00", Metadata::Unknown)] {
        let (mut card, _) = card(&[SELECT, ("00f7009a00", answer)]);
        assert_eq!(card.session().unwrap().key_metadata(Slot::Authentication).unwrap(), expected, "{answer}");
    }
}

#[test]
fn the_key_history_may_be_absent_empty_or_unreadable() {
    for (answer, readable) in [("6a82", true), ("9000", true), ("5300 9000", true), ("5302 c105 9000", false)] {
        let (mut card, _) = card(&[SELECT, (KEY_HISTORY, answer)]);
        let history = card.session().unwrap().key_history();
        assert_eq!(history.is_ok(), readable, "{answer}");
    }
}

#[test]
fn every_pin_policy_names_the_pin_that_people_use() {
    for (policy, reference) in [("4000", 0x80), ("4010", 0x80), ("6010", 0x80), ("6020", 0x00), ("4800", 0x80)] {
        let discovery = format!("7e12 4f0ba000000308000010000100 5f2f02{policy} 9000");
        let tries = format!("002000{reference:02x}");
        let verify = format!("{tries}08 313233343536ffff");
        let (mut card, rest) = card(&[SELECT, (DISCOVERY, &discovery), (&tries, "63c3"), (&verify, "9000")]);
        let pin = Pin::new("123456").unwrap();
        assert!(card.session().unwrap().verify_pin(&pin, LastTry::Keep).is_ok(), "{policy}");
        rest.is_empty();
    }
}

#[test]
fn tries_are_read_in_the_old_form_and_up_to_fifteen() {
    for (answer, expected) in [
        ("63c3", PinStatus::TriesLeft(3)),
        ("63c5", PinStatus::TriesLeft(5)),
        ("63cf", PinStatus::TriesLeft(15)),
        ("6303", PinStatus::TriesLeft(3)),
        ("9000", PinStatus::Verified),
        ("63c0", PinStatus::Blocked),
        ("6983", PinStatus::Blocked),
    ] {
        let (mut card, _) = card(&[SELECT, ("00200080", answer)]);
        assert_eq!(card.session().unwrap().pin_status().unwrap(), expected, "{answer}");
    }
}

#[test]
fn a_hash_longer_than_the_curve_is_cut_before_it_is_sent() {
    // SHA-512 of "abc" (FIPS 180-2, C.1), the first 32 bytes.
    let cut = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a";
    let sign = format!("0087119e26 7c24 8200 8120 {cut} 00");
    let (mut card, rest) = card(&[SELECT, (&sign, "7c04 8202 3000 9000")]);
    let mut session = card.session().unwrap();
    let signature = session.sign_without_pin(Slot::CardAuthentication, AlgorithmId::EccP256, Hash::Sha512, b"abc");
    assert_eq!(signature.unwrap(), [0x30, 0x00]);
    rest.is_empty();
}

#[test]
fn a_missing_key_is_named_whatever_the_status_word() {
    for answer in ["6a80", "6a86", "6a88", "6a82", "6985"] {
        let sign = "0087119e26 7c24 8200 8120 ".to_owned() + &"??".repeat(32) + " 00";
        let (mut card, _) = card(&[SELECT, (&sign, answer)]);
        let mut session = card.session().unwrap();
        let signed = session.sign_without_pin(Slot::CardAuthentication, AlgorithmId::EccP256, Hash::Sha256, b"abc");
        assert!(matches!(signed, Err(Error::NoKey { .. })), "{answer}");
    }
}

#[test]
fn a_printed_information_that_holds_no_key_is_no_error() {
    let (mut card, _) = card(&[
        SELECT,
        (DISCOVERY, "6a82"),
        ("00200080", "63c3"),
        ("0020008008 313233343536ffff", "9000"),
        ("00cb3fff 000005 5c035fc109 0000", "5306 01044a616e65 9000"),
    ]);
    let pin = Pin::new("123456").unwrap();
    let mut session = card.session().unwrap().verify_pin(&pin, LastTry::Keep).unwrap();
    assert!(session.protected_management_key().unwrap().is_none());
    assert_eq!(ObjectId::Printed.tag().0, 0x5f_c109);
}

/// What a card refuses in one form may use up a PIN that was verified for one use.
#[test]
fn a_key_that_is_said_to_want_its_pin_each_time_gets_a_long_command_once() {
    const METADATA: &str = "00f7009a00";
    let any = |bytes: usize| "??".repeat(bytes);
    let long = format!("0087079a 00010a 7c820106 8200 81820100 {} 0000", any(256));
    let [first, second] =
        [format!("1087079a ff 7c820106 8200 81820100 {}", any(245)), format!("0087079a 0b {} 00", any(11))];
    let short = [(first.as_str(), "9000"), (second.as_str(), "7c04 8202 3000 9000")];
    // PIN policies: 1 never, 3 always. The card does not take a long command in the extended form, as others do.
    for (policy, lines) in [("01", &[&[(long.as_str(), "6700")], &short[..]].concat()[..]), ("03", &short[..])] {
        let metadata = format!("010107 0202{policy}01 030101 9000");
        let known = [SELECT, (DISCOVERY, "6a82"), (METADATA, metadata.as_str())];
        let (mut card, rest) = card(&[&known[..], lines].concat());
        let mut session = card.session().unwrap();
        assert_eq!(session.discovery().unwrap(), None);
        session.key_metadata(Slot::Authentication).unwrap();
        let signed = session.sign_without_pin(Slot::Authentication, AlgorithmId::Rsa2048, Hash::Sha256, b"abc");
        assert_eq!(signed.unwrap(), [0x30, 0x00], "policy {policy}");
        rest.is_empty();
    }
}
