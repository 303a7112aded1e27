//! What each deviation does to the answers, and which requests it lets in; and that the rest stays as it is.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jose::Algorithm;
use jose::jwe::Jwe;
use jose::jws::Jws;
use serde_json::{Map, Value, json};
use test_idp::Mimic;
use uuid::Uuid;

use crate::http::{Answer, get};
use crate::methods::secret_file;
use crate::world::{Login, World, kid, x963};

fn world(mimic: Mimic) -> World {
    World::with_directory(|options, directory| {
        options.mimics = vec![mimic];
        options.passwords = Some(secret_file(directory, "passwords", "alice:right\n"));
    })
}

/// The header of the JWE and what is in it, whatever they look like.
fn opened(answer: &Answer, world: &World, login: &Login) -> (Jwe, Map<String, Value>) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let jwe = Jwe::parse(&answer.body).unwrap();
    let plaintext = jwe.decrypt(&world.alices.encryption, &login.apv).unwrap();
    (jwe, serde_json::from_slice(&plaintext).unwrap())
}

fn claims(body: &Map<String, Value>) -> Map<String, Value> {
    Jws::parse(body["id_token"].as_str().unwrap()).unwrap().claims().unwrap()
}

#[test]
fn every_deviation_does_what_its_name_says_and_nothing_else() {
    for mimic in Mimic::all() {
        let world = world(mimic);
        let login = world.login(Algorithm::Es256);
        let answer = login.send();
        let (jwe, body) = opened(&answer, &world, &login);
        let on = |this: Mimic| mimic == this;
        let nonce = login.claims["request_nonce"].as_str().unwrap();

        assert_eq!(Uuid::try_parse(nonce).is_ok(), on(Mimic::NonceUuid), "{mimic}");
        assert_eq!(nonce.len() == 44 && BASE64_STANDARD.decode(nonce).is_ok(), on(Mimic::NonceBase64), "{mimic}");
        let prefix: &[u8] = if on(Mimic::ApuAad) { b"\0\0\0\x03AAD\0\0\0\x41" } else { b"\0\0\0\x05APPLE\0\0\0\x41" };
        assert_eq!(jwe.apu().unwrap(), [prefix, &jwe.epk().x963().unwrap()].concat(), "{mimic}");
        assert_eq!(jwe.apv().is_none(), on(Mimic::NoApv), "{mimic}");
        let typ = jwe.header_text("typ");
        assert_eq!(typ.is_none(), on(Mimic::NoTyp), "{mimic}");
        assert_eq!(typ == Some("JWT"), on(Mimic::TypJwt), "{mimic}");
        let device = kid(&world.alices.encryption);
        let expected = match mimic {
            Mimic::NoKid => None,
            Mimic::KidEphemeral => Some(BASE64_STANDARD.encode(sha(&jwe.epk().x963().unwrap()))),
            Mimic::KidBase64url => Some(BASE64_URL_SAFE_NO_PAD.encode(sha(&x963(&world.alices.encryption)))),
            _ => Some(device),
        };
        assert_eq!(jwe.header_text("kid").map(str::to_owned), expected, "{mimic}");
        let media_type = answer.header("content-type").unwrap();
        let charset = if on(Mimic::ContentTypeCharset) { "; charset=utf-8" } else { "" };
        assert_eq!(media_type, format!("application/platformsso-login-response+jwt{charset}"), "{mimic}");

        let claims = claims(&body);
        assert_eq!(claims["aud"].is_array() && claims["azp"] == world.client_id, on(Mimic::AudList), "{mimic}");
        assert_eq!(claims.contains_key("azp"), on(Mimic::AudList), "{mimic}");
        for name in ["iat", "nbf", "exp"] {
            assert_eq!(claims[name].is_string(), on(Mimic::TimesAsStrings), "{mimic}");
        }
        assert_eq!(body.get("refresh_token_expires_in").is_none(), on(Mimic::NoRefreshExpiry), "{mimic}");
        assert_eq!(body.contains_key("expires_on"), on(Mimic::ExpiresOn), "{mimic}");
        assert_eq!(body["token_type"] == "pop", on(Mimic::TokenTypePop), "{mimic}");
        assert_eq!(body.contains_key("tgt_ad"), on(Mimic::EntraMembers), "{mimic}");
        assert_eq!(body.contains_key("login_tgt"), on(Mimic::KerberosTicket), "{mimic}");
        let configuration = get(&format!("{}/psso.toml", world.url)).body;
        assert_eq!(configuration.contains("ticket_key_path = \"login_tgt\""), on(Mimic::KerberosTicket), "{mimic}");
        assert_eq!(configuration.contains("nonce_response_keypath"), on(Mimic::NonceLowerCase), "{mimic}");
        // Whatever else it does, the id_token's key is found under its kid.
        let header = Jws::parse(body["id_token"].as_str().unwrap()).unwrap();
        let keys = jose::JwkSet::from_json(&get(&format!("{}/psso/jwks", world.url)).body).unwrap();
        let key = keys.find(header.header_text("kid").unwrap()).unwrap();
        header.verify(&jose::PublicKey::from_jwk(key).unwrap(), &[Algorithm::Es256]).unwrap();
    }
}

fn sha(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).to_vec()
}

#[test]
fn the_key_service_deviates_in_two_ways() {
    for mimic in [Mimic::CertificateBase64, Mimic::NoKeyContext] {
        let world = world(mimic);
        let token = world.refresh_token();
        let request = world.key_request(&world.alices, &token);
        let provided = request.open(&request.send(), &world.alices);
        let certificate = provided["certificate"].as_str().unwrap();
        assert_eq!(BASE64_STANDARD.decode(certificate).is_ok(), mimic == Mimic::CertificateBase64);
        assert_eq!(provided.get("key_context").is_none(), mimic == Mimic::NoKeyContext);
        let other = x963(&jose::EcPrivateKey::generate().unwrap());
        let exchange = world.key_exchange(&world.alices, &token, &other);
        let exchanged = exchange.open(&exchange.send(), &world.alices);
        assert_eq!(BASE64_STANDARD.decode(exchanged["key"].as_str().unwrap()).unwrap().len(), 32);
        assert_eq!(exchanged.get("key_context").is_none(), mimic == Mimic::NoKeyContext);
    }
}

#[test]
fn requests_of_others_are_taken_only_by_their_deviation() {
    type Change = fn(&mut Login, &World);
    let cases: [(Mimic, &str, Change); 4] = [
        (Mimic::Macos13, "outer.typ", |login, _| {
            login.header.insert("typ".into(), json!("JWT"));
            login.assertion_header.insert("typ".into(), json!("JWT"));
        }),
        (Mimic::SampleTyp, "outer.typ", |login, _| {
            login.header.insert("typ".into(), json!("platformsso-login-assertion+jwt"));
        }),
        (Mimic::MsalClient, "outer.apv", |login, world| {
            let nonce = login.claims["nonce"].as_str().unwrap().as_bytes();
            let point = x963(&world.alices.encryption);
            login.apv = [b"\0\0\0\x0aMsalClient\0\0\0\x41", &point[..], b"\0\0\0\x24", nonce].concat();
            login.claims["jwe_crypto"]["apv"] = json!(BASE64_URL_SAFE_NO_PAD.encode(&login.apv));
        }),
        (Mimic::MsalClient, "outer.nonce", |login, world| {
            let nonce = Uuid::new_v4().to_string();
            login.apv = crate::world::apv(&x963(&world.alices.encryption), &nonce);
            login.claims["jwe_crypto"]["apv"] = json!(BASE64_URL_SAFE_NO_PAD.encode(&login.apv));
            login.claims.insert("nonce".into(), json!(nonce));
            login.assertion_claims.insert("nonce".into(), json!(nonce));
        }),
    ];
    let strict = World::new();
    for (mimic, check, change) in cases {
        let mut login = strict.login(Algorithm::Es256);
        change(&mut login, &strict);
        assert_eq!(login.send().check(), check, "{mimic}");
        let world = world(mimic);
        let mut login = world.login(Algorithm::Es256);
        change(&mut login, &world);
        opened(&login.send(), &world, &login);
    }
    // The parameter of macOS 13.
    for (world, status) in [(strict, 400), (world(Mimic::Macos13), 200)] {
        let login = world.login(Algorithm::Es256);
        let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
        let fields = [("platform_sso_version", "1.0"), grant, ("request", &login.request())];
        assert_eq!(login.send_form(&fields).status, status);
    }
}

#[test]
fn a_wrong_password_as_entra_tells_it() {
    let world = world(Mimic::InvalidCredential400);
    let mut login = world.login(Algorithm::Es256);
    login.claims.insert("grant_type".into(), json!("password"));
    login.claims.insert("password".into(), json!("wrong"));
    login.assertion = Some(serde_json::Value::Null);
    let answer = login.send();
    assert_eq!((answer.status, answer.json()["suberror"].as_str()), (400, Some("invalid_password")));
    let configuration = get(&format!("{}/psso.toml", world.url)).body;
    assert!(configuration.contains("invalid_credential_predicate = \"errorCode = 'C0000006' AND"), "{configuration}");
}

#[test]
fn a_deviation_is_no_way_around_a_check() {
    for mimic in Mimic::all() {
        let world = world(mimic);
        let mut login = world.login(Algorithm::Es256);
        login.assertion_claims.insert("request_nonce".into(), json!("x"));
        assert_eq!(login.send().check(), "assertion.request_nonce", "{mimic}");
        let mut login = world.login(Algorithm::Es256);
        login.signing = world.bobs.signing.clone();
        assert_eq!(login.send().check(), "outer.signature", "{mimic}");
    }
}
