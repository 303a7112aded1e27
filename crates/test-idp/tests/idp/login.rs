//! Logins that are right, and what the answer to them is.

use jose::jwe::Jwe;
use jose::jws::Jws;
use jose::{Algorithm, JwkSet, PublicKey};
use serde_json::{Map, Value, json};

use crate::http::{Answer, get};
use crate::world::{BOB, Device, Login, World, kid, now};

/// Opens the answer as the device would, and checks its form; the tokens in it.
pub(crate) fn open(answer: &Answer, device: &Device, login: &Login) -> Map<String, Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/platformsso-login-response+jwt"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let jwe = Jwe::parse(&answer.body).unwrap();
    assert_eq!(jwe.header_text("typ"), Some("platformsso-login-response+jwt"));
    assert_eq!(jwe.header_text("kid"), Some(kid(&device.encryption).as_str()));
    assert_eq!(jwe.apv().unwrap(), login.apv);
    let plaintext = jwe.decrypt(&device.encryption, &login.apv).unwrap();
    serde_json::from_slice(&plaintext).unwrap()
}

/// Whether PartyUInfo names the ephemeral key.
pub(crate) fn apu_is_right(answer: &Answer) -> bool {
    let jwe = Jwe::parse(&answer.body).unwrap();
    let mut apu = b"\0\0\0\x05APPLE\0\0\0\x41".to_vec();
    apu.extend_from_slice(&jwe.epk().x963().unwrap());
    jwe.apu().unwrap() == apu
}

/// The claims of the id_token, when the published key signed it.
pub(crate) fn id_token(tokens: &Map<String, Value>, world: &World) -> Result<Map<String, Value>, jose::Error> {
    let id_token = Jws::parse(tokens["id_token"].as_str().unwrap()).unwrap();
    let keys = JwkSet::from_json(&get(&format!("{}/psso/jwks", world.url)).body).unwrap();
    let key = keys.find(id_token.header_text("kid").unwrap()).unwrap();
    let algorithm = world.options.id_token_algorithm.name();
    assert_eq!(key.alg.as_deref(), Some(algorithm));
    id_token.verify(&PublicKey::from_jwk(key).unwrap(), &[algorithm.parse().unwrap()])?;
    id_token.claims()
}

#[test]
fn a_card_of_every_kind_logs_in() {
    let world = World::new();
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512] {
        let login = world.login(algorithm);
        let before = now();
        let answer = login.send();
        assert!(apu_is_right(&answer));
        let tokens = open(&answer, &world.alices, &login);
        assert_eq!(tokens["token_type"], "Bearer");
        assert_eq!(tokens["expires_in"], 3600);
        assert_eq!(tokens["refresh_token_expires_in"], 14 * 24 * 3600);
        assert_eq!(tokens["refresh_token"].as_str().unwrap().len(), 64);

        let claims = id_token(&tokens, &world).unwrap();
        let issued = claims["iat"].as_i64().unwrap();
        assert!((before..=now()).contains(&issued));
        let expected = json!({
            "iss": world.url, "sub": "alice", "aud": world.client_id, "nonce": login.claims["nonce"],
            "iat": issued, "nbf": issued, "exp": issued + 3600,
            "preferred_username": "alice", "upn": "alice@example.test", "name": "Alice Example",
        });
        assert_eq!(Value::Object(claims), expected);
    }
}

#[test]
fn answers_are_fresh_and_only_for_the_device() {
    let world = World::new();
    let logins = [world.login(Algorithm::Es256), world.login(Algorithm::Es256)];
    let [one, two] = logins.map(|login| {
        let answer = login.send();
        let jwe = Jwe::parse(&answer.body).unwrap();
        assert!(jwe.decrypt(&world.bobs.encryption, &login.apv).is_err());
        (jwe.epk().x963(), open(&answer, &world.alices, &login)["refresh_token"].clone())
    });
    assert_ne!(one.0, two.0);
    assert_ne!(one.1, two.1);
}

#[test]
fn the_variants_that_real_clients_send_are_accepted() {
    let world = World::new();
    type Change = fn(&mut Login);
    let variants: [(&str, Change); 6] = [
        ("x5c as a string", |login| {
            let certificate = login.assertion_header["x5c"][0].clone();
            login.assertion_header.insert("x5c".into(), certificate);
        }),
        ("times as strings", |login| {
            for claims in [&mut login.claims, &mut login.assertion_claims] {
                for name in ["iat", "exp"] {
                    let text = claims[name].to_string();
                    claims.insert(name.into(), json!(text));
                }
            }
        }),
        ("kids in base64url", |login| {
            for header in [&mut login.header, &mut login.assertion_header] {
                let kid = header["kid"].as_str().unwrap().replace('+', "-").replace('/', "_");
                header.insert("kid".into(), json!(kid.trim_end_matches('=')));
            }
        }),
        ("a device certificate", |login| {
            login.header.insert("x5c".into(), json!(["AAAA"]));
        }),
        ("claims that are not known", |login| {
            login.claims.insert("amr".into(), json!(["sc"]));
            login.claims.insert("claims".into(), json!({"id_token": {"groups": {"values": []}}}));
            login.assertion_claims.insert("custom".into(), json!(1));
        }),
        ("another order of scopes", |login| {
            for claims in [&mut login.claims, &mut login.assertion_claims] {
                claims.insert("scope".into(), json!("urn:apple:platformsso offline_access openid"));
            }
        }),
    ];
    for (what, change) in variants {
        let mut login = world.login(Algorithm::Es256);
        change(&mut login);
        let answer = login.send();
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
    }
    // What the kid of an RSA key is was not published, so any will do.
    let mut login = world.login(Algorithm::Rs256);
    login.assertion_header.insert("kid".into(), json!("any"));
    assert_eq!(login.send().status, 200);
}

#[test]
fn both_spellings_of_the_version_are_accepted() {
    let world = World::new();
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    for version in ["1", "1.0"] {
        let login = world.login(Algorithm::Es256);
        let fields = [("platform_sso_version", version), ("grant_type", grant), ("assertion", &login.request())];
        let answer = login.send_form(&fields);
        assert_eq!(answer.status, 200, "{version}: {answer:?}");
    }
}

#[test]
fn a_user_bound_to_a_whole_name_logs_in_with_that_name() {
    let world = World::new();
    let login = world.login_of("bob", "Bob@Example.Test", &world.bobs, Algorithm::Es256);
    let tokens = open(&login.send(), &world.bobs, &login);
    assert_eq!(id_token(&tokens, &world).unwrap()["upn"], "Bob@Example.Test");
    let login = world.login_of("bob", "bob@other.test", &world.bobs, Algorithm::Es256);
    assert_eq!(login.send().check(), "certificate.upn");
    // One device, two users: each with their own card.
    assert_eq!(world.register(&world.bobs, "alice").status, 201);
    let login = world.login_of("alice", "alice@example.test", &world.bobs, Algorithm::Es256);
    assert_eq!(login.send().status, 200);
    let login = world.login_of("alice", BOB, &world.bobs, Algorithm::Es256);
    assert_eq!(login.send().check(), "certificate.upn");
}
