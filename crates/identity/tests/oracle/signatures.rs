//! Signatures made by OpenSSL, over every supported key and hash.

use identity::{Certificate, Error, Hash, load};

use crate::openssl;

const HASHES: [(Hash, &str); 3] = [(Hash::Sha256, "sha256"), (Hash::Sha384, "sha384"), (Hash::Sha512, "sha512")];
const MESSAGE: &[u8] = b"to be signed";

fn check(how: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    openssl::new_key(how, &file);
    let certificate: Certificate = load::certificates(&openssl::new_certificate(&file, "")).remove(0).unwrap();
    let key = certificate.public_key();
    for (hash, name) in HASHES {
        let signature = openssl::run(&format!("dgst -{name} -sign {}", file.display()), MESSAGE);
        key.verify(hash, MESSAGE, &signature).unwrap_or_else(|error| panic!("{how} {name}: {error}"));

        let refuse = |hash: Hash, message: &[u8], signature: &[u8]| {
            let result = key.verify(hash, message, signature);
            assert!(matches!(result, Err(Error::SignatureInvalid)), "{how} {name}: {result:?}");
        };
        refuse(hash, b"to be signeD", &signature);
        for (other, _) in HASHES.into_iter().filter(|(other, _)| *other != hash) {
            refuse(other, MESSAGE, &signature);
        }
        for at in [0, 1, signature.len() / 2, signature.len() - 1] {
            let mut damaged = signature.clone();
            damaged[at] ^= 1;
            refuse(hash, MESSAGE, &damaged);
        }
        refuse(hash, MESSAGE, &signature[..signature.len() - 1]);
        refuse(hash, MESSAGE, &[signature.as_slice(), &[0]].concat());
        refuse(hash, MESSAGE, &[&[0], signature.as_slice()].concat());
        refuse(hash, MESSAGE, &vec![0; signature.len()]);
        refuse(hash, MESSAGE, &vec![0xFF; signature.len()]);
        refuse(hash, MESSAGE, &[]);
    }
}

#[test]
fn p256() {
    check("-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
}

#[test]
fn p384() {
    check("-algorithm EC -pkeyopt ec_paramgen_curve:P-384");
}

#[test]
fn rsa() {
    for bits in [2048, 3072, 4096] {
        check(&format!("-algorithm RSA -pkeyopt rsa_keygen_bits:{bits}"));
    }
}

#[test]
fn an_rsa_pss_signature_is_not_taken_for_pkcs1() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    openssl::new_key("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", &file);
    let certificate = load::certificates(&openssl::new_certificate(&file, "")).remove(0).unwrap();
    let command = format!("dgst -sha256 -sigopt rsa_padding_mode:pss -sign {}", file.display());
    let result = certificate.public_key().verify(Hash::Sha256, MESSAGE, &openssl::run(&command, MESSAGE));
    assert!(matches!(result, Err(Error::SignatureInvalid)));
}

#[test]
fn ed25519_signs_the_message_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (file, message) = (folder.path().join("key.pem"), folder.path().join("message"));
    openssl::new_key("-algorithm ED25519", &file);
    std::fs::write(&message, MESSAGE).unwrap();
    let certificate = load::certificates(&openssl::new_certificate(&file, "")).remove(0).unwrap();
    let sign = format!("pkeyutl -sign -rawin -inkey {} -in {}", file.display(), message.display());
    let signature = openssl::run(&sign, b"");
    let key = certificate.public_key();
    // There is no hash to choose.
    for (hash, _) in HASHES {
        key.verify(hash, MESSAGE, &signature).unwrap();
        assert!(matches!(key.verify(hash, b"to be signeD", &signature), Err(Error::SignatureInvalid)));
    }
    for at in [0, 31, 32, 63] {
        let mut damaged = signature.clone();
        damaged[at] ^= 1;
        assert!(matches!(key.verify(Hash::Sha512, MESSAGE, &damaged), Err(Error::SignatureInvalid)));
    }
    assert!(matches!(key.verify(Hash::Sha512, MESSAGE, &signature[..63]), Err(Error::SignatureInvalid)));
}
