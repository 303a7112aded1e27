use std::fs;

use tempfile::TempDir;

use super::*;
use crate::{CardOptions, VirtualCard};

fn set() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/icam")
}

/// Every card of the set, by its directory.
fn cards() -> Vec<PathBuf> {
    let mut cards = files(&set()).unwrap();
    cards.retain(|path| path.is_dir());
    cards.sort();
    cards
}

#[test]
fn every_card_has_what_its_files_say() {
    let cards = cards();
    assert_eq!(cards.len(), 8);
    for directory in cards {
        let content = Content::icam(Profile::Plain, &directory).unwrap();
        let slots: Vec<_> = content.slots().iter().map(|(slot, algorithm)| format!("{slot} {algorithm}")).collect();
        assert_eq!(slots, ["9a RSA2048", "9c RSA2048", "9d RSA2048", "9e RSA2048"], "{}", directory.display());
        let file = |name: &str| fs::read(directory.join(name)).unwrap();
        for (tag, name) in [
            (0x5fc106, "2-Security_Object"),
            (0x5fc107, "7-CCC"),
            (0x5fc102, "8-CHUID_Object"),
            (0x5fc103, "9-Fingerprints"),
            (0x5fc109, "11-Printed_Information"),
        ] {
            assert_eq!(content.object(Tag(tag)), Some(&file(name)[..]), "{}: {name}", directory.display());
        }
        assert!(content.object(objects::KEY_HISTORY).is_none());
        let mut card = VirtualCard::new(content, CardOptions::default());
        let _ = card.transmit(&hex::decode("00a4040005a000000308").unwrap());
        let discovery = card.transmit(&hex::decode("00cb3fff035c017e00").unwrap());
        assert_eq!(discovery, [&file("1-Discovery_Object")[..], &[0x90, 0x00]].concat(), "{}", directory.display());
    }
}

#[test]
fn what_is_no_card_is_refused_with_its_reason() {
    let good = set().join("01_Golden_PIV");
    let copy = || {
        let copy = TempDir::new().unwrap();
        for path in files(&good).unwrap() {
            fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
        copy
    };
    let remove = |directory: &TempDir, start: &str, end: &str| {
        for path in files(directory.path()).unwrap() {
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.starts_with(start) && name.ends_with(end) {
                fs::remove_file(&path).unwrap();
            }
        }
    };
    let error = |directory: &TempDir| Content::icam(Profile::Plain, directory.path()).err().unwrap();

    let empty = TempDir::new().unwrap();
    assert!(matches!(error(&empty), Error::NoCard { reason, .. } if reason.contains("CHUID")));
    assert!(matches!(Content::icam(Profile::Plain, &good.join("absent")), Err(Error::Unreadable { .. })));

    let without_certificates = copy();
    remove(&without_certificates, "", ".crt");
    assert!(matches!(error(&without_certificates), Error::NoCard { reason, .. } if reason.contains("certificate")));

    let without_key = copy();
    remove(&without_key, "3-", ".p12");
    assert!(matches!(error(&without_key), Error::NoCard { reason, .. } if reason.contains(".p12")));

    let other_key = copy();
    remove(&other_key, "3-", ".p12");
    fs::copy(good.join("6-ICAM_PIV_Card_Auth_SP_800-73-4.p12"), other_key.path().join("3-key.p12")).unwrap();
    assert!(matches!(error(&other_key), Error::KeyMismatch { slot: Slot::AUTHENTICATION }));

    for name in ["3-x.p12", "3-x.crt", "8-x", "1-x"] {
        let damaged = copy();
        fs::write(damaged.path().join(name), [0x30, 0x82, 0xff, 0xff, 0x00]).unwrap();
        match error(&damaged) {
            Error::Unusable { path, .. } => assert_eq!(path, damaged.path().join(name)),
            other => panic!("{name}: {other}"),
        }
    }
}
