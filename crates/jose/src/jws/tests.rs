use super::*;
use crate::{EcPrivateKey, Jwk, SignerError};
use serde_json::json;

/// RFC 7515 A.2: the modulus of the RS256 example and its signature; A.3 has the same payload.
const A2_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const A2_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const A3_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

fn a2_key() -> PublicKey {
    PublicKey::from_jwk(&Jwk::from_json(&json!({"kty": "RSA", "n": A2_N, "e": "AQAB"}).to_string()).unwrap()).unwrap()
}

fn a3_key() -> PublicKey {
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"});
    PublicKey::from_jwk(&Jwk::from_json(&jwk.to_string()).unwrap()).unwrap()
}

fn part(value: &Value) -> String {
    base64url::encode(value.to_string().as_bytes())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => panic!("not an object"),
    }
}

#[test]
fn rfc_7515_a2_and_a3_verify() {
    let rsa = Jws::parse(A2_TOKEN).unwrap();
    rsa.verify(&a2_key(), &[Algorithm::Rs256]).unwrap();
    assert_eq!(rsa.claims().unwrap()["http://example.com/is_root"], true);
    Jws::parse(A3_TOKEN).unwrap().verify(&a3_key(), &[Algorithm::Es256]).unwrap();
}

#[test]
fn any_changed_bit_is_noticed() {
    for (token, key, algorithm) in [(A2_TOKEN, a2_key(), Algorithm::Rs256), (A3_TOKEN, a3_key(), Algorithm::Es256)] {
        let parsed = Jws::parse(token).unwrap();
        for bit in 0..parsed.signature.len() * 8 {
            let mut changed = parsed.clone();
            changed.signature[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(changed.verify(&key, &[algorithm]), Err(Error::Signature)));
        }
        let other = token.replacen(".eyJpc3MiOiJqb2Ui", ".eyJpc3MiOiJqb2Ei", 1);
        assert_ne!(other, token);
        assert!(matches!(Jws::parse(&other).unwrap().verify(&key, &[algorithm]), Err(Error::Signature)));
        for len in [0, 1, parsed.signature.len() - 1, parsed.signature.len() + 1] {
            let mut changed = parsed.clone();
            changed.signature.resize(len, 0);
            assert!(matches!(changed.verify(&key, &[algorithm]), Err(Error::Signature)));
        }
    }
}

#[test]
fn the_algorithm_is_chosen_by_the_verifier() {
    let token = Jws::parse(A3_TOKEN).unwrap();
    for allowed in [&[][..], &[Algorithm::Rs256, Algorithm::Es384]] {
        assert!(matches!(
            token.verify(&a3_key(), allowed),
            Err(Error::AlgorithmRefused { name, why }) if name == "ES256" && why.contains("allowed")
        ));
    }
    // A key of another kind than the algorithm, even when both are allowed.
    assert!(matches!(token.verify(&a2_key(), &Algorithm::ALL), Err(Error::Key { .. })));
}

#[test]
fn none_hmac_and_unknown_algorithms_are_refused_by_name() {
    for name in ["none", "NONE", "HS256", "HS384", "PS256", "ES512", "EdDSA", "A256GCM", "es256", ""] {
        for signature in ["", "AAAA"] {
            let token = format!("{}.{}.{signature}", part(&json!({"alg": name})), part(&json!({})));
            let error = Jws::parse(&token).unwrap().verify(&a3_key(), &Algorithm::ALL).unwrap_err();
            assert!(matches!(&error, Error::AlgorithmRefused { name: refused, .. } if refused == name), "{name}");
        }
    }
    for header in [json!({}), json!({"alg": 7}), json!({"alg": ["ES256"]}), json!({"alg": null})] {
        let token = format!("{}..", part(&header));
        assert!(Jws::parse(&token).unwrap().verify(&a3_key(), &Algorithm::ALL).is_err());
    }
}

#[test]
fn malformed_tokens_are_refused() {
    let good = A3_TOKEN;
    let head = part(&json!({"alg": "ES256"}));
    let crit = part(&json!({"alg": "ES256", "crit": ["b64"], "b64": false}));
    let doubled = base64url::encode(br#"{"alg":"ES256","alg":"RS256"}"#);
    let cases = [
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("two parts", format!("{head}.e30")),
        ("four parts", format!("{good}.AAAA")),
        ("padding", format!("{good}=")),
        ("new line", format!("{good}\n")),
        ("header is no object", format!("{}.e30.", base64url::encode(b"[]"))),
        ("header is no JSON", format!("{}.e30.", base64url::encode(b"{"))),
        ("standard alphabet", good.replace('-', "+")),
        ("crit", format!("{crit}.e30.")),
        ("member twice", format!("{doubled}.e30.")),
        ("not ASCII", format!("{head}.é.")),
    ];
    for (name, token) in cases {
        assert!(Jws::parse(&token).is_err(), "{name}");
    }
    let long = format!("{head}.{}.", "A".repeat(crate::MAX_TOKEN_LEN));
    assert!(matches!(Jws::parse(&long), Err(Error::TooLarge { .. })));
    assert!(matches!(crate::peek_header(&long), Err(Error::TooLarge { .. })));
    // Claims that name one twice are refused when asked for.
    let twice = format!("{head}.{}.", base64url::encode(br#"{"sub":"a","sub":"b"}"#));
    assert!(Jws::parse(&twice).unwrap().claims().is_err());
}

#[test]
fn sign_then_verify() {
    let mut key = EcPrivateKey::generate().unwrap();
    let header = object(json!({"alg": "ES256", "kid": "a/b+c="}));
    let token = sign(&header, b"{\"sub\":\"alice\"}", &mut key).unwrap();
    let parsed = Jws::parse(&token).unwrap();
    parsed.verify(&key.public(), &[Algorithm::Es256]).unwrap();
    assert_eq!(parsed.header(), &header);
    assert_eq!(parsed.header_text("kid"), Some("a/b+c="));
    assert_eq!(parsed.payload(), b"{\"sub\":\"alice\"}");
    assert!(!format!("{parsed:?}").contains("alice"));
    let other = EcPrivateKey::generate().unwrap();
    assert!(matches!(parsed.verify(&other.public(), &[Algorithm::Es256]), Err(Error::Signature)));
}

struct Broken(Result<Vec<u8>, &'static str>);

impl Signer for Broken {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Es256
    }

    fn sign(&mut self, _: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.0.clone().map_err(Into::into)
    }
}

#[test]
fn sign_refuses_a_wrong_header_and_a_wrong_signature() {
    let mut key = EcPrivateKey::generate().unwrap();
    for header in [json!({}), json!({"alg": "RS256"}), json!({"alg": "none"}), json!({"alg": 1})] {
        assert!(matches!(sign(&object(header), b"", &mut key), Err(Error::AlgorithmMismatch { .. })));
    }
    let crit = object(json!({"alg": "ES256", "crit": ["x"]}));
    assert!(matches!(sign(&crit, b"", &mut key), Err(Error::HeaderRefused { name: "crit", .. })));

    let header = object(json!({"alg": "ES256"}));
    // 63 and 70 bytes: an unpadded raw signature, and DER where raw is due.
    for len in [0, 63, 70] {
        assert!(matches!(sign(&header, b"", &mut Broken(Ok(vec![1; len]))), Err(Error::Malformed { .. })));
    }
    let error = sign(&header, b"", &mut Broken(Err("card removed"))).unwrap_err();
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "card removed");
}
