//! What this client writes, held against the messages that Apple published: the same input gives the same claims.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use jose::EcPrivateKey;
use jose::jws::Jws;
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::config::X5cForm;
use crate::login::PendingLogin;
use crate::login_request::{self, Proof};
use crate::outcome::Timings;
use crate::request::Nonces;
use crate::testing::{apple, p256_private, text};
use crate::{Config, DeviceKeys, assertion, key_id, x5c};

/// The configuration of Apple's samples.
fn config(audience: &str) -> Config {
    Config::from_toml(&format!(
        "issuer = \"https://localhost.apple.com:8888\"\nclient_id = \"aaff1524-fa35-40c5-94e3-2b233c5f2965\"\n\
         audience = \"{audience}\"\nnonce_endpoint = \"https://localhost.apple.com:8888/auth/nonce\"\n\
         token_endpoint = \"https://localhost.apple.com:8888/auth/token\"\n\
         jwks_endpoint = \"https://localhost.apple.com:8888/auth/keys\"\nx5c = \"string\"\n"
    ))
    .unwrap()
}

/// A login with the nonces of a published message.
fn pending(claims: &Map<String, Value>) -> PendingLogin {
    PendingLogin {
        user: "foo".to_owned(),
        nonces: Nonces {
            client: text(&claims["nonce"]).to_owned(),
            server: text(&claims["request_nonce"]).to_owned(),
            request_id: "DCAB01D3-B1FE-4E1C-802F-B3EBDCDF9E67".to_owned(),
        },
        previous_refresh_token: None,
        timings: Timings::default(),
    }
}

/// The published device keys in a state directory.
fn device_keys(dir: &Path, signing: &EcPrivateKey, encryption: &EcPrivateKey) -> DeviceKeys {
    fs::DirBuilder::new().mode(0o700).create(dir).unwrap();
    for (name, key) in [("device-signing-key.pem", signing), ("device-encryption-key.pem", encryption)] {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(dir.join(name)).unwrap();
        std::io::Write::write_all(&mut file, key.to_pkcs8_pem().unwrap().as_bytes()).unwrap();
    }
    DeviceKeys::open(dir).unwrap()
}

#[test]
fn the_smart_card_assertion() {
    let vectors = apple();
    let published = Jws::parse(text(&vectors["smartcard_embedded_assertion"]["jws"])).unwrap();
    let claims = published.claims().unwrap();
    let config = config(text(&claims["aud"]));
    let ours = assertion::claims(&config, &pending(&claims), claims["iat"].as_i64().unwrap());
    assert_eq!(*ours, claims, "every claim, and no other");

    let certificate = x5c::leaf(published.header()).unwrap().unwrap();
    let key = x5c::public_key(&certificate).unwrap();
    assert_eq!(published.header_text("typ"), Some(assertion::TYP));
    assert_eq!(published.header_text("kid"), Some(key_id(&key).as_str()));
    assert_eq!(published.header()["x5c"], x5c::to_json(&certificate, X5cForm::String));
    assert_eq!(published.algorithm().unwrap(), config.card_algorithm(&key, None).unwrap());
}

#[test]
fn the_login_request_with_a_password() {
    let vectors = apple();
    let vector = &vectors["apple_login_request_with_keys"];
    let published = Jws::parse(text(&vector["login_request_jws"])).unwrap();
    let mut expected = published.claims().unwrap();
    let signing = p256_private(&vector["device_signing_jwk"]);
    let encryption = p256_private(&vector["device_encryption_jwk"]);
    let dir = tempfile::tempdir().unwrap();
    let keys = device_keys(&dir.path().join("state"), &signing, &encryption);

    let proof = Proof::Password(SecretString::from("bar"));
    let signed = login_request::sign(&config("any"), &pending(&expected), &proof, &keys).unwrap();
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&signed.request.body).into_owned().collect();
    let ours = Jws::parse(&form[2].1).unwrap();
    ours.verify(&signing.public(), &[jose::Algorithm::Es256]).unwrap();
    assert_eq!(ours.header()["kid"], published.header()["kid"]);
    assert_eq!(ours.header()["alg"], published.header()["alg"]);

    // This sample is older than the table: no iss, sub and exp, and the time as a text.
    let mut claims = ours.claims().unwrap();
    expected.remove("iat");
    for newer in ["iat", "exp", "iss", "sub"] {
        claims.remove(newer).unwrap();
    }
    assert_eq!(claims, expected, "every other claim, jwe_crypto.apv among them");
}
