use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::{Algorithm, CardOptions, PrivateKey, Slot, VirtualCard};

const SELECT: &[u8] = &[0x00, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8];
const TRIES: &[u8] = &[0x00, 0x20, 0x00, 0x80];
const RIGHT_PIN: &[u8] = b"\x00\x20\x00\x80\x08123456\xff\xff";
const WRONG_PUK: &[u8] = b"\x00\x2c\x00\x80\x1000000000654321\xff\xff";
const RIGHT_PUK: &[u8] = b"\x00\x2c\x00\x80\x1012345678654321\xff\xff";
const NEW_PIN: &[u8] = b"\x00\x20\x00\x80\x08654321\xff\xff";
const WRONG_PIN: &[u8] = b"\x00\x20\x00\x80\x08000000\xff\xff";

fn content() -> Content {
    let mut content = Content::blank().unwrap();
    content.put_key(Slot::AUTHENTICATION, PrivateKey::generate(Algorithm::Rsa2048).unwrap());
    content.put_key(Slot::KEY_MANAGEMENT, PrivateKey::generate(Algorithm::P384).unwrap());
    content.put_object(Slot::AUTHENTICATION.certificate_tag(), vec![0x70, 1, 0x5a]).unwrap();
    content.put_object(Slot::from_key_reference(0x82).unwrap().certificate_tag(), vec![0x70, 1, 0x5a]).unwrap();
    content
}

fn open(directory: &TempDir) -> StateDirectory {
    StateDirectory::open(&directory.path().join("state")).unwrap()
}

fn card(directory: &TempDir) -> VirtualCard {
    let store = open(directory);
    let content = store.read().unwrap().unwrap_or_else(content);
    let mut card = VirtualCard::kept(content, CardOptions::default(), store).unwrap();
    assert!(card.transmit(SELECT).ends_with(&[0x90, 0]));
    card
}

#[test]
fn a_card_comes_back_as_it_was() {
    let directory = TempDir::new().unwrap();
    assert!(open(&directory).read().unwrap().is_none(), "a new directory has no card");
    let before = content();
    open(&directory).write(&before).unwrap();
    let after = open(&directory).read().unwrap().unwrap();
    assert_eq!(after.objects, before.objects);
    assert_eq!(after.slots(), before.slots());
    for (slot, key) in &before.keys {
        assert_eq!(after.keys[slot].key.to_pkcs8_pem().unwrap(), key.key.to_pkcs8_pem().unwrap());
    }
    assert_eq!(after.references.pin.text(), before.references.pin.text());
    assert_eq!(after.references.puk.text(), before.references.puk.text());
}

#[test]
fn nobody_else_can_read_it() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    store.write(&content()).unwrap();
    store.write_certificate("ca", b"certificate").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(store.directory.path()), 0o700);
    let mut names: Vec<_> =
        fs::read_dir(store.directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["ca.pem", "card.json", "lock", "pin.json"]);
    for name in names {
        assert_eq!(mode(&store.directory.path().join(&name)), 0o600, "{name:?}");
    }
}

#[test]
fn a_directory_that_others_can_read_is_closed_if_empty_and_else_refused() {
    let directory = TempDir::new().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    drop(StateDirectory::open(directory.path()).unwrap());
    assert_eq!(fs::metadata(directory.path()).unwrap().permissions().mode() & 0o777, 0o700);
    for mode in [0o755, 0o750, 0o701] {
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
        assert!(matches!(StateDirectory::open(directory.path()), Err(Error::StateOpenToOthers { .. })), "{mode:o}");
    }
}

#[test]
fn two_cards_cannot_run_on_one_state() {
    let directory = TempDir::new().unwrap();
    let first = open(&directory);
    assert!(matches!(StateDirectory::open(first.directory.path()), Err(Error::StateInUse { .. })));
    drop(first);
    open(&directory);
}

#[test]
fn spent_tries_outlive_the_card() {
    let directory = TempDir::new().unwrap();
    assert_eq!(card(&directory).transmit(WRONG_PIN), [0x63, 0xc2]);
    assert_eq!(card(&directory).transmit(WRONG_PIN), [0x63, 0xc1]);
    assert_eq!(card(&directory).transmit(TRIES), [0x63, 0xc1]);
    assert_eq!(card(&directory).transmit(RIGHT_PIN), [0x90, 0x00]);
    assert_eq!(card(&directory).transmit(TRIES), [0x63, 0xc3]);
    for left in [0xc2, 0xc1, 0xc0] {
        assert_eq!(card(&directory).transmit(WRONG_PIN), [0x63, left]);
    }
    assert_eq!(card(&directory).transmit(RIGHT_PIN), [0x69, 0x83]);
}

/// Whoever cuts the power while the card keeps the spent try learns nothing about the PIN: it was not compared yet.
#[test]
fn a_try_that_cannot_be_kept_is_not_compared() {
    let directory = TempDir::new().unwrap();
    let mut card = card(&directory);
    fs::create_dir(directory.path().join("state/.pin.json.new")).unwrap();
    assert_eq!(card.transmit(RIGHT_PIN), [0x65, 0x81]);
    assert_eq!(card.transmit(WRONG_PIN), [0x65, 0x81], "right and wrong look the same");
    assert_eq!(card.transmit(TRIES), [0x63, 0xc1], "and both were spent");
    fs::remove_dir(directory.path().join("state/.pin.json.new")).unwrap();
    assert_eq!(card.transmit(RIGHT_PIN), [0x90, 0x00]);
    assert_eq!(card.tries_left(), 3);
}

#[test]
fn spent_tries_of_the_puk_and_a_new_pin_outlive_the_card() {
    let directory = TempDir::new().unwrap();
    for left in [0xc2, 0xc1, 0xc0] {
        assert_eq!(card(&directory).transmit(WRONG_PIN), [0x63, left]);
    }
    for left in [0xc2, 0xc1] {
        assert_eq!(card(&directory).transmit(WRONG_PUK), [0x63, left]);
    }
    assert_eq!(card(&directory).transmit(RIGHT_PUK), [0x90, 0x00]);
    assert_eq!(card(&directory).transmit(NEW_PIN), [0x90, 0x00]);
    for left in [0xc2, 0xc1, 0xc0] {
        assert_eq!(card(&directory).transmit(WRONG_PUK), [0x63, left]);
    }
    assert_eq!(card(&directory).transmit(RIGHT_PUK), [0x69, 0x83]);
}

#[test]
fn a_try_of_the_puk_that_cannot_be_kept_is_not_compared() {
    let directory = TempDir::new().unwrap();
    let mut card = card(&directory);
    fs::create_dir(directory.path().join("state/.pin.json.new")).unwrap();
    assert_eq!(card.transmit(RIGHT_PUK), [0x65, 0x81]);
    assert_eq!(card.transmit(WRONG_PUK), [0x65, 0x81], "right and wrong look the same");
    fs::remove_dir(directory.path().join("state/.pin.json.new")).unwrap();
    assert_eq!(card.transmit(WRONG_PUK), [0x63, 0xc0], "and both were spent");
    assert_eq!(card.transmit(RIGHT_PIN), [0x90, 0x00], "the PIN is the old one");
}

#[test]
fn damaged_files_are_refused_by_name_and_quote_no_secret() {
    let cases = [
        ("card.json", "", ""),
        ("card.json", "\"schema_version\": 2", "\"schema_version\": 3"),
        ("card.json", "\"objects\"", "\"things\""),
        ("card.json", "\"9a\"", "\"9b\""),
        ("card.json", "BEGIN PRIVATE KEY", "BEGIN PUBLIC KEY"),
        ("card.json", "\"5FC105\": \"70", "\"5FC105\": \"7"),
        ("card.json", "\"5FC105\"", "\"5FC104\""),
        ("pin.json", "", ""),
        ("pin.json", "\"tries_left\": 3", "\"tries_left\": 9"),
        ("pin.json", "\"value\": \"313233343536ffff\"", "\"value\": 313233"),
        ("pin.json", "313233343536ffff", "313233343536"),
    ];
    for (name, from, to) in cases {
        let directory = TempDir::new().unwrap();
        let store = open(&directory);
        store.write(&content()).unwrap();
        let path = store.directory.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name} has {from}");
        fs::write(&path, if from.is_empty() { String::new() } else { text.replace(from, to) }).unwrap();
        match store.read() {
            Err(Error::StateDamaged { path, reason }) => {
                assert!(path.ends_with(name), "{from}: {path:?}");
                assert!(!reason.contains("123456") && !reason.contains("3132"), "{reason}");
            }
            Err(other) => panic!("{from}: {other:?}"),
            Ok(_) => panic!("{from} -> {to}: taken"),
        }
    }
}

#[test]
fn a_card_without_its_pin_file_is_damaged_not_new() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    store.write(&content()).unwrap();
    fs::remove_file(store.directory.path().join("pin.json")).unwrap();
    assert!(matches!(store.read(), Err(Error::StateDamaged { .. })));
}
