//! Keys made on the card: openssl reads them, verifies what they sign, encrypts to them, and agrees with them.

use std::fs;

use piv::{AlgorithmId, Error, Hash, LastTry, ManagementKey, Metadata, Origin, PinPolicy, Slot, TouchPolicy};
use virtual_card::Profile;

use crate::bench::{administration, factory, openssl, openssl_agrees, pin};

const DEFAULT: (PinPolicy, TouchPolicy) = (PinPolicy::Default, TouchPolicy::Default);

#[test]
fn openssl_verifies_what_a_new_key_of_each_kind_signs() {
    for algorithm in AlgorithmId::ALL.into_iter().filter(|algorithm| *algorithm != AlgorithmId::X25519) {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        let (mut card, _) = factory(Profile::Plain, "");
        let mut session = administration(&mut card);
        let key = session.generate_key(Slot::Authentication, algorithm, DEFAULT.0, DEFAULT.1).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        let signature = session.sign(Slot::Authentication, algorithm, Hash::Sha256, b"a message").unwrap();
        fs::write(file("key.der"), key.to_spki_der()).unwrap();
        fs::write(file("message"), "a message").unwrap();
        fs::write(file("signature"), signature).unwrap();
        let public = ["-inkey", "key.der", "-keyform", "DER", "-pubin"];
        let signed = ["-in", "message", "-sigfile", "signature", "-rawin"];
        let digest: &[&str] = if algorithm == AlgorithmId::Ed25519 { &[] } else { &["-digest", "sha256"] };
        openssl_agrees(directory.path(), &[&["pkeyutl", "-verify"], &public[..], &signed, digest].concat());
    }
}

#[test]
fn a_long_message_is_signed_whole_by_ed25519() {
    for quirks in ["", "no-extended"] {
        let directory = tempfile::tempdir().unwrap();
        let (mut card, _) = factory(Profile::YubiKey57, quirks);
        let mut session = administration(&mut card);
        let key = session.generate_key(Slot::Authentication, AlgorithmId::Ed25519, DEFAULT.0, DEFAULT.1).unwrap();
        let message: Vec<u8> = (0..1000_u16).flat_map(u16::to_be_bytes).collect();
        let signature = session.sign(Slot::Authentication, AlgorithmId::Ed25519, Hash::Sha256, &message).unwrap();
        fs::write(directory.path().join("key.der"), key.to_spki_der()).unwrap();
        fs::write(directory.path().join("message"), message).unwrap();
        fs::write(directory.path().join("signature"), signature).unwrap();
        let verify = ["pkeyutl", "-verify", "-inkey", "key.der", "-keyform", "DER", "-pubin", "-rawin"];
        openssl_agrees(directory.path(), &[&verify[..], &["-in", "message", "-sigfile", "signature"]].concat());
    }
}

#[test]
fn what_openssl_encrypts_to_an_rsa_key_is_decrypted() {
    let directory = tempfile::tempdir().unwrap();
    let (mut card, _) = factory(Profile::Plain, "");
    let mut session = administration(&mut card);
    let slot = Slot::KeyManagement;
    let key = session.generate_key(slot, AlgorithmId::Rsa2048, DEFAULT.0, DEFAULT.1).unwrap();
    fs::write(directory.path().join("key.der"), key.to_spki_der()).unwrap();
    fs::write(directory.path().join("secret"), "a secret").unwrap();
    let encrypt = ["pkeyutl", "-encrypt", "-inkey", "key.der", "-keyform", "DER", "-pubin", "-in", "secret"];
    openssl_agrees(directory.path(), &[&encrypt[..], &["-out", "encrypted"]].concat());
    let encrypted = fs::read(directory.path().join("encrypted")).unwrap();
    let block = session.decrypt(slot, AlgorithmId::Rsa2048, &encrypted).unwrap();
    // RFC 8017 7.2.2: 00 02, at least eight bytes that are not zero, 00, the message.
    assert_eq!((block.len(), &block[..2], &block[block.len() - 9..]), (256, &[0, 2][..], &b"\0a secret"[..]));
    let short = session.decrypt(slot, AlgorithmId::Rsa2048, &encrypted[1..]);
    assert!(matches!(short, Err(Error::InputLength { wanted: 256, given: 255 })));
    let curve = session.decrypt(slot, AlgorithmId::EccP256, &encrypted);
    assert!(matches!(curve, Err(Error::NotSupported { .. })));
}

#[test]
fn openssl_and_the_card_agree_on_the_same_secret() {
    for (algorithm, name, option) in [
        (AlgorithmId::EccP256, "EC", &["-pkeyopt", "ec_paramgen_curve:P-256"][..]),
        (AlgorithmId::EccP384, "EC", &["-pkeyopt", "ec_paramgen_curve:P-384"]),
        (AlgorithmId::X25519, "X25519", &[]),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (mut card, _) = factory(Profile::YubiKey57, "");
        let mut session = administration(&mut card);
        let slot = Slot::KeyManagement;
        let key = session.generate_key(slot, algorithm, DEFAULT.0, DEFAULT.1).unwrap();
        fs::write(directory.path().join("card.der"), key.to_spki_der()).unwrap();
        openssl_agrees(directory.path(), &[&["genpkey", "-algorithm", name, "-out", "other.pem"], option].concat());
        let derive = ["pkeyutl", "-derive", "-inkey", "other.pem", "-peerkey", "card.der", "-peerform", "DER"];
        let theirs = openssl(directory.path(), &derive);
        assert!(theirs.status.success(), "{theirs:?}");
        let other = openssl(directory.path(), &["pkey", "-in", "other.pem", "-pubout", "-outform", "DER"]).stdout;
        let length = if algorithm == AlgorithmId::X25519 { 32 } else { 1 + 2 * algorithm.length() };
        let point = &other[other.len() - length..];
        assert_eq!(*session.agree(slot, algorithm, point).unwrap(), theirs.stdout, "{algorithm}");
        let short = session.agree(slot, algorithm, &point[1..]);
        assert!(matches!(short, Err(Error::InputLength { .. })));
    }
}

#[test]
fn a_certificate_for_its_own_key_is_made_and_stored_in_one_session() {
    for quirks in ["", "no-extended", "chaining-only", "le-ignored"] {
        let (mut card, probe) = factory(Profile::Plain, quirks);
        let mut session = administration(&mut card);
        let slot = Slot::Signature;
        session.generate_key(slot, AlgorithmId::Rsa2048, DEFAULT.0, DEFAULT.1).unwrap();
        session.verify_pin_again(&pin("123456"), LastTry::Keep).unwrap();
        session.sign(slot, AlgorithmId::Rsa2048, Hash::Sha256, b"to be signed").unwrap();
        let again = session.sign(slot, AlgorithmId::Rsa2048, Hash::Sha256, b"to be signed");
        assert!(matches!(again, Err(Error::PinRequired { slot: Slot::Signature })), "9C wants the PIN each time");
        let der = [&[0x30, 0x82, 0x05, 0xdc][..], &[0x5a; 1500]].concat();
        session.put_certificate(slot, &der).unwrap();
        let read = session.certificate(slot).unwrap().unwrap();
        assert_eq!((read.der, read.problems), (der, vec![]), "{quirks}");
        session.delete_object(piv::ObjectId::Certificate(slot)).unwrap();
        assert_eq!(session.certificate(slot).unwrap(), None, "{quirks}");
        assert_eq!(probe.tries_left(), 3);
    }
}

#[test]
fn metadata_tell_how_a_key_was_made() {
    let (mut card, _) = factory(Profile::YubiKey57, "");
    let mut session = administration(&mut card);
    let slot = Slot::Authentication;
    assert_eq!(session.key_metadata(slot).unwrap(), Metadata::Absent);
    let key = session.generate_key(slot, AlgorithmId::EccP384, PinPolicy::Always, TouchPolicy::Cached).unwrap();
    let Metadata::Present(told) = session.key_metadata(slot).unwrap() else { panic!("no metadata") };
    assert_eq!(told.algorithm, Some(AlgorithmId::EccP384));
    assert_eq!((told.pin_policy, told.touch_policy), (Some(PinPolicy::Always), Some(TouchPolicy::Cached)));
    assert!(told.touch_policy.unwrap().may_wait());
    assert_eq!((told.origin, told.public_key), (Some(Origin::Generated), Some(key)));
}

#[test]
fn a_key_that_is_moved_or_deleted_is_gone_from_its_slot() {
    let (mut card, _) = factory(Profile::YubiKey57, "");
    let mut session = administration(&mut card);
    let retired = Slot::retired().next().unwrap();
    let key = session.generate_key(Slot::KeyManagement, AlgorithmId::EccP256, DEFAULT.0, DEFAULT.1).unwrap();
    session.move_key(Slot::KeyManagement, retired).unwrap();
    assert_eq!(session.key_metadata(Slot::KeyManagement).unwrap(), Metadata::Absent);
    assert_eq!(session.key_metadata(retired).unwrap().present().unwrap().public_key, Some(key));
    session.delete_key(retired).unwrap();
    assert_eq!(session.key_metadata(retired).unwrap(), Metadata::Absent);

    let (mut old, _) = factory(Profile::YubiKey54, "");
    let refused = administration(&mut old).delete_key(retired);
    assert!(matches!(refused, Err(Error::NotSupported { .. })), "{refused:?}");
}

#[test]
fn an_attestation_verifies_with_openssl_and_an_imported_key_has_none() {
    let directory = tempfile::tempdir().unwrap();
    let (mut card, probe) = factory(Profile::YubiKey54, "");
    let mut session = administration(&mut card);
    let slot = Slot::Authentication;
    let none = session.attestation(slot);
    assert!(matches!(none, Err(Error::NotAttested { .. })), "{none:?}");
    let key = session.generate_key(slot, AlgorithmId::EccP256, DEFAULT.0, DEFAULT.1).unwrap();
    let attestation = session.attestation(slot).unwrap();
    let intermediate = session.attestation_certificate().unwrap().unwrap();
    let root = probe.with_card(|card| card.content().attestation_root().unwrap().to_vec());
    for (name, der) in [("leaf", &attestation), ("intermediate", &intermediate), ("root", &root)] {
        fs::write(directory.path().join(name), der).unwrap();
        let pem = format!("{name}.pem");
        openssl_agrees(directory.path(), &["x509", "-inform", "DER", "-in", name, "-out", &pem]);
    }
    let chain = ["-CAfile", "root.pem", "-untrusted", "intermediate.pem", "leaf.pem"];
    openssl_agrees(directory.path(), &[&["verify"], &chain[..]].concat());
    let attested = openssl(directory.path(), &["x509", "-in", "leaf.pem", "-pubkey", "-noout"]).stdout;
    fs::write(directory.path().join("key.pem"), attested).unwrap();
    let der = openssl(directory.path(), &["pkey", "-pubin", "-in", "key.pem", "-outform", "DER"]).stdout;
    assert_eq!(der, key.to_spki_der());
}

#[test]
fn nothing_is_written_and_no_key_made_once_the_card_has_forgotten_the_management_key() {
    let (mut card, probe) = factory(Profile::Plain, "");
    let mut session = administration(&mut card);
    // Another program resets the card and selects PIV, and this one has not noticed.
    probe.with_card(virtual_card::VirtualCard::reset);
    let mut other = piv::Card::new(Box::new(probe.connect()));
    drop(other.session().unwrap());
    let written = session.put_certificate(Slot::Authentication, &[0x30, 0]);
    assert!(matches!(written, Err(Error::ManagementKeyRequired { command: "PUT DATA" })), "{written:?}");
    let made = session.generate_key(Slot::Authentication, AlgorithmId::EccP256, DEFAULT.0, DEFAULT.1);
    assert!(matches!(made, Err(Error::ManagementKeyRequired { .. })), "{made:?}");
}

#[test]
fn a_wrong_management_key_opens_nothing() {
    for profile in [Profile::Plain, Profile::YubiKey4, Profile::YubiKey57, Profile::Federal] {
        let (mut card, _) = factory(profile, "");
        for length in [16, 24, 32] {
            let wrong = ManagementKey::from_hex(&"ab".repeat(length)).unwrap();
            let refused = card.session().unwrap().authenticate_management(&wrong).err();
            let kind = matches!(refused, Some(Error::WrongManagementKey { .. } | Error::OtherManagementKey { .. }));
            assert!(kind, "{profile} {length}: {refused:?}");
        }
    }
}
