//! The management key, and what it opens.

use std::num::NonZeroU8;

use piv::{
    AdminData, AlgorithmId, Error, LastTry, ManagementAlgorithm, ManagementKey, ObjectId, Pin, PinPolicy, Slot,
    TouchPolicy,
};

use crate::script::{SELECT, card};

const METADATA: &str = "00f7009b00";
const WITNESS_3DES: &str = "0087039b04 7c028000 00";
const WITNESS_AES192: &str = "00870a9b04 7c028000 00";
/// Before a witness of eight bytes.
const ENCRYPTED: &str = "7c0a8008";

fn factory() -> ManagementKey {
    ManagementKey::factory_default()
}

fn authenticate(lines: &[(&str, &str)]) -> Option<Error> {
    let (mut card, rest) = card(lines);
    let error = card.session().unwrap().authenticate_management(&factory()).err();
    rest.is_empty();
    error
}

/// DES-EDE3 in ECB mode of one block, by openssl.
fn openssl_encrypts(block: &str) -> String {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let key = "010203040506070801020304050607080102030405060708";
    let mut child = Command::new("openssl")
        .args(["enc", "-des-ede3-ecb", "-nopad", "-provider", "legacy", "-provider", "default", "-K", key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl is needed for this test; scripts/setup installs it");
    child.stdin.take().unwrap().write_all(&hex::decode(block).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout.len() == 8, "{output:?}");
    hex::encode(output.stdout)
}

#[test]
fn the_witness_is_decrypted_as_openssl_encrypted_it_and_a_wrong_answer_gives_the_card_away() {
    let witness = format!("{ENCRYPTED} {} 9000", openssl_encrypts("0011223344556677"));
    let prove = "0087039b16 7c14 8008 0011223344556677 8108 ???????????????? 00";
    let wrong = "7c0a 8208 0000000000000000 9000";
    let error = authenticate(&[SELECT, (METADATA, "6d00"), (WITNESS_3DES, &witness), (prove, wrong)]);
    assert!(matches!(error, Some(Error::CardNotAuthentic)), "{error:?}");
    for empty in ["7c00 9000", "7c028200 9000", "7c0a 8108 0000000000000000 9000"] {
        let error = authenticate(&[SELECT, (METADATA, "6d00"), (WITNESS_3DES, &witness), (prove, empty)]);
        assert!(matches!(error, Some(Error::CardNotAuthentic)), "{error:?}");
    }
}

#[test]
fn a_wrong_key_is_told_from_a_key_of_another_kind() {
    let witness = "7c0a 8008 0011223344556677 9000";
    let prove = "0087039b16 7c14 8008 ???????????????? 8108 ???????????????? 00";
    for sw in ["6982", "6a80", "6300"] {
        let error = authenticate(&[SELECT, (METADATA, "6d00"), (WITNESS_3DES, witness), (prove, sw)]);
        assert!(matches!(error, Some(Error::WrongManagementKey { .. })), "{error:?}");
    }
    let error = authenticate(&[SELECT, (METADATA, "6d00"), (WITNESS_3DES, "6a86"), (WITNESS_AES192, "6a86")]);
    assert!(matches!(error, Some(Error::OtherManagementKey { .. })), "{error:?}");
}

#[test]
fn the_algorithm_comes_from_the_card_where_it_tells() {
    let told = (METADATA, "01010a 02020001 050101 9000");
    let error = authenticate(&[SELECT, told, (WITNESS_AES192, "6982")]);
    assert!(matches!(error, Some(Error::Status { command: "GENERAL AUTHENTICATE", .. })), "{error:?}");
    let aes256 = (METADATA, "01010c 02020001 050100 9000");
    let error = authenticate(&[SELECT, aes256]);
    assert!(matches!(error, Some(Error::OtherManagementKey { .. })), "a key of 24 bytes was not sent: {error:?}");
}

#[test]
fn a_witness_that_is_no_block_is_malformed() {
    for witness in ["7c04 80020011 9000", "7c028000 9000", "7c00 9000", "80080011223344556677 9000", "9000"] {
        let error = authenticate(&[SELECT, (METADATA, "6d00"), (WITNESS_3DES, witness)]);
        assert!(matches!(error, Some(Error::Malformed { .. })), "{witness}: {error:?}");
    }
}

#[test]
fn the_other_vendor_commands_are_what_yubico_documents() {
    let attestation = ("00f99a0000", "308200 01 05 9000");
    let lines = [
        SELECT,
        ("00fd000000", "050403 9000"),
        ("00f8000000", "00bc614e 9000"),
        attestation,
        ("00f99c0000", "6a80"),
        ("00f99d0000", "6d00"),
    ];
    let (mut card, rest) = card(&lines);
    let mut session = card.session().unwrap();
    for _ in 0..2 {
        assert_eq!(session.version().unwrap().unwrap().to_string(), "5.4.3");
        assert_eq!(session.yubikey_serial().unwrap(), Some(12_345_678));
    }
    assert_eq!(session.attestation(Slot::Authentication).unwrap().len(), 5);
    let refused = session.attestation(Slot::Signature);
    assert!(matches!(refused, Err(Error::NotAttested { slot: Slot::Signature, .. })));
    assert!(matches!(session.attestation(Slot::KeyManagement), Err(Error::NotSupported { .. })));
    rest.is_empty();
}

#[test]
fn a_card_without_vendor_commands_is_asked_once() {
    let lines = [SELECT, ("00fd000000", "6d00"), ("00f8000000", "6d00"), ("00f7009a00", "6d00"), SELECT];
    let (mut card, rest) = card(&lines);
    let mut session = card.session().unwrap();
    for _ in 0..2 {
        assert_eq!((session.version().unwrap(), session.yubikey_serial().unwrap()), (None, None));
        assert_eq!(session.key_metadata(Slot::Authentication).unwrap(), piv::Metadata::Unknown);
        assert_eq!(session.puk_metadata().unwrap(), piv::Metadata::Unknown);
    }
    drop(session);
    assert_eq!(card.session().unwrap().version().unwrap(), None, "and not again in the next session");
    rest.is_empty();
}

#[test]
fn administration_data_are_read_as_ykman_writes_them() {
    let (mut card, _) = card(&[SELECT, ("00cb3fff 000005 5c035fff00 0000", "5305 8003 810102 9000")]);
    let data = card.session().unwrap().admin_data().unwrap().unwrap();
    assert!(data.management_key_stored && !data.puk_blocked && data.salt.is_none());
    assert_eq!(hex::encode(data.encode()), "8003810102");
    assert_eq!(AdminData::parse(&data.encode()).unwrap(), data);
}

#[test]
fn the_types_of_an_administrator_are_what_they_seem() {
    // What compiles here is the shape that provisioning relies on: either key first, and all in one session.
    fn shape(mut card: piv::Card, pin: &Pin) -> Result<(), Error> {
        let key = ManagementKey::generate(ManagementAlgorithm::Aes256)?;
        let session = card.session()?.authenticate_management(&factory())?;
        let mut both = session.verify_pin(pin, LastTry::Keep)?;
        let tries = NonZeroU8::MIN;
        both.set_pin_retries(tries, tries)?;
        both.generate_key(Slot::Authentication, AlgorithmId::EccP256, PinPolicy::Once, TouchPolicy::Default)?;
        both.sign(Slot::Authentication, AlgorithmId::EccP256, piv::Hash::Sha256, b"certificate")?;
        both.put_object(ObjectId::Chuid, &[])?;
        both.put_protected_management_key(&key)?;
        both.set_management_key(ManagementAlgorithm::Aes256, &key, false)?;
        drop(both);
        let mut verified = card.session()?.verify_pin(pin, LastTry::Keep)?;
        let stored = verified.protected_management_key()?.ok_or(Error::InvalidManagementKey)?;
        let mut again = verified.authenticate_management(&stored)?;
        again.chuid().map(drop)
    }
    let _ = shape;
}
