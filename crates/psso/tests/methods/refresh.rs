//! Refreshing without a card.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use psso::Error;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::idp::CLIENT_ID;
use crate::{idp, keys, secret};

#[test]
fn a_refresh_names_no_user() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    for (more, path) in [("", "/token"), ("refresh_endpoint = \"https://idp.example/refresh?x=1\"", "/refresh")] {
        let outcome = idp.client(more).refresh("alice", &secret("refresh-token-1"), &keys).unwrap();
        let seen = idp.last();
        assert_eq!(seen.path, path);
        assert_eq!(seen.header["typ"], "platformsso-refresh-request+jwt");
        assert_eq!(seen.form[0], ("platform_sso_version".to_owned(), "1.0".to_owned()));
        let names: BTreeSet<&str> = seen.claims.keys().map(String::as_str).collect();
        let expected = [
            "iss",
            "client_id",
            "aud",
            "iat",
            "exp",
            "nonce",
            "request_nonce",
            "scope",
            "grant_type",
            "refresh_token",
            "jwe_crypto",
        ];
        assert_eq!(names, BTreeSet::from(expected));
        assert_eq!(
            (&seen.claims["client_id"], &seen.claims["aud"]),
            (&json!(CLIENT_ID), &json!(format!("https://idp.example{path}")))
        );
        assert_eq!(seen.claims["grant_type"], "refresh_token");
        assert_eq!(seen.claims["refresh_token"], "refresh-token-1");
        assert_eq!(seen.claims["scope"], "openid offline_access urn:apple:platformsso");

        assert_eq!((outcome.user.as_str(), outcome.unique_identifier.as_deref()), ("alice", Some("subject-1")));
        assert_eq!(outcome.tokens.refresh_token.unwrap().expose_secret(), "refresh-token-2", "the new one");
        assert_eq!(outcome.timings.card, std::time::Duration::ZERO);
    }
}

#[test]
fn a_server_may_leave_the_token_as_it_is() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    idp.answers(|_, answer| {
        answer.content.remove("refresh_token");
    });
    let outcome = idp.client("").refresh("alice", &secret("refresh-token-1"), &keys).unwrap();
    assert!(outcome.tokens.refresh_token.is_none() && outcome.refresh_token_expires_in.is_none());
}

#[test]
fn a_refresh_is_checked_like_a_login() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    let client = idp.client("");
    let refresh = || client.refresh("alice", &secret("refresh-token-1"), &keys).unwrap_err();
    idp.answers(|_, answer| {
        answer.id_token.insert("nonce".into(), json!("other"));
    });
    assert!(matches!(refresh(), Error::Rejected { claim: "nonce", .. }));
    idp.answers(|_, answer| answer.typ = Some("platformsso-key-response+jwt".into()));
    assert!(matches!(refresh(), Error::Rejected { claim: "typ", .. }));
    idp.answers(|_, answer| {
        answer.status = 401;
        answer.media_type = "application/json".into();
        answer.content = crate::idp::object(json!({"error": "invalid_grant", "check": "refresh_token.used"}));
    });
    match refresh() {
        // Nobody can type a refresh token anew: this is no wrong credential.
        Error::Endpoint { endpoint: "refresh endpoint", status: 401, check, .. } => {
            assert_eq!(check.as_deref(), Some("refresh_token.used"));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(client.refresh("", &secret("x"), &keys), Err(Error::Config { .. })));
}

#[test]
fn nothing_is_spent_while_the_keys_of_the_server_cannot_be_had() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    let client = idp.client("");
    idp.jwks_fails_once();
    let error = client.refresh("alice", &secret("refresh-token-1"), &keys).unwrap_err();
    assert!(matches!(error, Error::Endpoint { endpoint: "JWKS endpoint", status: 503, .. }), "{error:?}");
    assert_eq!(idp.requests(), 0, "the refresh token was not sent");

    let login = client.begin_login("alice").unwrap();
    let signed = client.with_password(login, &secret("password")).unwrap();
    idp.jwks_fails_once();
    let error = client.submit(signed.clone(), &keys).unwrap_err();
    assert!(matches!(error, Error::Endpoint { endpoint: "JWKS endpoint", .. }), "{error:?}");
    assert_eq!(idp.requests(), 0, "the nonce was not spent");
    client.submit(signed, &keys).unwrap();
    client.refresh("alice", &secret("refresh-token-1"), &keys).unwrap();
}

#[test]
fn a_key_that_came_meanwhile_is_fetched_once() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    let client = idp.client("");
    idp.jwks_is_old_once();
    client.refresh("alice", &secret("refresh-token-1"), &keys).unwrap();
    assert_eq!(idp.jwks_fetched(), 2);
    idp.jwks_is_old_once();
    idp.jwks_is_old_once();
    let error = client.refresh("alice", &secret("refresh-token-2"), &keys).unwrap_err();
    assert!(matches!(error, Error::Rejected { claim: "kid", .. }), "{error:?}");
    assert_eq!(idp.jwks_fetched(), 4, "once, and no more");
}

#[test]
fn the_moment_of_no_return_is_told() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    let told = Arc::new(Mutex::new(Vec::new()));
    let (idp_then, telling) = (idp.clone(), told.clone());
    let hook = move || telling.lock().unwrap().push((idp_then.jwks_fetched(), idp_then.requests()));
    let client = idp.client("").before_posting(hook);
    client.refresh("alice", &secret("refresh-token-1"), &keys).unwrap();
    assert_eq!(*told.lock().unwrap(), [(1, 0)], "once; the keys are at hand, and nothing is sent yet");
    client.key_request("alice", &secret("refresh-token-2"), &keys).unwrap();
    assert_eq!(told.lock().unwrap().len(), 2);
    idp.jwks_fails_once();
    client.refresh("alice", &secret("refresh-token-2"), &keys).unwrap_err();
    assert_eq!(told.lock().unwrap().len(), 2);
}
