//! What is on a card is not lost by mistake.

use rcgen::KeyPair;
use virtual_card::{Origin, PrivateKey, Slot};

use super::*;

const CHUID: Tag = Tag(0x5f_c102);

/// A key, and a certificate for it in PEM.
fn issued() -> (PrivateKey, Vec<u8>) {
    let pair = KeyPair::generate().unwrap();
    let key = PrivateKey::from_der(&pair.serialize_der()).unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
    (key, certificate.pem().into_bytes())
}

fn import_request(file: Vec<u8>) -> ImportRequest {
    ImportRequest {
        card: CardChoice::default(),
        slot: KeySlot::Authentication,
        file,
        management_key: None,
        replace: false,
        last_try: LastTry::Keep,
        dry_run: false,
    }
}

fn object(card: &Probe, tag: Tag) -> Option<Vec<u8>> {
    card.with_card(|card| card.content().object(tag).map(<[u8]>::to_vec))
}

/// With requests in a folder, and the pairing hash of the key that waits for its certificate.
fn waiting(card: &Probe) -> (tempfile::TempDir, ProvisionRequest, Option<String>) {
    let folder = tempfile::tempdir().unwrap();
    let request = ProvisionRequest {
        certificates: Certificates::Requests { folder: folder.path().to_owned() },
        slots: vec![KeySlot::Authentication],
        last_try: LastTry::Use,
        ..request()
    };
    let report = run(card, &request, ALL).unwrap();
    let hash = report.slots[0].pairing_hash.clone();
    assert!(hash.is_some(), "{report:?}");
    (folder, request, hash)
}

#[test]
fn a_key_that_waits_for_its_certificate_is_not_overwritten_where_the_card_tells_nothing_of_it() {
    let answers = || Answers { pin: Some("843925"), ..Answers::default() };
    // A YubiKey 4 attests it, and it gets another certificate.
    let card = inserted(factory(Profile::YubiKey4));
    let (_folder, _, hash) = waiting(&card);
    let only_9a = || ProvisionRequest { slots: vec![KeySlot::Authentication], ..request() };
    let report = run(&card, &only_9a(), answers()).unwrap();
    assert_eq!(report.slots[0].pairing_hash, hash);

    // Another card refuses to use it without PIN, which it would not if there were none.
    let card = inserted(factory(Profile::Plain));
    let (_folder, with_folder, hash) = waiting(&card);
    let made = sent(&card, &[0x47]);
    let refused = run(&card, &only_9a(), answers());
    assert!(
        matches!(&refused, Err(Error::Provision(ProvisionError::SlotInUse { holds, .. })) if holds.contains("without a certificate")),
        "{refused:?}"
    );
    assert_eq!(run(&card, &with_folder, answers()).unwrap().slots[0].pairing_hash, hash);
    assert_eq!(sent(&card, &[0x47]), made);
    run(&card, &ProvisionRequest { replace: true, ..only_9a() }, answers()).unwrap();
}

#[test]
fn a_card_that_fails_to_tell_of_its_keys_keeps_them() {
    let card = inserted(factory(Profile::YubiKey57));
    let (_folder, _, hash) = waiting(&card);
    let made = sent(&card, &CHANGES);
    for number in 1..=5 {
        card.fault_at_instruction(number, 0xf7, Fault::Status(StatusWord(0x6f00)));
        let only_9a = ProvisionRequest { slots: vec![KeySlot::Authentication], ..request() };
        let failed = run(&card, &only_9a, Answers { pin: Some("843925"), ..Answers::default() });
        assert!(matches!(failed, Err(Error::Card { .. })), "metadata {number}: {failed:?}");
    }
    assert_eq!(sent(&card, &CHANGES), made);
    assert_eq!(run(&card, &request(), Answers { pin: Some("843925"), ..ALL }).unwrap().slots[0].pairing_hash, hash);
}

#[test]
fn a_certificate_outlives_a_key_that_the_card_will_not_make() {
    let (key, pem) = issued();
    let mut content = factory(Profile::Plain);
    let der = identity::load::certificates(&pem).remove(0).unwrap().der().to_vec();
    content.load(Slot::AUTHENTICATION, &der, key, virtual_card::CertificateStorage::Plain).unwrap();
    let card = inserted(content);
    let tag = Slot::AUTHENTICATION.certificate_tag();
    let before = object(&card, tag);
    let replace = ProvisionRequest { replace: true, touch_policy: TouchPolicy::Always, ..request() };
    let refused = run(&card, &replace, ALL_BUT_PUK);
    assert!(matches!(refused, Err(Error::Provision(ProvisionError::Card(_)))), "{refused:?}");
    assert_eq!(object(&card, tag), before);
}

const ALL_BUT_PUK: Answers = Answers { new_puk: None, ..ALL };

#[test]
fn a_key_that_wants_the_pin_each_time_proves_itself() {
    let (key, pem) = issued();
    let mut content = factory(Profile::Plain);
    let always = virtual_card::PinPolicy::Always;
    content.put_key_with(Slot::AUTHENTICATION, key, Origin::Imported, always, virtual_card::TouchPolicy::Never);
    let card = inserted(content.clone());
    let request = || import_request([issued().1, pem.clone()].concat());
    let report = import(&mut CardReaders::in_process(card.clone()), request(), &mut { ALL }).unwrap();
    assert!(report.changed && report.slots[0].certificate.is_some(), "{report:?}");
    assert_eq!(card.tries_left(), 3);

    // What is no "there is no such key" is told as it is. The last time but those of reading the card again was the proof.
    let proof = card.headers().iter().rposition(|header| header[1] == 0xdb).unwrap();
    let challenges = card.headers()[..proof].iter().filter(|header| header[1] == 0x87).count();
    let card = inserted(content);
    card.fault_at_instruction(challenges as u64, 0x87, Fault::Status(StatusWord(0x6f00)));
    let failed = import(&mut CardReaders::in_process(card.clone()), request(), &mut { ALL });
    assert!(matches!(failed, Err(Error::Provision(ProvisionError::Card(_)))), "{failed:?}");
    assert_eq!(sent(&card, &CHANGES), 0);
}

#[test]
fn a_certificate_that_cannot_be_read_is_not_overwritten() {
    let (key, pem) = issued();
    let mut content = factory(Profile::Plain);
    content.put_key(Slot::AUTHENTICATION, key);
    content.put_object(Slot::AUTHENTICATION.certificate_tag(), b"no certificate".to_vec()).unwrap();
    let card = inserted(content);
    let mut readers = CardReaders::in_process(card.clone());
    let refused = import(&mut readers, import_request(pem.clone()), &mut { ALL });
    assert!(matches!(refused, Err(Error::Provision(ProvisionError::SlotInUse { .. }))), "{refused:?}");
    assert_eq!(sent(&card, &CHANGES), 0);
    let replace = ImportRequest { replace: true, ..import_request(pem) };
    assert!(import(&mut readers, replace, &mut { ALL }).unwrap().changed);
}

#[test]
fn a_chuid_without_a_guid_is_not_overwritten() {
    let zeros = piv::Chuid::encode(&[0; 16], b"20301231");
    for contents in [zeros, b"\x30\x50no TLV".to_vec(), vec![0x30, 0]] {
        let mut content = factory(Profile::YubiKey54);
        content.put_object(CHUID, contents.clone()).unwrap();
        let card = inserted(content);
        let refused = run(&card, &request(), ALL);
        assert!(matches!(refused, Err(Error::Provision(ProvisionError::ObjectInUse { .. }))), "{refused:?}");
        assert_eq!((sent(&card, &CHANGES), object(&card, CHUID)), (0, Some(contents)));
        let replace = || ProvisionRequest { replace: true, slots: Vec::new(), ..request() };
        let planned = run(&card, &ProvisionRequest { dry_run: true, ..replace() }, ALL).unwrap();
        assert!(planned.plan.iter().any(|step| step.contains("destroy the CHUID")), "{planned:?}");
        assert!(run(&card, &replace(), ALL).unwrap().guid.is_some());
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_found_out_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    // Nobody makes files in /proc, not even root.
    for folder in ["/proc".into(), file.clone(), file.join("below")] {
        let card = inserted(factory(Profile::Plain));
        let certificates = Certificates::Requests { folder };
        let refused = run(&card, &ProvisionRequest { certificates, ..request() }, ALL_BUT_PUK);
        assert!(matches!(refused, Err(Error::File { .. })), "{refused:?}");
        assert_eq!((sent(&card, &CHANGES), card.pins_sent()), (0, 0));
    }
    let below = folder.path().join("a/b");
    let certificates = Certificates::Requests { folder: below };
    let card = inserted(factory(Profile::Plain));
    run(&card, &ProvisionRequest { certificates, dry_run: true, ..request() }, ALL_BUT_PUK).unwrap();
    assert!(!folder.path().join("a").exists());
}

#[test]
fn a_management_key_that_nobody_knows_is_found_out_before_anything_is_changed() {
    let card = inserted(factory(Profile::YubiKey54));
    let own = piv::ManagementKey::from_hex("0f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdef").unwrap();
    let mut client = client(&card);
    let factory = piv::ManagementKey::factory_default();
    let mut open = client.session().unwrap().authenticate_management(&factory).unwrap();
    open.set_management_key(piv::ManagementAlgorithm::TripleDes, &own, false).unwrap();
    drop(open);
    let before = sent(&card, &CHANGES);
    let refused = run(&card, &request(), ALL);
    assert!(matches!(refused, Err(Error::Provision(ProvisionError::UnknownManagementKey))), "{refused:?}");
    assert_eq!(sent(&card, &CHANGES), before);
}
