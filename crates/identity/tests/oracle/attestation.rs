//! Attestations: two that real YubiKeys made, and chains by openssl with one thing wrong in each.

use std::fs;
use std::path::Path;

use identity::attestation::{Attestation, AttestationError, PinPolicy, Roots, TouchPolicy};
use identity::{Certificate, PublicKey, load};

use crate::openssl;

#[test]
fn a_yubikey_5() {
    let card = Published::read("yubikey-5-fips");
    let attestation = card.verify("9c").unwrap();
    assert_eq!(attestation.firmware, (5, 4, 3));
    assert_eq!(attestation.serial, Some(28_751_259));
    assert_eq!((attestation.pin_policy, attestation.touch_policy), (PinPolicy::Always, TouchPolicy::Never));
    let form = attestation.form_factor.unwrap();
    assert_eq!((form.to_string().as_str(), form.is_fips()), ("USB-C keychain (FIPS)", true));
    assert_eq!(attestation.slot.as_deref(), Some("9c"));
}

#[test]
fn a_yubikey_4() {
    let attestation = Published::read("yubikey-4").verify("9C").unwrap();
    assert_eq!(attestation.firmware, (4, 4, 5));
    assert_eq!(attestation.serial, Some(10_550_341));
    assert_eq!((attestation.pin_policy, attestation.touch_policy), (PinPolicy::Always, TouchPolicy::Always));
    assert_eq!(attestation.form_factor, None);
}

#[test]
fn what_one_card_attests_does_not_count_for_another() {
    let (five, four) = (Published::read("yubikey-5-fips"), Published::read("yubikey-4"));
    assert!(matches!(five.verify("9a"), Err(AttestationError::OtherKey { what: "slot" })));
    let verify = |leaf: &Published, device: &Published, key: &Published| {
        Attestation::verify(leaf.leaf.der(), device.device.der(), &leaf.roots, "9c", key.leaf.public_key())
    };
    assert!(matches!(verify(&five, &five, &four), Err(AttestationError::OtherKey { what: "key" })));
    // Both F9 certificates have the same subject, so only the signature tells them apart.
    assert!(matches!(verify(&five, &four, &five), Err(AttestationError::Signature { which: "attestation", .. })));
    // An attestation is no F9 certificate.
    assert!(matches!(
        verify(&five, &Published { device: five.leaf.clone(), ..five.clone() }, &five),
        Err(AttestationError::NotAnAuthority { .. })
    ));
}

#[test]
fn every_bit_of_an_attestation_counts() {
    let card = Published::read("yubikey-4");
    for at in (0..card.leaf.der().len()).step_by(7) {
        let mut damaged = card.leaf.der().to_vec();
        damaged[at] ^= 0x04;
        let result = Attestation::verify(&damaged, card.device.der(), &card.roots, "9c", card.leaf.public_key());
        assert!(result.is_err(), "byte {at}");
    }
}

#[derive(Clone)]
struct Published {
    leaf: Certificate,
    device: Certificate,
    roots: Roots,
}

impl Published {
    fn read(card: &str) -> Self {
        let file = |name: &str| {
            fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/attestation").join(name)).unwrap()
        };
        let one = |name: String| load::certificates(&file(&name)).remove(0).unwrap();
        Self {
            leaf: one(format!("{card}-9c.pem")),
            device: one(format!("{card}-f9.pem")),
            roots: Roots::read(&file("yubico-piv-root.pem")).unwrap(),
        }
    }

    fn verify(&self, slot: &str) -> Result<Attestation, AttestationError> {
        Attestation::verify(self.leaf.der(), self.device.der(), &self.roots, slot, self.leaf.public_key())
    }
}

/// A chain that openssl made: two roots, an F9 certificate below the second, and an attestation.
struct Made {
    folder: tempfile::TempDir,
}

const RSA: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const P384: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384";

const AUTHORITY: &str = "basicConstraints=critical,CA:TRUE";
const FIRMWARE: &str = "1.3.6.1.4.1.41482.3.3=DER:050702";
const SERIAL: &str = "1.3.6.1.4.1.41482.3.7=DER:02050090000001";
const POLICIES: &str = "1.3.6.1.4.1.41482.3.8=DER:0203";
const FORM: &str = "1.3.6.1.4.1.41482.3.9=DER:03";

impl Made {
    fn new(root: &str, device: &str) -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap() };
        made.issue("other-root", P256, "/CN=other root", None, &[AUTHORITY]);
        made.issue("root", root, "/CN=root", None, &[AUTHORITY]);
        made.issue("device", device, "/CN=device", Some("root"), &[AUTHORITY]);
        made.attest(&[FIRMWARE, SERIAL, POLICIES, FORM]);
        made
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn issue(&self, name: &str, key: &str, subject: &str, issuer: Option<&str>, extensions: &[&str]) {
        let key_file = self.path(&format!("{name}.key"));
        if !Path::new(&key_file).exists() {
            openssl::new_key(key, Path::new(&key_file));
        }
        let (request, extension_file) = (self.path("request"), self.path("extensions"));
        fs::write(&extension_file, extensions.join("\n")).unwrap();
        // Blanks separate the words of a command line, so subjects have underscores instead.
        let subject = subject.replace(' ', "_");
        openssl::run(&format!("req -new -key {key_file} -subj {subject} -out {request}"), b"");
        let by = issuer.map_or(format!("-signkey {key_file}"), |issuer| {
            format!("-CA {} -CAkey {}", self.path(&format!("{issuer}.pem")), self.path(&format!("{issuer}.key")))
        });
        let out = self.path(&format!("{name}.pem"));
        openssl::run(&format!("x509 -req -in {request} {by} -days 1 -extfile {extension_file} -out {out}"), b"");
    }

    fn attest(&self, extensions: &[&str]) {
        self.issue("leaf", P256, "/CN=attestation", Some("device"), extensions);
    }

    fn one(&self, name: &str) -> Certificate {
        load::certificates(&fs::read(self.path(&format!("{name}.pem"))).unwrap()).remove(0).unwrap()
    }

    fn roots(&self, names: &[&str]) -> Roots {
        let file: Vec<u8> =
            names.iter().flat_map(|name| fs::read(self.path(&format!("{name}.pem"))).unwrap()).collect();
        Roots::read(&file).unwrap()
    }

    fn verify_with(&self, roots: &[&str], key: &PublicKey) -> Result<Attestation, AttestationError> {
        Attestation::verify(self.one("leaf").der(), self.one("device").der(), &self.roots(roots), "9a", key)
    }

    fn verify(&self) -> Result<Attestation, AttestationError> {
        self.verify_with(&["other-root", "root"], self.one("leaf").public_key())
    }
}

#[test]
fn chains_of_every_kind_of_key() {
    for (root, device) in [(RSA, RSA), (P384, P256), (P256, P384), (P384, RSA)] {
        let attestation = Made::new(root, device).verify().unwrap();
        assert_eq!((attestation.firmware, attestation.serial), ((5, 7, 2), Some(0x9000_0001)));
        assert_eq!((attestation.pin_policy, attestation.touch_policy), (PinPolicy::Once, TouchPolicy::Cached));
        assert_eq!((attestation.form_factor.unwrap().number(), attestation.slot), (3, None));
    }
}

#[test]
fn a_chain_with_one_thing_wrong_is_refused() {
    let made = Made::new(P256, P256);
    let key = made.one("leaf").public_key().clone();
    made.verify().unwrap();

    assert!(matches!(made.verify_with(&["other-root"], &key), Err(AttestationError::UnknownRoot)));
    assert!(matches!(
        made.verify_with(&["root"], made.one("root").public_key()),
        Err(AttestationError::OtherKey { what: "key" })
    ));
    assert!(Roots::read(b"").is_err());

    // Another authority of the same name.
    let forged = Made::new(P256, P256);
    fs::copy(forged.path("root.pem"), made.path("forged-root.pem")).unwrap();
    let refused = made.verify_with(&["forged-root"], &key);
    assert!(
        matches!(refused, Err(AttestationError::Signature { which: "card's attestation certificate", .. })),
        "{refused:?}"
    );
    made.verify_with(&["forged-root", "root"], &key).unwrap();

    made.issue("leaf", P256, "/CN=attestation", Some("other-root"), &[FIRMWARE, POLICIES]);
    assert!(matches!(made.verify(), Err(AttestationError::OtherIssuer)));
}

#[test]
fn a_certificate_below_a_root_is_not_yet_an_authority() {
    let made = Made::new(P256, P256);
    for extensions in [&["basicConstraints=CA:FALSE"][..], &["keyUsage=digitalSignature"]] {
        made.issue("device", P256, "/CN=device", Some("root"), extensions);
        made.attest(&[FIRMWARE, POLICIES]);
        let refused = made.verify();
        assert!(matches!(refused, Err(AttestationError::NotAnAuthority { .. })), "{refused:?}");
    }
    made.issue("device", P256, "/CN=device", Some("root"), &[AUTHORITY]);
    made.issue("root", P256, "/CN=root", None, &["basicConstraints=CA:FALSE"]);
    assert!(matches!(made.verify(), Err(AttestationError::NotAnAuthority { which: "root certificate" })));
}

#[test]
fn extensions_are_read_strictly() {
    let made = Made::new(P256, P256);
    let stated = |extensions: &[&str]| {
        made.attest(extensions);
        made.verify()
    };
    let without = stated(&[FIRMWARE, POLICIES]).unwrap();
    assert_eq!((without.serial, without.form_factor), (None, None));
    for (extensions, what) in [
        (&[POLICIES][..], "firmware"),
        (&[FIRMWARE], "PIN and touch policy"),
        (&["1.3.6.1.4.1.41482.3.3=DER:0507", POLICIES], "firmware"),
        (&["1.3.6.1.4.1.41482.3.3=DER:0403050702", POLICIES], "firmware"),
        (&[FIRMWARE, "1.3.6.1.4.1.41482.3.8=DER:0201FF"], "PIN and touch policy"),
        (&[FIRMWARE, "1.3.6.1.4.1.41482.3.8=DER:0001"], "PIN and touch policy"),
        (&[FIRMWARE, "1.3.6.1.4.1.41482.3.8=DER:0200"], "PIN and touch policy"),
        (&[FIRMWARE, POLICIES, "1.3.6.1.4.1.41482.3.7=DER:00BC614E"], "serial number"),
        (&[FIRMWARE, POLICIES, "1.3.6.1.4.1.41482.3.7=DER:0204FFFFFFFF"], "serial number"),
        (&[FIRMWARE, POLICIES, "1.3.6.1.4.1.41482.3.9=DER:0003"], "form factor"),
    ] {
        let refused = stated(extensions);
        assert!(
            matches!(&refused, Err(AttestationError::Extension { what: said }) if *said == what),
            "{extensions:?}: {refused:?}"
        );
    }
}
