//! PIN and PUK of real cards: tries before and after, and what a reset leaves.

use std::num::NonZeroU8;

use piv::{Error, LastTry, ManagementKey, Metadata, PinReference, PinStatus};
use virtual_card::Profile;

use crate::bench::{administration, factory, pin, puk};

#[test]
fn pin_and_puk_are_changed_and_only_the_new_ones_are_right() {
    for profile in [Profile::Plain, Profile::YubiKey4, Profile::YubiKey57] {
        let (mut card, probe) = factory(profile, "");
        let mut session = card.session().unwrap();
        session.change_pin(&pin("123456"), &pin("246810"), LastTry::Keep).unwrap();
        let old = session.change_pin(&pin("123456"), &pin("111222"), LastTry::Keep);
        assert!(matches!(old, Err(Error::WrongPin { retries_left: Some(2) })), "{profile}: {old:?}");
        // Only a YubiKey from 5.3 on says how many tries its PUK has.
        let told = session.puk_status().unwrap() == PinStatus::TriesLeft(3);
        assert_eq!(told, profile == Profile::YubiKey57, "{profile}");
        if !told {
            let kept = session.change_puk(&puk("12345678"), &puk("87654321"), LastTry::Keep);
            assert!(matches!(kept, Err(Error::PukTriesUnknown { .. })), "{profile}: {kept:?}");
        }
        session.change_puk(&puk("12345678"), &puk("87654321"), LastTry::Use).unwrap();
        let old = session.unblock_pin(&puk("12345678"), &pin("111222"), LastTry::Use);
        assert!(matches!(old, Err(Error::WrongPuk { retries_left: Some(2) })), "{profile}: {old:?}");
        session.unblock_pin(&puk("87654321"), &pin("135790"), LastTry::Use).unwrap();
        assert!(session.verify_pin(&pin("135790"), LastTry::Keep).is_ok(), "{profile}");
        let puk_tries = probe.with_card(|card| card.puk_tries_left());
        assert_eq!((probe.tries_left(), puk_tries), (3, 3), "{profile}");
    }
}

#[test]
fn a_command_between_pin_and_key_is_what_9c_does_not_forgive_and_no_missing_touch() {
    let (mut card, _) = factory(Profile::YubiKey57, "");
    let mut session = administration(&mut card);
    let (slot, algorithm) = (piv::Slot::Signature, piv::AlgorithmId::EccP256);
    session.generate_key(slot, algorithm, piv::PinPolicy::Default, piv::TouchPolicy::Default).unwrap();
    let refused = session.sign(slot, algorithm, piv::Hash::Sha256, b"message");
    assert!(matches!(refused, Err(Error::PinRequired { .. })), "{refused:?}");
    session.verify_pin_again(&pin("123456"), LastTry::Keep).unwrap();
    session.chuid().unwrap();
    let refused = session.sign(slot, algorithm, piv::Hash::Sha256, b"message");
    assert!(matches!(refused, Err(Error::PinRequired { .. })), "{refused:?}");
    session.verify_pin_again(&pin("123456"), LastTry::Keep).unwrap();
    assert!(session.sign(slot, algorithm, piv::Hash::Sha256, b"message").is_ok());
}

#[test]
fn a_blocked_pin_is_unblocked_by_the_puk() {
    let (mut card, probe) = factory(Profile::YubiKey57, "");
    let mut session = card.session().unwrap();
    for _ in 0..3 {
        drop(session.change_pin(&pin("000000"), &pin("111111"), LastTry::Use));
    }
    assert_eq!(session.pin_status().unwrap(), PinStatus::Blocked);
    let blocked = session.change_pin(&pin("123456"), &pin("246810"), LastTry::Use);
    assert!(matches!(blocked, Err(Error::PinBlocked)));
    session.unblock_pin(&puk("12345678"), &pin("246810"), LastTry::Keep).unwrap();
    assert_eq!(probe.tries_left(), 3);
}

#[test]
fn the_last_puk_try_is_kept() {
    let (mut card, probe) = factory(Profile::YubiKey57, "");
    let mut session = card.session().unwrap();
    for _ in 0..2 {
        drop(session.unblock_pin(&puk("00000000"), &pin("111111"), LastTry::Keep));
    }
    let kept = session.unblock_pin(&puk("00000000"), &pin("111111"), LastTry::Keep);
    assert!(matches!(kept, Err(Error::LastPukTry)), "{kept:?}");
    assert_eq!(probe.with_card(|card| card.puk_tries_left()), 1, "no PUK was sent");
    session.unblock_pin(&puk("12345678"), &pin("111222"), LastTry::Use).unwrap();
    assert_eq!(probe.with_card(|card| card.puk_tries_left()), 3);
}

#[test]
fn tries_are_set_and_pin_and_puk_are_the_factorys_again() {
    let (mut card, _) = factory(Profile::YubiKey57, "");
    card.session().unwrap().change_pin(&pin("123456"), &pin("246810"), LastTry::Keep).unwrap();
    let session = card.session().unwrap().authenticate_management(&ManagementKey::factory_default()).unwrap();
    let mut session = session.verify_pin(&pin("246810"), LastTry::Keep).unwrap();
    let (five, four) = (NonZeroU8::new(5).unwrap(), NonZeroU8::new(4).unwrap());
    session.set_pin_retries(five, four).unwrap();
    let Metadata::Present(told) = session.pin_metadata().unwrap() else { panic!("no metadata") };
    assert_eq!((told.tries, told.tries_left, told.is_default), (5, 5, true));
    assert_eq!(session.puk_status().unwrap(), PinStatus::TriesLeft(4));
    drop(session);
    assert!(card.session().unwrap().verify_pin(&pin("123456"), LastTry::Keep).is_ok());
}

#[test]
fn a_reset_card_is_as_from_the_factory() {
    let (mut card, probe) = factory(Profile::YubiKey54, "");
    let mut session = administration(&mut card);
    session.put_certificate(piv::Slot::Authentication, &[0x30; 300]).unwrap();
    session.change_pin(&pin("123456"), &pin("246810"), LastTry::Keep).unwrap();
    drop(session);
    let mut session = card.session().unwrap();
    assert!(matches!(session.reset(), Err(Error::NotBlocked { .. })));
    assert_eq!(probe.tries_left(), 3, "asking costs nothing");
    session.block_pin_and_puk().unwrap();
    assert_eq!((probe.tries_left(), probe.with_card(|card| card.puk_tries_left())), (0, 0));
    session.reset().unwrap();
    assert_eq!(session.certificate(piv::Slot::Authentication).unwrap(), None);
    assert!(session.verify_pin(&pin("123456"), LastTry::Keep).is_ok());
}

#[test]
fn a_federal_card_takes_the_pin_that_its_policy_names() {
    // 6010: both PINs, the card's own is the one that people know; 6020: the global one.
    for (quirks, reference, text) in
        [("pin-policy=6010", PinReference::Application, "123456"), ("pin-policy=6020", PinReference::Global, "654321")]
    {
        let (mut card, _) = factory(Profile::Federal, quirks);
        let mut session = card.session().unwrap();
        assert_eq!(session.pin_reference().unwrap(), reference, "{quirks}");
        session.change_pin(&pin(text), &pin("246810"), LastTry::Keep).unwrap();
        assert!(session.verify_pin(&pin("246810"), LastTry::Keep).is_ok(), "{quirks}");
    }
}
