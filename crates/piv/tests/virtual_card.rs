//! The client against a software card in this process, with openssl as the judge of its signatures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output};

use piv::{AlgorithmId, Card, Error, Hash, LastTry, ObjectId, Pin, PinStatus, Slot};
use smartcard::{StatusWord, tlv};
use virtual_card::{CardOptions, Content, ExtendedLength, Fault, InProcess, PrivateKey, Probe, VirtualCard};

const EVERY_LENGTH: [ExtendedLength; 3] =
    [ExtendedLength::Honoured, ExtendedLength::LeIgnored, ExtendedLength::Refused];

fn insert(content: Content, extended_length: ExtendedLength) -> (Card, Probe) {
    let reader = InProcess::new(VirtualCard::new(content, CardOptions { extended_length, ..CardOptions::default() }));
    let probe = reader.probe();
    (Card::new(Box::new(reader)), probe)
}

fn virtual_slot(slot: Slot) -> virtual_card::Slot {
    virtual_card::Slot::from_key_reference(slot.key_reference()).unwrap()
}

fn openssl(directory: &Path, arguments: &[&str]) -> Output {
    let output = Command::new("openssl").args(arguments).current_dir(directory).output();
    output.expect("openssl is needed for this test; scripts/setup installs it")
}

/// A card with a key made by openssl in 9A; its public key is in `public.pem`.
fn card_with_key(directory: &Path, algorithm: &str, option: &str, extended: ExtendedLength) -> (Card, Probe) {
    let made = openssl(
        directory,
        &["genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-outform", "DER", "-out", "private.der"],
    );
    assert!(made.status.success(), "{made:?}");
    openssl(directory, &["pkey", "-inform", "DER", "-in", "private.der", "-pubout", "-out", "public.pem"]);
    let mut content = Content::blank().unwrap();
    let key = PrivateKey::from_der(&std::fs::read(directory.join("private.der")).unwrap()).unwrap();
    content.put_key(virtual_slot(Slot::Authentication), key);
    insert(content, extended)
}

fn pin(text: &str) -> Pin {
    Pin::new(text).unwrap()
}

fn sign(card: &mut Card, algorithm: AlgorithmId, hash: Hash) -> Result<Vec<u8>, Error> {
    let mut session = card.session()?.verify_pin(&pin("123456"), LastTry::Keep)?;
    session.sign(Slot::Authentication, algorithm, hash, b"a message")
}

#[test]
fn openssl_verifies_every_kind_of_signature() {
    let kinds = [
        ("RSA", "rsa_keygen_bits:2048", AlgorithmId::Rsa2048),
        ("RSA", "rsa_keygen_bits:3072", AlgorithmId::Rsa3072),
        ("RSA", "rsa_keygen_bits:4096", AlgorithmId::Rsa4096),
        ("EC", "ec_paramgen_curve:P-256", AlgorithmId::EccP256),
        ("EC", "ec_paramgen_curve:P-384", AlgorithmId::EccP384),
    ];
    for (algorithm, option, id) in kinds {
        for extended in EVERY_LENGTH {
            let directory = tempfile::tempdir().unwrap();
            let (mut card, _) = card_with_key(directory.path(), algorithm, option, extended);
            std::fs::write(directory.path().join("message"), "a message").unwrap();
            for (hash, name) in [(Hash::Sha256, "-sha256"), (Hash::Sha384, "-sha384"), (Hash::Sha512, "-sha512")] {
                let signature = sign(&mut card, id, hash).unwrap();
                std::fs::write(directory.path().join("signature"), signature).unwrap();
                let verify = ["dgst", name, "-verify", "public.pem", "-signature", "signature", "message"];
                let verified = openssl(directory.path(), &verify);
                assert!(verified.status.success(), "{id} {name} {extended:?}: {verified:?}");
            }
        }
    }
}

#[test]
fn objects_are_read_whole_whatever_the_card_does_with_their_length() {
    for extended in EVERY_LENGTH {
        let mut content = Content::blank().unwrap();
        let der: Vec<u8> = (0..3000_u16).flat_map(u16::to_be_bytes).collect();
        let object = [tlv::encode(tlv::Tag(0x70), &der), vec![0x71, 1, 0, 0xfe, 0]].concat();
        content.put_object(ObjectId::Certificate(Slot::Authentication).tag(), object).unwrap();
        let guid = content.guid().unwrap();
        let (mut card, _) = insert(content, extended);
        let mut session = card.session().unwrap();
        let read = session.chuid().unwrap().unwrap().guid.unwrap();
        assert_eq!(hex::encode_upper(read), guid.to_string().replace('-', "").to_uppercase());
        assert_eq!(session.certificate(Slot::Authentication).unwrap().unwrap().der, der);
        assert_eq!(session.certificate(Slot::Signature).unwrap(), None);
        assert!(session.discovery().unwrap().unwrap().pin_usage_policy.application_pin());
        assert_eq!(session.key_history().unwrap().unwrap().on_card, 0);
        assert_eq!(session.pin_status().unwrap(), PinStatus::TriesLeft(3));
    }
}

#[test]
fn one_object_is_one_command_on_a_card_with_extended_length() {
    let mut content = Content::blank().unwrap();
    let object = [tlv::encode(tlv::Tag(0x70), &[0x30; 1200]), vec![0x71, 1, 0, 0xfe, 0]].concat();
    for slot in Slot::STANDARD {
        content.put_object(ObjectId::Certificate(slot).tag(), object.clone()).unwrap();
    }
    let (mut card, probe) = insert(content, ExtendedLength::Honoured);
    let mut session = card.session().unwrap();
    for slot in Slot::STANDARD {
        session.certificate(slot).unwrap().unwrap();
    }
    assert_eq!(probe.commands(), 5);
}

#[test]
fn a_wrong_pin_says_how_many_tries_are_left_and_the_last_one_is_kept() {
    let (mut card, probe) = insert(Content::blank().unwrap(), ExtendedLength::Honoured);
    for left in [2, 1] {
        let result = card.session().unwrap().verify_pin(&pin("000000"), LastTry::Keep);
        assert!(matches!(result.err(), Some(Error::WrongPin { retries_left: Some(tries) }) if tries == left));
    }
    let kept = card.session().unwrap().verify_pin(&pin("000000"), LastTry::Keep);
    assert!(matches!(kept.err(), Some(Error::LastPinTry)));
    assert_eq!(probe.tries_left(), 1, "no PIN was sent");
    let used = card.session().unwrap().verify_pin(&pin("000000"), LastTry::Use);
    assert!(matches!(used.err(), Some(Error::PinBlocked)));
    let blocked = card.session().unwrap().verify_pin(&pin("123456"), LastTry::Use);
    assert!(matches!(blocked.err(), Some(Error::PinBlocked)));
}

#[test]
fn the_last_try_with_the_right_pin_opens_the_card_again() {
    let (mut card, probe) = insert(Content::blank().unwrap(), ExtendedLength::Honoured);
    for _ in 0..2 {
        drop(card.session().unwrap().verify_pin(&pin("000000"), LastTry::Keep));
    }
    assert!(card.session().unwrap().verify_pin(&pin("123456"), LastTry::Use).is_ok());
    assert_eq!(probe.tries_left(), 3);
}

#[test]
fn slot_9c_wants_the_pin_before_every_signature() {
    let mut content = Content::blank().unwrap();
    let key = PrivateKey::generate(virtual_card::Algorithm::P256).unwrap();
    content.put_key(virtual_slot(Slot::Signature), key);
    let (mut card, _) = insert(content, ExtendedLength::Honoured);
    let mut session = card.session().unwrap().verify_pin(&pin("123456"), LastTry::Keep).unwrap();
    let mut sign = || session.sign(Slot::Signature, AlgorithmId::EccP256, Hash::Sha256, b"a message");
    assert!(sign().is_ok());
    assert!(matches!(sign(), Err(Error::PinRequired { slot: Slot::Signature })));
}

#[test]
fn a_slot_without_such_a_key_is_named() {
    let (mut card, _) = insert(Content::blank().unwrap(), ExtendedLength::Honoured);
    let error = sign(&mut card, AlgorithmId::EccP256, Hash::Sha256).unwrap_err();
    assert!(matches!(error, Error::NoKey { slot: Slot::Authentication, .. }), "{error:?}");
}

#[test]
fn a_card_without_piv_is_named() {
    let (mut card, probe) = insert(Content::blank().unwrap(), ExtendedLength::Honoured);
    for nth in 1..=3 {
        probe.answer_at(nth, StatusWord::NOT_FOUND);
    }
    assert!(matches!(card.session().err(), Some(Error::NotPiv { sw: StatusWord::NOT_FOUND })));
    assert_eq!(probe.commands(), 3, "every name of the application was tried, once");
}

/// Signs once with a fault at each command in turn until the fault comes too late, and gives the errors.
fn faults(plan: impl Fn(&Probe, u64)) -> Vec<Error> {
    let mut errors = Vec::new();
    for n in 1..=20 {
        let mut content = Content::blank().unwrap();
        let key = PrivateKey::generate(virtual_card::Algorithm::P256).unwrap();
        content.put_key(virtual_slot(Slot::Authentication), key);
        let (mut card, probe) = insert(content, ExtendedLength::Honoured);
        plan(&probe, n);
        let result = sign(&mut card, AlgorithmId::EccP256, Hash::Sha256);
        assert_eq!(probe.tries_left(), 3, "command {n}");
        let verifies = probe.headers().iter().filter(|header| header[1] == 0x20).count();
        assert!(verifies <= 2, "a PIN was sent again after command {n}");
        match result {
            Ok(_) => return errors,
            Err(error) => errors.push(error),
        }
    }
    panic!("never signed: {errors:?}");
}

#[test]
fn a_card_pulled_at_any_command_loses_no_try() {
    let errors = faults(Probe::pull_at);
    assert_eq!(errors.len(), 5, "SELECT, discovery object, retry counter, VERIFY, GENERAL AUTHENTICATE");
    assert!(errors.iter().all(|error| matches!(error, Error::CardRemoved(_))), "{errors:?}");
}

#[test]
fn a_card_reset_at_any_command_ends_the_session_and_no_pin_is_sent_again() {
    let errors = faults(Probe::reset_at);
    assert_eq!(errors.len(), 5);
    assert!(errors.iter().all(|error| matches!(error, Error::CardReset(_))), "{errors:?}");
}

#[test]
fn a_card_whose_global_pin_is_the_one_people_know_gets_that_one() {
    let mut content = Content::blank().unwrap();
    let aid = "4f0ba000000308000010000100";
    let discovery = hex::decode(format!("{aid}5f2f026020")).unwrap();
    content.put_object(ObjectId::Discovery.tag(), discovery).unwrap();
    let (mut card, probe) = insert(content, ExtendedLength::Honoured);
    // The virtual card has no global PIN and says so; what counts is that its other PIN loses no try.
    assert!(card.session().unwrap().verify_pin(&pin("000000"), LastTry::Use).is_err());
    let verified: Vec<u8> = probe.headers().iter().filter(|header| header[1] == 0x20).map(|header| header[3]).collect();
    assert!(!verified.is_empty() && verified.iter().all(|reference| *reference == 0x00), "{verified:?}");
    assert_eq!(probe.tries_left(), 3);
}

#[test]
fn a_key_that_does_not_sign_in_spite_of_the_pin_may_want_a_touch() {
    let (mut card, probe) = insert(Content::blank().unwrap(), ExtendedLength::Honoured);
    probe.answer_at(5, StatusWord::SECURITY_STATUS_NOT_SATISFIED);
    let error = sign(&mut card, AlgorithmId::EccP256, Hash::Sha256).unwrap_err();
    assert!(matches!(error, Error::TouchTimeout { slot: Slot::Authentication }), "{error:?}");
}

/// The discovery object says which of two PINs people use. When it cannot be read, a card that has both gets none.
#[test]
fn which_pin_people_use_is_not_guessed_where_there_are_two() {
    for (quirks, refused) in [("pin-policy=6020", true), ("pin-policy=4000", false)] {
        for fault in [
            Fault::Garbage,
            Fault::Status(StatusWord::SECURITY_STATUS_NOT_SATISFIED),
            Fault::Truncate(1),
            Fault::EndlessChain,
        ] {
            let options = CardOptions { quirks: quirks.parse().unwrap(), ..CardOptions::default() };
            let reader = InProcess::new(VirtualCard::new(Content::blank().unwrap(), options));
            let probe = reader.probe();
            probe.fault_at_instruction(1, 0xcb, fault);
            let mut card = Card::new(Box::new(reader));
            let verified = card.session().unwrap().verify_pin(&pin("123456"), LastTry::Keep);
            assert_eq!((verified.is_err(), probe.pins_sent()), (refused, usize::from(!refused)), "{quirks} {fault}");
            drop(verified);
            assert_eq!(probe.tries_left(), 3, "{quirks} {fault}");
        }
    }
}
