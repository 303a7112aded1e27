//! The examples in the appendices of RFC 7515, 7516 and 7518: what this crate speaks must come out as printed there, and
//! everything else must be refused under its name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jose::jwe::Jwe;
use jose::jws::{self, Jws};
use jose::{Algorithm, EcPrivateKey, Error, Jwk, PublicKey, base64url};
use serde_json::Value;

fn example(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("data/rfc.json")).unwrap();
    all[name].clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn public(jwk: &Value) -> PublicKey {
    PublicKey::from_jwk(&Jwk::from_json(&jwk.to_string()).unwrap()).unwrap()
}

#[test]
fn rfc_7515_a2_and_a3_verify() {
    for (name, algorithm) in [("rfc7515_a2", Algorithm::Rs256), ("rfc7515_a3", Algorithm::Es256)] {
        let example = example(name);
        let token = Jws::parse(text(&example["jws"])).unwrap();
        let key = public(&example["jwk"]);
        token.verify(&key, &[algorithm]).unwrap();
        assert_eq!(
            token.payload(),
            b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"
        );
        assert_eq!(token.claims().unwrap()["iss"], "joe");
        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            assert!(matches!(token.verify(&key, &[other]), Err(Error::AlgorithmRefused { .. })), "{name} {other}");
        }
    }
}

/// The other direction: our signature with the printed private key verifies with the printed public one.
#[test]
fn rfc_7515_a3_signs() {
    let example = example("rfc7515_a3");
    let mut key = EcPrivateKey::from_jwk_json(&example["jwk"].to_string()).unwrap();
    let printed = Jws::parse(text(&example["jws"])).unwrap();
    let token = jws::sign(printed.header(), printed.payload(), &mut key).unwrap();
    let ours = Jws::parse(&token).unwrap();
    assert_eq!(ours.signing_input(), printed.signing_input());
    ours.verify(&public(&example["jwk"]), &[Algorithm::Es256]).unwrap();
}

#[test]
fn rfc_7515_a1_a4_a5_are_refused_by_name() {
    let key = public(&example("rfc7515_a3")["jwk"]);
    for (name, algorithm) in [("rfc7515_a1", "HS256"), ("rfc7515_a4", "ES512"), ("rfc7515_a5", "none")] {
        let example = example(name);
        let token = Jws::parse(text(&example["jws"])).unwrap();
        for verdict in [token.algorithm().map(drop), token.verify(&key, &Algorithm::ALL)] {
            let error = verdict.unwrap_err();
            assert!(matches!(&error, Error::AlgorithmRefused { name, .. } if name == algorithm), "{error}");
        }
    }
    // The key of A.4 is on a curve that this crate does not have.
    let p521 = Jwk::from_json(&example("rfc7515_a4")["jwk"].to_string()).unwrap();
    assert!(matches!(PublicKey::from_jwk(&p521), Err(Error::Key { .. })));
}

#[test]
fn rfc_7515_appendix_e_and_the_json_forms_are_refused() {
    let critical = Jws::parse(text(&example("rfc7515_e")["jws"])).unwrap_err();
    assert!(matches!(critical, Error::HeaderRefused { name: "crit", .. }), "{critical}");
    for name in ["rfc7515_a6", "rfc7515_a7"] {
        assert!(Jws::parse(text(&example(name)["json"])).is_err(), "{name}");
    }
}

/// The content encryption of RFC 7516 A.1 is ours, its key encryption is not; a unit test of `jwe` opens the content.
#[test]
fn rfc_7516_appendix_a_is_refused_by_name() {
    for (name, algorithm) in [("rfc7516_a1", "RSA-OAEP"), ("rfc7516_a2", "RSA1_5"), ("rfc7516_a3", "A128KW")] {
        let error = Jwe::parse(text(&example(name)["jwe"])).unwrap_err();
        assert!(matches!(&error, Error::AlgorithmRefused { name, .. } if name == algorithm), "{error}");
    }
    for name in ["rfc7516_a4", "rfc7516_a5"] {
        assert!(Jwe::parse(text(&example(name)["json"])).is_err(), "{name}");
    }
}

#[test]
fn rfc_7518_appendix_c_agrees_on_z() {
    let example = example("rfc7518_c");
    let key = |name: &str| EcPrivateKey::from_jwk_json(&example[name].to_string()).unwrap();
    let (alice, bob) = (key("alice"), key("bob"));
    let z = alice.diffie_hellman(&bob.public()).unwrap();
    assert_eq!(base64url::encode(z.as_slice()), text(&example["z"]));
    assert_eq!(bob.diffie_hellman(&alice.public()).unwrap(), z);
}
