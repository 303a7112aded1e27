//! The management key of every kind, and the one that is kept under the PIN.

use piv::{AdminData, Error, LastTry, ManagementAlgorithm, ManagementKey, Metadata, ObjectId};
use virtual_card::Profile;

use crate::bench::{administration, factory, pin};

#[test]
fn the_factory_key_opens_every_kind_of_card() {
    let default = ManagementKey::factory_default;
    let aes128 = || ManagementKey::from_hex(&"0102030405060708".repeat(2)).unwrap();
    let aes256 = || ManagementKey::from_hex(&"0102030405060708".repeat(4)).unwrap();
    for (profile, quirks, key, algorithm) in [
        (Profile::YubiKey4, "", default(), ManagementAlgorithm::TripleDes),
        (Profile::YubiKey54, "", default(), ManagementAlgorithm::TripleDes),
        (Profile::YubiKey57, "", default(), ManagementAlgorithm::Aes192),
        (Profile::Plain, "", default(), ManagementAlgorithm::TripleDes),
        (Profile::Plain, "management-key=aes192", default(), ManagementAlgorithm::Aes192),
        (Profile::Plain, "management-key=aes128", aes128(), ManagementAlgorithm::Aes128),
        (Profile::Plain, "management-key=aes256", aes256(), ManagementAlgorithm::Aes256),
        (Profile::Federal, "", aes256(), ManagementAlgorithm::Aes256),
    ] {
        let (mut card, _) = factory(profile, quirks);
        let session = card.session().unwrap().authenticate_management(&key);
        assert_eq!(session.unwrap().algorithm(), algorithm, "{profile} {quirks}");
    }
}

#[test]
fn a_new_key_of_each_kind_takes_the_place_of_the_old_one() {
    let (mut card, _) = factory(Profile::YubiKey57, "");
    let mut current = ManagementKey::factory_default();
    for algorithm in ManagementAlgorithm::ALL {
        let new = ManagementKey::generate(algorithm).unwrap();
        let mut session = card.session().unwrap().authenticate_management(&current).unwrap();
        session.set_management_key(algorithm, &new, false).unwrap();
        let Metadata::Present(told) = session.management_key_metadata().unwrap() else { panic!("no metadata") };
        assert_eq!((told.algorithm, told.is_default), (Some(algorithm), false));
        drop(session);
        let old = card.session().unwrap().authenticate_management(&current).err();
        assert!(
            matches!(old, Some(Error::WrongManagementKey { .. } | Error::OtherManagementKey { .. })),
            "{algorithm}: {old:?}"
        );
        current = new;
    }
    assert!(card.session().unwrap().authenticate_management(&current).is_ok());
}

#[test]
fn a_key_of_the_wrong_length_for_its_algorithm_is_not_sent() {
    let (mut card, probe) = factory(Profile::YubiKey57, "");
    let mut session = administration(&mut card);
    let before = probe.commands();
    let key = ManagementKey::generate(ManagementAlgorithm::Aes128).unwrap();
    let refused = session.set_management_key(ManagementAlgorithm::Aes256, &key, false);
    assert!(matches!(refused, Err(Error::InvalidManagementKey)));
    assert_eq!(probe.commands(), before);
}

#[test]
fn the_key_is_kept_under_the_pin_and_only_there() {
    let (mut card, probe) = factory(Profile::YubiKey54, "");
    let algorithm = ManagementAlgorithm::Aes256;
    let key = ManagementKey::generate(algorithm).unwrap();
    let mut session = administration(&mut card);
    assert!(session.protected_management_key().unwrap().is_none());
    assert!(session.admin_data().unwrap().is_none());
    session.put_protected_management_key(&key).unwrap();
    session.set_management_key(algorithm, &key, false).unwrap();
    let mut data = AdminData::default();
    data.management_key_stored = true;
    session.put_admin_data(&data).unwrap();
    drop(session);

    probe.with_card(virtual_card::VirtualCard::reset);
    let mut session = card.session().unwrap().verify_pin(&pin("123456"), LastTry::Keep).unwrap();
    assert!(session.admin_data().unwrap().unwrap().management_key_stored);
    let stored = session.protected_management_key().unwrap().unwrap();
    assert_eq!(*stored.to_hex(), *key.to_hex());
    assert_eq!(session.authenticate_management(&stored).unwrap().algorithm(), algorithm);
}

#[test]
fn the_printed_information_is_closed_without_the_pin() {
    let (mut card, probe) = factory(Profile::YubiKey54, "");
    let key = ManagementKey::generate(ManagementAlgorithm::TripleDes).unwrap();
    administration(&mut card).put_protected_management_key(&key).unwrap();
    probe.with_card(virtual_card::VirtualCard::reset);
    let read = card.session().unwrap().read_object(ObjectId::Printed);
    assert!(matches!(read, Err(Error::Status { command: "GET DATA", .. })), "{read:?}");
}

#[test]
fn a_card_without_vendor_commands_keeps_its_management_key() {
    let (mut card, _) = factory(Profile::Plain, "");
    let key = ManagementKey::generate(ManagementAlgorithm::TripleDes).unwrap();
    let refused = administration(&mut card).set_management_key(ManagementAlgorithm::TripleDes, &key, false);
    assert!(matches!(refused, Err(Error::NotSupported { .. })), "{refused:?}");
    assert!(card.session().unwrap().authenticate_management(&ManagementKey::factory_default()).is_ok());
}
