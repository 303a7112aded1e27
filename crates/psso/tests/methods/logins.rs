//! The login request of each method.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::jwe::Jwe;
use jose::jws::Jws;
use jose::{Algorithm, EcPrivateKey, Signer, SignerError, base64url};
use psso::Error;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::idp::{AUDIENCE, CLIENT_ID, Seen, lp};
use crate::{idp, keys, secret};

const SCOPE: &str = "openid offline_access urn:apple:platformsso";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const PASSWORD: &str = "pä$$ wörd\"\\+/=%&";

fn names(claims: &Map<String, Value>) -> BTreeSet<&str> {
    claims.keys().map(String::as_str).collect()
}

/// What every login request says, and nothing but that and `proof`.
fn check_outer(seen: &Seen, grant_type: &str, proof: &str) {
    assert_eq!(seen.path, "/token");
    assert_eq!(names(&seen.header), BTreeSet::from(["typ", "alg", "kid"]));
    assert_eq!(seen.header["typ"], "platformsso-login-request+jwt");
    assert_eq!(seen.form[0], ("platform_sso_version".to_owned(), "1.0".to_owned()));
    assert_eq!((seen.form.len(), seen.form[2].0.as_str()), (3, "assertion"));
    let claims = &seen.claims;
    let expected = [
        "iss",
        "client_id",
        "sub",
        "username",
        "aud",
        "iat",
        "exp",
        "nonce",
        "request_nonce",
        "scope",
        "grant_type",
        "jwe_crypto",
        proof,
    ];
    assert_eq!(names(claims), BTreeSet::from(expected));
    assert_eq!((&claims["sub"], &claims["username"]), (&json!("alice"), &json!("alice")));
    assert_eq!((&claims["client_id"], &claims["aud"]), (&json!(CLIENT_ID), &json!("https://idp.example/token")));
    assert_eq!((&claims["scope"], &claims["grant_type"]), (&json!(SCOPE), &json!(grant_type)));
}

/// What an assertion says, equal to the login request around it.
fn check_assertion(claims: &Map<String, Value>, seen: &Seen) {
    assert_eq!((&claims["iss"], &claims["sub"], &claims["aud"]), (&json!("alice"), &json!("alice"), &json!(AUDIENCE)));
    for same in ["nonce", "request_nonce", "scope"] {
        assert_eq!(claims[same], seen.claims[same], "{same}");
    }
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
}

#[test]
fn secure_enclave_key() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    let client = idp.client("");
    let mut user_key = EcPrivateKey::generate().unwrap();
    let public = user_key.public();
    let pending = client.begin_login("alice").unwrap();
    let signed = client.sign_with_user_key(pending, &mut user_key, &public).unwrap();
    assert_eq!(idp.requests(), 0, "nothing is sent while the key signs");
    let outcome = client.submit(signed, &keys).unwrap();
    assert_eq!((outcome.user.as_str(), outcome.unique_identifier.as_deref()), ("alice", Some("subject-1")));

    let seen = idp.last();
    check_outer(&seen, JWT_BEARER, "assertion");
    let assertion = Jws::parse(seen.claims["assertion"].as_str().unwrap()).unwrap();
    assertion.verify(&public, &[Algorithm::Es256]).unwrap();
    let kid = STANDARD.encode(Sha256::digest(public.x963().unwrap()));
    let header = json!({"typ": "platformsso-login-assertion+jwt", "alg": "ES256", "kid": kid});
    assert_eq!(Value::Object(assertion.header().clone()), header, "and no x5c");
    let claims = assertion.claims().unwrap();
    assert_eq!(names(&claims), BTreeSet::from(["iss", "sub", "aud", "iat", "exp", "nonce", "request_nonce", "scope"]));
    check_assertion(&claims, &seen);
}

/// Signs with the wrong algorithm, with the wrong key, or not at all.
enum Broken {
    Algorithm,
    Key(EcPrivateKey),
    Nothing,
}

impl Signer for Broken {
    fn algorithm(&self) -> Algorithm {
        if matches!(self, Self::Algorithm) { Algorithm::Es384 } else { Algorithm::Es256 }
    }

    fn sign(&mut self, signing_input: &[u8]) -> Result<Vec<u8>, SignerError> {
        match self {
            Self::Key(key) => key.sign(signing_input),
            _ => Err("the enclave is closed".into()),
        }
    }
}

#[test]
fn user_keys_that_fail() {
    let (_dir, keys) = keys();
    let client = idp(&keys).client("");
    let public = EcPrivateKey::generate().unwrap().public();
    let failed = |mut signer: Broken, key: &jose::PublicKey| {
        client.sign_with_user_key(client.begin_login("alice").unwrap(), &mut signer, key).unwrap_err()
    };
    assert!(matches!(failed(Broken::Algorithm, &public), Error::Config { .. }));
    assert!(matches!(failed(Broken::Nothing, &public), Error::UserKey(why) if why.to_string().contains("closed")));
    let other = failed(Broken::Key(EcPrivateKey::generate().unwrap()), &public);
    assert!(matches!(&other, Error::Crypto { .. }) && other.to_string().contains("user key"), "{other}");
    let rsa = jose::PublicKey::from_spki_der(&rsa_spki()).unwrap();
    assert!(matches!(failed(Broken::Nothing, &rsa), Error::Config { .. }));
}

fn rsa_spki() -> Vec<u8> {
    use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
    let key = rsa::RsaPrivateKey::from_pkcs8_pem(include_str!("../data/rsa2048.key")).unwrap();
    key.to_public_key().to_public_key_der().unwrap().as_bytes().to_vec()
}

#[test]
fn password_as_a_claim() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    let client = idp.client("");
    let signed = client.with_password(client.begin_login("alice").unwrap(), &secret(PASSWORD)).unwrap();
    assert!(signed.assertion().is_none());
    let shown = format!("{signed:?} {client:?}");
    assert!(!shown.contains(PASSWORD) && !shown.contains("wörd"), "{shown}");
    client.submit(signed, &keys).unwrap();
    let seen = idp.last();
    check_outer(&seen, "password", "password");
    assert_eq!(seen.claims["password"], PASSWORD);
}

#[test]
fn password_encrypted_to_the_identity_provider() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    for (more, prefix) in [("", "APPLEEMBEDDED"), ("login_request_encryption_apv_prefix = \"EXAMPLE\"\n", "EXAMPLE")] {
        let client = idp.client(&format!("{}{more}", idp.encryption_key()));
        let signed = client.with_password(client.begin_login("alice").unwrap(), &secret(PASSWORD)).unwrap();
        client.submit(signed, &keys).unwrap();

        let seen = idp.last();
        check_outer(&seen, JWT_BEARER, "assertion");
        let jwe = Jwe::parse(seen.claims["assertion"].as_str().unwrap()).unwrap();
        let point = idp.password_key.public().x963().unwrap();
        assert_eq!(names(jwe.header()), BTreeSet::from(["typ", "alg", "enc", "kid", "epk", "apu", "apv"]));
        assert_eq!(jwe.header_text("typ"), Some("platformsso-encrypted-login-assertion+jwt"));
        assert_eq!(jwe.header_text("kid").unwrap(), STANDARD.encode(Sha256::digest(&point)));
        assert_eq!(jwe.apu().unwrap(), [lp(b"APPLE"), lp(&jwe.epk().x963().unwrap())].concat());
        // The third field is the server's nonce.
        let nonce = seen.claims["request_nonce"].as_str().unwrap();
        let apv = [lp(prefix.as_bytes()), lp(&point), lp(nonce.as_bytes())].concat();
        assert_eq!(base64url::decode("apv", jwe.header_text("apv").unwrap()).unwrap(), apv);

        let content = jwe.decrypt(&idp.password_key, &apv).unwrap();
        let claims = jose::json::parse_object("assertion", &content).unwrap();
        let expected = ["iss", "sub", "aud", "iat", "exp", "nonce", "request_nonce", "scope", "password"];
        assert_eq!(names(&claims), BTreeSet::from(expected));
        check_assertion(&claims, &seen);
        assert_eq!(claims["password"], PASSWORD);
        assert!(!seen.form[2].1.contains(PASSWORD));
    }
}

#[test]
fn passwords_that_cannot_be_one() {
    let (_dir, keys) = keys();
    let client = idp(&keys).client("");
    for password in [String::new(), "x".repeat(4097)] {
        let error = client.with_password(client.begin_login("alice").unwrap(), &secret(&password)).unwrap_err();
        assert!(matches!(error, Error::Config { .. }), "{error:?}");
    }
}

#[test]
fn groups_amr_and_the_previous_token_only_where_configured() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    let login = |more: &str| {
        let client = idp.client(more);
        let pending = client.begin_login("alice").unwrap().with_previous_refresh_token(secret("PREVIOUS"));
        assert!(!format!("{pending:?}").contains("PREVIOUS"));
        client.submit(client.with_password(pending, &secret("p")).unwrap(), &keys).unwrap();
        idp.last().claims
    };
    let plain = login("");
    assert!(!["claims", "amr", "previous_refresh_token"].iter().any(|name| plain.contains_key(*name)));
    let claims = login("groups = [\"a\", \"b\"]\namr = [\"pwd\"]\ninclude_previous_refresh_token = true");
    assert_eq!(claims["claims"], json!({"id_token": {"groups": {"values": ["a", "b"]}}}));
    assert_eq!(claims["amr"], json!(["pwd"]));
    assert_eq!(claims["previous_refresh_token"], "PREVIOUS");
    let claims = login(
        "groups = [\"a\"]\ngroup_request_claim = \"roles\"\ninclude_previous_refresh_token = true\n\
         previous_refresh_token_claim = \"old\"",
    );
    assert_eq!(claims["claims"], json!({"id_token": {"roles": {"values": ["a"]}}}));
    assert_eq!((&claims["old"], claims.contains_key("previous_refresh_token")), (&json!("PREVIOUS"), false));
}

#[test]
fn the_answer_of_any_method_is_the_same() {
    let (_dir, keys) = keys();
    let client = idp(&keys).client("");
    let signed = client.with_password(client.begin_login("alice").unwrap(), &secret("p")).unwrap();
    let outcome = client.submit(signed, &keys).unwrap();
    assert_eq!(outcome.tokens.refresh_token.unwrap().expose_secret(), "refresh-token-2");
    assert_eq!(outcome.refresh_token_expires_in, Some(3600));
    assert!(outcome.groups.is_empty() && outcome.kerberos.is_empty());
}
