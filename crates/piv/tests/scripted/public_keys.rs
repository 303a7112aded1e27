//! Public keys: what a card gives becomes what openssl writes.

use std::process::Command;

use piv::{AlgorithmId, Metadata, PublicKey, Slot};
use smartcard::tlv::{self, Tag};

use crate::script::{SELECT, card};

fn openssl(directory: &std::path::Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).current_dir(directory).output();
    let output = output.expect("openssl is needed for this test; scripts/setup installs it");
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// SubjectPublicKeyInfo of a new key, as openssl writes it.
fn spki(algorithm: &str, option: Option<&str>) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let mut arguments = vec!["genpkey", "-algorithm", algorithm, "-out", "key.pem"];
    if let Some(option) = option {
        arguments.extend(["-pkeyopt", option]);
    }
    openssl(directory.path(), &arguments);
    openssl(directory.path(), &["pkey", "-in", "key.pem", "-pubout", "-outform", "DER"])
}

/// The bit string of an SPKI, without its count of unused bits.
fn key_bits(spki: &[u8]) -> Vec<u8> {
    let fields = tlv::single(spki, Tag(0x30)).unwrap();
    tlv::find(fields, Tag(0x03)).unwrap().unwrap()[1..].to_vec()
}

/// What a card would say of the key in its metadata.
fn metadata(algorithm: AlgorithmId, spki: &[u8]) -> Vec<u8> {
    let bits = key_bits(spki);
    let key = if algorithm.is_rsa() {
        let numbers = tlv::single(&bits, Tag(0x30)).unwrap();
        let numbers: Vec<_> = tlv::Reader::new(numbers).map(|number| number.unwrap().value.to_vec()).collect();
        // Cards give the modulus without the sign byte of DER.
        [tlv::encode(Tag(0x81), &numbers[0][1..]), tlv::encode(Tag(0x82), &numbers[1])].concat()
    } else {
        tlv::encode(Tag(0x86), &bits)
    };
    [&[0x01, 1, algorithm.number(), 0x03, 1, 1][..], &tlv::encode(Tag(0x04), &key)].concat()
}

#[test]
fn every_kind_of_key_becomes_the_spki_that_openssl_writes() {
    for (algorithm, name, option) in [
        (AlgorithmId::Rsa1024, "RSA", Some("rsa_keygen_bits:1024")),
        (AlgorithmId::Rsa2048, "RSA", Some("rsa_keygen_bits:2048")),
        (AlgorithmId::EccP256, "EC", Some("ec_paramgen_curve:P-256")),
        (AlgorithmId::EccP384, "EC", Some("ec_paramgen_curve:P-384")),
        (AlgorithmId::Ed25519, "ED25519", None),
        (AlgorithmId::X25519, "X25519", None),
    ] {
        let spki = spki(name, option);
        let answer = hex::encode(metadata(algorithm, &spki)) + "9000";
        let (mut card, _) = card(&[SELECT, ("00f7009a00", &answer)]);
        let Metadata::Present(key) = card.session().unwrap().key_metadata(Slot::Authentication).unwrap() else {
            panic!("no metadata for {algorithm}");
        };
        assert_eq!(key.algorithm, Some(algorithm));
        let key: PublicKey = key.public_key.unwrap();
        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(hex::encode(key.to_spki_der()), hex::encode(spki), "{algorithm}");
    }
}
