//! Refreshing without a card.

use std::collections::BTreeSet;

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
