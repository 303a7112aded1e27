//! `kid`, the name of a key (LOGIN and ASSERT pages of Apple's documentation).
//!
//! ```text
//! EC:  base64( SHA-256( 04 ‖ X ‖ Y ) )                        documented, verified on published samples
//! RSA: base64( SHA-256( RSAPublicKey of PKCS#1 as DER ) )     our choice: nothing is documented for RSA;
//!                                                             `rsa_key_id` of the configuration chooses otherwise
//! ```
//! The base64 is the standard alphabet with padding. For RSA, Apple's external representation of a public key is
//! PKCS#1, so this is the closest analogue; a server should know an RSA card by its certificate, not by `kid`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use jose::{KeyType, PublicKey};
use sha2::{Digest as _, Sha256};

use crate::config::RsaKeyId;

/// The `kid` of a key.
#[must_use]
pub fn key_id(key: &PublicKey) -> String {
    let encoded = key.x963().or_else(|| key.pkcs1_der()).unwrap_or_default();
    STANDARD.encode(Sha256::digest(encoded))
}

/// The `kid` of a card key; for RSA as the configuration has it.
pub(crate) fn card_key_id(key: &PublicKey, certificate: &[u8], rsa: RsaKeyId) -> String {
    match (key.key_type(), rsa) {
        (KeyType::Rsa { .. }, RsaKeyId::Spki) => STANDARD.encode(Sha256::digest(key.spki_der().unwrap_or_default())),
        (KeyType::Rsa { .. }, RsaKeyId::Certificate) => STANDARD.encode(Sha256::digest(certificate)),
        _ => key_id(key),
    }
}

/// Whether two key ids name the same key, whichever alphabet and padding of base64 they are written in.
#[must_use]
pub fn same_key_id(one: &str, other: &str) -> bool {
    match (canonical(one), canonical(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// A key id in the documented form, whichever alphabet and padding of base64 it is written in; nothing when it is no hash of
/// 32 bytes.
#[must_use]
pub fn canonical_key_id(kid: &str) -> Option<String> {
    canonical(kid).filter(|hash| hash.len() == 32).map(|hash| STANDARD.encode(hash))
}

fn canonical(kid: &str) -> Option<Vec<u8>> {
    let standard: String = kid
        .trim_end_matches('=')
        .chars()
        .map(|character| match character {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    STANDARD_NO_PAD.decode(standard).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{apple, p256_private, text};

    #[test]
    fn published_key_ids() {
        let vectors = apple();
        let vector = &vectors["apple_login_request_with_keys"];
        for name in ["device_signing_jwk", "device_encryption_jwk", "ephemeral_jwk"] {
            assert_eq!(key_id(&p256_private(&vector[name]).public()), text(&vector[name]["kid"]), "{name}");
        }
    }

    #[test]
    fn rsa_key_id_is_the_hash_of_pkcs1() {
        // openssl rsa -RSAPublicKey_out -outform DER | openssl dgst -sha256 -binary | base64
        let expected = include_str!("../tests/data/rsa2048.kid").trim();
        let key = crate::x5c::public_key(&crate::testing::der(include_str!("../tests/data/rsa2048.crt"))).unwrap();
        assert_eq!(key_id(&key), expected);
    }

    #[test]
    fn rsa_key_id_as_the_configuration_has_it() {
        let certificate = crate::testing::der(include_str!("../tests/data/rsa2048.crt"));
        let key = crate::x5c::public_key(&certificate).unwrap();
        // openssl x509 -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64;
        // openssl x509 -outform DER | openssl dgst -sha256 -binary | base64
        for (form, expected) in [
            (RsaKeyId::Pkcs1, include_str!("../tests/data/rsa2048.kid").trim()),
            (RsaKeyId::Spki, "kT3tssYsIbvgU0yRlzwvtx7xTQFpGcN1udfgaiikuTI="),
            (RsaKeyId::Certificate, "MRKjA9gpBJesBw319+5nmHenOFqibzSSp6ZMMxNHVKk="),
        ] {
            assert_eq!(card_key_id(&key, &certificate, form), expected, "{form:?}");
        }
        // It is about RSA alone.
        let certificate = crate::testing::der(include_str!("../tests/data/p256.crt"));
        let key = crate::x5c::public_key(&certificate).unwrap();
        assert_eq!(card_key_id(&key, &certificate, RsaKeyId::Certificate), key_id(&key));
    }

    #[test]
    fn base64_variants_are_the_same_key() {
        let kid = "+/8BAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4=";
        for same in [kid, "-_8BAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4", "-_8BAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4="]
        {
            assert!(same_key_id(kid, same), "{same}");
            assert_eq!(canonical_key_id(same).as_deref(), Some(kid));
        }
        assert!(!same_key_id(kid, "+/8BAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR8="));
        assert!(!same_key_id(kid, ""));
        assert!(same_key_id("not base64!", "not base64!"));
        assert!(!same_key_id("not base64!", kid));
        for bad in ["", "not base64!", "AAAA", "+/8BAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fIA=="] {
            assert_eq!(canonical_key_id(bad), None, "{bad}");
        }
    }
}
