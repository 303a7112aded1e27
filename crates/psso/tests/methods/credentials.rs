//! Which refusals mean a wrong credential.

use jose::EcPrivateKey;
use psso::Error;
use serde_json::{Value, json};

use crate::idp::object;
use crate::{idp, keys, secret};

const PREDICATE: &str = "invalid_credential_predicate = \"errorCode = 'C0000006' AND suberror = 'invalid_password'\"";

/// Whether a refusal with this status and body counts as a wrong credential: of a password, of a user key.
fn counts(more: &str, status: u16, body: Value) -> (bool, bool) {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    idp.answers(move |_, answer| {
        answer.status = status;
        answer.media_type = "application/json".into();
        answer.content = object(body.clone());
    });
    let client = idp.client(more);
    let is_wrong = |error: Error| match error {
        Error::InvalidCredential { status: seen, .. } => {
            assert_eq!(seen, status);
            true
        }
        Error::Endpoint { status: seen, .. } => {
            assert_eq!(seen, status);
            false
        }
        other => panic!("{other:?}"),
    };
    let password = client.with_password(client.begin_login("alice").unwrap(), &secret("wrong")).unwrap();
    let mut key = EcPrivateKey::generate().unwrap();
    let public = key.public();
    let signed = client.sign_with_user_key(client.begin_login("alice").unwrap(), &mut key, &public).unwrap();
    (is_wrong(client.submit(password, &keys).unwrap_err()), is_wrong(client.submit(signed, &keys).unwrap_err()))
}

#[test]
fn without_a_predicate_a_401_to_a_password() {
    let body = || json!({"error": "invalid_grant"});
    assert_eq!(counts("", 401, body()), (true, false));
    assert_eq!(counts("", 400, body()), (false, false));
    assert_eq!(counts("", 403, body()), (false, false));
    assert_eq!(counts("", 500, body()), (false, false));
    for (check, is_wrong) in [("password.match", true), ("assertion.password", true), ("outer.kid", false)] {
        assert_eq!(counts("", 401, json!({"check": check})), (is_wrong, false), "{check}");
    }
}

#[test]
fn a_predicate_decides_over_400_and_401() {
    let wrong = || json!({"errorCode": "C0000006", "suberror": "invalid_password"});
    let locked = || json!({"errorCode": "C0000006", "suberror": "locked"});
    for status in [400, 401] {
        assert_eq!(counts(PREDICATE, status, wrong()), (true, true), "{status}");
        assert_eq!(counts(PREDICATE, status, locked()), (false, false), "{status}");
        assert_eq!(counts(PREDICATE, status, json!({})), (false, false), "{status}");
    }
    assert_eq!(counts(PREDICATE, 403, wrong()), (false, false));
}

#[test]
fn the_person_is_told_with_the_servers_words() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    idp.answers(|_, answer| {
        answer.status = 401;
        answer.media_type = "application/json".into();
        answer.content = object(
            json!({"error": "invalid_grant", "error_description": "Wrong \u{1b}[31mpassword", "check": "password"}),
        );
    });
    let client = idp.client("");
    let signed = client.with_password(client.begin_login("alice").unwrap(), &secret("SECRET")).unwrap();
    let error = client.submit(signed, &keys).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the identity provider does not accept the credential: the token endpoint answered 401 (invalid_grant): \
         Wrong \\u{1b}[31mpassword [password]"
    );
    assert!(!format!("{error:?}").contains("SECRET"));
}
