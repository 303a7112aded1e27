use super::world::*;
use crate::verify::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::EcPrivateKey;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

fn refresh(world: &World, change: &Value) -> String {
    let mut claims = world.device_claims("https://idp.example/token");
    merge(
        &mut claims,
        &json!({"client_id": "c1", "scope": SCOPE, "grant_type": "refresh_token", "refresh_token": "T1"}),
    );
    merge(&mut claims, change);
    sign(&world.device_header("platformsso-refresh-request+jwt"), &claims, &world.signing)
}

fn key_request(world: &World, change: &Value) -> String {
    let mut claims = world.device_claims("");
    merge(
        &mut claims,
        &json!({"aud": null, "version": "1.0", "request_type": "key_request", "key_purpose": "user_unlock", "sub": "alice",
            "username": "alice", "refresh_token": "T1"}),
    );
    merge(&mut claims, change);
    sign(&world.device_header("platformsso-key-request+jwt"), &claims, &world.signing)
}

#[test]
fn a_refresh_is_of_the_device_and_its_token() {
    let mut world = world();
    for (change, expected) in [
        (json!({}), "alice"),
        (json!({"refresh_token": "T2"}), "refresh_token"),
        (json!({"refresh_token": "T3"}), "refresh_token"),
        (json!({"refresh_token": null}), "claims"),
        (json!({"refresh_token": 7}), "refresh_token"),
        (json!({"grant_type": "password"}), "grant_type"),
        (json!({"aud": "https://other.example/token"}), "aud"),
        (json!({"client_id": "c2", "iss": "c2"}), "client_id"),
        (json!({"request_nonce": "R2"}), "request_nonce"),
        (json!({"exp": NOW - 60}), "exp"),
        // What a login has and a refresh has not, is noted.
        (json!({"username": "bob"}), "alice"),
    ] {
        world.spent.clear();
        let token = refresh(&world, &change);
        let result = world.verifier().refresh(&token, &mut world);
        assert_eq!(outcome(result.map(|refresh| refresh.user)), expected, "{change}");
    }
    let token = world.login();
    assert_eq!(world.verifier().refresh(&token, &mut world).unwrap_err().check, "typ");
    let token = refresh(&world, &json!({"custom": 7}));
    world.spent.clear();
    let refreshed = world.verifier().strict().refresh(&token, &mut world).unwrap();
    assert_eq!((refreshed.nonce.as_str(), refreshed.claim("custom")), (NONCE, Some(&json!(7))));
    assert!(!format!("{refreshed:?} {:?}", refreshed.checks).contains("T1"));
    unique(&refreshed.checks);
}

#[test]
fn the_key_service_is_asked_by_the_tokens_user() {
    let mut world = world();
    let mac = EcPrivateKey::generate().unwrap();
    let point = STANDARD.encode(mac.public().x963().unwrap());
    let exchange = json!({"request_type": "key_exchange", "other_publickey": point, "key_context": "opaque"});
    let with = |name: &str, value: Value| changed(&exchange, &json!({name: value}));
    for (change, expected) in [
        (json!({}), "KeyRequest"),
        (json!({"aud": "urn:a"}), "KeyRequest"),
        (json!({"aud": "https://idp.example/token"}), "KeyRequest"),
        (json!({"aud": "urn:b"}), "aud"),
        (json!({"version": "2.0"}), "version"),
        (json!({"request_type": "key_gift"}), "request_type"),
        (json!({"key_purpose": "user_lock"}), "key_purpose"),
        (json!({"key_context": 7}), "key_context"),
        (json!({"iss": "c2"}), "iss"),
        (json!({"refresh_token": "T2"}), "username"),
        (json!({"refresh_token": "T3"}), "refresh_token"),
        (json!({"sub": "bob", "username": "bob"}), "refresh_token.sub"),
        (json!({"sub": "bob"}), "sub"),
        (json!({"sub": null}), "sub"),
        (json!({"username": null}), "username"),
        (json!({"username": null, "sub": null}), "username"),
        (exchange.clone(), "KeyExchange"),
        (with("key_context", json!(null)), "KeyExchange"),
        (with("other_publickey", json!(null)), "other_publickey"),
        (with("other_publickey", json!("AAAA")), "other_publickey"),
        (with("other_publickey", json!(STANDARD.encode([4; 65]))), "other_publickey"),
        (with("other_publickey", json!(STANDARD.encode([0; 1]))), "other_publickey"),
    ] {
        world.spent.clear();
        let token = key_request(&world, &change);
        let result = world.verifier().key_request(&token, &mut world);
        let accepted = result.map(|request| match request.operation {
            Operation::KeyRequest => "KeyRequest".to_owned(),
            Operation::KeyExchange { other } => {
                assert_eq!(other, mac.public());
                let context = request.key_context.as_ref().map(|context| context.expose_secret());
                assert!(matches!(context, None | Some("opaque")));
                "KeyExchange".to_owned()
            }
        });
        assert_eq!(outcome(accepted), expected, "{change}");
    }
}

#[test]
fn one_endpoint_takes_every_request() {
    let mut world = world();
    for (token, expected) in [
        (world.login(), "Login"),
        (refresh(&world, &json!({})), "Refresh"),
        (key_request(&world, &json!({})), "KeyRequest"),
    ] {
        world.spent.clear();
        let verified = world.verifier().any(&token, &mut world).unwrap();
        assert!(format!("{verified:?}").starts_with(expected), "{verified:?}");
    }
    for other in [world.card_assertion(), "a.b.c".to_owned(), String::new()] {
        assert!(world.verifier().any(&other, &mut world).is_err(), "{other}");
    }
    assert_eq!(world.verifier().any(&world.card_assertion(), &mut world).unwrap_err().check, "typ");
}
