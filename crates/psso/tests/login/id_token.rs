//! One test per check of the id_token.

use serde_json::{Map, Value, json};

use crate::idp::{CLIENT_ID, Faults, now};
use crate::{login_with, rejected};

fn with_claims(edit: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) -> Faults {
    Faults { id_token_claims: Box::new(edit), ..Faults::default() }
}

fn with_header(edit: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) -> Faults {
    Faults { id_token_header: Box::new(edit), ..Faults::default() }
}

/// Each value in turn makes the check of that claim fail, and so does leaving the claim out.
fn every_value_is_refused(name: &'static str, values: Vec<Value>) {
    for value in values {
        let shown = value.clone();
        let faults = with_claims(move |claims| drop(claims.insert(name.into(), value.clone())));
        assert_eq!(rejected(faults), name, "{shown}");
    }
}

#[test]
fn nonce() {
    every_value_is_refused(
        "nonce",
        vec![json!("CBA6437A-ED3F-438C-B859-078E058F1851"), json!(""), json!(7), Value::Null],
    );
    assert_eq!(rejected(with_claims(|claims| drop(claims.remove("nonce")))), "nonce");
    let lower = |claims: &mut Map<String, Value>| {
        let nonce = claims["nonce"].as_str().unwrap().to_lowercase();
        claims["nonce"] = json!(nonce);
    };
    assert_eq!(rejected(with_claims(lower)), "nonce");
}

#[test]
fn iss() {
    every_value_is_refused(
        "iss",
        vec![json!("https://idp.example/"), json!("https://evil.example"), json!(["https://idp.example"])],
    );
    assert_eq!(rejected(with_claims(|claims| drop(claims.remove("iss")))), "iss");
}

#[test]
fn aud() {
    every_value_is_refused(
        "aud",
        vec![json!("other"), json!([]), json!(["other"]), json!([CLIENT_ID, 7]), json!({"a": CLIENT_ID}), json!("")],
    );
    assert_eq!(rejected(with_claims(|claims| drop(claims.remove("aud")))), "aud");
}

#[test]
fn azp() {
    every_value_is_refused("azp", vec![json!("other"), json!([CLIENT_ID]), Value::Null]);
    let list_without = with_claims(|claims| claims["aud"] = json!([CLIENT_ID, "other"]));
    assert_eq!(rejected(list_without), "azp");
    // Apple's text asks for it with any list; OpenID Connect with several audiences only. The message says so.
    let list_of_one = login_with(with_claims(|claims| claims["aud"] = json!([CLIENT_ID]))).unwrap_err();
    assert!(list_of_one.to_string().contains("even if the list has one element"), "{list_of_one}");
    login_with(with_claims(|claims| drop(claims.insert("azp".into(), json!(CLIENT_ID))))).unwrap();
}

#[test]
fn iat() {
    every_value_is_refused(
        "iat",
        vec![json!(now() + 120), json!("x"), json!("1656005132.5"), Value::Null, json!(i64::MAX)],
    );
    assert_eq!(rejected(with_claims(|claims| drop(claims.remove("iat")))), "iat");
}

#[test]
fn nbf() {
    every_value_is_refused("nbf", vec![json!(now() + 120), json!("x"), json!(true)]);
    login_with(with_claims(|claims| drop(claims.insert("nbf".into(), json!(now() - 10))))).unwrap();
}

#[test]
fn exp() {
    every_value_is_refused(
        "exp",
        vec![json!(now() - 120), json!(0), json!(-1), json!("1656005432"), json!(""), json!(i64::MIN)],
    );
    assert_eq!(rejected(with_claims(|claims| drop(claims.remove("exp")))), "exp");
    // As a string of digits, which Apple's published id_token has.
    login_with(with_claims(|claims| claims["exp"] = json!((now() + 60).to_string()))).unwrap();
    // Within the leeway for clocks that differ.
    login_with(with_claims(|claims| claims["exp"] = json!(now() - 5))).unwrap();
}

#[test]
fn alg() {
    for alg in ["none", "None", "HS256", "PS256", "ES384", "RS256", "EdDSA"] {
        let faults = with_header(move |header| header["alg"] = json!(alg));
        assert_eq!(rejected(faults), "alg", "{alg}");
    }
    let unsigned = Faults {
        id_token_header: Box::new(|header| header["alg"] = json!("none")),
        id_token: Box::new(|token| token.truncate(token.rfind('.').unwrap() + 1)),
        ..Faults::default()
    };
    assert_eq!(rejected(unsigned), "alg");
}

#[test]
fn alg_that_the_jwks_or_the_configuration_does_not_allow() {
    let (_dir, keys) = crate::keys();
    let idp = crate::Idp::new(Faults::default());
    idp.trust(&keys);
    let client = idp.client("id_token_algorithms = [\"RS256\"]");
    let error = crate::card::login(&client, &keys, &mut crate::Card::p256()).unwrap_err();
    assert!(matches!(error, psso::Error::Rejected { claim: "alg", .. }));

    let other = Faults {
        answer: Box::new(|path, response| {
            if path.ends_with("jwks") {
                let mut set: Value = serde_json::from_slice(&response.body).unwrap();
                set["keys"][0]["alg"] = json!("ES384");
                response.body = set.to_string().into_bytes().into();
            }
        }),
        ..Faults::default()
    };
    assert_eq!(rejected(other), "alg");
}

#[test]
fn kid() {
    for kid in [json!("idp-2"), json!(""), json!("IDP-1"), json!(7), Value::Null] {
        assert_eq!(rejected(with_header(move |header| header["kid"] = kid.clone())), "kid");
    }
    assert_eq!(rejected(with_header(|header| drop(header.remove("kid")))), "kid");
    let unusable = Faults {
        answer: Box::new(|path, response| {
            if path.ends_with("jwks") {
                response.body =
                    br#"{"keys":[{"kty":"EC","crv":"P-256","kid":"idp-1","x":"AA","y":"AA"}]}"#.to_vec().into();
            }
        }),
        ..Faults::default()
    };
    assert_eq!(rejected(unusable), "kid");
}

/// What a login comes to whose JWKS has these keys beside `mine` and in this order, `other` being a key of somebody else.
fn with_keys(keys: impl Fn(&Value, &Value) -> Vec<Value> + Send + Sync + 'static) -> Result<(), (String, String)> {
    let other = jose::EcPrivateKey::generate().unwrap().public().to_jwk().with_kid("idp-1");
    let other = serde_json::to_value(other).unwrap();
    let faults = Faults {
        answer: Box::new(move |path, response| {
            if path.ends_with("jwks") {
                let set: Value = serde_json::from_slice(&response.body).unwrap();
                response.body = json!({"keys": keys(&set["keys"][0], &other)}).to_string().into_bytes().into();
            }
        }),
        ..Faults::default()
    };
    match login_with(faults) {
        Ok(_) => Ok(()),
        Err(psso::Error::Rejected { claim, why }) => Err((claim.to_owned(), why)),
        Err(other) => panic!("{other:?}"),
    }
}

/// A key with other members.
fn but(key: &Value, more: &Value) -> Value {
    let mut key = key.clone();
    key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    key
}

#[test]
fn several_keys_under_one_kid() {
    let rsa = || json!({"kty": "RSA", "kid": "idp-1", "n": jose::base64url::encode(&[0xff; 256]), "e": "AQAB"});
    with_keys(move |mine, _| vec![rsa(), mine.clone()]).unwrap();
    with_keys(move |mine, _| vec![json!({"kty": "AKP", "kid": "idp-1", "alg": "ES256", "pub": "AA"}), mine.clone()])
        .unwrap();
    with_keys(|mine, _| vec![but(mine, &json!({"alg": "ES384"})), mine.clone()]).unwrap();
    with_keys(|mine, other| vec![but(other, &json!({"use": "enc"})), mine.clone()]).unwrap();
    with_keys(|mine, other| vec![other.clone(), mine.clone()]).unwrap();
    with_keys(|mine, other| vec![but(other, &json!({"x": "AA"})), mine.clone()]).unwrap();
    let names = |keys: fn(&Value, &Value) -> Vec<Value>| with_keys(keys).unwrap_err();
    let (claim, why) = names(|mine, _| vec![but(mine, &json!({"alg": "ES384"})), but(mine, &json!({"alg": "RS256"}))]);
    assert!(claim == "alg" && why.contains("another algorithm than ES256"), "{why}");
    let (claim, why) = names(|_, _| vec![json!({"kty": "AKP", "kid": "idp-1"})]);
    assert!(claim == "kid" && why.contains("AKP"), "{why}");
    let (claim, why) = with_keys(move |_, _| {
        vec![json!({"kty": "RSA", "kid": "idp-1", "n": jose::base64url::encode(&[0xff; 256]), "e": "AQAB"})]
    })
    .unwrap_err();
    assert!(claim == "alg" && why.contains("another kind of key"), "{why}");
    assert_eq!(names(|_, other| vec![but(other, &json!({"x": "AA"})), other.clone()]).0, "signature");
    // So many are no rotation of keys, and each costs time.
    assert_eq!(names(|mine, other| [vec![other.clone(); 8], vec![mine.clone()]].concat()).0, "signature");
    with_keys(|mine, other| [vec![other.clone(); 7], vec![mine.clone()]].concat()).unwrap();
}

#[test]
fn a_key_that_is_not_for_signatures() {
    for (more, member) in [
        (json!({"use": "enc"}), "(use)"),
        (json!({"key_ops": ["deriveKey"]}), "(key_ops)"),
        (json!({"key_ops": []}), "(key_ops)"),
    ] {
        let (claim, why) = with_keys(move |mine, _| vec![but(mine, &more)]).unwrap_err();
        assert!(claim == "kid" && why.contains(member), "{why}");
    }
    with_keys(|mine, _| vec![but(mine, &json!({"key_ops": ["verify"], "use": "sig"}))]).unwrap();
}

#[test]
fn what_is_missing_and_what_is_of_another_type() {
    let why = |faults: Faults| match login_with(faults) {
        Err(psso::Error::Rejected { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(with_header(|header| header["kid"] = json!(7))), "it is not a text");
    assert!(why(with_header(|header| drop(header.remove("kid")))).starts_with("it is missing"));
    assert_eq!(why(with_claims(|claims| drop(claims.remove("aud")))), "it is missing");
    assert_eq!(why(with_claims(|claims| claims["aud"] = json!(7))), "it is neither a string nor a list");
}

#[test]
fn signature() {
    // Claims of another token under this signature.
    let swapped = Faults {
        id_token: Box::new(|token| {
            let parts: Vec<&str> = token.split('.').collect();
            let mut claims: Value = serde_json::from_slice(&jose::base64url::decode("x", parts[1]).unwrap()).unwrap();
            claims["sub"] = json!("root");
            *token = format!("{}.{}.{}", parts[0], jose::base64url::encode(claims.to_string().as_bytes()), parts[2]);
        }),
        ..Faults::default()
    };
    assert_eq!(rejected(swapped), "signature");
    // Another key under the same kid.
    let other_key = Faults {
        answer: Box::new(|path, response| {
            if path.ends_with("jwks") {
                let key = jose::EcPrivateKey::generate().unwrap().public().to_jwk().with_kid("idp-1");
                response.body = serde_json::to_vec(&jose::JwkSet::from(vec![key])).unwrap().into();
            }
        }),
        ..Faults::default()
    };
    assert_eq!(rejected(other_key), "signature");
    // A key in the header is nobody's.
    let stranger = Faults {
        id_token: Box::new(|token| {
            let mut key = jose::EcPrivateKey::generate().unwrap();
            let payload = jose::base64url::decode("x", token.split('.').nth(1).unwrap()).unwrap();
            let Value::Object(header) = json!({"alg": "ES256", "kid": "idp-1", "jwk": key.public().to_jwk()}) else {
                panic!()
            };
            *token = jose::jws::sign(&header, &payload, &mut key).unwrap();
        }),
        ..Faults::default()
    };
    assert_eq!(rejected(stranger), "signature");
}

#[test]
fn form() {
    for bad in ["", "abc", "a.b", "....", "e30.e30."] {
        let faults = Faults { id_token: Box::new(move |token| *token = bad.to_owned()), ..Faults::default() };
        let name = rejected(faults);
        // e30 is {}: readable, but without an algorithm.
        assert_eq!(name, if bad == "e30.e30." { "alg" } else { "id_token" }, "{bad}");
    }
    let critical = Faults {
        id_token: Box::new(|token| {
            let rest = token.split_once('.').unwrap().1;
            *token = format!("{}.{rest}", jose::base64url::encode(br#"{"alg":"ES256","kid":"idp-1","crit":["x"]}"#));
        }),
        ..Faults::default()
    };
    assert_eq!(rejected(critical), "id_token");
}
