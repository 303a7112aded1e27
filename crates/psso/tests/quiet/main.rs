//! No secret is logged or shown by `Debug`, whatever the level and whatever the method.
//!
//! A process of its own: whether an event is recorded is remembered for all threads.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../data/capture.rs"]
mod capture;
#[path = "../methods/idp.rs"]
#[allow(dead_code, reason = "shared with the tests of the methods")]
mod idp;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use capture::Capture;
use jose::EcPrivateKey;
use secrecy::ExposeSecret as _;

use psso::DeviceKeys;
use secrecy::SecretString;

#[test]
fn no_secret_of_any_method_is_logged_or_shown() {
    let dir = tempfile::tempdir().unwrap();
    let keys = DeviceKeys::open_or_create(&dir.path().join("state")).unwrap();
    let idp = idp::Idp::new(&keys);
    let secret = |text: &str| SecretString::from(text);
    let capture = Capture::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(capture.clone())
        .finish();
    let (mut shown, mut secrets) = (String::new(), vec!["PASSWORD-1".to_owned(), "TOKEN-1".to_owned()]);
    tracing::subscriber::with_default(subscriber, || {
        for client in [idp.client(""), idp.client(&idp.encryption_key())] {
            let pending = client.begin_login("alice").unwrap().with_previous_refresh_token(secret("TOKEN-1"));
            let signed = client.with_password(pending, &secret("PASSWORD-1")).unwrap();
            shown += &format!("{client:?} {signed:?}");
            secrets.extend(signed.assertion().map(str::to_owned));
            shown += &format!("{:?}", client.submit(signed, &keys).unwrap());
        }
        let client = idp.client("");
        let mut key = EcPrivateKey::generate().unwrap();
        let public = key.public();
        let signed = client.sign_with_user_key(client.begin_login("alice").unwrap(), &mut key, &public).unwrap();
        secrets.extend(signed.assertion().map(str::to_owned));
        shown += &format!("{signed:?}");
        shown += &format!("{:?}", client.submit(signed, &keys).unwrap());
        let outcome = client.refresh("alice", &secret("TOKEN-1"), &keys).unwrap();
        secrets.push(outcome.tokens.id_token.expose_secret().to_owned());
        shown += &format!("{outcome:?}");
        let provided = client.key_request("alice", &secret("TOKEN-1"), &keys).unwrap();
        let context = provided.key_context.clone();
        let exchanged = client.key_exchange("alice", &secret("TOKEN-1"), &public, context.as_ref(), &keys).unwrap();
        shown += &format!("{provided:?} {exchanged:?}");
        secrets.push(STANDARD.encode(exchanged.key.as_slice()));
        secrets.push(hex::encode(exchanged.key.as_slice()));
        secrets.extend(["refresh-token-2", "context-1", "context-2"].map(str::to_owned));
    });
    let logged = capture.take();
    assert!(logged.contains("login_accepted") && logged.contains("key endpoint"), "our own events are there: {logged}");
    for text in secrets {
        for part in text.split('.').filter(|part| !part.is_empty()) {
            let start = &part[..part.len().min(24)];
            let decimal = format!("{:?}", start.as_bytes());
            for form in [
                start.to_owned(),
                hex::encode(start),
                STANDARD.encode(start).trim_end_matches('=').to_owned(),
                URL_SAFE_NO_PAD.encode(start),
                decimal.trim_matches(['[', ']']).to_owned(),
            ] {
                assert!(!logged.contains(&form), "{form} was logged");
                assert!(!shown.contains(&form), "{form} was shown: {shown}");
            }
        }
    }
}
