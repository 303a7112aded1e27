//! Tests of the selection.

use super::*;
use crate::testing::identity;

fn hash(identity: &Identity) -> Criteria {
    Criteria { slot: None, hash: Some(identity.pairing_hash()) }
}

fn slot(slot: &str) -> Criteria {
    Criteria { slot: Some(slot.to_owned()), hash: None }
}

#[test]
fn nothing_asked_for_means_9a() {
    let card = ["9e", "9d", "9c", "9a"].map(|slot| identity(slot, slot));
    assert_eq!(select(&card, &Criteria::default()).unwrap().slot, "9a");
    // Without 9a the only other one that authenticates.
    assert_eq!(select(&card[..3], &Criteria::default()).unwrap().slot, "9c");
}

#[test]
fn slot_and_hash_choose() {
    let card = ["9a", "9c"].map(|slot| identity(slot, slot));
    assert_eq!(select(&card, &slot("9C")).unwrap().slot, "9c");
    assert_eq!(select(&card, &hash(&card[1])).unwrap().slot, "9c");
    let both = Criteria { slot: Some("9a".to_owned()), hash: hash(&card[1]).hash };
    assert!(matches!(select(&card, &both), Err(SelectError::None { choices }) if choices.len() == 2));
}

#[test]
fn two_cards_are_ambiguous() {
    let cards = [identity("9a", "Alice"), identity("9a", "Bob"), identity("9d", "Carol")];
    let error = select(&cards, &Criteria::default()).unwrap_err();
    assert!(matches!(&error, SelectError::Several { choices } if choices.len() == 2), "{error:?}");
    let text = error.to_string();
    for one in &cards[..2] {
        assert!(text.contains(&format!("\n  9a {} CN=", one.pairing_hash())), "{text}");
    }
    assert_eq!(select(&cards, &hash(&cards[1])).unwrap(), &cards[1]);
}

#[test]
fn no_choice_is_an_error_that_lists_what_there_is() {
    let none = select(&[], &Criteria::default()).unwrap_err();
    assert_eq!(none.to_string(), "no identity fits; there is none on the card");
    let card = [identity("9d", "Alice"), identity("9e", "Alice")];
    let none = select(&card, &Criteria::default()).unwrap_err();
    assert!(matches!(&none, SelectError::None { choices } if choices.len() == 2));
    assert!(none.to_string().ends_with("CN=Alice (not for authentication)"), "{none}");
}

#[test]
fn asking_for_a_key_that_does_not_authenticate_is_refused() {
    let card = [identity("9a", "Alice"), identity("9e", "Alice")];
    for criteria in [slot("9e"), hash(&card[1])] {
        let error = select(&card, &criteria).unwrap_err();
        assert!(matches!(&error, SelectError::NotForAuthentication { choices } if choices[0].slot == "9e"));
    }
}

#[test]
fn a_deceptive_subject_is_escaped_in_the_list() {
    let error = select(&[identity("9d", "\u{202e}ecilA\u{1b}[2J")], &Criteria::default()).unwrap_err();
    let text = error.to_string();
    assert!(!text.contains(['\u{202e}', '\u{1b}']), "{text:?}");
    assert!(text.contains("\\u{202e}ecilA"), "{text}");
}
