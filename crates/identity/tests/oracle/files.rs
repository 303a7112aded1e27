//! Files with certificates in every form that OpenSSL writes.

use identity::{Certificate, Error, PairingHash, load, pem};

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

/// The one error, with everything that it is caused by, as a person gets to see it.
fn message(bytes: &[u8]) -> String {
    let mut found = load::certificates(bytes);
    assert_eq!(found.len(), 1);
    let error = found.remove(0).unwrap_err();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(one) = cause {
        text.push_str(&format!(": {one}"));
        cause = one.source();
    }
    // Rust's own notation.
    assert!(!text.contains(['{', '}', '(']) || text.contains("(with -inform"), "{text}");
    text
}

#[test]
fn other_forms_are_named() {
    let Made { folder, pem, .. } = made();
    let der = openssl::run("x509 -outform DER", &pem[0]);
    let text = String::from_utf8(pem[0].clone()).unwrap();
    let [certificate, key] = ["one.pem", "one"].map(|name| folder.path().join(name));
    std::fs::write(&certificate, &pem[0]).unwrap();
    let words = format!("pkcs12 -export -in {} -inkey {} -passout pass:x", certificate.display(), key.display());
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bundle = openssl::run("crl2pkcs7 -nocrl -outform DER", b"");
    let object = bundle.windows(2).position(|window| window == [0x06, 0x09]).unwrap();
    let open = [&[0x30, 0x80][..], &bundle[object..], &[0, 0]].concat();
    let trusted = openssl::run("x509 -trustout", &pem[0]);
    for (bytes, words) in [
        (openssl::run(&words, b""), "PKCS#12"),
        (trusted, "TRUSTED CERTIFICATE"),
        (text.replace('\n', "").into_bytes(), "stand alone"),
        (format!(" {}", text.replace('\n', "\n ")).into_bytes(), "stand alone"),
        (utf16, "UTF-16"),
        ([&der[..], b"\n"].concat(), "line ends follow"),
        ([&der[..], b"x"].concat(), "other bytes follow"),
        (pem::encode("PKCS7", &open).into_bytes(), "BER"),
        (open, "BER"),
        (der[..der.len() - 1].to_vec(), "not an X.509 certificate"),
    ] {
        assert!(message(&bytes).contains(words), "{words}: {}", message(&bytes));
    }
}

#[test]
fn the_number_of_certificates_is_limited() {
    let broken = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
    let found = load::certificates(broken.repeat(load::MAX_CERTIFICATES).as_bytes());
    assert_eq!(found.len(), load::MAX_CERTIFICATES);
    let found = load::certificates(broken.repeat(load::MAX_CERTIFICATES + 9).as_bytes());
    assert_eq!(found.len(), load::MAX_CERTIFICATES + 1);
    assert!(matches!(found.last(), Some(Err(Error::TooMany { .. }))));

    let Made { folder, pem, .. } = made();
    let file = folder.path().join("both.pem");
    std::fs::write(&file, &pem[0]).unwrap();
    let bundle = openssl::run(&format!("crl2pkcs7 -nocrl -certfile {} -outform PEM", file.display()), b"");
    let found = load::certificates(&bundle.repeat(load::MAX_CERTIFICATES + 9));
    assert!(matches!(found.last(), Some(Err(Error::TooMany { .. }))));
}

#[test]
fn serial_numbers_are_shown_as_openssl_shows_them() {
    let Made { folder, .. } = made();
    let serial = format!(" -set_serial 0x{}", "11".repeat(20));
    let pem = openssl::new_certificate(&folder.path().join("one"), &serial);
    let der = openssl::run("x509 -outform DER", &pem);
    let at = der.windows(2).position(|window| window == [0x02, 0x14]).unwrap() + 2;
    for start in [&[0x01][..], &[0x7F], &[0x00, 0x80], &[0x80], &[0x80, 0x00], &[0xFE], &[0xFF, 0x00]] {
        let mut changed = der.clone();
        changed[at..at + start.len()].copy_from_slice(start);
        let line = openssl::line("x509 -inform DER -noout -serial", &changed);
        let ours = Certificate::from_der(&changed).unwrap();
        assert_eq!(ours.serial_number().to_uppercase(), line.strip_prefix("serial=").unwrap(), "{start:x?}");
        assert_eq!(ours.encoding_problem(), None);
    }
}

/// Whatever OpenSSL cannot read must be found, because pam_p11 stops at it.
#[test]
fn encodings_that_openssl_refuses_are_found() {
    let Made { pem, .. } = made();
    let der = openssl::run("x509 -outform DER", &pem[0]);
    let mut changed = Vec::new();
    for at in 0..der.len() {
        for value in [0x00, 0x80, 0xFF, der[at] ^ 1] {
            let mut one = der.clone();
            one[at] = value;
            if Certificate::from_der(&one).is_ok_and(|read| read.encoding_problem().is_none()) {
                changed.push((at, value, pem::encode("CERTIFICATE", &one)));
            }
        }
    }
    assert!(changed.len() > 500, "{}", changed.len());
    // storeutl goes on behind what it cannot read, so one run judges all.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.pem");
    let all: String = changed.iter().map(|(.., text)| text.as_str()).collect();
    std::fs::write(&file, all).unwrap();
    let judged = openssl::line(&format!("storeutl -noout -certs {}", file.display()), b"");
    assert!(judged.ends_with(&format!("Total found: {}", changed.len())), "{} of {judged}", changed.len());
}

#[test]
fn real_cards_have_sound_encodings() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/icam");
    let mut folders = vec![data];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                for certificate in load::certificates(&std::fs::read(&path).unwrap()).into_iter().flatten() {
                    seen += 1;
                    assert_eq!(certificate.encoding_problem(), None, "{}", path.display());
                }
            }
        }
    }
    assert!(seen > 0);
}
