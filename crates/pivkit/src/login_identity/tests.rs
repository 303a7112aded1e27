use identity::Usage;
use piv::Card;
use smartcard::tlv::{self, Tag};
use virtual_card::{CardOptions, CertificateStorage, Content, InProcess, Preset, PrivateKey, Probe, VirtualCard};

use super::*;

fn insert(content: Content) -> (Card, Probe) {
    let reader = InProcess::new(VirtualCard::new(content, CardOptions::default()));
    let probe = reader.probe();
    (Card::new(Box::new(reader)), probe)
}

fn alice() -> Content {
    Preset::Alice.issue().unwrap().content
}

fn virtual_slot(slot: Slot) -> virtual_card::Slot {
    virtual_card::Slot::from_key_reference(slot.key_reference()).unwrap()
}

fn put_certificate(content: &mut Content, slot: Slot, der: &[u8]) {
    let object = [tlv::encode(Tag(0x70), der), vec![0x71, 1, 0, 0xfe, 0]].concat();
    content.put_object(virtual_slot(slot).certificate_tag(), object).unwrap();
}

/// A self-signed certificate that was valid for one day in 2020.
fn expired() -> (rcgen::Certificate, PrivateKey) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec![]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2020, 1, 2);
    (parameters.self_signed(&key).unwrap(), PrivateKey::from_der(&key.serialize_der()).unwrap())
}

fn find(choice: &IdentityChoice, card: &mut Card) -> Result<LoginIdentity, Error> {
    in_session(card, |mut session| choice.find(&mut session, "test"))
}

fn find_where(card: &mut Card, fits: impl Fn(&Identity) -> bool) -> Result<Option<LoginIdentity>, Error> {
    in_session(card, |mut session| IdentityChoice::find_where(&mut session, "test", &fits))
}

fn prove(chosen: &LoginIdentity, card: &mut Card) -> Result<Proof, Error> {
    in_session(card, |session| chosen.prove(session, "test", &pin(), LastTry::Keep))
}

fn pin() -> Pin {
    Pin::new("123456").unwrap()
}

#[test]
fn the_identity_in_9a_takes_two_commands() {
    let (mut card, probe) = insert(alice());
    let chosen = find(&IdentityChoice::default(), &mut card).unwrap();
    assert_eq!(chosen.slot, Slot::Authentication);
    assert_eq!(chosen.identity.certificate.upn(), Some("alice@example.test"));
    assert_eq!(probe.commands(), 2);
}

#[test]
fn an_identity_is_found_by_its_hash_in_any_slot_and_refused_if_it_does_not_log_in() {
    let (mut card, _) = insert(alice());
    let all = [Slot::Authentication, Slot::KeyManagement];
    for (slot, logs_in) in all.into_iter().zip([true, false]) {
        let by_slot = |read: &Identity| read.slot == slot.to_string();
        let found = find_where(&mut card, by_slot).unwrap().unwrap();
        let by_hash = IdentityChoice { slot: None, hash: Some(found.identity.pairing_hash()) };
        match find(&by_hash, &mut card) {
            Ok(chosen) => assert!(logs_in && chosen.slot == slot),
            Err(error) => assert!(!logs_in && matches!(error, Error::Select(SelectError::NotForAuthentication { .. }))),
        }
    }
}

#[test]
fn an_empty_card_has_no_identity_and_an_empty_slot_is_named() {
    let (mut card, _) = insert(Content::blank().unwrap());
    let error = find(&IdentityChoice::default(), &mut card).err();
    assert!(matches!(error, Some(Error::Select(SelectError::None { .. }))), "{error:?}");
    let choice = IdentityChoice { slot: Some(Slot::Signature), hash: None };
    assert!(matches!(find(&choice, &mut card).err(), Some(Error::EmptySlot { slot: Slot::Signature })));
}

#[test]
fn a_broken_certificate_in_9a_is_not_passed_over_in_silence() {
    let mut content = alice();
    put_certificate(&mut content, Slot::Authentication, b"garbage");
    let (mut card, _) = insert(content);
    let error = find(&IdentityChoice::default(), &mut card).err();
    assert!(matches!(error, Some(Error::UnreadableCertificate { slot: Slot::Authentication, .. })), "{error:?}");
    // For somebody who knows the hash it does not matter.
    let found = find_where(&mut card, |read| read.slot == "9d").unwrap();
    assert!(found.is_some_and(|found| found.identity.is_usable_for(Usage::KeyManagement)));
}

#[test]
fn an_expired_certificate_does_not_log_in() {
    let (certificate, key) = expired();
    let mut content = Content::blank().unwrap();
    let slot = virtual_slot(Slot::Authentication);
    content.load(slot, certificate.der(), key, CertificateStorage::Plain).unwrap();
    let (mut card, _) = insert(content);
    let error = find(&IdentityChoice::default(), &mut card).err().unwrap();
    assert!(matches!(&error, Error::Unfit { problems, .. } if problems.len() == 1), "{error:?}");
    assert!(error.to_string().contains("expired on 2020-01-02"), "{error}");
}

#[test]
fn the_card_proves_that_it_holds_the_key() {
    let (mut card, _) = insert(alice());
    let chosen = find(&IdentityChoice::default(), &mut card).unwrap();
    let proof = prove(&chosen, &mut card).unwrap();
    assert_eq!(proof.pairing_hash(), chosen.identity.pairing_hash());
}

#[test]
fn a_card_with_another_key_than_its_certificate_says_proves_nothing() {
    let mut content = alice();
    let other = PrivateKey::generate(virtual_card::Algorithm::Rsa2048).unwrap();
    content.put_key(virtual_slot(Slot::Authentication), other);
    let (mut card, _) = insert(content);
    let chosen = find(&IdentityChoice::default(), &mut card).unwrap();
    let error = prove(&chosen, &mut card).unwrap_err();
    assert!(matches!(error, Error::NotProved(identity::Error::SignatureInvalid)), "{error:?}");
}
