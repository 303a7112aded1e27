//! Certificates made by OpenSSL and by rcgen with the keys and names that the test cards lack.

use identity::{Certificate, Error, ExtendedKeyUsage, Hash, KeyAlgorithm, Problem, PublicKey, SubjectAttribute, load};
use time::OffsetDateTime;

use crate::openssl;

fn one(pem: &[u8]) -> Certificate {
    load::certificates(pem).remove(0).unwrap()
}

#[test]
fn keys_of_every_kind() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    let ec =
        |curve: &str| format!("-algorithm EC -pkeyopt ec_paramgen_curve:{curve} -pkeyopt ec_param_enc:named_curve");
    for (how, algorithm) in [
        (ec("P-256"), KeyAlgorithm::P256),
        (ec("P-384"), KeyAlgorithm::P384),
        (ec("P-521"), KeyAlgorithm::Other("P521".to_owned())),
        ("-algorithm ED25519".to_owned(), KeyAlgorithm::Ed25519),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:1024".to_owned(), KeyAlgorithm::Rsa { bits: 1024 }),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048".to_owned(), KeyAlgorithm::Rsa { bits: 2048 }),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:3072".to_owned(), KeyAlgorithm::Rsa { bits: 3072 }),
    ] {
        openssl::new_key(&how, &file);
        let pem = openssl::new_certificate(&file, "");
        let certificate = one(&pem);
        assert_eq!(certificate.public_key().algorithm(), &algorithm);
        let spki = openssl::run("pkey -pubin -outform DER", &openssl::run("x509 -noout -pubkey", &pem));
        assert_eq!(PublicKey::from_spki_der(&spki).unwrap(), *certificate.public_key());
        assert!(PublicKey::from_spki_der(&spki[1..]).is_err());
        assert!(PublicKey::from_spki_der(&[&spki[..], &[0]].concat()).is_err());
        let expected = match &algorithm {
            // Beyond the two recipes: the BIT STRING stands at the end of the SubjectPublicKeyInfo.
            KeyAlgorithm::Other(_) | KeyAlgorithm::Ed25519 => {
                let length = if algorithm == KeyAlgorithm::Ed25519 { 32 } else { 133 };
                openssl::sha1(&spki[spki.len() - length..])
            }
            _ => openssl::pairing_hash(&pem),
        };
        assert_eq!(certificate.pairing_hash().to_string(), expected, "{algorithm}");

        let problems = certificate.problems_at(OffsetDateTime::now_utc());
        match &algorithm {
            KeyAlgorithm::Rsa { bits: 1024 } => assert_eq!(problems, [Problem::WeakKey { bits: 1024 }]),
            KeyAlgorithm::Ed25519 => {
                assert_eq!(problems, [Problem::UnknownToMac { algorithm: algorithm.clone() }]);
            }
            KeyAlgorithm::Other(_) => {
                assert_eq!(problems, [Problem::KeyNotSupported { algorithm: algorithm.clone() }]);
            }
            _ => assert_eq!(problems, []),
        }
        if !algorithm.is_supported() {
            assert_eq!(certificate.usable_for(), []);
        }
        if !algorithm.is_supported() && algorithm != KeyAlgorithm::Ed25519 {
            let result = certificate.public_key().verify(Hash::Sha256, b"x", &[0; 128]);
            assert!(matches!(result, Err(Error::NotSupported { .. })), "{result:?}");
        }
    }
}

#[test]
fn a_compressed_point_is_read_but_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    openssl::new_key("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", &file);
    let compressed = folder.path().join("compressed.pem");
    openssl::run(&format!("ec -in {} -conv_form compressed -out {}", file.display(), compressed.display()), b"");
    let certificate = one(&openssl::new_certificate(&compressed, ""));
    assert_eq!(certificate.public_key().algorithm().to_string(), "P256 (compressed point)");
    assert_eq!(certificate.public_key().as_bytes().len(), 33);
    let refused = certificate.public_key().verify(Hash::Sha256, b"x", b"y");
    assert!(matches!(refused, Err(Error::NotSupported { .. })));
}

#[test]
fn names_are_written_as_openssl_writes_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    openssl::new_key("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", &file);
    let key = file.display();
    for subject in [
        "/DC=test/DC=example/OU=A+UID=u1+CN=two/CN=Zoë",
        "/C=DE/O=a, \"b\"; <c>\\\\d=#e/CN=# x ",
        "/CN=line\nbreak\ttab\u{1b}[31m\u{7f}",
        "/title=Dr/SN=S/GN=G/initials=I/dnQualifier=q/serialNumber=7/street=s/L=l/ST=t/emailAddress=a@example.test",
    ] {
        // As words, because blanks are part of these names.
        let command = std::process::Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-new",
                "-utf8",
                "-multivalue-rdn",
                "-days",
                "1",
                "-key",
                &key.to_string(),
                "-subj",
                subject,
            ])
            .output()
            .unwrap();
        assert!(command.status.success(), "{}", String::from_utf8_lossy(&command.stderr));
        let expected = openssl::line("x509 -noout -subject -nameopt RFC2253,-esc_msb", &command.stdout);
        assert_eq!(format!("subject={}", one(&command.stdout).subject()), expected);
    }
}

#[test]
fn upn_and_e_mail_come_from_the_right_places() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    openssl::new_key("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", &file);
    let san = "otherName:1.2.3.4;UTF8:not-a-upn@example.test,\
               otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@example.test,\
               otherName:1.3.6.1.4.1.311.20.2.3;UTF8:second@example.test,\
               email:alice@mail.test,email:a2@mail.test,DNS:host.test";
    let pem = openssl::new_certificate(
        &file,
        &format!(
            "/emailAddress=subject@mail.test/emailAddress=alice@mail.test -addext subjectAltName={san} -addext extendedKeyUsage=clientAuth,1.3.6.1.4.1.311.20.2.2"
        ),
    );
    let certificate = one(&pem);
    assert_eq!(certificate.upn(), Some("alice@example.test"));
    assert_eq!(certificate.upns(), ["alice@example.test", "second@example.test"]);
    assert_eq!(certificate.emails(), ["alice@mail.test", "a2@mail.test", "subject@mail.test"]);
    assert_eq!(certificate.rfc822_names(), ["alice@mail.test", "a2@mail.test"]);
    assert_eq!(certificate.common_name(), Some("test"));
    let purposes = certificate.extended_key_usages().unwrap();
    assert_eq!(purposes, [ExtendedKeyUsage::ClientAuth, ExtendedKeyUsage::SmartcardLogon]);
}

#[test]
fn what_the_subject_names_in_the_order_of_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    openssl::new_key("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", &file);
    let more = "/C=US/O=Example/OU=first/OU=second/serialNumber=S7/UID=a1/CN=Alice";
    let certificate = one(&openssl::new_certificate(&file, more));
    let values = |attribute| certificate.subject_values(attribute);
    assert_eq!(values(SubjectAttribute::CommonName), ["test", "Alice"]);
    assert_eq!(values(SubjectAttribute::Organization), ["Example"]);
    assert_eq!(values(SubjectAttribute::OrganizationalUnit), ["first", "second"]);
    assert_eq!(values(SubjectAttribute::Country), ["US"]);
    assert_eq!(values(SubjectAttribute::SerialNumber), ["S7"]);
    assert_eq!(values(SubjectAttribute::UserId), ["a1"]);
    assert_eq!(one(&openssl::new_certificate(&file, "")).subject_values(SubjectAttribute::Country), [""; 0]);
}

#[test]
fn a_upn_that_is_no_utf8_string_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    openssl::new_key("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", &file);
    for value in ["IA5:alice@example.test", "UTF8:", "INT:5"] {
        let san = format!(" -addext subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;{value}");
        assert_eq!(one(&openssl::new_certificate(&file, &san)).upn(), None, "{value}");
    }
}

#[test]
fn extensions_that_cannot_be_read_allow_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    openssl::new_key("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", &file);
    let broken = " -addext 2.5.29.15=DER:0500 -addext 2.5.29.37=DER:0500";
    let certificate = one(&openssl::new_certificate(&file, broken));
    assert_eq!(certificate.usable_for(), []);
    assert_eq!(certificate.key_usage().unwrap().names(), [""; 0]);
    assert_eq!(certificate.extended_key_usages(), Some(&[][..]));
    let problems = certificate.problems_at(OffsetDateTime::now_utc());
    let expected = ["keyUsage", "extKeyUsage"].map(|name| Problem::UnreadableExtension { name });
    assert_eq!(problems, expected);
}

#[test]
fn rcgen_and_openssl_agree() {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384] {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let pem = rcgen::CertificateParams::default().self_signed(&key).unwrap().pem();
        assert_eq!(one(pem.as_bytes()).pairing_hash().to_string(), openssl::pairing_hash(pem.as_bytes()));
    }
}
