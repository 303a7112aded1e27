//! Refresh: rotation, reuse, and everything that can be wrong with it.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::login::id_token;
use crate::requests::Request;
use crate::world::{Device, World, now};

#[test]
fn a_refresh_gives_new_tokens_without_the_card() {
    let world = World::new();
    let token = world.refresh_token();
    let refresh = world.refresh(&world.alices, &token);
    let answer = refresh.send();
    assert_eq!(answer.header("content-type"), Some("application/platformsso-login-response+jwt"));
    let tokens = refresh.open(&answer, &world.alices);
    assert_ne!(tokens["refresh_token"], json!(token));
    let claims = id_token(&tokens, &world).unwrap();
    assert_eq!((claims["sub"].as_str(), claims["upn"].as_str()), (Some("alice"), Some("alice@example.test")));
    assert_eq!(claims["nonce"], refresh.claims["nonce"]);
    // The next one goes on from there, and the token endpoint takes it as well.
    let mut next = world.refresh(&world.alices, tokens["refresh_token"].as_str().unwrap());
    let token_endpoint = format!("{}/psso/token", world.url);
    next.claims.insert("aud".into(), json!(token_endpoint));
    next.open(&next.send_to(&token_endpoint), &world.alices);
}

#[test]
fn a_used_token_revokes_the_whole_session_and_no_other() {
    let world = World::new();
    let (first, other) = (world.refresh_token(), world.refresh_token());
    let refresh = world.refresh(&world.alices, &first);
    let second = refresh.open(&refresh.send(), &world.alices)["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(world.refresh(&world.alices, &first).send().check(), "refresh.reuse");
    assert_eq!(world.refresh(&world.alices, &second).send().check(), "refresh.revoked");
    assert_eq!(world.refresh(&world.alices, &first).send().check(), "refresh.revoked");
    assert_eq!(world.refresh(&world.alices, &other).send().status, 200);
}

#[test]
fn a_replayed_refresh_is_refused_for_its_nonce_and_revokes_nothing() {
    let world = World::new();
    let refresh = world.refresh(&world.alices, &world.refresh_token());
    let second = refresh.open(&refresh.send(), &world.alices)["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(refresh.send().check(), "outer.request_nonce");
    assert_eq!(world.refresh(&world.alices, &second).send().status, 200);
}

#[test]
fn a_request_that_is_given_up_uses_nothing_up() {
    let world = World::new();
    let token = world.refresh_token();
    let world = world.restart(|options| options.request_time_limit = Duration::from_secs(2));
    let refresh = world.refresh(&world.alices, &token);
    // Another process works on the database for as long.
    let mut database = rusqlite::Connection::open(world.directory.path().join("state/idp.sqlite")).unwrap();
    let busy = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    assert_eq!(refresh.send().status, 408);
    busy.rollback().unwrap();
    // The nonce was not taken either: nothing at all happened.
    assert_eq!(refresh.send().status, 200);
}

#[test]
fn of_two_refreshes_at_once_one_goes() {
    let world = World::new();
    let token = world.refresh_token();
    let requests = [world.refresh(&world.alices, &token), world.refresh(&world.alices, &token)];
    let mut statuses = std::thread::scope(|scope| {
        requests.each_ref().map(|request| scope.spawn(|| request.send().status)).map(|thread| thread.join().unwrap())
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

#[test]
fn a_session_ends_with_its_time_its_card_or_its_user() {
    let world = World::with(|options| options.refresh_token_lifetime = Duration::ZERO);
    assert_eq!(world.refresh(&world.alices, &world.refresh_token()).send().check(), "refresh.expired");

    let world = World::new();
    let token = world.refresh_token();
    let world = world.restart(|options| options.users.retain(|user| user.name() != "alice"));
    assert_eq!(world.refresh(&world.alices, &token).send().check(), "refresh.user");
    let world = world.restart(|options| options.users.push("alice=other@example.test".parse().unwrap()));
    assert_eq!(world.refresh(&world.alices, &token).send().check(), "certificate.upn");
    let world = world.restart(|options| {
        options.users.retain(|user| user.name() != "alice");
        options.users.push("alice".parse().unwrap());
    });
    assert_eq!(world.refresh(&world.alices, &token).send().status, 200, "and none of that used the token up");
}

type Change = fn(&mut Request, &World);
type Case = (String, &'static str, Box<dyn Fn(&mut Request)>);

#[test]
fn wrong_refreshes_are_refused_at_their_check_and_change_nothing() {
    let world = World::new();
    let token = world.refresh_token();
    let mut cases: Vec<Case> = Vec::new();
    for (claim, check) in [
        ("iss", "outer.iss"),
        ("client_id", "outer.client_id"),
        ("aud", "outer.aud"),
        ("iat", "outer.iat"),
        ("exp", "outer.exp"),
        ("request_nonce", "outer.request_nonce"),
        ("grant_type", "outer.grant_type"),
        ("nonce", "outer.nonce"),
        ("scope", "outer.scope"),
        ("jwe_crypto", "outer.jwe_crypto"),
        ("refresh_token", "refresh.token"),
    ] {
        for value in [None, Some(json!("something else")), Some(json!(["a"])), Some(Value::Null)] {
            cases.push((
                format!("{claim} = {value:?}"),
                check,
                Box::new(move |request| {
                    match value.clone() {
                        None => request.claims.remove(claim),
                        Some(value) => request.claims.insert(claim.into(), value),
                    };
                }),
            ));
        }
    }
    for (what, check, change) in &cases {
        let mut request = world.refresh(&world.alices, &token);
        change(&mut request);
        let stored = world.stored();
        let answer = request.send();
        assert_eq!((answer.status, answer.check().as_str()), (401, *check), "{what}");
        assert!(world.stored() == stored, "{what}");
    }
    let more: [(&str, &str, Change); 8] = [
        ("username of somebody else", "refresh.user", |request, _| {
            request.claims.insert("username".into(), json!("bob"));
        }),
        ("expired", "outer.exp", |request, _| {
            request.claims.insert("iat".into(), json!(now() - 301));
            request.claims.insert("exp".into(), json!(now() - 1));
        }),
        ("another device's kid", "outer.signature", |request, world| {
            request.header.insert("kid".into(), json!(crate::world::kid(&world.bobs.signing)));
        }),
        ("typ of a login", "outer.aud", |request, _| {
            request.header.insert("typ".into(), json!("platformsso-login-request+jwt"));
        }),
        ("typ of a response", "outer.typ", |request, _| {
            request.header.insert("typ".into(), json!("platformsso-login-response+jwt"));
        }),
        ("alg none", "outer.alg", |request, _| {
            request.header.insert("alg".into(), json!("none"));
        }),
        ("an unknown device", "outer.kid", |request, _| {
            request.signing = Device::new().signing;
            request.header.insert("kid".into(), json!(crate::world::kid(&request.signing)));
        }),
        ("another client-request-id", "outer.request_nonce", |request, _| {
            request.request_id = Some(Uuid::new_v4().to_string());
        }),
    ];
    for (what, check, change) in more {
        let mut request = world.refresh(&world.alices, &token);
        change(&mut request, &world);
        let stored = world.stored();
        assert_eq!(request.send().check(), check, "{what}");
        assert!(world.stored() == stored, "{what}");
    }
    let stored = world.stored();
    assert_eq!(world.refresh(&world.bobs, &token).send().check(), "refresh.device", "bob's device has alice's token");
    assert!(world.stored() == stored);
    assert_eq!(world.refresh(&world.alices, &token).send().status, 200, "the token was not used up by any of them");
    println!("{} wrong refreshes refused", cases.len() + more.len() + 1);
}
