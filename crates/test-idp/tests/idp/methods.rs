//! Logins without a card: with a password, plain and encrypted, and with a key that was registered for the user.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jose::{Algorithm, EcPrivateKey, PublicKey, Signer, jwe};
use serde_json::{Map, Value, json};

use crate::http::{get, post_json};
use crate::login::{id_token, open};
use crate::world::{Device, Login, World, compact, kid, x963};

const PASSWORD: &str = "correct horse battery staple";

pub(crate) fn with_passwords() -> World {
    World::with_directory(|options, directory| {
        options.passwords = Some(secret_file(directory, "passwords", &format!("alice:{PASSWORD}\nbob:another\n")));
    })
}

/// A file of mode 0600.
pub(crate) fn secret_file(directory: &std::path::Path, name: &str, text: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// A login of alice with a password in a claim.
fn plain(world: &World, password: &str) -> Login {
    let mut login = world.login(Algorithm::Es256);
    login.claims.insert("grant_type".into(), json!("password"));
    login.claims.insert("password".into(), json!(password));
    login.assertion = Some(Value::Null);
    login
}

/// The server's key for encrypted passwords, as its configuration tells it.
fn server_key(world: &World) -> PublicKey {
    let configuration = get(&format!("{}/psso.toml", world.url)).body;
    let line = configuration.lines().find_map(|line| line.strip_prefix("login_request_encryption_key = "));
    PublicKey::from_x963(&BASE64_STANDARD.decode(line.unwrap().trim_matches('"')).unwrap()).unwrap()
}

fn party_info(fields: &[&[u8]]) -> Vec<u8> {
    fields.iter().flat_map(|field| [&u32::try_from(field.len()).unwrap().to_be_bytes(), *field].concat()).collect()
}

/// What goes into an encrypted assertion.
struct Encrypted {
    claims: Map<String, Value>,
    key: PublicKey,
    kid: String,
    typ: &'static str,
    apu_prefix: &'static [u8],
    apu_point: Option<Vec<u8>>,
    apv: Vec<u8>,
}

impl Encrypted {
    fn new(world: &World, login: &Login, password: &str) -> Self {
        let key = server_key(world);
        let mut claims = login.assertion_claims.clone();
        claims.insert("password".into(), json!(password));
        let point = key.x963().unwrap();
        let nonce = login.claims["request_nonce"].as_str().unwrap().as_bytes();
        use sha2::Digest;
        Self {
            apv: party_info(&[b"APPLEEMBEDDED", &point, nonce]),
            kid: BASE64_STANDARD.encode(sha2::Sha256::digest(&point)),
            typ: "platformsso-encrypted-login-assertion+jwt",
            apu_prefix: b"APPLE",
            apu_point: None,
            claims,
            key,
        }
    }

    fn seal(&self) -> Value {
        let recipient = jwe::Recipient {
            public: &self.key,
            apu: &|epk| party_info(&[self.apu_prefix, self.apu_point.as_deref().unwrap_or(epk)]),
            apv: &self.apv,
            apv_in_header: true,
            typ: Some(self.typ),
            kid: Some(&self.kid),
        };
        json!(jwe::encrypt(&recipient, Value::Object(self.claims.clone()).to_string().as_bytes()).unwrap())
    }
}

/// The same with another header, of which the tag knows nothing.
pub(crate) fn encrypted_changed(world: &World, change: impl FnOnce(&mut Value)) -> Login {
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    let mut login = encrypted(world, |_| {});
    let token = login.assertion.take().unwrap();
    let (header, rest) = token.as_str().unwrap().split_once('.').unwrap();
    let mut header = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    change(&mut header);
    login.assertion = Some(json!(format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header.to_string()))));
    login
}

/// PartyVInfo of an encrypted assertion with another prefix.
fn with_prefix(assertion: &Encrypted, world: &World, prefix: &[u8]) -> Vec<u8> {
    let rest = 4 + b"APPLEEMBEDDED".len();
    assert_eq!(assertion.key, server_key(world));
    [&party_info(&[prefix]), &assertion.apv[rest..]].concat()
}

/// A login of alice with an encrypted password.
fn encrypted(world: &World, change: impl FnOnce(&mut Encrypted)) -> Login {
    let mut login = world.login(Algorithm::Es256);
    let mut assertion = Encrypted::new(world, &login, PASSWORD);
    change(&mut assertion);
    login.assertion = Some(assertion.seal());
    login
}

#[test]
fn a_password_logs_in_plain_and_encrypted() {
    let world = with_passwords();
    for login in [plain(&world, PASSWORD), encrypted(&world, |_| {})] {
        let tokens = open(&login.send(), &world.alices, &login);
        let claims = id_token(&tokens, &world).unwrap();
        assert_eq!((claims["sub"].as_str(), claims.get("upn")), (Some("alice"), None));
        let refresh = world.refresh(&world.alices, tokens["refresh_token"].as_str().unwrap());
        refresh.open(&refresh.send(), &world.alices);
    }
    // The card still does.
    assert_eq!(world.login(Algorithm::Es256).send().status, 200);
}

#[test]
fn a_session_of_a_password_ends_with_the_password() {
    let world = with_passwords();
    let login = plain(&world, PASSWORD);
    let token = open(&login.send(), &world.alices, &login)["refresh_token"].as_str().unwrap().to_owned();
    let of_card = world.login(Algorithm::Es256);
    let card_token = open(&of_card.send(), &world.alices, &of_card)["refresh_token"].as_str().unwrap().to_owned();
    let file = secret_file(world.directory.path(), "passwords", "bob:another\n");
    let world = world.restart(|options| options.passwords = Some(file));
    assert_eq!(world.refresh(&world.alices, &token).send().check(), "refresh.user");
    assert_eq!(world.refresh(&world.alices, &card_token).send().status, 200);
    let file = secret_file(world.directory.path(), "passwords", "alice:changed\n");
    let world = world.restart(|options| options.passwords = Some(file));
    assert_eq!(world.refresh(&world.alices, &token).send().status, 200, "it was not used up");
}

#[test]
fn a_wrong_password_is_refused_and_five_of_them_are_enough() {
    let world = with_passwords();
    let stored = world.stored();
    for password in ["", "wrong", "another", "Correct horse battery staple"] {
        let answer = plain(&world, password).send();
        assert_eq!((answer.status, answer.check().as_str()), (401, "password.match"), "{password}");
    }
    let answer = encrypted(&world, |assertion| {
        assertion.claims.insert("password".into(), json!("wrong"));
    });
    assert_eq!(answer.send().check(), "password.match");
    let answer = plain(&world, PASSWORD).send();
    assert_eq!((answer.status, answer.check().as_str()), (429, "password.tries"), "the right one is too late");
    let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds) && answer.body.contains(&format!("wait {seconds} seconds")), "{answer:?}");
    assert!(world.stored() == stored);
    let bobs = world.login_of("bob", crate::world::BOB, &world.bobs, Algorithm::Es256);
    assert_eq!(bobs.send().status, 200, "others are not in the way");
}

#[test]
fn without_a_nonce_that_counts_no_try_is_taken_and_none_given_back() {
    let world = with_passwords();
    let without_nonce = |password: &str| {
        let mut login = plain(&world, password);
        login.claims.insert("request_nonce".into(), json!("a nonce of nobody"));
        login
    };
    for password in ["wrong", "wrong", "wrong", "wrong", "wrong", PASSWORD] {
        assert_eq!(without_nonce(password).send().check(), "outer.request_nonce");
    }
    let login = plain(&world, PASSWORD);
    assert_eq!(login.send().status, 200, "none of these counted");
    assert_eq!(login.send().check(), "outer.request_nonce", "the nonce works once");
    for _ in 0..4 {
        assert_eq!(plain(&world, "wrong").send().check(), "password.match");
    }
    assert_eq!(without_nonce(PASSWORD).send().check(), "outer.request_nonce");
    assert_eq!(plain(&world, "wrong").send().check(), "password.match");
    assert_eq!(plain(&world, PASSWORD).send().check(), "password.tries", "the right one without a nonce reset nothing");
}

#[test]
fn wrong_encrypted_assertions_are_refused_at_their_check() {
    let world = with_passwords();
    type Change = fn(&mut Encrypted, &World);
    let cases: [(&str, &str, Change); 17] = [
        ("typ of a signed one", "assertion.typ", |a, _| a.typ = "platformsso-login-assertion+jwt"),
        ("kid of another key", "assertion.kid", |a, w| a.kid = kid(&w.alices.signing)),
        ("apu of another key", "assertion.apu", |a, w| a.apu_point = Some(x963(&w.alices.signing))),
        ("apv of another nonce", "assertion.apv", |a, _| *a.apv.last_mut().unwrap() ^= 1),
        ("apv with the prefix of a response", "assertion.apv", |a, w| a.apv = with_prefix(a, w, b"Apple")),
        ("apv without a prefix", "assertion.apv", |a, w| a.apv = with_prefix(a, w, b"")),
        ("apu with another prefix", "assertion.apu", |a, _| a.apu_prefix = b"Apple"),
        ("apv cut short", "assertion.apv", |a, _| a.apv.truncate(40)),
        ("encrypted to another key", "assertion.decryption", |a, w| a.key = w.bobs.encryption.public()),
        ("no password", "password.match", |a, _| drop(a.claims.remove("password"))),
        ("a password that is no text", "password.match", |a, _| drop(a.claims.insert("password".into(), json!(1)))),
        ("iss", "assertion.iss", |a, _| drop(a.claims.insert("iss".into(), json!("bob")))),
        ("aud", "assertion.aud", |a, _| drop(a.claims.remove("aud"))),
        ("exp", "assertion.exp", |a, _| drop(a.claims.insert("exp".into(), json!(1)))),
        ("nonce", "assertion.nonce", |a, _| drop(a.claims.insert("nonce".into(), json!("x")))),
        ("request_nonce", "assertion.request_nonce", |a, _| drop(a.claims.remove("request_nonce"))),
        ("scope", "assertion.scope", |a, _| drop(a.claims.insert("scope".into(), json!("openid")))),
    ];
    for (what, check, change) in cases {
        // A missing password counts as a wrong one; five are not reached here.
        let login = encrypted(&world, |assertion| change(assertion, &world));
        let stored = world.stored();
        let answer = login.send();
        assert_eq!((answer.status, answer.check().as_str()), (401, check), "{what}");
        assert!(world.stored() == stored, "{what}");
    }
    let mut login = encrypted(&world, |_| {});
    login.assertion = Some(json!("a.b.c.d.e"));
    assert_eq!(login.send().check(), "assertion.format");
}

#[test]
fn without_passwords_nobody_has_one() {
    let world = World::new();
    assert_eq!(plain(&world, PASSWORD).send().check(), "outer.grant_type");
    assert!(!get(&format!("{}/psso.toml", world.url)).body.contains("login_request_encryption_key"));
    let key = EcPrivateKey::generate().unwrap();
    let mut login = world.login(Algorithm::Es256);
    let with = with_passwords();
    let mut assertion = Encrypted::new(&with, &login, PASSWORD);
    assertion.key = key.public();
    login.assertion = Some(assertion.seal());
    assert_eq!(login.send().check(), "assertion.kid");
}

#[test]
fn a_login_has_the_claims_of_one_grant_only() {
    let world = with_passwords();
    let mut login = plain(&world, PASSWORD);
    login.assertion = None;
    assert_eq!(login.send().check(), "outer.grant_type", "an assertion beside a password");
    let mut login = world.login(Algorithm::Es256);
    login.claims.insert("password".into(), json!(PASSWORD));
    assert_eq!(login.send().check(), "outer.grant_type", "a password beside an assertion");
    let mut login = encrypted(&world, |_| {});
    login.claims.insert("password".into(), json!(PASSWORD));
    assert_eq!(login.send().check(), "outer.grant_type", "and beside an encrypted one");
}

/// Registers a key of alice along with her device.
pub(crate) fn register_key(world: &World, device: &Device, key: &EcPrivateKey) -> u16 {
    let mut document = device.registration(&world.client_id, "alice");
    document["user_key"] = json!({"x963": BASE64_STANDARD.encode(x963(key)), "kid": kid(key)});
    post_json(&format!("{}/psso/register", world.url), &document.to_string()).status
}

/// A login of alice, signed by a key of hers.
pub(crate) fn with_key(world: &World, device: &Device, key: &EcPrivateKey) -> Login {
    let mut login = world.login_of("alice", crate::world::ALICE, device, Algorithm::Es256);
    login.assertion_header.remove("x5c");
    login.assertion_header.insert("kid".into(), json!(kid(key)));
    sign_with(&mut login, key);
    login
}

fn sign_with(login: &mut Login, key: &EcPrivateKey) {
    let signed = compact(&login.assertion_header, &login.assertion_claims, |input| key.clone().sign(input).unwrap());
    login.assertion = Some(json!(signed));
}

#[test]
fn a_registered_key_logs_in_on_its_device() {
    let world = World::new();
    let key = EcPrivateKey::generate().unwrap();
    assert_eq!(with_key(&world, &world.alices, &key).send().check(), "assertion.x5c", "not registered yet");
    assert_eq!((register_key(&world, &world.alices, &key), register_key(&world, &world.alices, &key)), (201, 200));
    let login = with_key(&world, &world.alices, &key);
    let claims = id_token(&open(&login.send(), &world.alices, &login), &world).unwrap();
    assert_eq!((claims["sub"].as_str(), claims.get("upn")), (Some("alice"), None));

    let mut login = with_key(&world, &world.alices, &key);
    sign_with(&mut login, &world.alices.signing);
    assert_eq!(login.send().check(), "assertion.signature");
    let mut login = with_key(&world, &world.alices, &key);
    login.assertion_header.insert("alg".into(), json!("RS256"));
    sign_with(&mut login, &key);
    assert_eq!(login.send().check(), "assertion.alg");
    let mut login = with_key(&world, &world.alices, &key);
    login.assertion_claims.insert("aud".into(), json!("x"));
    sign_with(&mut login, &key);
    assert_eq!(login.send().check(), "assertion.aud");
    // Another device of alice has not got it.
    let other = Device::new();
    assert_eq!(world.register(&other, "alice").status, 201);
    assert_eq!(with_key(&world, &other, &key).send().check(), "assertion.user_key");
    assert_eq!(register_key(&world, &other, &key), 409);
    // The key of alice is none of bob's.
    let mut login = world.login_of("bob", crate::world::BOB, &world.bobs, Algorithm::Es256);
    login.assertion_header.remove("x5c");
    login.assertion_header.insert("kid".into(), json!(kid(&key)));
    sign_with(&mut login, &key);
    assert_eq!(login.send().check(), "assertion.x5c");
}
