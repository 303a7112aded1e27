//! Endpoints that answer with something else than the protocol.

use psso::http::{HttpError, HttpResponse};
use psso::{Error, RegistrationRequest};
use serde_json::json;

use crate::idp::{Faults, Idp, answer};
use crate::{Card, card, keys, login_with};

/// The error when one endpoint answers with this.
fn answered(endpoint: &'static str, wrong: HttpResponse) -> Error {
    login_with(Faults {
        answer: Box::new(move |path, response| {
            if path.ends_with(endpoint) {
                *response = wrong.clone();
            }
        }),
        ..Faults::default()
    })
    .unwrap_err()
}

#[test]
fn html_where_the_protocol_should_be() {
    for endpoint in ["nonce", "token", "jwks"] {
        let error = answered(endpoint, answer(200, "text/html; charset=utf-8", b"<html>Sign in\x1b[2J</html>"));
        let text = error.to_string();
        assert!(matches!(error, Error::UnexpectedAnswer { .. }), "{text}");
        assert!(text.contains("text/html") && !text.contains("<html>"), "{text}");
    }
    let error = answered("token", answer(200, "application/json", b"{}"));
    assert!(error.to_string().contains("application/platformsso-login-response+jwt was expected, application/json"));
    let mut untyped = answer(200, "", b"hello");
    untyped.content_type = None;
    assert!(answered("nonce", untyped).to_string().contains("without a media type"));
}

#[test]
fn json_counts_under_any_media_type_where_there_is_no_token() {
    for media_type in [Some("text/plain"), Some("application/octet-stream"), Some("text/html"), None] {
        let relabelled =
            move |response: &mut psso::http::HttpResponse| response.content_type = media_type.map(str::to_owned);
        let labels = move |endpoints: &'static [&'static str]| Faults {
            answer: Box::new(move |path, response| {
                if endpoints.iter().any(|endpoint| path.ends_with(endpoint)) {
                    relabelled(response);
                }
            }),
            ..Faults::default()
        };
        login_with(labels(&["nonce", "jwks"])).unwrap();
        let idp = Idp::new(labels(&["register"]));
        assert!(idp.client("").register(&keys().1, &RegistrationRequest::new("alice")).unwrap().created);
        assert!(matches!(login_with(labels(&["token"])), Err(Error::UnexpectedAnswer { .. })));
    }
}

#[test]
fn refusals_and_failures() {
    let error = answered("token", answer(500, "text/html", b"<h1>oops</h1>"));
    assert!(matches!(error, Error::Endpoint { status: 500, endpoint: "token endpoint", .. }));
    let body = json!({"error": "invalid_grant", "error_description": "No.", "check": "upn"}).to_string();
    match answered("token", answer(401, "application/json", body.as_bytes())) {
        Error::Endpoint { status: 401, oauth_error, description, check, .. } => {
            assert_eq!(oauth_error.as_deref(), Some("invalid_grant"));
            assert_eq!(description.as_deref(), Some("No."));
            assert_eq!(check.as_deref(), Some("upn"));
        }
        other => panic!("{other:?}"),
    }
    for (endpoint, status) in [("nonce", 302), ("token", 307), ("jwks", 301), ("nonce", 204), ("nonce", 404)] {
        let error = answered(endpoint, answer(status, "text/plain", b""));
        assert!(matches!(error, Error::Endpoint { status: got, .. } if got == status), "{error:?}");
    }
}

#[test]
fn an_unknown_device_is_refused_with_the_servers_words() {
    let (_dir, keys) = keys();
    let idp = Idp::new(Faults::default());
    let error = card::login(&idp.client(""), &keys, &mut Card::p256()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the token endpoint answered 401 (invalid_grant): The device is unknown. [assertion]"
    );
}

#[test]
fn oversized_answers() {
    for endpoint in ["nonce", "token", "jwks"] {
        let error = answered(endpoint, answer(200, "application/json", &vec![b' '; psso::http::MAX_BODY_LEN + 1]));
        assert!(matches!(error, Error::Network { source: HttpError::TooLarge { .. }, .. }), "{error:?}");
    }
}

#[test]
fn nonces_that_are_none() {
    for body in
        ["{}", "[]", "{", r#"{"Nonce":7}"#, r#"{"Nonce":""}"#, r#"{"nonce":"x"}"#, r#"{"Nonce":"a","Nonce":"b"}"#]
    {
        let error = answered("nonce", answer(200, "application/json", body.as_bytes()));
        assert!(matches!(error, Error::UnexpectedAnswer { endpoint: "nonce endpoint", .. }), "{body}: {error:?}");
    }
    let long = json!({"Nonce": "x".repeat(5000)}).to_string();
    let error = answered("nonce", answer(200, "application/json", long.as_bytes()));
    assert!(matches!(error, Error::UnexpectedAnswer { .. }));
    assert!(error.to_string().ends_with("the nonce is longer than 4096 bytes"), "{error}");
    let error = answered("nonce", answer(200, "application/json", br#"{"Nonce":7}"#)).to_string();
    assert!(
        error.ends_with("what is at \"Nonce\" (nonce_response_keypath) is not a text with something in it"),
        "{error}"
    );
    let long = json!({"Nonce": "x".repeat(4096)}).to_string();
    let longest = login_with(Faults {
        answer: Box::new(move |path, response| {
            if path.ends_with("nonce") {
                *response = answer(200, "application/json", long.as_bytes());
            }
        }),
        ..Faults::default()
    });
    // It is taken and sent; this server did not give it out.
    assert!(matches!(longest, Err(Error::Endpoint { endpoint: "token endpoint", .. })), "{longest:?}");
}

#[test]
fn key_sets_that_are_none() {
    for body in ["{}", "[]", "{", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
        let error = answered("jwks", answer(200, "application/json", body.as_bytes()));
        assert!(matches!(error, Error::UnexpectedAnswer { endpoint: "JWKS endpoint", .. }), "{body}: {error:?}");
    }
}

#[test]
fn registrations() {
    let (_dir, keys) = keys();
    let idp = Idp::new(Faults::default());
    let client = idp.client("");
    let first = client.register(&keys, &RegistrationRequest::new("alice")).unwrap();
    assert_eq!((first.device_id, first.user, first.created), (keys.signing_public().kid, "alice".to_owned(), true));
    assert!(!client.register(&keys, &RegistrationRequest::new("alice")).unwrap().created, "the same again");

    for (status, body, claim) in [
        (201, json!({"device_id": "other", "user": "alice"}), Some("device_id")),
        (201, json!({"device_id": keys.signing_public().kid, "user": "bob"}), Some("user")),
        (200, json!({}), Some("device_id")),
        (409, json!({"error": "taken"}), None),
    ] {
        let wrong = answer(status, "application/json", body.to_string().as_bytes());
        let idp =
            Idp::new(Faults { answer: Box::new(move |_, response| *response = wrong.clone()), ..Faults::default() });
        match (idp.client("").register(&keys, &RegistrationRequest::new("alice")), claim) {
            (Err(Error::Rejected { claim: got, .. }), Some(claim)) => assert_eq!(got, claim),
            (Err(Error::Endpoint { status: 409, .. }), None) => {}
            (other, _) => panic!("{other:?}"),
        }
    }
    let config = "issuer=\"a\"\nclient_id=\"b\"\naudience=\"c\"\nnonce_endpoint=\"https://i.example/n\"\n\
                  token_endpoint=\"https://i.example/t\"\njwks_endpoint=\"https://i.example/j\"";
    let client = psso::Client::new(psso::Config::from_toml(config).unwrap(), Box::new(crate::idp::Wire(idp)));
    assert!(matches!(client.register(&keys, &RegistrationRequest::new("alice")), Err(Error::Config { .. })));
}
