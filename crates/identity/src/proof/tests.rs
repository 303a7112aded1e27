//! Tests of the proof of possession.

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::DecodePrivateKey;

use super::*;
use crate::testing::certificate;

fn sign(key: &rcgen::KeyPair, message: &[u8]) -> Vec<u8> {
    let key = SigningKey::from_pkcs8_der(&key.serialize_der()).unwrap();
    let signature: DerSignature = key.sign(message);
    signature.as_bytes().to_vec()
}

#[test]
fn the_key_of_the_certificate_proves_it() {
    let (alice, key) = certificate("Alice", &[], &[]);
    let challenge = Challenge::fresh().unwrap();
    let signature = sign(&key, challenge.message());
    let proof = challenge.verify(&alice, Hash::Sha256, &signature).unwrap();
    assert_eq!(proof.pairing_hash(), alice.pairing_hash());
    assert_eq!(proof.certificate(), &alice);
}

#[test]
fn everything_else_does_not() {
    let (alice, key) = certificate("Alice", &[], &[]);
    let (mallory, other_key) = certificate("Alice", &[], &[]);
    let refused = |certificate: &Certificate, hash: Hash, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        let challenge = Challenge::fresh().unwrap();
        let signature = sign(challenge.message());
        let result = challenge.verify(certificate, hash, &signature);
        assert!(matches!(result, Err(Error::SignatureInvalid)), "{result:?}");
    };
    // Another key, another hash, an old challenge, another message, no signature.
    refused(&alice, Hash::Sha256, &|message| sign(&other_key, message));
    refused(&mallory, Hash::Sha256, &|message| sign(&key, message));
    refused(&alice, Hash::Sha384, &|message| sign(&key, message));
    let old = sign(&key, Challenge::fresh().unwrap().message());
    refused(&alice, Hash::Sha256, &|_| old.clone());
    refused(&alice, Hash::Sha256, &|message| sign(&key, &message[DOMAIN.len()..]));
    refused(&alice, Hash::Sha256, &|_| Vec::new());
    refused(&alice, Hash::Sha256, &|message| {
        let mut signature = sign(&key, message);
        *signature.last_mut().unwrap() ^= 1;
        signature
    });
}

#[test]
fn challenges_are_long_and_never_the_same() {
    let (one, two) = (Challenge::fresh().unwrap(), Challenge::fresh().unwrap());
    assert!(one.message().starts_with(b"pivkit proof of possession 1\0"));
    assert_eq!(one.message().len() - DOMAIN.len(), 32);
    assert_ne!(one.message(), two.message());
}
