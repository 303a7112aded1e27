//! Certificates and requests as openssl sees them. openssl also holds the keys and signs, as a card would.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use provision::{CertificateTemplate, Error, KeyAlgorithm, KeySlot, Subject, Unsigned, Validity};
use time::macros::datetime;

const VALIDITY: Validity =
    Validity { not_before: datetime!(2026-11-20 00:00:00 UTC), not_after: datetime!(2056-11-20 00:00:00 UTC) };

/// A key in a directory of its own.
struct Key {
    folder: tempfile::TempDir,
    public_key: Vec<u8>,
}

impl Key {
    fn new(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = Self { folder, public_key: Vec::new() };
        key.openssl(&[&["genpkey", "-out", "key.pem"], options].concat());
        key.openssl(&["pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "public.der"]);
        Self { public_key: fs::read(key.path("public.der")).unwrap(), ..key }
    }

    fn rsa() -> Self {
        Self::new(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
    }

    fn curve(name: &str) -> Self {
        Self::new(&["-algorithm", "EC", "-pkeyopt", &format!("ec_paramgen_curve:{name}")])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, args: &[&str]) -> String {
        let output = Command::new("openssl").args(args).current_dir(self.folder.path()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "openssl {args:?}: {error}");
        // `req -verify` speaks on standard error.
        String::from_utf8_lossy(&output.stdout).into_owned() + &error
    }

    fn sign(&self, unsigned: &Unsigned, file: &str) {
        fs::write(self.path("message"), unsigned.message()).unwrap();
        let hash = if unsigned.algorithm() == KeyAlgorithm::P384 { "-sha384" } else { "-sha256" };
        self.openssl(&["dgst", hash, "-sign", "key.pem", "-out", "signature", "message"]);
        let signature = fs::read(self.path("signature")).unwrap();
        fs::write(self.path(file), unsigned.signed_pem(&signature).unwrap()).unwrap();
    }
}

fn alice() -> CertificateTemplate {
    CertificateTemplate {
        subject: "CN=Alice Example,OU=Ops,O=Example".parse().unwrap(),
        upn: Some("alice@example.test".to_owned()),
        email: Some("alice.example@example.test".to_owned()),
    }
}

#[test]
fn self_signed_certificates_verify() {
    for (key, algorithm) in [
        (Key::rsa(), KeyAlgorithm::Rsa2048),
        (Key::curve("P-256"), KeyAlgorithm::P256),
        (Key::curve("P-384"), KeyAlgorithm::P384),
    ] {
        assert_eq!(KeyAlgorithm::of(&key.public_key).unwrap(), algorithm);
        let unsigned = alice().self_signed(KeySlot::Authentication, &key.public_key, VALIDITY).unwrap();
        key.sign(&unsigned, "certificate.pem");
        let at = datetime!(2027-01-01 00:00:00 UTC).unix_timestamp().to_string();
        let verify =
            ["verify", "-x509_strict", "-check_ss_sig", "-attime", &at, "-CAfile", "certificate.pem", "-purpose"];
        assert!(key.openssl(&[&verify[..], &["sslclient", "certificate.pem"]].concat()).contains("OK"), "{algorithm}");
    }
}

#[test]
fn the_certificate_for_login_says_what_it_is_for() {
    let key = Key::curve("P-256");
    key.sign(&alice().self_signed(KeySlot::Authentication, &key.public_key, VALIDITY).unwrap(), "certificate.pem");
    let text = key.openssl(&["x509", "-in", "certificate.pem", "-noout", "-text", "-nameopt", "RFC2253"]);
    for part in [
        "Issuer: CN=Alice Example,OU=Ops,O=Example",
        "Subject: CN=Alice Example,OU=Ops,O=Example",
        "Not Before: Nov 20 00:00:00 2026 GMT",
        "Not After : Nov 20 00:00:00 2056 GMT",
        "CA:FALSE",
        "TLS Web Client Authentication, Microsoft Smartcard Login",
        "othername: UPN::alice@example.test, email:alice.example@example.test",
        "X509v3 Subject Key Identifier",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(text.contains("X509v3 Key Usage: critical\n                Digital Signature\n"), "{text}");
    let serial = key.openssl(&["x509", "-in", "certificate.pem", "-noout", "-serial"]);
    assert_eq!(serial.trim().len(), "serial=".len() + 32, "{serial}");
}

#[test]
fn the_certificate_for_the_keychain_says_what_it_is_for() {
    for (key, usage) in [(Key::rsa(), "Key Encipherment"), (Key::curve("P-256"), "Key Agreement")] {
        key.sign(&alice().self_signed(KeySlot::KeyManagement, &key.public_key, VALIDITY).unwrap(), "certificate.pem");
        let text = key.openssl(&["x509", "-in", "certificate.pem", "-noout", "-text"]);
        assert!(text.contains(&format!("X509v3 Key Usage: critical\n                {usage}\n")), "{text}");
        assert!(!text.contains("Extended Key Usage"), "{text}");
    }
}

#[test]
fn requests_verify_and_ask_for_the_same() {
    for key in [Key::rsa(), Key::curve("P-256"), Key::curve("P-384")] {
        key.sign(&alice().request(KeySlot::Authentication, &key.public_key).unwrap(), "request.pem");
        let text = key.openssl(&["req", "-in", "request.pem", "-verify", "-noout", "-text", "-nameopt", "RFC2253"]);
        let read = provision::public_key_of_request(&fs::read(key.path("request.pem")).unwrap()).unwrap();
        assert_eq!(read, key.public_key);
        for part in [
            "verify OK",
            "Subject: CN=Alice Example,OU=Ops,O=Example",
            "Digital Signature",
            "TLS Web Client Authentication, Microsoft Smartcard Login",
            "othername: UPN::alice@example.test, email:alice.example@example.test",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}

#[test]
fn a_plain_name_is_a_common_name_whatever_is_in_it() {
    let key = Key::curve("P-256");
    for (typed, shown) in
        [("Alice", "CN=Alice"), ("Example, Alice", "CN=Example\\, Alice"), ("Jörg + Söhne", "CN=Jörg \\+ Söhne")]
    {
        let template = CertificateTemplate { subject: typed.parse().unwrap(), upn: None, email: None };
        key.sign(&template.self_signed(KeySlot::Authentication, &key.public_key, VALIDITY).unwrap(), "certificate.pem");
        let text =
            key.openssl(&["x509", "-in", "certificate.pem", "-noout", "-subject", "-nameopt", "RFC2253,-esc_msb,utf8"]);
        assert_eq!(text.trim(), format!("subject={shown}"));
        assert!(!key.openssl(&["x509", "-in", "certificate.pem", "-noout", "-text"]).contains("Alternative"));
    }
}

#[test]
fn names_that_cannot_stand_in_a_certificate_are_refused() {
    for subject in ["", "  ", "=", "CN=a\u{7}b", "nonsense=x"] {
        let parsed = subject.parse::<Subject>();
        assert!(matches!(parsed, Err(Error::Input { .. })), "{subject:?}: {parsed:?}");
    }
    let key = Key::curve("P-256");
    let refused = |template: CertificateTemplate| {
        let made = template.self_signed(KeySlot::Authentication, &key.public_key, VALIDITY);
        assert!(matches!(made, Err(Error::Input { .. })), "{made:?}");
    };
    for name in ["alice", "@example.test", "alice@", "al ice@example.test", "a\u{202e}\u{1b}@example.test"] {
        refused(CertificateTemplate { upn: Some(name.to_owned()), ..alice() });
        refused(CertificateTemplate { email: Some(name.to_owned()), ..alice() });
    }
    refused(CertificateTemplate { email: Some("jörg@example.test".to_owned()), ..alice() });
}

#[test]
fn keys_that_no_mac_pairs_with_are_refused() {
    for options in [&["-algorithm", "ED25519"][..], &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"]] {
        let key = Key::new(options);
        let made = alice().request(KeySlot::Authentication, &key.public_key);
        assert!(matches!(made, Err(Error::NotSupported { .. })), "{made:?}");
    }
}
