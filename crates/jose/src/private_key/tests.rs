use super::*;

#[test]
fn pem_and_jwk_read_back() {
    let key = EcPrivateKey::generate().unwrap();
    let pem = key.to_pkcs8_pem().unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert_eq!(EcPrivateKey::from_pem(&pem).unwrap().public(), key.public());
    assert_eq!(format!("{key:?}"), "EcPrivateKey(..)");

    let public = key.public().to_jwk();
    let d = base64url::encode(&key.0.to_bytes());
    let jwk =
        |d: &str, x: &str| serde_json::json!({"kty": "EC", "crv": "P-256", "d": d, "x": x, "y": public.y}).to_string();
    let x = public.x.as_deref().unwrap();
    assert_eq!(EcPrivateKey::from_jwk_json(&jwk(&d, x)).unwrap().public(), key.public());

    let other = EcPrivateKey::generate().unwrap();
    let zero = base64url::encode(&[0; 32]);
    let order = base64url::encode(&[0xff; 32]);
    for bad in [
        jwk(&base64url::encode(&other.0.to_bytes()), x),
        jwk(&d, ""),
        jwk("", x),
        jwk(&zero, x),
        jwk(&order, x),
        jwk(&d[..42], x),
        r#"{"kty":"RSA"}"#.to_owned(),
    ] {
        assert!(EcPrivateKey::from_jwk_json(&bad).is_err());
    }
    for bad in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        assert!(EcPrivateKey::from_pem(bad).is_err());
    }
}

/// RFC 7518 appendix C: Alice's and Bob's keys, and Z.
#[test]
fn rfc_7518_appendix_c_agreement() {
    let alice = EcPrivateKey::from_jwk_json(
        r#"{"kty":"EC","crv":"P-256","x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
            "y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps","d":"0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo"}"#,
    )
    .unwrap();
    let bob = EcPrivateKey::from_jwk_json(
        r#"{"kty":"EC","crv":"P-256","x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
            "y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck","d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}"#,
    )
    .unwrap();
    let z = [
        158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163, 218, 128, 106,
        72, 246, 218, 167, 121, 140, 254, 144, 196,
    ];
    assert_eq!(*alice.diffie_hellman(&bob.public()).unwrap(), z);
    assert_eq!(*bob.diffie_hellman(&alice.public()).unwrap(), z);
}

#[test]
fn agreement_with_another_curve_is_refused() {
    let jwk = serde_json::json!({"kty": "EC", "crv": "P-384",
        "x": "qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3",
        "y": "NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f"});
    let p384 = PublicKey::from_x963(
        &[
            &[4][..],
            &base64url::decode("x", jwk["x"].as_str().unwrap()).unwrap(),
            &base64url::decode("y", jwk["y"].as_str().unwrap()).unwrap(),
        ]
        .concat(),
    )
    .unwrap();
    assert!(matches!(EcPrivateKey::generate().unwrap().diffie_hellman(&p384), Err(Error::Key { .. })));
}
