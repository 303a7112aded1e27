//! Tests of the check of encodings.

use super::*;
use crate::{Certificate, testing};

/// The certificate with a piece of it replaced by one of the same length.
fn changed(der: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = der.windows(from.len()).position(|window| window == from).expect("the piece is in there");
    [&der[..at], to, &der[at + from.len()..]].concat()
}

#[test]
fn ordinary_certificates_pass() {
    let (ordinary, _) = testing::certificate("Zoë", &[rcgen::KeyUsagePurpose::DigitalSignature], &[]);
    assert_eq!(ordinary.encoding_problem(), None);
}

#[test]
fn what_openssl_cannot_read_is_found() {
    let (ordinary, _) = testing::certificate("Mueller", &[], &[]);
    let der = ordinary.der();
    let latin1 = changed(der, b"Mueller", b"M\xFCeller");
    let serial = der.windows(2).position(|window| window == [0x02, 0x14]).expect("a serial number of 20 octets");
    let mut padded = der.to_vec();
    padded[serial + 2..serial + 4].copy_from_slice(&[0, 1]);
    for (bytes, word) in [(latin1, "text"), (padded, "shortest")] {
        assert!(problem(&bytes).is_some_and(|why| why.contains(word)), "{word}: {:?}", problem(&bytes));
        // Ours reads the second; both must be told from sound ones.
        if let Ok(certificate) = Certificate::from_der(&bytes) {
            assert!(certificate.encoding_problem().is_some());
        }
    }
}

#[test]
fn damage_of_every_kind() {
    for (value, check) in [
        (&[0x00, 0x7F][..], integer as fn(&[u8]) -> Checked),
        (&[0xFF, 0x80], integer),
        (&[], integer),
        (&[0x01], boolean),
        (&[], bit_string),
        (&[8, 0], bit_string),
        (&[1], bit_string),
        (&[0x2A, 0x80, 0x01], object_identifier),
        (&[0x2A, 0x86], object_identifier),
        (&[], object_identifier),
    ] {
        assert!(check(value).is_err(), "{value:?}");
    }
    assert!(integer(&[0x00, 0x80]).is_ok() && integer(&[0xFF, 0x7F]).is_ok() && integer(&[0]).is_ok());
    assert!(string(Tag::BmpString, &[0, 0x41]).is_ok() && string(Tag::BmpString, &[0]).is_err());
    assert!(string(Tag::BmpString, &[0xD8, 0]).is_err() && string(Tag::TeletexString, &[0xFC]).is_ok());
    assert!(time(&mut Fields::new(b"\x17\x0d260101000000Z").unwrap()).is_ok());
    for bad in [&b"\x17\x0b2601010000Z"[..], b"\x17\x0d260101000000+", b"\x18\x0d260101000000Z", b"\x0c\x01Z"] {
        assert!(time(&mut Fields::new(bad).unwrap()).is_err());
    }
}
