//! Logins that succeed, and what was sent for them.

use crate::card::{Card, login};
use crate::idp::{CLIENT_ID, Faults, Idp, Names, REFRESH_TOKEN, form, header, lp};
use crate::{keys, login_with};
use jose::Algorithm;
use jose::jws::Jws;
use psso::{CardCredential, Error, RegistrationRequest};
use secrecy::ExposeSecret as _;

#[test]
fn every_kind_of_card() {
    let (_dir, keys) = keys();
    let idp = Idp::new(Faults::default());
    let client = idp.client("");
    assert!(client.register(&keys, &RegistrationRequest::new("alice")).unwrap().created);
    for mut card in [
        Card::p256(),
        Card::p384(),
        Card::rsa(2048, Algorithm::Rs256),
        Card::rsa(2048, Algorithm::Rs512),
        Card::rsa(3072, Algorithm::Rs384),
        Card::rsa(4096, Algorithm::Rs512),
    ] {
        let outcome = login(&client, &keys, &mut card).unwrap();
        assert_eq!(card.signed, 1, "the card signs once");
        assert_eq!(outcome.user, "alice");
        assert_eq!(outcome.id_token_claims["sub"], "alice");
        assert_eq!(outcome.id_token_claims["aud"], CLIENT_ID);
        assert_eq!(outcome.refresh_token_expires_in, Some(64800));
        assert_eq!(outcome.tokens.refresh_token.as_ref().unwrap().expose_secret(), REFRESH_TOKEN);
        assert_eq!(outcome.tokens.id_token.expose_secret().split('.').count(), 3);
        let shown = format!("{outcome:?}");
        assert!(!shown.contains(REFRESH_TOKEN) && !shown.contains(outcome.tokens.id_token.expose_secret()));
        assert!(outcome.timings.token > std::time::Duration::ZERO);
    }
}

#[test]
fn both_requests_carry_one_request_id_and_nonces_are_fresh() {
    let (_dir, keys) = keys();
    let idp = Idp::new(Faults::default());
    idp.trust(&keys);
    let client = idp.client("");
    for _ in 0..2 {
        login(&client, &keys, &mut Card::p256()).unwrap();
    }
    let seen = idp.seen.lock().unwrap();
    let paths: Vec<&str> = seen.iter().map(|request| request.url.path()).collect();
    assert_eq!(paths, ["/psso/nonce", "/psso/jwks", "/psso/token"].repeat(2));
    let id = |index: usize| header(&seen[index], "client-request-id");
    assert_eq!((id(0), id(3)), (id(2), id(5)));
    assert_ne!(id(0), id(3));
    assert_eq!((id(0).len(), id(0).to_uppercase()), (36, id(0)));
    let nonce = |index: usize| {
        let request = Jws::parse(&form(&seen[index])[2].1).unwrap();
        request.claims().unwrap()["nonce"].as_str().unwrap().to_owned()
    };
    assert_ne!(nonce(2), nonce(5));
    assert_ne!(nonce(2), id(2));
    assert_eq!(header(&seen[0], "accept"), "application/json");
}

#[test]
fn the_card_works_between_two_network_steps() {
    let (_dir, keys) = keys();
    let idp = Idp::new(Faults::default());
    idp.trust(&keys);
    let client = idp.client("");
    let pending = client.begin_login("alice").unwrap();
    assert_eq!(idp.seen.lock().unwrap().len(), 1);
    let mut card = Card::p256();
    let (certificate, signer) = card.credential();
    let signed = client.sign_assertion(pending, CardCredential { certificate_der: &certificate, signer }).unwrap();
    assert_eq!(idp.seen.lock().unwrap().len(), 1, "nothing is sent while the card signs");
    assert!(!format!("{signed:?}").contains(signed.assertion().unwrap()));
    client.submit(signed, &keys).unwrap();
}

#[test]
fn names_of_parameters_follow_the_configuration() {
    let (_dir, keys) = keys();
    let names = Names { jwt_parameter: "request", server_nonce_claim: "srv", scope: "openid offline_access a" };
    let idp = Idp::named(names);
    idp.trust(&keys);
    let more = "server_nonce_claim = \"srv\"\njwt_parameter = \"request\"\nx5c = \"string\"\n\
                nonce_response_keypath = \"nonce\"\nadditional_scopes = [\"a\"]";
    let client = idp.client(more);
    let pending = client.begin_login("alice").unwrap();
    let mut card = Card::p256();
    let (certificate, signer) = card.credential();
    let signed = client.sign_assertion(pending, CardCredential { certificate_der: &certificate, signer }).unwrap();
    let assertion = Jws::parse(signed.assertion().unwrap()).unwrap();
    assert!(assertion.header()["x5c"].is_string());
    let claims = assertion.claims().unwrap();
    assert!(claims["srv"].as_str().unwrap().starts_with("server-nonce-"));
    assert!(!claims.contains_key("request_nonce"));
    assert_eq!(claims["scope"], "openid offline_access a");
    // The server reads these names only, in the form, the login request and the assertion.
    client.submit(signed, &keys).unwrap();
    let refused = login(&idp.client(""), &keys, &mut Card::p256()).unwrap_err();
    assert!(matches!(refused, Error::Endpoint { status: 401, .. }), "{refused:?}");
}

#[test]
fn answers_may_differ_where_the_protocol_leaves_room() {
    // Another prefix in apu (Entra), apv in the header, aud as a list with azp, a server clock 30 s ahead,
    // expires_in instead of refresh_token_expires_in, no refresh token.
    let outcome = login_with(Faults {
        apu: Box::new(|epk| [lp(b"AAD"), lp(epk)].concat()),
        apv_in_header: true,
        id_token_claims: Box::new(|claims| {
            claims["aud"] = serde_json::json!(["other", CLIENT_ID]);
            claims.insert("azp".into(), CLIENT_ID.into());
            for name in ["iat", "nbf"] {
                claims.insert(name.into(), (crate::idp::now() + 30).into());
            }
        }),
        content: Box::new(|content| {
            content.remove("refresh_token");
            content.remove("refresh_token_expires_in");
            content.insert("expires_in".into(), "3600".into());
        }),
        ..Faults::default()
    })
    .unwrap();
    // Without a refresh token there is nothing that the time could be of.
    assert_eq!(outcome.refresh_token_expires_in, None);
    assert!(outcome.tokens.refresh_token.is_none());
    let other_name = Faults {
        content: Box::new(|content| {
            content.remove("refresh_token_expires_in");
            content.insert("expires_in".into(), "3600".into());
        }),
        ..Faults::default()
    };
    assert_eq!(login_with(other_name).unwrap().refresh_token_expires_in, Some(3600));
}

#[test]
fn a_card_that_fails_keeps_its_error() {
    let (_dir, keys) = keys();
    let idp = Idp::new(Faults::default());
    let error = login(&idp.client(""), &keys, &mut Card::removed()).unwrap_err();
    match error {
        Error::Signer(source) => assert_eq!(source.to_string(), "the card was removed"),
        other => panic!("{other:?}"),
    }
    assert_eq!(idp.seen.lock().unwrap().len(), 1, "nothing but the nonce was fetched");

    let error = login(&idp.client(""), &keys, &mut Card::mixed_up()).unwrap_err();
    assert!(matches!(error, Error::CardMismatch(_)), "{error:?}");
    // A signer that claims an algorithm of another kind of key.
    let mut card = Card::rsa(2048, Algorithm::Es256);
    assert!(matches!(login(&idp.client(""), &keys, &mut card), Err(Error::Config { .. })));
    assert_eq!(card.signed, 0);
}

#[test]
fn user_names_that_cannot_be_one() {
    let (_dir, keys) = keys();
    let idp = Idp::new(Faults::default());
    let client = idp.client("");
    for user in ["", "  ", "a\nb", "a\0", &"x".repeat(300)] {
        assert!(matches!(client.begin_login(user), Err(Error::Config { .. })), "{user:?}");
        assert!(
            matches!(client.register(&keys, &RegistrationRequest::new(user)), Err(Error::Config { .. })),
            "{user:?}"
        );
    }
    assert!(idp.seen.lock().unwrap().is_empty());
}
