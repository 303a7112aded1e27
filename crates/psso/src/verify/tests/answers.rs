use super::world::*;
use crate::inspect::{InspectOptions, Kind, inspect};
use crate::verify::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::EcPrivateKey;
use serde_json::{Map, Value, json};

/// What the device makes of an answer.
fn opened(world: &World, answer: &Answer) -> (Kind, Map<String, Value>) {
    let options = InspectOptions {
        decryption_key: Some(world.encryption.clone()),
        apv: Some(world.apv()),
        at: Some(NOW),
        show_secrets: true,
        ..InspectOptions::default()
    };
    let seen = inspect(&answer.body, &options).unwrap();
    assert!(seen.checks.iter().all(|check| check.ok || check.name.starts_with("id_token")), "{:#?}", seen.checks);
    assert!(!format!("{answer:?}").contains(&answer.body));
    (seen.kind, seen.claims.unwrap())
}

#[test]
fn tokens_reach_the_device_that_asked() {
    let mut world = world();
    let token = world.login();
    let login = world.verifier().login(&token, &mut world).unwrap();
    let Value::Object(more) = json!({"login_tgt": {"realm": "R"}, "refresh_token": "overwritten"}) else { panic!() };
    let tokens = Tokens { id_token: "a.b.c", refresh_token: &"T9".into(), refresh_token_expires_in: 60, more: &more };
    let answer = login.answer(&tokens).unwrap();
    assert_eq!(answer.content_type, "application/platformsso-login-response+jwt");
    let (kind, content) = opened(&world, &answer);
    assert_eq!(kind, Kind::LoginResponse);
    assert_eq!(content["login_tgt"]["realm"], "R");
    assert_eq!((&content["refresh_token"], &content["token_type"]), (&json!("T9"), &json!("Bearer")));
    assert_eq!(content["refresh_token_expires_in"], 60);
}

#[test]
fn the_key_service_answers_what_it_was_asked() {
    let mut world = world();
    let (mac, kept) = (EcPrivateKey::generate().unwrap(), EcPrivateKey::generate().unwrap());
    let mut requests = Vec::new();
    for exchange in [false, true] {
        let mut claims = world.device_claims("urn:a");
        merge(
            &mut claims,
            &json!({"version": "1.0", "key_purpose": "user_unlock", "username": "alice", "sub": "alice", "refresh_token": "T1",
                "request_type": if exchange { "key_exchange" } else { "key_request" },
                "other_publickey": STANDARD.encode(mac.public().x963().unwrap())}),
        );
        let token = sign(&world.device_header("platformsso-key-request+jwt"), &claims, &world.signing);
        world.spent.clear();
        requests.push(world.verifier().key_request(&token, &mut world).unwrap());
    }
    let context = "opaque".into();
    let certified = Certified { certificate: &world.certificate, expires: NOW + 9, key_context: Some(&context) };
    let exchanged = Exchanged { key: &kept, expires: NOW + 9, key_context: None };

    let answer = requests[0].certified(&certified).unwrap();
    assert_eq!(answer.content_type, "application/platformsso-key-response+jwt");
    let (kind, content) = opened(&world, &answer);
    assert_eq!((kind, &content["key_context"]), (Kind::KeyResponse, &json!("opaque")));
    assert_eq!(content["certificate"], jose::base64url::encode(&world.certificate));
    assert_eq!((&content["iat"], &content["exp"]), (&json!(NOW), &json!(NOW + 9)));

    let (_, content) = opened(&world, &requests[1].exchanged(&exchanged).unwrap());
    let shared = mac.diffie_hellman(&kept.public()).unwrap();
    assert_eq!(content["key"], STANDARD.encode(shared.as_slice()));
    assert!(!content.contains_key("key_context"));

    assert!(requests[0].exchanged(&exchanged).is_err());
    assert!(requests[1].certified(&certified).is_err());
}

/// Without the device's encryption key a request can be verified, and that is said; it cannot be answered.
#[test]
fn no_answer_without_an_encryption_key() {
    struct Forgetful(World);
    impl Provider for Forgetful {
        fn device(&mut self, kid: &str) -> Option<Device> {
            self.0.device(kid).map(|device| Device { encryption: None, ..device })
        }
        fn use_nonce(&mut self, nonce: &str) -> Result<(), Denied> {
            self.0.use_nonce(nonce)
        }
        fn user(&mut self, user: &str, device_kid: &str) -> Result<(), Denied> {
            self.0.user(user, device_kid)
        }
        fn card(&mut self, card: &CardCertificate<'_>) -> Result<(), Denied> {
            self.0.card(card)
        }
    }
    let mut server = Forgetful(world());
    let token = server.0.login();
    let login = server.0.verifier().login(&token, &mut server).unwrap();
    let unsaid: Vec<_> = login.checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str()).collect();
    assert_eq!(unsaid, ["jwe_crypto.key"]);
    let tokens =
        Tokens { id_token: "a.b.c", refresh_token: &"T9".into(), refresh_token_expires_in: 60, more: &Map::new() };
    assert!(matches!(login.answer(&tokens), Err(crate::Error::Crypto { .. })));
}
