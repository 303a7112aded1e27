//! How real cards differ: each row of that table is a quirk of the virtual card, and on each the client reads everything,
//! signs in every slot, and loses no try.

use std::fs;
use std::sync::LazyLock;

use piv::{AlgorithmId, Error, Hash, LastTry, PinStatus, Slot};
use virtual_card::{Content, Issued, Preset, Profile};

use crate::bench::{insert, openssl_agrees, pin};

/// One set of keys for all tests: RSA takes its time.
static REFERENCE: LazyLock<Issued> = LazyLock::new(|| Preset::Reference.issue_for(Profile::Plain).unwrap());

fn reference() -> Content {
    REFERENCE.content.clone()
}

fn certificate(slot: Slot) -> Vec<u8> {
    let slot = virtual_card::Slot::from_key_reference(slot.key_reference()).unwrap();
    REFERENCE.certificates[&slot].clone()
}

fn slots() -> [(Slot, AlgorithmId); 5] {
    [
        (Slot::Authentication, AlgorithmId::Rsa2048),
        (Slot::Signature, AlgorithmId::EccP256),
        (Slot::KeyManagement, AlgorithmId::Rsa2048),
        (Slot::CardAuthentication, AlgorithmId::EccP256),
        (Slot::retired().next().unwrap(), AlgorithmId::Rsa2048),
    ]
}

/// Reads every certificate and signs once in each slot; openssl verifies the signature of 9C with a hash longer than its
/// curve.
fn assert_everything_works(quirks: &str) -> Vec<&'static str> {
    let (mut card, probe) = insert(reference(), Profile::Plain, quirks);
    let mut problems = Vec::new();
    {
        let mut session = card.session().unwrap_or_else(|error| panic!("{quirks}: {error}"));
        session.chuid().unwrap_or_else(|error| panic!("{quirks}: {error}"));
        session.key_history().unwrap_or_else(|error| panic!("{quirks}: {error}"));
        for (slot, _) in slots() {
            let object = session.certificate(slot).unwrap_or_else(|error| panic!("{quirks} {slot}: {error}"));
            let object = object.unwrap_or_else(|| panic!("{quirks} {slot}: no certificate"));
            assert_eq!(object.der, certificate(slot), "{quirks} {slot}");
            problems.extend(object.problems);
        }
        let empty = Slot::retired().nth(1).unwrap();
        assert_eq!(session.certificate(empty).unwrap(), None, "{quirks}: an empty slot");
    }
    for (slot, algorithm) in slots() {
        let mut session = card.session().unwrap().verify_pin(&pin("123456"), LastTry::Keep).unwrap();
        let signature = session.sign(slot, algorithm, Hash::Sha512, b"a message");
        let signature = signature.unwrap_or_else(|error| panic!("{quirks} {slot}: {error}"));
        if slot == Slot::Signature {
            verify(&certificate(slot), &signature);
        }
    }
    let tries = probe.tries_left();
    assert!(tries >= 3, "{quirks}: a try was lost, {tries} are left");
    problems
}

fn verify(certificate: &[u8], signature: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in [("certificate", certificate), ("signature", signature), ("message", b"a message")] {
        fs::write(directory.path().join(name), content).unwrap();
    }
    let public = ["x509", "-inform", "DER", "-in", "certificate", "-pubkey", "-noout", "-out", "public.pem"];
    openssl_agrees(directory.path(), &public);
    let verify = ["dgst", "-sha512", "-verify", "public.pem", "-signature", "signature", "message"];
    openssl_agrees(directory.path(), &verify);
}

#[test]
fn cards_that_differ_in_how_they_are_selected_and_spoken_to_work_all_the_same() {
    for quirks in [
        "select-full-aid",
        "select-pix-only",
        "select-short",
        "select-long",
        "select-order",
        "select-needs-full-aid",
        "reselect-clears-pin",
        "selected-after-reset",
        "no-extended",
        "le-ignored",
        "chaining-only",
        "max-data=255",
        "undrained-poisons",
        "le-ignored,undrained-poisons",
        "t0",
    ] {
        assert_eq!(assert_everything_works(quirks), Vec::<&str>::new(), "{quirks}");
    }
}

#[test]
fn cards_that_differ_in_their_objects_work_all_the_same() {
    for quirks in [
        "no-discovery",
        "pin-policy=4000",
        "pin-policy=4010",
        "no-key-history",
        "key-history=0:0",
        "key-history=20:20",
        "retired=2",
        "empty-slot-9000",
        "no-guid",
        "zero-guid",
        "no-vendor",
        "empty-metadata",
        "gzip",
        "gzip-0x80",
        "zlib",
        "object-order",
    ] {
        assert_eq!(assert_everything_works(quirks), Vec::<&str>::new(), "{quirks}");
    }
}

#[test]
fn cards_that_differ_in_their_pin_and_keys_work_all_the_same() {
    for quirks in [
        "pin-tries=3",
        "pin-tries=15",
        "old-tries",
        "padding-costs-try",
        "9c-pin-once",
        "truncates-hash",
        "management-key=aes256",
    ] {
        assert_eq!(assert_everything_works(quirks), Vec::<&str>::new(), "{quirks}");
    }
}

#[test]
fn what_is_wrong_with_a_certificate_object_is_named_and_the_certificate_read() {
    for (quirks, problem) in [("no-fe", "FE"), ("trailing", "no data object")] {
        let problems = assert_everything_works(quirks);
        assert!(!problems.is_empty() && problems.iter().all(|named| named.contains(problem)), "{quirks}: {problems:?}");
    }
}

#[test]
fn old_tries_are_counted_as_the_new_ones_are() {
    let (mut card, probe) = insert(reference(), Profile::Plain, "old-tries");
    for left in [2, 1] {
        let wrong = card.session().unwrap().verify_pin(&pin("000000"), LastTry::Keep).err();
        assert!(matches!(wrong, Some(Error::WrongPin { retries_left: Some(tries) }) if tries == left), "{wrong:?}");
    }
    let kept = card.session().unwrap().verify_pin(&pin("000000"), LastTry::Keep).err();
    assert!(matches!(kept, Some(Error::LastPinTry)), "{kept:?}");
    assert_eq!(probe.tries_left(), 1);
    assert_eq!(card.session().unwrap().pin_status().unwrap(), PinStatus::TriesLeft(1));
}
