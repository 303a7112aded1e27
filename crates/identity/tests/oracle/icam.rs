//! Every certificate of eight GSA ICAM test cards.

use std::path::{Path, PathBuf};

use identity::{Certificate, Identity, KeyAlgorithm, Problem, Usage, load};
use time::macros::datetime;

use crate::openssl;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/icam")
}

/// All certificate files with their bytes, sorted.
fn files() -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for card in std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
        if card.is_dir() {
            let files = std::fs::read_dir(card).unwrap().map(|entry| entry.unwrap().path());
            found.extend(files.filter(|file| file.extension().is_some_and(|end| end == "crt")));
        }
    }
    found.sort();
    found.into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect()
}

fn read(file: &Path, bytes: &[u8]) -> Certificate {
    let mut all = load::certificates(bytes);
    assert_eq!(all.len(), 1, "{}", file.display());
    all.remove(0).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn every_certificate_agrees_with_openssl() {
    let files = files();
    assert_eq!(files.len(), 54);
    for (file, bytes) in files {
        let certificate = read(&file, &bytes);
        let name = file.display();
        let facts = openssl::line(
            "x509 -noout -subject -issuer -serial -dates -dateopt iso_8601 -nameopt RFC2253,-esc_msb",
            &bytes,
        );
        let facts: Vec<&str> = facts.lines().collect();
        assert_eq!(facts[0], format!("subject={}", certificate.subject()), "{name}");
        assert_eq!(facts[1], format!("issuer={}", certificate.issuer()), "{name}");
        assert_eq!(facts[2], format!("serial={}", certificate.serial_number().to_uppercase()), "{name}");
        assert_eq!(openssl::timestamp(facts[3]), certificate.not_before().unix_timestamp(), "{name}");
        assert_eq!(openssl::timestamp(facts[4]), certificate.not_after().unix_timestamp(), "{name}");

        assert_eq!(openssl::pairing_hash(&bytes), certificate.pairing_hash().to_string(), "{name}");
        let spki = openssl::run("pkey -pubin -outform DER", &openssl::run("x509 -noout -pubkey", &bytes));
        assert_eq!(spki, certificate.spki_der(), "{name}");
        assert_eq!(openssl::run("x509 -outform DER", &bytes), certificate.der(), "{name}");
        assert_eq!(openssl::run("x509", certificate.to_pem().as_bytes()), openssl::run("x509", &bytes));

        let names = String::from_utf8(openssl::run("x509 -noout -ext subjectAltName", &bytes)).unwrap();
        let upn = names.split("UPN::").nth(1).map(|rest| rest.split([',', '\n']).next().unwrap());
        assert_eq!(upn, certificate.upn(), "{name}");
        let bits = String::from_utf8(openssl::run("x509 -noout -text", &bytes)).unwrap();
        let bits = bits.split("Public-Key: (").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        assert_eq!(certificate.public_key().algorithm().to_string(), format!("RSA{bits}"), "{name}");
    }
}

/// The first digit of a file name says which slot its certificate belongs to.
fn identity(file: &Path, bytes: &[u8]) -> Identity {
    let slot = match file.file_name().unwrap().to_string_lossy().as_bytes()[0] {
        b'3' => "9a",
        b'4' => "9c",
        b'5' => "9d",
        b'6' => "9e",
        other => panic!("{other} in {}", file.display()),
    };
    Identity { slot: slot.to_owned(), certificate: read(file, bytes), token_id: None }
}

#[test]
fn every_slot_is_good_for_what_it_is_meant_for() {
    let now = datetime!(2026-07-01 0:00 UTC);
    let (mut expired, mut early, mut good) = (0, 0, 0);
    for (file, bytes) in files() {
        let identity = identity(&file, &bytes);
        let usage = identity.usable_for();
        let name = file.display();
        match identity.slot.as_str() {
            "9a" => assert_eq!(usage, [Usage::Authentication], "{name}"),
            // These list anyExtendedKeyUsage.
            "9c" => assert_eq!(usage, [Usage::Authentication, Usage::Signature], "{name}"),
            "9d" => assert_eq!(usage, [Usage::KeyManagement], "{name}"),
            _ => assert_eq!(usage, [Usage::CardAuthentication], "{name}"),
        }
        assert_eq!(identity.certificate.public_key().algorithm(), &KeyAlgorithm::Rsa { bits: 2048 });
        let seconds = now.unix_timestamp();
        let dates = openssl::line("x509 -noout -dates -dateopt iso_8601", &bytes);
        let (first, last) = dates.split_once('\n').unwrap();
        match identity.problems_at(now).as_slice() {
            [] => good += 1,
            [Problem::Expired { .. }] => {
                assert!(openssl::timestamp(last) < seconds, "{name}");
                expired += 1;
            }
            [Problem::NotYetValid { .. }] => {
                assert!(openssl::timestamp(first) > seconds, "{name}");
                early += 1;
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    assert!(expired > 0 && early > 0 && good > 0, "{expired} {early} {good}");
}
