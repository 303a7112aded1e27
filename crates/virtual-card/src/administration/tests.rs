use super::*;
use crate::management_key::ManagementKey;
use crate::{CardOptions, Content, Profile, Quirk};

const ALGORITHMS: [ManagementAlgorithm; 4] = [
    ManagementAlgorithm::TripleDes,
    ManagementAlgorithm::Aes128,
    ManagementAlgorithm::Aes192,
    ManagementAlgorithm::Aes256,
];

/// A card, and the key that its host knows.
fn card(algorithm: ManagementAlgorithm) -> (VirtualCard, ManagementKey) {
    let quirks = [Quirk::ManagementKey(algorithm)].into_iter().collect();
    let options = CardOptions { profile: Profile::Plain, quirks, ..CardOptions::default() };
    let mut card = VirtualCard::new(Content::blank().unwrap(), options);
    assert!(card.transmit(&[0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8]).ends_with(&[0x90, 0]));
    (card, ManagementKey::factory(algorithm))
}

fn send(card: &mut VirtualCard, p1: u8, objects: &[(Tag, &[u8])]) -> (Vec<u8>, u16) {
    let mut template = Vec::new();
    objects.iter().for_each(|(tag, value)| tlv::push(&mut template, *tag, value));
    let data = tlv::encode(DYNAMIC_AUTHENTICATION_TEMPLATE, &template);
    let apdu = [&[0, 0x87, p1, 0x9b, u8::try_from(data.len()).unwrap()], &data[..]].concat();
    let mut answer = card.transmit(&apdu);
    let status = answer.split_off(answer.len() - 2);
    (answer, u16::from_be_bytes([status[0], status[1]]))
}

fn value(answer: &[u8], tag: Tag) -> Vec<u8> {
    tlv::single(tlv::single(answer, DYNAMIC_AUTHENTICATION_TEMPLATE).unwrap(), tag).unwrap().to_vec()
}

/// PUT DATA tells who is administrator.
fn may_write(card: &mut VirtualCard) -> bool {
    card.transmit(&[0, 0xdb, 0x3f, 0xff, 8, 0x5c, 3, 0x5f, 0xc1, 0x05, 0x53, 1, 0]) == [0x90, 0x00]
}

#[test]
fn both_sides_prove_the_key_in_mutual_authentication() {
    for algorithm in ALGORITHMS {
        let ((mut card, key), p1) = (card(algorithm), algorithm.identifier());
        assert!(!may_write(&mut card));
        let (answer, status) = send(&mut card, p1, &[(WITNESS, &[])]);
        assert_eq!(status, 0x9000);
        let witness = key.decrypt(&value(&answer, WITNESS)).unwrap();
        let challenge = vec![7; algorithm.block_length()];
        let (answer, status) = send(&mut card, p1, &[(WITNESS, &witness), (CHALLENGE, &challenge)]);
        assert_eq!(status, 0x9000);
        assert_eq!(key.decrypt(&value(&answer, RESPONSE)).unwrap(), challenge, "{algorithm}");
        assert!(may_write(&mut card));
    }
}

#[test]
fn the_host_proves_the_key_in_external_authentication() {
    for algorithm in ALGORITHMS {
        let ((mut card, key), p1) = (card(algorithm), algorithm.identifier());
        let (answer, _) = send(&mut card, p1, &[(CHALLENGE, &[])]);
        let response = key.encrypt(&value(&answer, CHALLENGE)).unwrap();
        assert_eq!(send(&mut card, p1, &[(RESPONSE, &response)]), (Vec::new(), 0x9000));
        assert!(may_write(&mut card), "{algorithm}");
        assert_eq!(send(&mut card, p1, &[(RESPONSE, &response)]).1, 0x6985, "a challenge is good for once");
    }
}

#[test]
fn the_card_proves_the_key_in_internal_authentication_and_nothing_is_gained() {
    for algorithm in ALGORITHMS {
        let ((mut card, key), p1) = (card(algorithm), algorithm.identifier());
        let challenge = vec![9; algorithm.block_length()];
        let (answer, status) = send(&mut card, p1, &[(CHALLENGE, &challenge), (RESPONSE, &[])]);
        assert_eq!(status, 0x9000);
        assert_eq!(key.decrypt(&value(&answer, RESPONSE)).unwrap(), challenge, "{algorithm}");
        assert!(!may_write(&mut card));

        // The card encrypts its own challenge, but that is then no longer the one.
        let challenge = value(&send(&mut card, p1, &[(CHALLENGE, &[])]).0, CHALLENGE);
        let response = value(&send(&mut card, p1, &[(CHALLENGE, &challenge), (RESPONSE, &[])]).0, RESPONSE);
        assert_eq!(send(&mut card, p1, &[(RESPONSE, &response)]).1, 0x6985);
        assert!(!may_write(&mut card));
    }
}

#[test]
fn a_wrong_proof_takes_the_right_back() {
    let (mut card, key) = card(ManagementAlgorithm::TripleDes);
    let (answer, _) = send(&mut card, 0x00, &[(CHALLENGE, &[])]);
    let response = key.encrypt(&value(&answer, CHALLENGE)).unwrap();
    assert_eq!(send(&mut card, 0x03, &[(RESPONSE, &response)]).1, 0x9000, "00 is 03");
    assert!(may_write(&mut card));
    send(&mut card, 0x03, &[(WITNESS, &[])]);
    assert_eq!(send(&mut card, 0x03, &[(WITNESS, &[1; 8]), (CHALLENGE, &[1; 8])]).1, 0x6982);
    assert!(!may_write(&mut card));
}

#[test]
fn malformed_ones_are_refused() {
    let (mut card, _) = card(ManagementAlgorithm::Aes128);
    assert_eq!(send(&mut card, 0x03, &[(WITNESS, &[])]).1, 0x6a80, "another algorithm");
    assert_eq!(send(&mut card, 0x11, &[(WITNESS, &[])]).1, 0x6a86, "no such algorithm");
    assert_eq!(send(&mut card, 0x08, &[]).1, 0x6a80);
    assert_eq!(send(&mut card, 0x08, &[(WITNESS, &[]), (WITNESS, &[])]).1, 0x6a80);
    assert_eq!(send(&mut card, 0x08, &[(Tag(0x85), &[])]).1, 0x6a80);
    assert_eq!(send(&mut card, 0x08, &[(WITNESS, &[1; 16]), (CHALLENGE, &[1; 16])]).1, 0x6985);
    send(&mut card, 0x08, &[(WITNESS, &[])]);
    assert_eq!(send(&mut card, 0x08, &[(WITNESS, &[1; 16]), (CHALLENGE, &[1; 8])]).1, 0x6a80);
    assert_eq!(send(&mut card, 0x08, &[(CHALLENGE, &[1; 15]), (RESPONSE, &[])]).1, 0x6a80);
}
