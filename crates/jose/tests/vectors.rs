//! Messages made by others: Apple's published Platform SSO samples, and messages made with Python's `cryptography`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::jwe::Jwe;
use jose::jws::Jws;
use jose::{Algorithm, EcPrivateKey, Jwk, PublicKey, base64url, concat_kdf, ecdsa};
use serde_json::{Value, json};

fn apple() -> Value {
    serde_json::from_str(include_str!("../../../tests/data/psso.json")).unwrap()
}

fn independent() -> Value {
    serde_json::from_str(include_str!("data/independent.json")).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn url(value: &Value) -> Vec<u8> {
    base64url::decode("vector", text(value)).unwrap()
}

/// The published keys carry x, y and d without kty and crv.
fn p256_jwk(key: &Value) -> String {
    json!({"kty": "EC", "crv": "P-256", "x": key["x"], "y": key["y"], "d": key["d"]}).to_string()
}

#[test]
fn apple_login_request_verifies() {
    let vector = &apple()["apple_login_request_with_keys"];
    let jws = Jws::parse(text(&vector["login_request_jws"])).unwrap();
    let key = EcPrivateKey::from_jwk_json(&p256_jwk(&vector["device_signing_jwk"])).unwrap();
    jws.verify(&key.public(), &[Algorithm::Es256]).unwrap();
    let claims = jws.claims().unwrap();
    assert_eq!(claims["iat"], "1656005132");
    assert_eq!(claims["nonce"], vector["nonce"]);
    assert_eq!(claims["jwe_crypto"]["apv"], vector["apv"]);
    assert_eq!(jws.header_text("kid"), vector["device_signing_jwk"]["kid"].as_str());
}

/// The other direction: what the device signed, signed again with its published private key.
#[test]
fn apple_login_request_is_signed_again() {
    let vector = &apple()["apple_login_request_with_keys"];
    let published = Jws::parse(text(&vector["login_request_jws"])).unwrap();
    let mut key = EcPrivateKey::from_jwk_json(&p256_jwk(&vector["device_signing_jwk"])).unwrap();
    let token = jose::jws::sign(published.header(), published.payload(), &mut key).unwrap();
    let ours = Jws::parse(&token).unwrap();
    assert_eq!((ours.header(), ours.payload()), (published.header(), published.payload()));
    ours.verify(&key.public(), &[Algorithm::Es256]).unwrap();
}

#[test]
fn apple_smartcard_assertion_verifies_with_its_certificate() {
    let vector = &apple()["smartcard_embedded_assertion"];
    let jws = Jws::parse(text(&vector["jws"])).unwrap();
    let certificate = STANDARD.decode(jws.header_text("x5c").unwrap()).unwrap();
    // The key's SPKI is the only P-256 one in the certificate: SEQUENCE of 0x59 bytes, id-ecPublicKey, secp256r1.
    let prefix = [0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    let start = certificate.windows(prefix.len()).position(|window| window == prefix).unwrap();
    let key = PublicKey::from_spki_der(&certificate[start..start + 0x5b]).unwrap();
    jws.verify(&key, &[Algorithm::Es256]).unwrap();
}

#[test]
fn apple_login_response_decrypts() {
    let vector = &apple()["apple_login_request_with_keys"];
    let device = EcPrivateKey::from_jwk_json(&p256_jwk(&vector["device_encryption_jwk"])).unwrap();
    let ephemeral = EcPrivateKey::from_jwk_json(&p256_jwk(&vector["ephemeral_jwk"])).unwrap();

    let z = device.diffie_hellman(&ephemeral.public()).unwrap();
    assert_eq!(z.to_vec(), url(&vector["Z"]));
    assert_eq!(ephemeral.diffie_hellman(&device.public()).unwrap(), z);
    let (apu, apv) = (url(&vector["apu"]), url(&vector["apv"]));
    assert_eq!(concat_kdf(z.as_slice(), "A256GCM", &apu, &apv).to_vec(), url(&vector["cek"]));

    let jwe = Jwe::parse(text(&vector["login_response_jwe"])).unwrap();
    assert_eq!(jwe.epk(), &ephemeral.public());
    assert_eq!(jwe.apu().unwrap(), apu);
    let plaintext = jwe.decrypt(&device, &apv).unwrap();
    assert_eq!(plaintext.len(), 986);
    let response = jose::json::parse_object("response", &plaintext).unwrap();
    assert!(response.contains_key("id_token") && response.contains_key("refresh_token"));
}

#[test]
fn apple_key_derivation() {
    let vector = &apple()["apple_kdf"];
    let input = hex::decode(text(&vector["kdf_input_hex"])).unwrap();
    let z = hex::decode(text(&vector["Z_hex"])).unwrap();
    let apv = url(&vector["apv_b64url"]);
    // counter 4, Z 32, LP(A256GCM) 11, then LP(apu).
    let apu = &input[51..51 + usize::from(input[50])];
    let key = concat_kdf(&z, "A256GCM", apu, &apv);
    assert_eq!(hex::encode_upper(key.as_slice()), text(&vector["cek_hex"]));
}

#[test]
fn signatures_of_another_implementation_verify() {
    let vectors = independent();
    let vectors = vectors["jws"].as_array().unwrap();
    assert_eq!(vectors.len(), 9);
    for vector in vectors {
        let algorithm: Algorithm = text(&vector["alg"]).parse().unwrap();
        let spki = STANDARD.decode(text(&vector["spki"])).unwrap();
        let key = PublicKey::from_spki_der(&spki).unwrap();
        assert_eq!(key.spki_der().unwrap(), spki);
        assert_eq!(PublicKey::from_jwk(&Jwk::from_json(&vector["jwk"].to_string()).unwrap()).unwrap(), key);
        assert_eq!(serde_json::to_value(key.to_jwk()).unwrap(), vector["jwk"]);

        let jws = Jws::parse(text(&vector["jws"])).unwrap();
        jws.verify(&key, &[algorithm]).unwrap();
        if let Some(der) = vector["der"].as_str() {
            let der = STANDARD.decode(der).unwrap();
            assert_eq!(ecdsa::der_to_raw(&der, jws.signature().len() / 2).unwrap(), jws.signature());
            assert_eq!(ecdsa::raw_to_der(jws.signature()).unwrap(), der);
        }
        if let Some(pkcs1) = vector["pkcs1"].as_str() {
            assert_eq!(STANDARD.encode(key.pkcs1_der().unwrap()), pkcs1);
        }
    }
}

#[test]
fn encryptions_of_another_implementation_open() {
    let vectors = independent();
    let vectors = vectors["jwe"].as_array().unwrap();
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let key = EcPrivateKey::from_jwk_json(&vector["recipient"].to_string()).unwrap();
        let plaintext = Jwe::parse(text(&vector["jwe"])).unwrap().decrypt(&key, &url(&vector["apv"])).unwrap();
        assert_eq!(plaintext.as_slice(), text(&vector["plaintext"]).as_bytes(), "{}", vector["name"]);
    }
}
