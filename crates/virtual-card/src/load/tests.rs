//! Files as openssl writes them, and signatures as openssl checks them.

use std::process::Command;

use tempfile::TempDir;

use super::*;
use crate::{Algorithm, CardOptions, VirtualCard};

#[test]
fn a_load_request_has_a_slot_and_two_files() {
    let request: LoadRequest = "9c=/a b/cert.pem,key.pem".parse().unwrap();
    assert_eq!(request.slot, Slot::SIGNATURE);
    assert_eq!((request.certificate, request.key), ("/a b/cert.pem".into(), "key.pem".into()));
    for text in ["", "9a", "9a=", "9a=cert", "9a=cert,", "9a=,key", "cert,key"] {
        assert!(matches!(text.parse::<LoadRequest>(), Err(Error::MalformedLoad { .. })), "{text}");
    }
    assert!(matches!("9b=cert,key".parse::<LoadRequest>(), Err(Error::UnknownSlot { .. })));
}

#[test]
fn every_kind_and_form_of_key_signs_what_openssl_accepts() {
    let directory = Directory::new();
    // Name, how openssl makes it, algorithm, hash.
    let cases = [
        ("rsa1024", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024", Algorithm::Rsa1024, "sha256"),
        ("rsa2048", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", Algorithm::Rsa2048, "sha256"),
        ("rsa2048-pkcs1", "rsa -traditional -in rsa2048.key", Algorithm::Rsa2048, "sha512"),
        ("rsa3072", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072", Algorithm::Rsa3072, "sha384"),
        ("rsa4096", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096", Algorithm::Rsa4096, "sha256"),
        ("p256", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", Algorithm::P256, "sha256"),
        ("p256-sec1-parameters", "ecparam -name prime256v1 -genkey", Algorithm::P256, "sha1"),
        ("p384", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384", Algorithm::P384, "sha384"),
        ("ed25519", "genpkey -algorithm ED25519", Algorithm::Ed25519, "sha256"),
        ("p384-sec1", "ecparam -name secp384r1 -genkey -noout", Algorithm::P384, "sha256"),
    ];
    for (name, how, algorithm, hash) in cases {
        directory.openssl(&format!("{how} -out {name}.key"));
        directory.certify(name);
        let mut content = Content::blank().unwrap();
        directory.request("9e", name, name).apply(&mut content).unwrap();
        assert_eq!(content.slots(), [(Slot::CARD_AUTHENTICATION, algorithm)], "{name}");
        directory.assert_signs(content, name, algorithm, hash);
    }
}

#[test]
fn der_is_read_as_well_as_pem() {
    let directory = Directory::new();
    directory.openssl("ecparam -name prime256v1 -genkey -noout -out p.key");
    directory.certify("p");
    let text = std::fs::read_to_string(directory.path("p.pem")).unwrap();
    let [begin, middle @ .., end] = &text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    let one_line = format!("subject=CN = p\n{begin}\n{}\n{end}\n", middle.concat());
    directory.openssl("x509 -in p.pem -outform DER -out der.pem");
    directory.openssl("pkcs8 -topk8 -nocrypt -in p.key -outform DER -out der.key");
    let mut content = Content::blank().unwrap();
    directory.request("9a", "der", "der").apply(&mut content).unwrap();
    let pem = directory.openssl("x509 -in p.pem -outform DER");
    let object = content.object(Slot::AUTHENTICATION.certificate_tag()).unwrap();
    assert_eq!(smartcard::tlv::find(object, smartcard::tlv::Tag(0x70)).unwrap(), Some(&pem[..]));
    assert_eq!(certificate_der(one_line.as_bytes()).unwrap(), pem, "in one long line");
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let directory = Directory::new();
    for name in ["a", "b"] {
        directory.openssl(&format!("ecparam -name prime256v1 -genkey -noout -out {name}.key"));
        directory.certify(name);
    }
    directory.openssl("genrsa -out odd.key 1536");
    directory.certify("odd");
    directory.openssl("ecparam -name secp521r1 -genkey -noout -out p521.key");
    directory.openssl("pkcs8 -topk8 -in a.key -passout pass:x -out encrypted.key");
    std::fs::write(directory.path("noise.key"), "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n").unwrap();
    std::fs::write(directory.path("noise.pem"), [0x30, 0x03, 1, 2]).unwrap();
    std::fs::write(directory.path("huge.pem"), vec![b'A'; 300_000]).unwrap();
    let mut content = Content::blank().unwrap();
    let mut refused = |certificate, key| directory.request("9a", certificate, key).apply(&mut content).unwrap_err();
    assert!(matches!(refused("a", "b"), Error::KeyMismatch { .. }));
    for (certificate, key) in [("odd", "odd"), ("a", "p521"), ("a", "encrypted"), ("a", "noise"), ("a", "huge")] {
        let error = refused(certificate, key);
        let about_key = matches!(&error, Error::Unusable { path, source }
            if path.ends_with(format!("{key}.key")) && matches!(**source, Error::PrivateKey { .. }));
        assert!(about_key || matches!(error, Error::Unreadable { .. }), "{certificate} {key}: {error:?}");
    }
    assert!(
        matches!(refused("noise", "a"), Error::Unusable { path, source } if path.ends_with("noise.pem") && matches!(*source, Error::Certificate { .. }))
    );
    assert!(matches!(refused("huge", "a"), Error::Unreadable { .. }));
    assert!(matches!(refused("absent", "a"), Error::Unreadable { .. }));
    assert!(content.slots().is_empty() && content.object(Slot::AUTHENTICATION.certificate_tag()).is_none());
}

struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn openssl(&self, arguments: &str) -> Vec<u8> {
        let output =
            Command::new("openssl").args(arguments.split(' ')).current_dir(self.0.path()).output().expect("openssl");
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn certify(&self, name: &str) {
        self.openssl(&format!("req -x509 -key {name}.key -subj /CN={name} -out {name}.pem"));
    }

    fn request(&self, slot: &str, certificate: &str, key: &str) -> LoadRequest {
        LoadRequest {
            slot: slot.parse().unwrap(),
            certificate: self.path(&format!("{certificate}.pem")),
            key: self.path(&format!("{key}.key")),
        }
    }

    /// Has slot 9E sign a hash as a client does, and openssl check the signature with the certificate's key.
    fn assert_signs(&self, content: Content, name: &str, algorithm: Algorithm, hash: &str) {
        std::fs::write(self.path("message"), b"sign me").unwrap();
        let digest = self.openssl(&format!("dgst -{hash} -binary message"));
        let challenge = match algorithm {
            Algorithm::Ed25519 => b"sign me".to_vec(),
            Algorithm::X25519 => unreachable!("it signs nothing"),
            Algorithm::P256 | Algorithm::P384 => digest[..digest.len().min(48)].to_vec(),
            Algorithm::Rsa1024 => pkcs1_padded(&digest, 128),
            Algorithm::Rsa2048 => pkcs1_padded(&digest, 256),
            Algorithm::Rsa3072 => pkcs1_padded(&digest, 384),
            Algorithm::Rsa4096 => pkcs1_padded(&digest, 512),
        };
        let signature = sign(&mut VirtualCard::new(content, CardOptions::default()), algorithm, &challenge);
        std::fs::write(self.path("signature"), signature).unwrap();
        self.openssl(&format!("x509 -in {name}.pem -pubkey -noout -out public"));
        if algorithm == Algorithm::Ed25519 {
            self.openssl("pkeyutl -verify -rawin -pubin -inkey public -sigfile signature -in message");
            return;
        }
        self.openssl(&format!("dgst -{hash} -verify public -signature signature message"));
    }
}

/// EMSA-PKCS1-v1_5 (RFC 8017, 9.2).
fn pkcs1_padded(digest: &[u8], length: usize) -> Vec<u8> {
    let digest_info = match digest.len() {
        32 => "3031300d060960864801650304020105000420",
        48 => "3041300d060960864801650304020205000430",
        _ => "3051300d060960864801650304020305000440",
    };
    let digest_info = [hex::decode(digest_info).unwrap(), digest.to_vec()].concat();
    [&[0, 1][..], &vec![0xff; length - 3 - digest_info.len()], &[0], &digest_info].concat()
}

fn sign(card: &mut VirtualCard, algorithm: Algorithm, challenge: &[u8]) -> Vec<u8> {
    use smartcard::tlv::{Tag, encode, find, single};
    assert!(card.transmit(&[0x00, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8]).ends_with(&[0x90, 0]));
    let template = encode(Tag(0x7c), &[encode(Tag(0x82), &[]), encode(Tag(0x81), challenge)].concat());
    let length = u16::try_from(template.len()).unwrap().to_be_bytes();
    let header = [0x00, 0x87, algorithm.identifier(), 0x9e, 0, length[0], length[1]];
    let answer = card.transmit(&[&header[..], &template, &[0, 0]].concat());
    let data = answer.strip_suffix(&[0x90, 0x00]).expect("9000");
    find(single(data, Tag(0x7c)).unwrap(), Tag(0x82)).unwrap().unwrap().to_vec()
}
