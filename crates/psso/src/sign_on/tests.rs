use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::*;
use crate::testing::config;
use crate::{Error, StateDir, Timings, Tokens};

const ISSUER: &str = "https://idp.example";

fn new() -> (tempfile::TempDir, SignOnStore) {
    let root = tempfile::tempdir().unwrap();
    let dir = StateDir::open_or_create(&root.path().join("state")).unwrap();
    (root, SignOnStore::new(dir))
}

fn outcome(refresh_token: Option<&str>) -> LoginOutcome {
    let claims =
        json!({"iss": ISSUER, "sub": "alice", "upn": "alice@example.test", "custom": 1, "name": "n".repeat(5000)});
    LoginOutcome {
        user: "alice".to_owned(),
        id_token_claims: claims.as_object().unwrap().clone(),
        unique_identifier: None,
        groups: Vec::new(),
        kerberos: Vec::new(),
        tokens: Tokens {
            id_token: SecretString::from("id.to.ken"),
            refresh_token: refresh_token.map(SecretString::from),
        },
        refresh_token_expires_in: refresh_token.map(|_| 1000),
        timings: Timings::default(),
    }
}

fn sign_on() -> SignOn {
    let mut sign_on = SignOn::after_login(&config(ISSUER), Method::SmartCard, &outcome(Some("TOKEN-1")));
    let key_context = Some(SecretString::from("CONTEXT-1"));
    sign_on.unlock_key = Some(UnlockKey { certificate_der: vec![1, 2, 3], key_context, expires_at: Some(7) });
    sign_on.configuration = Some("issuer = 1".to_owned());
    sign_on
}

fn token(sign_on: &SignOn) -> &str {
    sign_on.refresh_token.as_ref().unwrap().expose_secret()
}

/// The error, as the sign-on's own.
#[track_caller]
fn refused<T>(result: Result<T, Error>) -> SignOnError {
    match result {
        Err(Error::SignOn(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

#[test]
fn what_was_kept_comes_back_and_is_nowhere_in_the_clear() {
    let (root, store) = new();
    assert!(store.load().unwrap().is_none() && store.header().unwrap().is_none());
    assert!(matches!(refused(store.lock().unwrap().load(None)), SignOnError::Missing));
    let place = store.lock().unwrap().save(&sign_on(), KeyChoice::File).unwrap();
    assert_eq!(place, KeyPlace::File);

    let back = store.load().unwrap().unwrap();
    assert_eq!((back.issuer.as_str(), back.client_id.as_str(), back.user.as_str()), (ISSUER, "9b0f", "alice"));
    assert_eq!((back.method, token(&back)), (Method::SmartCard, "TOKEN-1"));
    assert_eq!(back.refresh_token_expires_at, Some(back.last_login + 1000));
    assert_eq!(Value::Object(back.claims.clone()), json!({"iss": ISSUER, "sub": "alice", "upn": "alice@example.test"}));
    let key = back.unlock_key.as_ref().unwrap();
    assert_eq!((key.certificate_der.as_slice(), key.expires_at), (&[1, 2, 3][..], Some(7)));
    assert_eq!(key.key_context.as_ref().unwrap().expose_secret(), "CONTEXT-1");
    assert_eq!(back.configuration.as_deref(), Some("issuer = 1"));

    let debug = format!("{back:?} {key:?} {store:?}");
    for entry in fs::read_dir(root.path().join("state")).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        let content = String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned();
        for secret in ["TOKEN-1", "CONTEXT-1", "VE9LRU4t", "Q09OVEVYVC0", "alice"] {
            assert!(!content.contains(secret), "{secret} is in {}", entry.path().display());
        }
    }
    assert!(!debug.contains("TOKEN-1") && !debug.contains("CONTEXT-1"), "{debug}");
}

#[test]
fn the_key_stays_and_every_writing_has_a_nonce_of_its_own() {
    let (root, store) = new();
    let path = root.path().join("state/sign-on.json");
    let write = || {
        store.lock().unwrap().save(&sign_on(), KeyChoice::File).unwrap();
        let file: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        (file["key"].clone(), file["nonce"].clone(), file["sealed"].clone())
    };
    let (one, two) = (write(), write());
    assert_eq!(one.0, two.0);
    assert!(one.1 != two.1 && one.2 != two.2);
}

#[test]
fn the_file_is_as_documented() {
    // By hand, with the primitive alone.
    use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let (root, store) = new();
    store.lock().unwrap().save(&sign_on(), KeyChoice::File).unwrap();
    let state = root.path().join("state");
    let file: Value = serde_json::from_slice(&fs::read(state.join("sign-on.json")).unwrap()).unwrap();
    let key = fs::read(state.join("sign-on-key")).unwrap();
    let aad = format!(
        r#"{{"schema_version":1,"issuer":"{ISSUER}","client_id":"9b0f","key":{{"place":"file","id":{}}}}}"#,
        file["key"]["id"]
    );
    let bytes = |name: &str| STANDARD.decode(file[name].as_str().unwrap()).unwrap();
    let nonce: [u8; 12] = bytes("nonce").try_into().unwrap();
    let cipher = aes_gcm::Aes256Gcm::new_from_slice(&key).unwrap();
    let opened = cipher
        .decrypt(<&aes_gcm::Nonce<_>>::from(&nonce), Payload { msg: &bytes("sealed"), aad: aad.as_bytes() })
        .unwrap();
    let content: Value = serde_json::from_slice(&opened).unwrap();
    assert_eq!(content["refresh_token"], "TOKEN-1");
}

#[test]
fn a_changed_file_is_refused_whatever_was_changed() {
    let (root, store) = new();
    store.lock().unwrap().save(&sign_on(), KeyChoice::File).unwrap();
    let path = root.path().join("state/sign-on.json");
    let good = fs::read_to_string(&path).unwrap();
    let file: Value = serde_json::from_str(&good).unwrap();
    let mut changed = vec![good[..good.len() / 2].to_owned(), String::new(), "[]".to_owned()];
    for (name, value) in [
        ("issuer", json!("https://evil.example")),
        ("client_id", json!("other")),
        ("nonce", json!("AAAAAAAAAAAAAAAA")),
        ("nonce", json!("AAAA")),
        ("sealed", json!("AAAA")),
        ("sealed", json!("?")),
        ("key", json!({"place": "file", "id": "another"})),
    ] {
        let mut file = file.clone();
        file[name] = value;
        changed.push(file.to_string());
    }
    for text in changed {
        fs::write(&path, &text).unwrap();
        assert!(matches!(refused(store.load()), SignOnError::Damaged { .. }), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "nothing is repaired");
    }
    let mut later = file;
    later["schema_version"] = json!(2);
    fs::write(&path, later.to_string()).unwrap();
    assert!(matches!(refused(store.load()), SignOnError::Later { version: 2 }));
    assert!(matches!(refused(store.lock().unwrap().save(&sign_on(), KeyChoice::File)), SignOnError::Later { .. }));
    // It can always be got rid of.
    assert!(store.lock().unwrap().remove().unwrap());
    assert_eq!(fs::read_dir(root.path().join("state")).unwrap().count(), 0);
}

#[test]
fn another_identity_provider_is_refused() {
    let (_root, store) = new();
    store.check_provider(&config("https://other.example")).unwrap();
    store.lock().unwrap().save(&sign_on(), KeyChoice::File).unwrap();
    store.check_provider(&config(ISSUER)).unwrap();
    let other = config("https://other.example");
    let error = refused(store.check_provider(&other)).to_string();
    assert!(error.contains(ISSUER) && error.contains("https://other.example"), "{error}");
    let locked = store.lock().unwrap();
    assert!(matches!(refused(locked.load(Some(&other))), SignOnError::OtherProvider { .. }));
    let theirs = SignOn::after_login(&other, Method::Password, &outcome(Some("TOKEN-2")));
    assert!(matches!(refused(locked.save(&theirs, KeyChoice::File)), SignOnError::OtherProvider { .. }));
    assert_eq!(token(&locked.load(Some(&config(ISSUER))).unwrap()), "TOKEN-1");
}

#[test]
fn a_key_that_is_gone_is_said_to_be_and_the_next_login_makes_another() {
    let (root, store) = new();
    store.lock().unwrap().save(&sign_on(), KeyChoice::File).unwrap();
    let key = root.path().join("state/sign-on-key");
    let old = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    assert!(matches!(refused(store.load()), SignOnError::KeyGone { place: KeyPlace::File }));
    assert_eq!(store.header().unwrap().unwrap().issuer(), ISSUER, "that much can be said without it");
    store.lock().unwrap().save(&sign_on(), KeyChoice::File).unwrap();
    assert_ne!(fs::read(&key).unwrap(), old);
    assert_eq!(token(&store.load().unwrap().unwrap()), "TOKEN-1");

    fs::write(&key, [0; 32]).unwrap();
    assert!(matches!(refused(store.load()), SignOnError::Damaged { .. }));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(store.load(), Err(Error::State { .. })));
}

#[test]
fn a_refresh_keeps_what_the_answer_leaves_out() {
    let mut sign_on = sign_on();
    sign_on.last_login -= 100;
    sign_on.refreshed(&outcome(None)).unwrap();
    assert_eq!(token(&sign_on), "TOKEN-1");
    assert!(sign_on.last_refresh.is_some() && (990..=1000).contains(&sign_on.refresh_token_good_for().unwrap()));
    sign_on.refreshed(&outcome(Some("TOKEN-2"))).unwrap();
    assert_eq!(token(&sign_on), "TOKEN-2");
    assert!(sign_on.unlock_key.is_some() && sign_on.refresh_token_expires_at > Some(sign_on.last_login + 1000));
}

#[test]
fn a_refresh_of_somebody_else_is_refused_and_changes_nothing() {
    let mut sign_on = sign_on();
    for sub in [json!("bob"), json!(null)] {
        let mut theirs = outcome(Some("TOKEN-2"));
        theirs.id_token_claims.insert("sub".to_owned(), sub);
        assert!(matches!(sign_on.refreshed(&theirs), Err(Error::Rejected { claim: "sub", .. })));
    }
    assert_eq!((token(&sign_on), sign_on.last_refresh), ("TOKEN-1", None));

    // A login whose id_token named nobody says nothing of who may come now.
    sign_on.claims.remove("sub");
    let theirs = outcome(Some("TOKEN-2"));
    let error = sign_on.refreshed(&theirs).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the check of sub failed: the id_token of the login had none, that of the refresh has \"alice\""
    );
    let mut nobodys = outcome(Some("TOKEN-2"));
    nobodys.id_token_claims.remove("sub");
    sign_on.refreshed(&nobodys).unwrap();
    assert_eq!(token(&sign_on), "TOKEN-2");
}

#[test]
fn a_subject_of_any_length_is_held_against_that_of_the_login() {
    let long = |sub: &str| {
        let mut outcome = outcome(Some("TOKEN-2"));
        outcome.id_token_claims.insert("sub".to_owned(), json!(sub.repeat(5000)));
        outcome
    };
    let mut sign_on = SignOn::after_login(&config(ISSUER), Method::SmartCard, &long("a"));
    assert!(matches!(sign_on.refreshed(&long("b")), Err(Error::Rejected { claim: "sub", .. })));
    sign_on.refreshed(&long("a")).unwrap();
}

#[test]
fn a_token_whose_time_is_over_is_not_sent() {
    let mut sign_on = sign_on();
    let expiry = sign_on.refresh_token_expires_at.unwrap();
    assert!(sign_on.refresh_token_at(expiry - 1).is_ok());
    assert!(matches!(sign_on.refresh_token_at(expiry), Err(SignOnError::Expired { .. })));
    sign_on.refresh_token_expires_at = None;
    assert!(sign_on.refresh_token_at(i64::MAX).is_ok());
    sign_on.refresh_token = None;
    assert!(matches!(sign_on.usable_refresh_token(), Err(SignOnError::NoRefreshToken)));
}

#[test]
fn a_token_that_is_too_large_is_not_kept() {
    let (_root, store) = new();
    store.lock().unwrap().save(&sign_on(), KeyChoice::File).unwrap();
    let mut large = sign_on();
    large.refresh_token = Some(SecretString::from("x".repeat(300_000)));
    assert!(matches!(refused(store.lock().unwrap().save(&large, KeyChoice::File)), SignOnError::TooLarge { .. }));
    assert_eq!(token(&store.load().unwrap().unwrap()), "TOKEN-1", "the old one is still there");
}

#[test]
fn logging_out_leaves_the_device_and_forgetting_it_leaves_nothing() {
    let (root, store) = new();
    let path = root.path().join("state");
    crate::DeviceKeys::open_or_create(&path).unwrap();
    crate::UserKey::open_or_create(&path).unwrap();
    store.lock().unwrap().save(&sign_on(), KeyChoice::File).unwrap();
    let locked = store.lock().unwrap();
    assert!(locked.remove().unwrap() && !locked.remove().unwrap());
    assert_eq!(fs::read_dir(&path).unwrap().count(), 3);
    let gone = locked.forget_device().unwrap();
    assert!(gone.device_keys && gone.user_key && !gone.registrations);
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
}
