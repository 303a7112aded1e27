use super::*;
use crate::EcPrivateKey;
use serde_json::json;

fn jwk(value: serde_json::Value) -> Jwk {
    serde_json::from_value(value).unwrap()
}

/// 600 keys: a coordinate with a leading zero byte turns up in about one key of 128.
#[test]
fn every_form_has_its_full_width_and_reads_back() {
    for _ in 0..600 {
        let key = EcPrivateKey::generate().unwrap().public();
        let point = key.x963().unwrap();
        assert_eq!((point.len(), point[0]), (65, 4));
        let jwk = key.to_jwk();
        for coordinate in [&jwk.x, &jwk.y] {
            assert_eq!(coordinate.as_ref().unwrap().len(), 43);
        }
        assert_eq!(PublicKey::from_jwk(&jwk).unwrap(), key);
        assert_eq!(PublicKey::from_x963(&point).unwrap(), key);
        assert_eq!(PublicKey::from_spki_der(&key.spki_der().unwrap()).unwrap(), key);
    }
}

#[test]
fn a_coordinate_with_leading_zeros_is_found_and_kept() {
    let key = std::iter::repeat_with(|| EcPrivateKey::generate().unwrap().public())
        .find(|key| key.x963().unwrap()[1] == 0)
        .unwrap();
    let jwk = key.to_jwk();
    assert_eq!(crate::base64url::decode("x", jwk.x.as_ref().unwrap()).unwrap()[0], 0);
    assert_eq!(PublicKey::from_jwk(&jwk).unwrap(), key);

    // The spelling without its zero is what other implementations send by mistake, and is refused.
    let mut short = jwk;
    short.x = Some(base64url::encode(&key.x963().unwrap()[2..33]));
    assert!(matches!(PublicKey::from_jwk(&short), Err(Error::Key { why }) if why.contains("31 bytes")));
}

#[test]
fn points_that_are_not_on_the_curve_are_refused() {
    let good = EcPrivateKey::generate().unwrap().public().x963().unwrap();
    let mut off = good.clone();
    off[64] ^= 1;
    let mut over = good.clone();
    over[1..33].fill(0xff);
    let mut compressed = good[..33].to_vec();
    compressed[0] = 2 + (good[64] & 1);
    let mut hybrid = good.clone();
    hybrid[0] = 6 + (good[64] & 1);
    let zeros = [&[4u8][..], &[0; 64]].concat();
    for (name, point) in [
        ("off the curve", off),
        ("x above the field", over),
        ("compressed", compressed),
        ("hybrid", hybrid),
        ("identity", vec![0]),
        ("identity, padded", vec![0; 65]),
        ("zeros", zeros),
        ("short", good[..64].to_vec()),
        ("long", [&good[..], &[0]].concat()),
        ("empty", vec![]),
        ("P-384 length", [&[4u8][..], &[1; 96]].concat()),
    ] {
        assert!(matches!(PublicKey::from_x963(&point), Err(Error::Key { .. })), "{name}");
    }
}

#[test]
fn unusable_jwks_are_refused() {
    let key = EcPrivateKey::generate().unwrap().public().to_jwk();
    let (x, y) = (key.x.unwrap(), key.y.unwrap());
    for bad in [
        json!({"kty": "EC", "crv": "P-256", "x": x}),
        json!({"kty": "EC", "crv": "P-384", "x": x, "y": y}),
        json!({"kty": "EC", "crv": "secp256k1", "x": x, "y": y}),
        json!({"kty": "EC", "x": x, "y": y}),
        json!({"kty": "ec", "crv": "P-256", "x": x, "y": y}),
        json!({"kty": "EC", "crv": "P-256", "x": y, "y": x}),
        json!({"kty": "EC", "crv": "P-256", "x": format!("{x}="), "y": y}),
        json!({"kty": "oct", "k": "AAAA"}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": x}),
        json!({"kty": "RSA", "n": base64url::encode(&[0xff; 128]), "e": "AQAB"}),
        json!({"kty": "RSA", "n": base64url::encode(&[0xff; 256]), "e": "AA"}),
        json!({"kty": "RSA", "n": base64url::encode(&[0xfe; 256]), "e": "AQAB"}),
        json!({"kty": "RSA", "n": base64url::encode(&[0xff; 2048]), "e": "AQAB"}),
        json!({"kty": "RSA", "n": "", "e": ""}),
        json!({"kty": "RSA", "e": "AQAB"}),
    ] {
        assert!(PublicKey::from_jwk(&jwk(bad.clone())).is_err(), "{bad}");
    }
}

#[test]
fn an_rsa_key_reads_back_in_every_form() {
    let mut n = [0xa5; 256];
    n[255] = 0xa7;
    let key = PublicKey::from_jwk(&jwk(json!({"kty": "RSA", "n": base64url::encode(&n), "e": "AQAB"}))).unwrap();
    assert_eq!(key.key_type(), KeyType::Rsa { bits: 2048 });
    assert_eq!(format!("{key:?}"), "PublicKey(RSA-2048)");
    assert_eq!(PublicKey::from_jwk(&key.to_jwk()).unwrap(), key);
    assert_eq!(PublicKey::from_spki_der(&key.spki_der().unwrap()).unwrap(), key);
    // RFC 8017 A.1.1 by hand: SEQUENCE { INTEGER n with its sign byte, INTEGER 65537 }.
    let expected = [&[0x30, 0x82, 1, 10, 2, 0x82, 1, 1, 0][..], &n, &[2, 3, 1, 0, 1]].concat();
    assert_eq!(key.pkcs1_der().unwrap(), expected);
    assert!(key.x963().is_none());
    // A zero in front of the modulus, as some servers send it, is the same key.
    let padded = base64url::encode(&[&[0][..], &n].concat());
    assert_eq!(PublicKey::from_jwk(&jwk(json!({"kty": "RSA", "n": padded, "e": "AQAB"}))).unwrap(), key);
}

#[test]
fn spki_is_strict() {
    let good = EcPrivateKey::generate().unwrap().public().spki_der().unwrap();
    let trailing = [&good[..], &[0]].concat();
    // The last byte of the curve's identifier: another curve under the same point.
    let mut curve = good.clone();
    curve[22] = 6;
    assert_eq!(good[22], 7);
    for bad in [&trailing[..], &good[..good.len() - 1], &curve, &[]] {
        assert!(matches!(PublicKey::from_spki_der(bad), Err(Error::Key { .. })));
    }
}
