use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use smartcard::tlv::Tag;
use tempfile::TempDir;

use super::*;
use crate::management_key::ManagementKey;
use crate::pin::AuthenticationData;
use crate::{
    Algorithm, CardOptions, ManagementAlgorithm, Origin, PinPolicy, PrivateKey, Profile, Slot, TouchPolicy, VirtualCard,
};

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

#[test]
fn everything_that_a_yubikey_has_outlives_the_card() {
    let directory = TempDir::new().unwrap();
    let mut before = Content::factory(Profile::YubiKey57).unwrap();
    let algorithms =
        [Algorithm::Rsa1024, Algorithm::P256, Algorithm::P384, Algorithm::Ed25519, Algorithm::X25519].into_iter();
    for (slot, algorithm) in Slot::retired().zip(algorithms) {
        let key = PrivateKey::generate(algorithm).unwrap();
        before.put_key_with(slot, key, Origin::Generated, PinPolicy::Never, TouchPolicy::Cached);
    }
    before.put_object(Tag(0x5fff00), vec![0x80, 0]).unwrap();
    let management_key = ManagementKey::new(ManagementAlgorithm::Aes256, &[9; 32], TouchPolicy::Always).unwrap();
    before.management_key = Arc::new(management_key);
    before.references.pin.replace(AuthenticationData::pad(b"p\xc3\xb6stn").unwrap());
    before.references.pin.set_tries(200);
    before.references.puk.spend_try();
    open(&directory).write(&before).unwrap();

    let after = open(&directory).read().unwrap().unwrap();
    assert_eq!((after.profile, after.serial), (Profile::YubiKey57, before.serial));
    assert_eq!((after.objects, after.attestation_root), (before.objects, before.attestation_root));
    assert_eq!(after.management_key.algorithm(), ManagementAlgorithm::Aes256);
    assert_eq!((after.management_key.bytes(), after.management_key.touch_policy), (&[9; 32][..], TouchPolicy::Always));
    assert_eq!(after.keys.keys().collect::<Vec<_>>(), before.keys.keys().collect::<Vec<_>>());
    for (slot, key) in &before.keys {
        let kept = &after.keys[slot];
        assert_eq!(kept.key.to_pkcs8_pem().unwrap(), key.key.to_pkcs8_pem().unwrap(), "{slot}");
        assert_eq!(
            (kept.origin, kept.pin_policy, kept.touch_policy),
            (key.origin, key.pin_policy, key.touch_policy),
            "{slot}"
        );
    }
    for (kept, reference) in
        [(&after.references.pin, &before.references.pin), (&after.references.puk, &before.references.puk)]
    {
        assert_eq!(kept.block(), reference.block());
        assert_eq!((kept.tries_left(), kept.tries()), (reference.tries_left(), reference.tries()));
    }
}

/// The files as the version before this one wrote them.
#[test]
fn a_state_of_version_1_is_read() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let pem = key.to_pkcs8_pem().unwrap().replace('\n', "\\n");
    let card = format!(
        r#"{{ "schema_version": 1, "objects": {{ "5FC105": "70015a", "5FC10C": "c10100c20100fe00" }},
             "keys": {{ "9a": "{pem}", "9c": "{pem}" }} }}"#
    );
    let pins = r#"{ "schema_version": 1, "pin": { "value": "246810", "tries_left": 2, "tries": 3 },
                    "puk": { "value": "12345678", "tries_left": 3, "tries": 3 } }"#;
    store.directory.replace(CARD_FILE, card.as_bytes()).unwrap();
    store.directory.replace(PIN_FILE, pins.as_bytes()).unwrap();

    let content = store.read().unwrap().unwrap();
    assert_eq!(content.profile, Profile::Plain);
    assert_eq!(content.slots(), [(Slot::AUTHENTICATION, Algorithm::P256), (Slot::SIGNATURE, Algorithm::P256)]);
    assert_eq!(content.object(Tag(0x5fc105)), Some(&[0x70, 1, 0x5a][..]));
    let signature = &content.keys[&Slot::SIGNATURE];
    assert_eq!((signature.origin, signature.pin_policy), (Origin::Imported, PinPolicy::Always));
    assert!(content.management_key.is_factory());
    assert_eq!((content.references.pin.text().as_str(), content.references.pin.tries_left()), ("246810", 2));

    // And kept as it is kept now.
    drop(VirtualCard::kept(content, CardOptions::default(), store).unwrap());
    let text = fs::read_to_string(directory.path().join("state/card.json")).unwrap();
    assert!(text.contains("\"schema_version\": 2"), "{text}");
    assert_eq!(open(&directory).read().unwrap().unwrap().references.pin.text().as_str(), "246810");
}

/// RESET is cut off between its two files: the keys are gone, PIN and PUK are still blocked, and RESET ends it.
#[test]
fn a_reset_that_is_cut_off_never_leaves_keys_behind_the_default_pin() {
    let directory = TempDir::new().unwrap();
    let mut content = Content::factory(Profile::YubiKey4).unwrap();
    content.put_key(Slot::AUTHENTICATION, PrivateKey::generate(Algorithm::P256).unwrap());
    for _ in 0..3 {
        content.references.pin.spend_try();
        content.references.puk.spend_try();
    }
    let options = || CardOptions { profile: Profile::YubiKey4, ..CardOptions::default() };
    let selected = |content, store| {
        let mut card = VirtualCard::kept(content, options(), store).unwrap();
        assert!(card.transmit(SELECT).ends_with(&[0x90, 0]));
        card
    };
    let mut card = selected(content, open(&directory));
    fs::create_dir(directory.path().join("state/.pin.json.new")).unwrap();
    assert_eq!(card.transmit(&[0x00, 0xfb, 0, 0]), [0x65, 0x81]);
    drop(card);
    fs::remove_dir(directory.path().join("state/.pin.json.new")).unwrap();

    let store = open(&directory);
    let content = store.read().unwrap().unwrap();
    assert!(content.slots().is_empty() && content.references.pin.is_blocked());
    let mut card = selected(content, store);
    assert_eq!(card.transmit(&[0x00, 0xfb, 0, 0]), [0x90, 0x00]);
    assert_eq!(card.transmit(RIGHT_PIN), [0x90, 0x00]);
}
