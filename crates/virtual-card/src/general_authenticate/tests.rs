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
    let answer = general_authenticate(key, &template(tag, value)).unwrap();
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
