//! Files with certificates in every form that OpenSSL writes.

use identity::{Error, PairingHash, load};

use crate::openssl;

struct Made {
    folder: tempfile::TempDir,
    pem: [Vec<u8>; 2],
    hashes: Vec<PairingHash>,
}

fn made() -> Made {
    let folder = tempfile::tempdir().unwrap();
    let pem = ["one", "two"].map(|name| {
        let file = folder.path().join(name);
        openssl::new_key("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", &file);
        openssl::new_certificate(&file, "")
    });
    let hashes = pem.iter().map(|pem| openssl::pairing_hash(pem).parse().unwrap()).collect();
    Made { folder, pem, hashes }
}

fn hashes(bytes: &[u8]) -> Vec<PairingHash> {
    load::certificates(bytes).into_iter().map(|one| one.unwrap().pairing_hash()).collect()
}

#[test]
fn pem_der_and_pkcs7() {
    let Made { folder, pem, hashes: expected } = made();
    let both = pem.concat();
    assert_eq!(hashes(&both), expected);
    assert_eq!(hashes(&openssl::run("x509 -outform DER", &pem[0])), expected[..1]);
    let crlf = String::from_utf8(both.clone()).unwrap().replace('\n', "\r\n");
    assert_eq!(hashes(crlf.as_bytes()), expected);

    let file = folder.path().join("both.pem");
    std::fs::write(&file, &both).unwrap();
    for form in ["PEM", "DER"] {
        let bundle = openssl::run(&format!("crl2pkcs7 -nocrl -certfile {} -outform {form}", file.display()), b"");
        // A SET OF in DER is sorted, so the order may be another one.
        let mut found = hashes(&bundle);
        let mut expected = expected.clone();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{form}");
    }
}

#[test]
fn other_blocks_are_skipped_and_broken_ones_reported() {
    let Made { folder, pem, hashes: expected } = made();
    let key = std::fs::read(folder.path().join("one")).unwrap();
    let broken = b"-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
    let open = b"-----BEGIN CERTIFICATE-----\nAAEC\n";
    let file = [b"some words\n".as_slice(), &key, &pem[0], broken, open, &pem[1], b"the end"].concat();
    let found = load::certificates(&file);
    assert_eq!(found.len(), 4);
    assert_eq!(found[0].as_ref().unwrap().pairing_hash(), expected[0]);
    assert!(matches!(found[1], Err(Error::Malformed { .. })));
    assert!(matches!(found[2], Err(Error::Malformed { .. })));
    assert_eq!(found[3].as_ref().unwrap().pairing_hash(), expected[1]);
    assert!(matches!(load::certificates(&key).as_slice(), [Err(Error::NoCertificate)]));
}

#[test]
fn what_holds_no_certificate_is_one_error() {
    for bytes in [&b""[..], b"hello", &[0x30], &[0x30, 0x80], &[0; 100], b"-----BEGIN CERTIFICATE-----"] {
        let found = load::certificates(bytes);
        assert!(matches!(found.as_slice(), [Err(_)]), "{found:?}");
    }
    // An empty bundle.
    let empty = openssl::run("crl2pkcs7 -nocrl -outform DER", b"");
    assert!(matches!(load::certificates(&empty).as_slice(), [Err(Error::NoCertificate)]));
}

#[test]
fn sizes_are_limited() {
    let huge = vec![b'A'; load::MAX_FILE + 1];
    assert!(matches!(load::certificates(&huge).as_slice(), [Err(Error::TooLarge { .. })]));
    let large = vec![0x30; identity::MAX_CERTIFICATE + 1];
    assert!(matches!(load::certificates(&large).as_slice(), [Err(Error::TooLarge { .. })]));
}

#[test]
fn bytes_behind_a_certificate_are_refused() {
    let Made { pem, .. } = made();
    let mut der = openssl::run("x509 -outform DER", &pem[0]);
    der.push(0);
    assert!(matches!(load::certificates(&der).as_slice(), [Err(Error::Malformed { .. })]));
}
