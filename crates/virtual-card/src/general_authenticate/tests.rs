//! Results against published vectors and the public halves of the crypto crates. The load tests have openssl check the
//! signatures of every algorithm.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs8::DecodePublicKey;
use rsa::{Oaep, Pkcs1v15Encrypt, RsaPublicKey};
use sha2::{Digest, Sha256, Sha384};

use super::*;
use crate::Algorithm;

fn template(tag: Tag, value: &[u8]) -> Vec<u8> {
    tlv::encode(DYNAMIC_AUTHENTICATION_TEMPLATE, &[tlv::encode(RESPONSE, &[]), tlv::encode(tag, value)].concat())
}

fn result(key: &PrivateKey, tag: Tag, value: &[u8]) -> Vec<u8> {
    let answer = general_authenticate(key, &template(tag, value), false).unwrap();
    tlv::single(tlv::single(&answer, DYNAMIC_AUTHENTICATION_TEMPLATE).unwrap(), RESPONSE).unwrap().to_vec()
}

/// NIST CAVP, ECC CDH primitive (SP 800-56A 5.7.1.2), P-256, COUNT = 0.
#[test]
fn key_agreement_gives_the_published_secret() {
    let bytes = |text: &str| hex::decode(text).unwrap();
    let secret =
        p256::SecretKey::from_slice(&bytes("7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534"));
    let key = PrivateKey { algorithm: Algorithm::P256, material: Material::P256(secret.unwrap()) };
    let point = bytes(concat!(
        "04700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287",
        "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac"
    ));
    let shared = "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b";
    assert_eq!(hex::encode(result(&key, EXPONENTIATION, &point)), shared);
}

fn of_seed(algorithm: Algorithm, seed: &str) -> PrivateKey {
    let seed: [u8; 32] = hex::decode(seed).unwrap().try_into().unwrap();
    PrivateKey { algorithm, material: Material::of_seed(algorithm, &seed).unwrap() }
}

/// RFC 7748, 6.1.
#[test]
fn x25519_gives_the_published_secret() {
    let bob = of_seed(Algorithm::X25519, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    let alice = hex::decode("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a").unwrap();
    let shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    assert_eq!(hex::encode(result(&bob, EXPONENTIATION, &alice)), shared);
    for (tag, value) in [(EXPONENTIATION, vec![0; 32]), (EXPONENTIATION, vec![9; 31]), (CHALLENGE, alice)] {
        let refused = general_authenticate(&bob, &template(tag, &value), false);
        assert_eq!(refused.err(), Some(StatusWord::INCORRECT_DATA));
    }
}

/// RFC 8032, 7.1, TEST 3.
#[test]
fn ed25519_signs_the_message_itself() {
    let key = of_seed(Algorithm::Ed25519, "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
    let signature = concat!(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    );
    assert_eq!(hex::encode(result(&key, CHALLENGE, &[0xaf, 0x82])), signature);
    assert_eq!(
        general_authenticate(&key, &template(EXPONENTIATION, &[9; 32]), false).err(),
        Some(StatusWord::INCORRECT_DATA)
    );
}

#[test]
fn a_card_that_truncates_signs_the_leftmost_bytes_of_a_longer_hash() {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let public = p256::ecdsa::VerifyingKey::from_public_key_der(&key.public_key_der().unwrap()).unwrap();
    let hash = Sha384::digest(b"message");
    assert_eq!(general_authenticate(&key, &template(CHALLENGE, &hash), false).err(), Some(StatusWord::INCORRECT_DATA));
    let answer = general_authenticate(&key, &template(CHALLENGE, &hash), true).unwrap();
    let signature = tlv::single(tlv::single(&answer, DYNAMIC_AUTHENTICATION_TEMPLATE).unwrap(), RESPONSE).unwrap();
    let signature = p256::ecdsa::DerSignature::try_from(signature).unwrap();
    assert!(public.verify_prehash(&hash[..32], &signature).is_ok());
}

#[test]
fn both_sides_of_a_key_agreement_on_p384_get_the_same() {
    let (ours, theirs) =
        (PrivateKey::generate(Algorithm::P384).unwrap(), PrivateKey::generate(Algorithm::P384).unwrap());
    let point = |key: &PrivateKey| match &key.material {
        Material::P384(key) => key.public_key().to_sec1_bytes().into_vec(),
        _ => unreachable!(),
    };
    let shared = result(&ours, EXPONENTIATION, &point(&theirs));
    assert_eq!(shared, result(&theirs, EXPONENTIATION, &point(&ours)));
    assert_eq!(shared.len(), 48);
}

#[test]
fn ecdsa_signatures_are_der_and_verify() {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let public = p256::ecdsa::VerifyingKey::from_public_key_der(&key.public_key_der().unwrap()).unwrap();
    let hash = Sha256::digest(b"message");
    let signature = p256::ecdsa::DerSignature::try_from(result(&key, CHALLENGE, &hash).as_slice()).unwrap();
    assert!(public.verify_prehash(&hash, &signature).is_ok());
    assert!(public.verify_prehash(&Sha256::digest(b"another"), &signature).is_err());

    let key = PrivateKey::generate(Algorithm::P384).unwrap();
    let public = p384::ecdsa::VerifyingKey::from_public_key_der(&key.public_key_der().unwrap()).unwrap();
    let hash = Sha384::digest(b"message");
    let signature = p384::ecdsa::DerSignature::try_from(result(&key, CHALLENGE, &hash).as_slice()).unwrap();
    assert!(public.verify_prehash(&hash, &signature).is_ok());
}

/// FIPS 186-5, 6.4.1: a hash shorter than the curve is taken as it is, as a number.
#[test]
fn a_short_hash_signs_as_the_same_number_with_leading_zeros() {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let public = p256::ecdsa::VerifyingKey::from_public_key_der(&key.public_key_der().unwrap()).unwrap();
    let signature = p256::ecdsa::DerSignature::try_from(result(&key, CHALLENGE, &[0xaa; 20]).as_slice()).unwrap();
    let padded = [[0; 12].as_slice(), &[0xaa; 20]].concat();
    assert!(public.verify_prehash(&padded, &signature).is_ok());
}

#[test]
fn rsa_undoes_what_the_public_key_did_and_keeps_leading_zeros() {
    let key = PrivateKey::generate(Algorithm::Rsa2048).unwrap();
    let public = RsaPublicKey::from_public_key_der(&key.public_key_der().unwrap()).unwrap();
    let ciphertext = public.encrypt(&mut getrandom::rand_core::UnwrapErr(SysRng), Pkcs1v15Encrypt, b"secret").unwrap();
    let block = result(&key, CHALLENGE, &ciphertext);
    assert_eq!(block.len(), 256);
    assert!(block.starts_with(&[0x00, 0x02]) && block.ends_with(b"\x00secret"), "EME-PKCS1-v1_5");

    let padding = Oaep::<Sha256>::new();
    let ciphertext = public.encrypt(&mut getrandom::rand_core::UnwrapErr(SysRng), padding, b"secret").unwrap();
    assert_eq!(result(&key, CHALLENGE, &ciphertext)[0], 0, "EME-OAEP");

    let one = [&[0; 255][..], &[1]].concat();
    assert_eq!(result(&key, CHALLENGE, &one), one, "1 to any power");
}
