use smartcard::StatusWord;

use super::*;
use crate::{CardOptions, Content, ExtendedLength};

const SELECT: &str = "00a4040005a000000308";
const TRIES: &str = "00200080";
const VERIFY_WRONG: &str = "0020008008303030303030ffff";

fn card() -> VirtualCard {
    VirtualCard::new(Content::blank().unwrap(), CardOptions::default())
}

fn answers(plan: &str, card: &mut VirtualCard, commands: &[&str]) -> Vec<Outcome> {
    let mut plan: FaultPlan = plan.parse().unwrap();
    commands.iter().map(|command| plan.transmit(card, &hex::decode(command).unwrap())).collect()
}

fn answer(hex: &str) -> Outcome {
    Outcome::Answer(hex::decode(hex).unwrap())
}

#[test]
fn what_is_not_executed_costs_no_try() {
    for fault in ["remove", "reset", "sw=9000", "sw=63C0", "endless-chain", "gzip-bomb"] {
        let mut card = card();
        answers(&format!("at 2 {fault}"), &mut card, &[SELECT, VERIFY_WRONG]);
        assert_eq!(card.tries_left(), 3, "{fault}");
    }
}

#[test]
fn what_is_executed_costs_one_although_the_answer_is_lost() {
    for fault in ["truncate", "truncate=1", "garbage", "hang=20"] {
        let mut card = card();
        let outcomes = answers(&format!("at 2 {fault}"), &mut card, &[SELECT, VERIFY_WRONG, TRIES]);
        assert_eq!(card.tries_left(), 2, "{fault}");
        assert_ne!(outcomes[1], answer("63c2"), "{fault}");
        assert_eq!(outcomes[2], answer("63c2"), "{fault}: only once");
    }
}

#[test]
fn a_card_that_leaves_or_is_reset_after_a_command_has_executed_it() {
    for (fault, outcome) in [("remove-after", Outcome::Removed), ("reset-after", Outcome::Reset)] {
        let mut card = card();
        let outcomes = answers(&format!("at 2 {fault}"), &mut card, &[SELECT, VERIFY_WRONG]);
        assert_eq!((&outcomes[1], card.tries_left()), (&outcome, 2), "{fault}");
    }
}

#[test]
fn remove_and_reset_take_selection_and_pin() {
    for (fault, outcome) in [
        ("remove", Outcome::Removed),
        ("reset", Outcome::Reset),
        ("remove-after", Outcome::Removed),
        ("reset-after", Outcome::Reset),
    ] {
        let outcomes = answers(&format!("at 2 {fault}"), &mut card(), &[SELECT, TRIES, TRIES]);
        assert_eq!(outcomes[1..], [outcome, answer("6986")], "{fault}");
    }
}

#[test]
fn an_answer_is_cut_changed_or_late() {
    let discovery = "00cb3fff035c017e00";
    let whole = "7e124f0ba0000003080000100001005f2f0240009000";
    let cases = [
        ("truncate", answer("7e")),
        ("truncate=20", answer(&whole[..40])),
        ("truncate=100", answer(whole)),
        ("garbage", answer("ffffffffffffffffffffffffffffffff9000")),
        ("hang=20", Outcome::Late(Duration::from_secs(20), hex::decode(whole).unwrap())),
        ("sw=6F00", answer("6f00")),
    ];
    for (fault, expected) in cases {
        let outcomes = answers(&format!("at 1 of CB {fault}"), &mut card(), &[SELECT, discovery, discovery]);
        assert_eq!(outcomes[1..], [expected, answer(whole)], "{fault}");
    }
}

#[test]
fn garbage_is_no_ber_tlv() {
    let (data, status) = GARBAGE.split_at(GARBAGE.len() - 2);
    assert!(tlv::Reader::new(data).next().unwrap().is_err());
    assert_eq!(status, StatusWord::OK.0.to_be_bytes());
}

#[test]
fn an_endless_chain_promises_more_for_ever_until_something_else_is_asked() {
    let get_response = "00c0000001";
    let mut commands = vec![SELECT];
    commands.resize(3000, get_response);
    commands.push(TRIES);
    let mut plan = answers("at 1 endless-chain", &mut card(), &commands);
    assert_eq!(plan.pop(), Some(answer("6986")), "the card saw nothing of it");
    assert!(plan.iter().all(|outcome| *outcome == answer("006101")));
}

/// In one answer and in pieces: 53 { 70 gzip, 71 01, FE }.
#[test]
fn a_gzip_bomb_is_a_certificate_object_that_unpacks_to_50_mb() {
    for (extended_length, command) in [
        (ExtendedLength::Honoured, "00cb3fff0000055c035fc1050000"),
        (ExtendedLength::Refused, "00cb3fff055c035fc10500"),
    ] {
        let mut card =
            VirtualCard::new(Content::blank().unwrap(), CardOptions { extended_length, ..CardOptions::default() });
        let mut plan: FaultPlan = "at 2 gzip-bomb".parse().unwrap();
        plan.transmit(&mut card, &hex::decode(SELECT).unwrap());
        let mut object = Vec::new();
        let mut next = hex::decode(command).unwrap();
        loop {
            let Outcome::Answer(part) = plan.transmit(&mut card, &next) else { panic!("no answer") };
            let (data, status) = part.split_at(part.len() - 2);
            object.extend_from_slice(data);
            match status {
                [0x90, 0] => break,
                [0x61, more] => next = vec![0, 0xc0, 0, 0, *more],
                _ => panic!("{status:?}"),
            }
        }
        assert!(object.len() < 65_536, "{}", object.len());
        let content = tlv::single(&object, Tag(0x53)).unwrap();
        assert_eq!(tlv::find(content, Tag(0x71)).unwrap(), Some(&[1][..]));
        let gzip = tlv::find(content, Tag(0x70)).unwrap().unwrap();
        let unpacked = std::io::copy(&mut flate2::read::GzDecoder::new(gzip), &mut std::io::sink()).unwrap();
        assert_eq!(unpacked, 50_000_000);
    }
}
