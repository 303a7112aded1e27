//! OpenSSL as the other side: it reads our keys and verifies our signatures, and we read its keys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::Command;

use jose::{Algorithm, EcPrivateKey, PublicKey, Signer as _, ecdsa};

fn openssl(dir: &Path, arguments: &[&str]) -> Vec<u8> {
    let output =
        Command::new("openssl").current_dir(dir).args(arguments).output().expect("this test needs the openssl command");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn our_signature_and_keys_are_understood() {
    let dir = tempfile::tempdir().unwrap();
    let mut key = EcPrivateKey::generate().unwrap();
    fs::write(dir.path().join("key.pem"), key.to_pkcs8_pem().unwrap().as_bytes()).unwrap();
    fs::write(dir.path().join("message"), b"header.payload").unwrap();
    let signature = ecdsa::raw_to_der(&key.sign(b"header.payload").unwrap()).unwrap();
    fs::write(dir.path().join("signature"), signature).unwrap();

    let public = openssl(dir.path(), &["pkey", "-in", "key.pem", "-pubout", "-outform", "DER"]);
    assert_eq!(public, key.public().spki_der().unwrap());
    openssl(dir.path(), &["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"]);
    openssl(dir.path(), &["dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "message"]);
}

#[test]
fn its_keys_and_signatures_are_understood() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("message"), b"header.payload").unwrap();
    for (curve, hash, algorithm, width) in
        [("prime256v1", "-sha256", Algorithm::Es256, 32), ("secp384r1", "-sha384", Algorithm::Es384, 48)]
    {
        openssl(dir.path(), &["ecparam", "-name", curve, "-genkey", "-noout", "-out", "sec1.pem"]);
        let public = openssl(dir.path(), &["pkey", "-in", "sec1.pem", "-pubout", "-outform", "DER"]);
        let public = PublicKey::from_spki_der(&public).unwrap();
        let der = openssl(dir.path(), &["dgst", hash, "-sign", "sec1.pem", "message"]);
        let raw = ecdsa::der_to_raw(&der, width).unwrap();
        public.verify(algorithm, b"header.payload", &raw).unwrap();
        assert!(public.verify(algorithm, b"header.payloae", &raw).is_err());

        let pem = fs::read_to_string(dir.path().join("sec1.pem")).unwrap();
        match curve {
            "prime256v1" => assert_eq!(EcPrivateKey::from_pem(&pem).unwrap().public(), public),
            _ => assert!(EcPrivateKey::from_pem(&pem).is_err()),
        }
    }
}
