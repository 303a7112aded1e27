//! The pairing hash that macOS itself printed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use identity::{Certificate, KeyAlgorithm, PairingHash};

use crate::openssl;

#[test]
fn the_pairing_hash_is_what_macos_prints() {
    let file = include_str!("../../../../tests/data/pairing.json");
    let vectors: serde_json::Value = serde_json::from_str(file).unwrap();
    let certificates = vectors["certificates"].as_array().unwrap();
    assert!(!certificates.is_empty());
    for vector in certificates {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let der = STANDARD.decode(text(&vector["der_base64"])).unwrap();
        let certificate = Certificate::from_der(&der).unwrap();
        assert_eq!(certificate.pairing_hash().to_string(), text(&vector["pairing_hash"]));
        assert_eq!(certificate.public_key().algorithm(), &KeyAlgorithm::P256);

        // The common wrong answers are wrong, and are what the vector says they are.
        let (spki, whole) = (openssl::sha1(certificate.spki_der()), openssl::sha1(certificate.der()));
        assert_eq!(spki, text(&vector["not"]["spki_sha1"]));
        assert_eq!(whole, text(&vector["not"]["certificate_sha1"]));
        for wrong in [spki, whole] {
            assert_ne!(certificate.pairing_hash(), wrong.parse::<PairingHash>().unwrap());
        }
    }
}
