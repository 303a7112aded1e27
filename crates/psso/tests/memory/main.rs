//! After a request is sent nothing of a password or a token is left in this process's memory, and after an answer is
//! done with nothing of what was secret in it.
//!
//! The memory is read through /proc, so this is for Linux. What is looked for is kept masked, so that the search does not
//! find itself.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod answering;
mod masked;

use answering::Answering;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::EcPrivateKey;
use masked::Masked;
use psso::http::{HttpClient, HttpError, HttpRequest, HttpResponse};
use psso::{Client, Config, DeviceKeys};
use secrecy::SecretString;

/// Gives nonces, and refuses everything else without a look at it.
struct Refusing;

impl HttpClient for Refusing {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_nonce = request.url.path() == "/nonce";
        let body = if is_nonce { r#"{"Nonce":"AwABAAAA"}"# } else { "{}" };
        let status = if is_nonce { 200 } else { 400 };
        Ok(HttpResponse { status, content_type: None, body: body.as_bytes().to_vec().into() })
    }
}

fn client(http: Box<dyn HttpClient>, more: &str) -> Client {
    let endpoint = |name: &str| format!("{name}_endpoint = \"https://idp.example/{name}\"\n");
    let endpoints = ["nonce", "token", "jwks", "key"].map(endpoint).concat();
    let text = format!("issuer = \"i\"\nclient_id = \"c\"\naudience = \"a\"\n{endpoints}{more}");
    Client::new(Config::from_toml(&text).unwrap(), http)
}

/// One test, because another one in the same process would hold secrets of its own meanwhile.
#[test]
fn secrets_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let keys = DeviceKeys::open_or_create(&dir.path().join("state")).unwrap();
    after_they_were_sent(&keys);
    after_they_came(&keys);
}

fn after_they_were_sent(keys: &DeviceKeys) {
    let point = STANDARD.encode(EcPrivateKey::generate().unwrap().public().x963().unwrap());
    let encryption = format!("login_request_encryption_key = \"{point}\"\n");
    let (plain, encrypting) = (client(Box::new(Refusing), ""), client(Box::new(Refusing), &encryption));

    let (password, token, context) = (Masked::fresh(), Masked::fresh(), Masked::fresh());
    let held = password.reveal();
    assert!(password.occurrences() > 0, "the search finds what is there");
    drop(held);

    for client in [&plain, &encrypting] {
        let signed = client.with_password(client.begin_login("alice").unwrap(), &password.reveal()).unwrap();
        client.submit(signed, keys).unwrap_err();
    }
    plain.refresh("alice", &token.reveal(), keys).unwrap_err();
    plain.key_request("alice", &token.reveal(), keys).unwrap_err();
    let other = keys.encryption().public();
    plain.key_exchange("alice", &token.reveal(), &other, Some(&context.reveal()), keys).unwrap_err();

    for (name, secret) in [("password", &password), ("refresh token", &token), ("key context", &context)] {
        assert_eq!(secret.occurrences(), 0, "the {name} is still in memory");
        for (alignment, form) in secret.base64_forms().iter().enumerate() {
            assert_eq!(form.occurrences(), 0, "the {name} is still in memory as base64 ({alignment})");
        }
    }
}

fn after_they_came(keys: &DeviceKeys) {
    let idp = Answering::new(keys);
    let secrets = idp.secrets();
    let mapping = "[[kerberos_ticket_mappings]]\nticket_key_path = \"login_tgt\"\n";
    let client = client(Box::new(idp), mapping);
    let old = SecretString::from("old");
    let outcome = client.refresh("alice", &old, keys).unwrap();
    assert_eq!(outcome.kerberos.len(), 1);
    assert!(secrets.refresh_token.occurrences() > 0, "the new token is in the outcome");
    drop(outcome);
    let exchanged = client.key_exchange("alice", &old, &keys.encryption().public(), None, keys).unwrap();
    assert!(secrets.key.occurrences() > 0 && exchanged.key_context.is_some(), "the key is in the outcome");
    drop(exchanged);
    // Not the key's 32 bytes themselves: an array that is moved leaves copies on the stack, and nobody can overwrite those.
    for (name, secret) in [
        ("refresh token", &secrets.refresh_token),
        ("session key, as base64", &secrets.session_key),
        ("session key", &secrets.session_key.decoded()),
        ("message", &secrets.message),
        ("key, as base64", &secrets.key_text),
        ("key context", &secrets.key_context),
    ] {
        assert_eq!(secret.occurrences(), 0, "the {name} is still in memory");
    }
}
