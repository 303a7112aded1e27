//! id_tokens: judged as a client would, as far as one without a configuration can.

use super::*;

fn claims(change: &Value) -> Value {
    let mut claims = json!({"iss": "https://i", "aud": "c", "sub": "s", "iat": 1, "exp": 9});
    let members = claims.as_object_mut().unwrap();
    members.extend(change.as_object().unwrap().clone());
    members.retain(|_, value| *value != json!("-"));
    claims
}

#[test]
fn claims_have_the_types_that_a_client_takes() {
    for (change, expected) in [
        (json!({}), vec![]),
        (json!({"sub": "-"}), vec![]),
        (json!({"aud": ["c"], "azp": "c"}), vec![]),
        (json!({"aud": ["b", "c"], "azp": "c"}), vec![]),
        (json!({"azp": "c"}), vec![]),
        (json!({"iss": "-"}), vec!["iss"]),
        (json!({"iss": 5}), vec!["iss"]),
        (json!({"iss": null}), vec!["iss"]),
        (json!({"aud": "-"}), vec!["aud"]),
        (json!({"aud": {"x": 1}}), vec!["aud"]),
        (json!({"aud": [], "azp": "c"}), vec!["aud", "azp"]),
        (json!({"aud": ["c", 5], "azp": "c"}), vec!["aud", "azp"]),
        (json!({"aud": ["c"]}), vec!["azp"]),
        (json!({"azp": 5}), vec!["azp"]),
        (json!({"azp": null}), vec!["azp"]),
        (json!({"azp": "d"}), vec!["azp"]),
        (json!({"aud": ["b", "c"], "azp": "d"}), vec!["azp"]),
        (json!({"sub": 5}), vec!["sub"]),
        (json!({"sub": null}), vec!["sub"]),
        (json!({"sub": ""}), vec!["sub"]),
    ] {
        let (id_token, key) = signed(json!({"typ": "JWT", "kid": "k"}), &claims(&change));
        let device = EcPrivateKey::generate().unwrap();
        let keys = given(&key, Some("k"));
        let options = InspectOptions { decryption_key: Some(device.clone()), verification_keys: keys, ..at(5) };
        let seen = inspect(&response(&device, &device, "N1", &id_token), &options).unwrap().id_token.unwrap();
        assert_eq!(failed(&seen), expected, "{change}");
    }
}

/// There is no configuration to compare with: the lines say so, and do not fail.
#[test]
fn who_it_is_from_and_for_is_left_to_the_reader() {
    let (id_token, key) = signed(json!({"kid": "k"}), &claims(&json!({})));
    let seen = inspect(&id_token, &InspectOptions { verification_keys: given(&key, Some("k")), ..at(5) }).unwrap();
    assert!(seen.all_hold());
    for (name, value, field) in [("iss", "\"https://i\"", "issuer"), ("aud", "\"c\"", "client_id")] {
        let detail = detail(&seen, name);
        assert!(detail.starts_with(value) && detail.contains(&format!("{field} of the configuration")), "{detail}");
    }
}

/// A key of a JWKS that a client would not take is not taken here either.
#[test]
fn a_jwks_gives_the_key_that_a_client_would_take() {
    let (id_token, key) = signed(json!({"kid": "k"}), &claims(&json!({})));
    let (nameless, other) = signed(json!({"kid": null}), &claims(&json!({})));
    let jwk = |key: &EcPrivateKey, change: Value| {
        let mut jwk = serde_json::to_value(key.public().to_jwk().with_kid("k")).unwrap();
        jwk.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        jwk
    };
    let entry = |change| jwk(&key, change);
    for (token, set, valid, why) in [
        (&id_token, vec![entry(json!({}))], Some(true), "verifies"),
        (&id_token, vec![entry(json!({"alg": "ES256", "use": "sig"}))], Some(true), "verifies"),
        (&id_token, vec![entry(json!({"alg": "RS256"}))], None, "another algorithm"),
        (&id_token, vec![entry(json!({"alg": "ES384"}))], None, "another algorithm"),
        (&id_token, vec![entry(json!({"kid": null}))], None, "no given key is named"),
        (&id_token, vec![entry(json!({"kid": "j"}))], None, "no given key is named"),
        (
            &id_token,
            vec![entry(json!({"use": "enc"})), jwk(&other, json!({"kid": "j"}))],
            None,
            "no given key is named",
        ),
        (&id_token, vec![jwk(&other, json!({}))], Some(false), "does not verify"),
        (&nameless, vec![jwk(&other, json!({}))], None, "there is no kid"),
    ] {
        let keys = verification_keys(&json!({"keys": set}).to_string()).unwrap();
        let seen = inspect(token, &InspectOptions { verification_keys: keys, ..at(5) }).unwrap();
        assert_eq!(seen.signature.unwrap().valid, valid, "{set:?}");
        assert!(detail(&seen, "signature").contains(why), "{}", detail(&seen, "signature"));
        assert_eq!(failed(&seen).is_empty(), valid == Some(true));
    }
}
