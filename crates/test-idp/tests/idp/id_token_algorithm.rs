//! id_tokens with RS256, rotated keys of it, and the change from one algorithm to the other.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jose::jws::Jws;
use jose::{Algorithm, JwkSet, PublicKey};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use test_idp::{Fault, IdTokenAlgorithm, rotate_key};

use crate::faults::{quick, spoilt};
use crate::http::get;
use crate::login::{id_token, open};
use crate::world::World;

fn rs256() -> World {
    World::with(|options| options.id_token_algorithm = IdTokenAlgorithm::Rs256)
}

/// The id_token of a login, which is good, and its key identifier.
fn token_of(world: &World) -> (String, String) {
    let login = world.login(Algorithm::Es256);
    let tokens = open(&login.send(), &world.alices, &login);
    id_token(&tokens, world).unwrap();
    let token = tokens["id_token"].as_str().unwrap().to_owned();
    let kid = Jws::parse(&token).unwrap().header_text("kid").unwrap().to_owned();
    (token, kid)
}

/// `alg` and `kid` of each published key.
fn published(world: &World) -> Vec<(String, String)> {
    let keys = get(&format!("{}/psso/jwks", world.url)).json();
    let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
    keys["keys"].as_array().unwrap().iter().map(|key| (text(key, "alg"), text(key, "kid"))).collect()
}

/// Whether the keys that are published now verify a token, with the algorithm that its key is for.
fn is_good(world: &World, token: &str) -> bool {
    let token = Jws::parse(token).unwrap();
    let keys = JwkSet::from_json(&get(&format!("{}/psso/jwks", world.url)).body).unwrap();
    keys.find(token.header_text("kid").unwrap()).is_some_and(|key| {
        let algorithm = key.alg.as_deref().unwrap().parse().unwrap();
        token.verify(&PublicKey::from_jwk(key).unwrap(), &[algorithm]).is_ok()
    })
}

fn pair(algorithm: &str, kid: &str) -> (String, String) {
    (algorithm.to_owned(), kid.to_owned())
}

#[test]
fn logins_and_refreshes_are_signed_with_rs256() {
    let world = rs256();
    for card in [Algorithm::Es256, Algorithm::Rs256] {
        let login = world.login(card);
        let tokens = open(&login.send(), &world.alices, &login);
        assert_eq!(id_token(&tokens, &world).unwrap()["nonce"], login.claims["nonce"]);
        let refresh = world.refresh(&world.alices, tokens["refresh_token"].as_str().unwrap());
        let refreshed = refresh.open(&refresh.send(), &world.alices);
        assert_eq!(id_token(&refreshed, &world).unwrap()["sub"], "alice");
        for tokens in [tokens, refreshed] {
            let token = Jws::parse(tokens["id_token"].as_str().unwrap()).unwrap();
            assert_eq!((token.header_text("alg"), token.signature().len()), (Some("RS256"), 256));
        }
    }
}

#[test]
fn clients_are_told_of_the_key_and_its_algorithm() {
    let world = rs256();
    let keys = get(&format!("{}/psso/jwks", world.url)).json();
    let [key] = keys["keys"].as_array().unwrap().as_slice() else { panic!("{keys}") };
    let n = BASE64_URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    assert!(n.len() == 256 && n[0] >= 0x80, "2048 bits, without a zero in front");
    // RSAPublicKey of PKCS#1, byte by byte.
    let pkcs1 = [&hex("3082010a0282010100")[..], &n, &hex("0203010001")].concat();
    let kid = BASE64_STANDARD.encode(Sha256::digest(pkcs1));
    let expected = json!({"kty": "RSA", "n": key["n"], "e": "AQAB", "kid": kid, "alg": "RS256", "use": "sig"});
    assert_eq!(*key, expected);
    let metadata = get(&format!("{}/.well-known/openid-configuration", world.url)).json();
    assert_eq!(metadata["id_token_signing_alg_values_supported"], json!(["RS256"]));
    let configuration = get(&format!("{}/psso.toml", world.url)).body;
    assert!(configuration.contains("\nid_token_algorithms = [\"RS256\"]\n"), "{configuration}");
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn a_restart_keeps_the_key_and_a_rotation_the_algorithm() {
    let world = rs256();
    let (first, first_kid) = token_of(&world);
    let world = world.restart(|_| {});
    assert_eq!(token_of(&world).1, first_kid);
    let rotated = rotate_key(&world.options.state).unwrap();
    let (second, second_kid) = token_of(&world);
    assert_eq!(second_kid, rotated.kid);
    assert_eq!(published(&world), [pair("RS256", &second_kid), pair("RS256", &first_kid)]);
    assert!(is_good(&world, &first) && is_good(&world, &second));
    let world = world.restart(|_| {});
    assert_eq!(token_of(&world).1, second_kid);
    assert!(is_good(&world, &first), "also after a restart");
}

#[test]
fn a_change_of_the_algorithm_keeps_old_tokens_good() {
    let world = World::new();
    let (first, first_kid) = token_of(&world);
    let world = world.restart(|options| options.id_token_algorithm = IdTokenAlgorithm::Rs256);
    let (second, second_kid) = token_of(&world);
    assert_eq!(published(&world), [pair("RS256", &second_kid), pair("ES256", &first_kid)]);
    // There and back is another key: the private half of the first one is gone.
    let world = world.restart(|options| options.id_token_algorithm = IdTokenAlgorithm::Es256);
    let (third, third_kid) = token_of(&world);
    let all = [pair("ES256", &third_kid), pair("RS256", &second_kid), pair("ES256", &first_kid)];
    assert_eq!(published(&world), all);
    for token in [&first, &second, &third] {
        assert!(is_good(&world, token));
        let header = jose::peek_header(token).unwrap();
        assert!(all.contains(&pair(header["alg"].as_str().unwrap(), header["kid"].as_str().unwrap())));
    }
    let private = "SELECT count(*) FROM signing_keys WHERE pkcs8 IS NOT NULL";
    assert_eq!(world.database().query_row(private, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    let metadata = get(&format!("{}/.well-known/openid-configuration", world.url)).json();
    assert_eq!(metadata["id_token_signing_alg_values_supported"], json!(["ES256"]));
}

#[test]
fn faults_spoil_id_tokens_with_rs256_too() {
    let world = rs256();
    for fault in quick() {
        let mut login = world.login(Algorithm::Es256);
        login.at(&format!("{}/fault/{fault}/psso/token", world.url));
        spoilt(&world, &login, fault);
    }
    token_of(&world);
}

/// A token that met a fault, and its header.
fn spoilt_token(world: &World, fault: Fault) -> (String, Map<String, Value>) {
    let mut login = world.login(Algorithm::Es256);
    login.at(&format!("{}/fault/{fault}/psso/token", world.url));
    let token = open(&login.send(), &world.alices, &login)["id_token"].as_str().unwrap().to_owned();
    let header = jose::peek_header(&token).unwrap();
    (token, header)
}

#[test]
fn strangers_and_forgeries_look_as_real_as_they_can() {
    let world = rs256();
    let [(_, kid)] = published(&world).try_into().unwrap();
    for _ in 0..2 {
        let (token, header) = spoilt_token(&world, Fault::WrongKey);
        assert_eq!((&header["alg"], &header["kid"]), (&json!("RS256"), &json!(kid)));
        assert_eq!(Jws::parse(&token).unwrap().signature().len(), 256, "an RSA key's, of the same length");
        assert!(!is_good(&world, &token));
        let (token, header) = spoilt_token(&world, Fault::UnknownKid);
        assert_eq!(header["alg"], "RS256");
        assert!(header["kid"] != json!(kid) && Jws::parse(&token).unwrap().signature().len() == 256);
    }
    let (token, header) = spoilt_token(&world, Fault::AlgNone);
    assert!(header["alg"] == "none" && header["kid"] == json!(kid) && token.ends_with('.'));
    assert_eq!(published(&world), [pair("RS256", &kid)], "no stranger is published");
}

#[test]
fn a_public_rsa_key_that_everybody_knows_signs_as_a_secret() {
    use hmac::{Hmac, KeyInit, Mac};
    let world = rs256();
    let (token, header) = spoilt_token(&world, Fault::Hs256PublicKey);
    let keys = get(&format!("{}/psso/jwks", world.url)).json();
    assert_eq!((&header["alg"], &header["kid"]), (&json!("HS256"), &keys["keys"][0]["kid"]));
    // SubjectPublicKeyInfo with rsaEncryption and NULL, and lines of 64 characters around it.
    let n = BASE64_URL_SAFE_NO_PAD.decode(keys["keys"][0]["n"].as_str().unwrap()).unwrap();
    let head = "30820122300d06092a864886f70d01010105000382010f003082010a0282010100";
    let spki = BASE64_STANDARD.encode([&hex(head)[..], &n, &hex("0203010001")].concat());
    let lines: Vec<_> = spki.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
    let (input, mac) = token.rsplit_once('.').unwrap();
    let expected = Hmac::<Sha256>::new_from_slice(pem.as_bytes()).unwrap().chain_update(input).finalize();
    assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(mac).unwrap(), expected.into_bytes().to_vec());
}
