//! The preset's certificates as openssl sees them.

use std::path::Path;
use std::process::{Command, Output};

use smartcard::tlv::{self, Tag};
use tempfile::TempDir;

use super::*;
use crate::StateDirectory;

fn openssl(directory: &Path, arguments: &str) -> Output {
    Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().expect("openssl")
}

/// Writes the certificates of a new card as `ca.pem`, `9a.pem` and `9d.pem`.
fn issued() -> (TempDir, Issued) {
    let (directory, issued) = (TempDir::new().unwrap(), Preset::Alice.issue().unwrap());
    let store = StateDirectory::open(directory.path()).unwrap();
    store.write_certificate("ca", &issued.ca_certificate).unwrap();
    for (slot, certificate) in &issued.certificates {
        store.write_certificate(&slot.to_string(), certificate).unwrap();
    }
    (directory, issued)
}

#[test]
fn alice_has_certificates_that_openssl_verifies_for_their_purposes() {
    let (directory, _issued) = issued();
    for slot in ["9a", "9d"] {
        let verified = openssl(directory.path(), &format!("verify -x509_strict -CAfile ca.pem {slot}.pem"));
        assert!(verified.status.success(), "{slot}: {}", String::from_utf8_lossy(&verified.stderr));
    }
    let client = openssl(directory.path(), "verify -purpose sslclient -CAfile ca.pem 9a.pem");
    assert!(client.status.success(), "{}", String::from_utf8_lossy(&client.stderr));

    let text = |name: &str| {
        String::from_utf8(openssl(directory.path(), &format!("x509 -in {name}.pem -noout -text")).stdout).unwrap()
    };
    let authentication = text("9a");
    for expected in [
        "Subject: CN = alice\n",
        "Public-Key: (2048 bit)",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "TLS Web Client Authentication, Microsoft Smartcard Login",
        "X509v3 Subject Alternative Name: \n                othername: UPN::alice@example.test, email:alice@example.test\n",
        "Issuer: CN = pivkit throw-away CA ",
    ] {
        assert!(authentication.contains(expected), "{expected:?} in {authentication}");
    }
    let management = text("9d");
    for expected in ["NIST CURVE: P-256", "X509v3 Key Usage: critical\n                Key Agreement\n"] {
        assert!(management.contains(expected), "{expected:?} in {management}");
    }
    assert!(text("ca").contains("CA:TRUE, pathlen:0"));
}

#[test]
fn the_user_principal_name_is_an_other_name_in_utf8() {
    let (directory, _issued) = issued();
    let parsed = openssl(directory.path(), "asn1parse -in 9a.pem");
    let parsed = String::from_utf8(parsed.stdout).unwrap();
    let extension = parsed.lines().skip_while(|line| !line.contains("X509v3 Subject Alternative Name")).nth(1).unwrap();
    let offset = extension.split(':').next().unwrap().trim();
    let name = openssl(directory.path(), &format!("asn1parse -in 9a.pem -strparse {offset}"));
    let name = String::from_utf8(name.stdout).unwrap();
    let mut lines = name.lines().skip_while(|line| !line.ends_with(":Microsoft User Principal Name"));
    assert!(lines.next().is_some(), "{name}");
    assert!(lines.next().unwrap().contains("cons: cont [ 0 ]"), "{name}");
    assert!(lines.next().unwrap().ends_with("UTF8STRING        :alice@example.test"), "{name}");
}

#[test]
fn valid_since_yesterday_for_a_year() {
    let (directory, _issued) = issued();
    let days = |arguments: &str| openssl(directory.path(), arguments).status.success();
    // A certificate is good for its whole validity: 364 days from now, and no longer than 366.
    assert!(days("x509 -in 9a.pem -noout -checkend 31363200"), "363 days");
    assert!(!days("x509 -in 9a.pem -noout -checkend 31708800"), "367 days");
    let yesterday = time::OffsetDateTime::now_utc().unix_timestamp() - 23 * 3600;
    assert!(days(&format!("verify -attime {yesterday} -CAfile ca.pem 9a.pem")));
}

#[test]
fn what_is_on_the_card_is_what_was_issued_and_no_two_cards_are_alike() {
    let ((_, one), (_, two)) = (issued(), issued());
    assert_eq!(
        one.content.slots(),
        [(Slot::AUTHENTICATION, Algorithm::Rsa2048), (Slot::KEY_MANAGEMENT, Algorithm::P256)]
    );
    assert_eq!(one.certificates.keys().copied().collect::<Vec<_>>(), Preset::Alice.slots());
    for (slot, certificate) in &one.certificates {
        let object = one.content.object(slot.certificate_tag()).unwrap();
        assert_eq!(tlv::find(object, Tag(0x70)).unwrap(), Some(certificate.as_slice()));
        assert_ne!(two.certificates[slot], *certificate);
    }
    assert_ne!(one.content.guid(), two.content.guid());
    assert_ne!(one.ca_certificate, two.ca_certificate);
    assert_eq!(one.content.references.pin.text().as_str(), "123456");
    assert_eq!(one.content.references.puk.text().as_str(), "12345678");
}

#[test]
fn a_card_that_lacks_a_slot_is_not_the_presets() {
    let mut content = Preset::Alice.issue().unwrap().content;
    assert_eq!(Preset::Alice.missing(&content), []);
    content.keys.remove(&Slot::KEY_MANAGEMENT);
    assert_eq!(Preset::Alice.missing(&content), [Slot::KEY_MANAGEMENT]);
    assert_eq!(Preset::Alice.missing(&Content::blank().unwrap()), Preset::Alice.slots());
}

#[test]
fn other_presets_are_refused() {
    assert!(matches!("bob".parse::<Preset>(), Err(Error::UnknownPreset { .. })));
    assert_eq!(Preset::Alice.to_string().parse::<Preset>().unwrap(), Preset::Alice);
}
