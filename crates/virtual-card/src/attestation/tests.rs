//! Attestations as openssl reads and verifies them.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use super::*;
use crate::policy::{PinPolicy, TouchPolicy};
use crate::{Profile, load};

const FIRMWARE_VERSION: Firmware = [5, 4, 3];

fn card() -> Content {
    Content::factory(Profile::YubiKey54).unwrap()
}

fn put(content: &mut Content, slot: Slot, algorithm: Algorithm, origin: Origin) {
    let key = PrivateKey::generate(algorithm).unwrap();
    content.put_key_with(slot, key, origin, PinPolicy::Always, TouchPolicy::Cached);
}

fn openssl(directory: &TempDir, arguments: &str) -> String {
    let output =
        Command::new("openssl").args(arguments.split(' ')).current_dir(directory.path()).output().expect("openssl");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Writes the attestation of `slot` and what stands above it, and has openssl verify the chain. Gives the text.
fn verified(content: &Content, slot: Slot) -> String {
    let directory = TempDir::new().unwrap();
    let object = content.object(Slot::ATTESTATION.certificate_tag()).unwrap();
    let files = [
        ("root", content.attestation_root().unwrap().to_vec()),
        ("f9", tlv::find(object, Tag(0x70)).unwrap().unwrap().to_vec()),
        ("key", attest(content, FIRMWARE_VERSION, slot).unwrap()),
    ];
    for (name, der) in files {
        fs::write(directory.path().join(format!("{name}.der")), der).unwrap();
        openssl(&directory, &format!("x509 -inform DER -in {name}.der -out {name}.pem"));
    }
    openssl(&directory, "verify -CAfile root.pem -untrusted f9.pem key.pem");
    let key = content.keys[&slot].key.public_key_der().unwrap();
    fs::write(directory.path().join("public.der"), key).unwrap();
    let public = openssl(&directory, "pkey -pubin -inform DER -in public.der");
    assert_eq!(openssl(&directory, "x509 -in key.pem -noout -pubkey"), public, "it certifies the key");
    openssl(&directory, "x509 -in key.pem -noout -text -certopt ext_dump")
}

#[test]
fn every_kind_of_key_is_attested_with_what_the_card_knows_of_it() {
    let mut content = card();
    let serial = content.serial.unwrap().to_be_bytes();
    for algorithm in [Algorithm::P256, Algorithm::P384, Algorithm::Rsa2048, Algorithm::Ed25519, Algorithm::X25519] {
        put(&mut content, Slot::AUTHENTICATION, algorithm, Origin::Generated);
        let text = verified(&content, Slot::AUTHENTICATION);
        for expected in [
            "Issuer: CN = Yubico PIV Attestation",
            "Subject: CN = YubiKey PIV Attestation 9a",
            "Signature Algorithm: sha256WithRSAEncryption",
        ] {
            assert!(text.contains(expected), "{algorithm}: {expected:?} in {text}");
        }
        // Each value as openssl dumps it, in the line after its name.
        let value = |oid: &str| {
            let line = text.lines().skip_while(|line| !line.trim().starts_with(oid)).nth(1).unwrap();
            let bytes = line.split_once(" - ").unwrap().1;
            bytes.split("  ").next().unwrap().trim().replace(['-', ' '], "")
        };
        assert_eq!(value("1.3.6.1.4.1.41482.3.3"), "050403");
        assert_eq!(value("1.3.6.1.4.1.41482.3.7"), format!("0204{}", hex::encode(serial)), "an INTEGER");
        assert_eq!(value("1.3.6.1.4.1.41482.3.8"), "0303", "PIN always, touch cached");
        assert_eq!(value("1.3.6.1.4.1.41482.3.9"), "01");
    }
}

#[test]
fn keys_from_elsewhere_and_empty_slots_are_not_attested() {
    let mut content = card();
    put(&mut content, Slot::SIGNATURE, Algorithm::P256, Origin::Imported);
    let refused = |slot| attest(&content, FIRMWARE_VERSION, slot).err();
    assert_eq!(refused(Slot::SIGNATURE), Some(StatusWord::INCORRECT_DATA));
    assert_eq!(refused(Slot::ATTESTATION), Some(StatusWord::INCORRECT_DATA));
    assert_eq!(refused(Slot::AUTHENTICATION), Some(StatusWord::REFERENCE_NOT_FOUND));
}

#[test]
fn an_attestation_key_of_ones_own_attests_as_well() {
    let root = Authority::generate_named("a company's root", 1).unwrap();
    for algorithm in [Algorithm::P256, Algorithm::P384] {
        let key = PrivateKey::generate(algorithm).unwrap();
        let extensions = vec![extension(&BasicConstraints { ca: true, path_len_constraint: Some(0) }).unwrap()];
        let certificate = root.certify("CN=Our attestation", &key, extensions).unwrap();
        let mut content = card();
        assert!(load::belongs_to(&key, &certificate).unwrap());
        content.load(Slot::ATTESTATION, &certificate, key, CertificateStorage::Plain).unwrap();
        content.attestation_root = Some(root.certificate().to_vec());
        put(&mut content, Slot::AUTHENTICATION, Algorithm::P256, Origin::Generated);
        assert!(verified(&content, Slot::AUTHENTICATION).contains("Issuer: CN = Our attestation"));
    }
}
