//! What ties a card to a user, revocation, groups, and the metadata.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jose::Algorithm;
use rcgen::SanType;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};

use crate::cards::{Ca, CardKey};
use crate::http::get;
use crate::login::{id_token, open};
use crate::world::{ALICE, World};

/// A world in which alice is bound so.
fn bound(world: World, binding: &str) -> World {
    let alice = format!("alice={binding}").parse().unwrap();
    world.restart(|options| {
        options.users.retain(|user| user.name() != "alice");
        options.users.push(alice);
    })
}

impl World {
    /// A login of alice with this card, once more.
    fn login_with(&self, card: &CardKey, certificate: &str) -> crate::world::Login {
        let mut login = self.login(Algorithm::Es256);
        login.assertion_header.insert("kid".into(), json!(card.kid()));
        login.assertion_header.insert("x5c".into(), json!([certificate]));
        login.card = card.clone();
        login
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[test]
fn authorities_of_several_files_are_trusted() {
    let more = Ca::new("More CA");
    let pem = more.pem();
    let world = World::with_directory(|options, directory| {
        let path = directory.join("more.pem");
        std::fs::write(&path, pem).unwrap();
        options.more_trust.push(path);
    });
    assert_eq!(world.login(Algorithm::Es256).send().status, 200);
    let card = CardKey::new(Algorithm::Es256);
    assert_eq!(world.login_with(&card, &more.issue(&card, ALICE, |_| {})).send().status, 200);
    let other = Ca::new("Other CA").issue(&card, ALICE, |_| {});
    assert_eq!(world.login_with(&card, &other).send().check(), "certificate.chain");
}

#[test]
fn every_binding_takes_its_card_and_no_other() {
    let mut world = World::new();
    let card = CardKey::new(Algorithm::Es256);
    let edit = |params: &mut rcgen::CertificateParams| {
        params.subject_alt_names = vec![SanType::Rfc822Name("Alice@mail.test".try_into().unwrap())];
        params.use_authority_key_identifier_extension = true;
        params.is_ca = rcgen::IsCa::ExplicitNoCa;
        params.serial_number = Some(rcgen::SerialNumber::from_slice(&[0x0a, 0xbc]));
    };
    let text = world.ca.issue(&card, "nobody", edit);
    let der = BASE64_STANDARD.decode(&text).unwrap();
    let ski = {
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        let ski = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
            _ => None,
        });
        ski.expect("a subject key identifier")
    };
    let sha256 = hex(&Sha256::digest(&der));
    let cases = [
        ("email:alice@MAIL.test".to_owned(), "email:bob@mail.test".to_owned(), "certificate.email"),
        (format!("ski:{}", hex(&ski)), "ski:00".to_owned(), "certificate.ski"),
        (
            "issuer-serial:<I>cn=test ca<SR>0ABC".to_owned(),
            "issuer-serial:<I>CN=Test CA<SR>0ABD".to_owned(),
            "certificate.issuer_serial",
        ),
        (
            "issuer-serial:X509:<I>CN=Test CA<SR>00:0a:bc".to_owned(),
            "issuer-serial:<I>CN=Other CA<SR>0ABC".to_owned(),
            "certificate.issuer_serial",
        ),
        (format!("sha256:{sha256}"), format!("sha256:{}", "00".repeat(32)), "certificate.pinned"),
        (format!("sha256:{}", sha256.to_lowercase()), "upn:alice@example.test".to_owned(), "certificate.upn"),
    ];
    for (right, wrong, check) in cases {
        let login = |world: &World| {
            let mut login = world.login(Algorithm::Es256);
            login.assertion_header.insert("x5c".into(), json!([text]));
            login.assertion_header.insert("kid".into(), json!(card.kid()));
            login.card = card.clone();
            login
        };
        world = bound(world, &wrong);
        assert_eq!(login(&world).send().check(), check, "{wrong}");
        world = bound(world, &right);
        let login = login(&world);
        let claims = id_token(&open(&login.send(), &world.alices, &login), &world).unwrap();
        assert_eq!(claims.get("upn"), None, "{right}");
    }
}

#[test]
fn a_revoked_card_ends_its_session_and_a_stale_list_ends_all() {
    let world = World::with_directory(|options, directory| options.crls = vec![directory.join("crl.pem")]);
    let write = |world: &World, revoked: &[&[u8]], due: time::Duration| {
        std::fs::write(world.directory.path().join("crl.pem"), world.ca.revocation_list(revoked, due)).unwrap();
    };
    let hour = time::Duration::HOUR;
    let mut login = world.login(Algorithm::Es256);
    let certificate = world.ca.issue(&login.card, ALICE, |params| {
        params.serial_number = Some(rcgen::SerialNumber::from_slice(&[0x33, 0x44]));
    });
    login.assertion_header.insert("x5c".into(), json!([certificate]));
    let tokens = open(&login.send(), &world.alices, &login);
    let refresh = world.refresh(&world.alices, tokens["refresh_token"].as_str().unwrap());
    let next = refresh.open(&refresh.send(), &world.alices)["refresh_token"].as_str().unwrap().to_owned();
    let key_login = world.login_with(&login.card, &certificate);
    let other = open(&key_login.send(), &world.alices, &key_login)["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(world.key_request(&world.alices, &other).send().status, 200);

    write(&world, &[&[0x33, 0x44]], hour);
    assert_eq!(world.login_with(&login.card, &certificate).send().check(), "certificate.revoked");
    let mut replayed = world.refresh(&world.alices, &next);
    replayed.claims.insert("request_nonce".into(), refresh.claims["request_nonce"].clone());
    assert_eq!(replayed.send().check(), "outer.request_nonce", "and this ends nothing");
    assert_eq!(world.refresh(&world.alices, &next).send().check(), "certificate.revoked");
    assert_eq!(world.refresh(&world.alices, &next).send().check(), "refresh.revoked");
    let point = crate::world::x963(&world.bobs.encryption);
    assert_eq!(world.key_exchange(&world.alices, &other, &point).send().check(), "certificate.revoked");
    assert_eq!(world.key_request(&world.alices, &other).send().check(), "refresh.revoked");
    assert_eq!(world.login(Algorithm::Es256).send().status, 200, "another card of alice");

    write(&world, &[], hour);
    assert_eq!(world.refresh(&world.alices, &next).send().check(), "refresh.revoked", "it has ended for good");
    assert_eq!(world.login_with(&login.card, &certificate).send().status, 200, "the card may log in again");

    write(&world, &[], -hour / 2);
    let answer = world.login(Algorithm::Es256).send();
    assert_eq!(answer.check(), "certificate.crl");
    assert!(answer.json()["error_description"].as_str().unwrap().contains("stale"), "{answer:?}");
    std::fs::write(world.directory.path().join("crl.pem"), Ca::new("Test CA").revocation_list(&[], hour)).unwrap();
    let answer = world.login(Algorithm::Es256).send();
    assert_eq!(answer.check(), "certificate.crl");
    assert!(answer.json()["error_description"].as_str().unwrap().contains("did not sign"), "{answer:?}");
}

#[test]
fn groups_are_told_to_those_who_ask() {
    let world = World::with(|options| {
        options.groups = ["alice=staff", "alice=admins", "bob=guests"].map(|group| group.parse().unwrap()).to_vec();
    });
    let groups = |claims: Option<Value>| {
        let mut login = world.login(Algorithm::Es256);
        if let Some(claims) = claims {
            login.claims.insert("claims".into(), claims);
        }
        id_token(&open(&login.send(), &world.alices, &login), &world).unwrap().get("groups").cloned()
    };
    let asked = |groups: Value| Some(json!({"id_token": {"groups": groups}}));
    assert_eq!(groups(None), None);
    assert_eq!(groups(asked(json!({"values": ["staff", "guests", "x"]}))), Some(json!(["staff"])));
    assert_eq!(groups(asked(json!({"values": ["guests"]}))), Some(json!([])));
    assert_eq!(groups(asked(Value::Null)), Some(json!(["staff", "admins"])));
    assert_eq!(groups(Some(json!("groups"))), None);
    let configuration = get(&format!("{}/psso.toml", world.url)).body;
    assert!(configuration.contains("groups = [\"admins\",\"guests\",\"staff\"]\n"), "{configuration}");
}

#[test]
fn the_metadata_names_what_a_client_needs() {
    let world = World::new();
    let answer = get(&format!("{}/.well-known/openid-configuration", world.url));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let url = &world.url;
    let metadata = answer.json();
    for (name, expected) in [
        ("issuer", json!(url)),
        ("token_endpoint", json!(format!("{url}/psso/token"))),
        ("jwks_uri", json!(format!("{url}/psso/jwks"))),
        ("id_token_signing_alg_values_supported", json!(["ES256"])),
        ("platform_sso_nonce_endpoint", json!(format!("{url}/psso/nonce"))),
        ("platform_sso_key_endpoint", json!(format!("{url}/psso/key"))),
        ("platform_sso_registration_endpoint", json!(format!("{url}/psso/register"))),
        ("platform_sso_refresh_endpoint", json!(format!("{url}/psso/refresh"))),
        ("platform_sso_client_id", json!(world.client_id)),
        ("platform_sso_audience", json!(world.audience)),
    ] {
        assert_eq!(metadata[name], expected, "{name}");
    }
}

#[test]
fn a_rotated_key_signs_at_once_and_the_old_one_stays_published() {
    let world = World::new();
    let login = world.login(Algorithm::Es256);
    let before = open(&login.send(), &world.alices, &login);
    let rotated = test_idp::rotate_key(&world.options.state).unwrap();
    let login = world.login(Algorithm::Es256);
    let after = open(&login.send(), &world.alices, &login);
    let kid = |tokens: &serde_json::Map<String, Value>| {
        let token = jose::jws::Jws::parse(tokens["id_token"].as_str().unwrap()).unwrap();
        token.header_text("kid").unwrap().to_owned()
    };
    assert_eq!(kid(&after), rotated.kid);
    assert_ne!(kid(&before), rotated.kid);
    for tokens in [&before, &after] {
        id_token(tokens, &world).unwrap();
    }
    let keys = get(&format!("{}/psso/jwks", world.url)).json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    assert_eq!(keys["keys"][0]["kid"], rotated.kid);
}
