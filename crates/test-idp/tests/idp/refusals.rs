//! Every way to get a login wrong, each refused at the check that is there for it, with nothing
//! stored.

use jose::Algorithm;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::cards::CardKey;
use crate::refused_certificates::certificates;
use crate::world::{ALICE, BOB, Device, Login, World, apv, kid, now, x963};

/// One wrong login: what is wrong, the check that has to notice, and the change that makes it so.
pub(crate) type Case = (String, &'static str, Box<dyn Fn(&mut Login, &World)>);

pub(crate) fn case(what: &str, check: &'static str, change: impl Fn(&mut Login, &World) + 'static) -> Case {
    (what.to_owned(), check, Box::new(change))
}

#[test]
fn every_wrong_login_is_refused_at_its_check() {
    let world = World::new();
    let cases: Vec<Case> =
        [claims(), headers_and_keys(), times(), relations(), certificates()].into_iter().flatten().collect();
    for (what, check, change) in &cases {
        let mut login = world.login(Algorithm::Es256);
        change(&mut login, &world);
        let stored = world.stored();
        let answer = login.send();
        assert!(world.stored() == stored, "{what}: a refused login leaves nothing behind");
        assert_eq!(answer.check(), *check, "{what}: {answer:?}");
        let status = if *check == "outer.format" { 400 } else { 401 };
        assert_eq!(answer.status, status, "{what}");
        let description = answer.json()["error_description"].as_str().unwrap().to_owned();
        assert!(description.starts_with("The login was refused: ") && description.ends_with('.'), "{description}");
        let nonce = login.assertion_claims.get("request_nonce").and_then(Value::as_str);
        assert!(!answer.body.contains(nonce.unwrap_or("something else")), "{what}");
    }
    assert_eq!(world.login(Algorithm::Es256).send().status, 200, "and the next good one is accepted");
    println!("{} wrong logins refused", cases.len());
}

/// Each claim and header member once missing, once of another type, once with another value.
fn claims() -> Vec<Case> {
    type Members = &'static [(&'static str, &'static str)];
    const OUTER: Members = &[
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
        ("username", "outer.username"),
        ("sub", "outer.username"),
    ];
    const OUTER_HEADER: Members = &[("typ", "outer.typ"), ("alg", "outer.alg"), ("kid", "outer.kid")];
    const ASSERTION: Members = &[
        ("iss", "assertion.iss"),
        ("sub", "assertion.sub"),
        ("aud", "assertion.aud"),
        ("iat", "assertion.iat"),
        ("exp", "assertion.exp"),
        ("nonce", "assertion.nonce"),
        ("request_nonce", "assertion.request_nonce"),
        ("scope", "assertion.scope"),
    ];
    const ASSERTION_HEADER: Members =
        &[("typ", "assertion.typ"), ("alg", "assertion.alg"), ("kid", "assertion.kid"), ("x5c", "assertion.x5c")];
    type Of = fn(&mut Login) -> &mut Map<String, Value>;
    let parts: [(&str, Members, Of); 4] = [
        ("outer claim", OUTER, |login| &mut login.claims),
        ("outer header", OUTER_HEADER, |login| &mut login.header),
        ("assertion claim", ASSERTION, |login| &mut login.assertion_claims),
        ("assertion header", ASSERTION_HEADER, |login| &mut login.assertion_header),
    ];
    let wrong = [None, Some(json!("something else")), Some(json!(["a"])), Some(json!(true)), Some(Value::Null)];
    let mut cases = Vec::new();
    for (part, members, of) in parts {
        for (member, check) in members {
            for value in wrong.clone() {
                let what = format!("{part} {member} = {value:?}");
                cases.push(case(&what, check, move |login, _| {
                    match value.clone() {
                        None => of(login).remove(*member),
                        Some(value) => of(login).insert((*member).to_owned(), value),
                    };
                }));
            }
        }
    }
    for (member, check) in [("alg", "outer.jwe_crypto"), ("enc", "outer.jwe_crypto"), ("apv", "outer.apv")] {
        for value in wrong.clone() {
            cases.push(case(&format!("jwe_crypto.{member} = {value:?}"), check, move |login, _| {
                login.claims["jwe_crypto"][member] = value.clone().unwrap_or_default();
            }));
        }
    }
    cases
}

/// Algorithms swapped, keys swapped, tokens damaged.
fn headers_and_keys() -> Vec<Case> {
    let mut cases = vec![
        case("outer without signature", "outer.alg", |login, _| {
            login.header.insert("alg".into(), json!("none"));
        }),
        case("outer with a critical extension", "outer.format", |login, _| {
            login.header.insert("crit".into(), json!(["b64"]));
        }),
        case("outer typ of macOS 13", "outer.typ", |login, _| {
            login.header.insert("typ".into(), json!("JWT"));
        }),
        case("an unregistered device", "outer.kid", |login, _| {
            login.signing = Device::new().signing;
            login.header.insert("kid".into(), json!(kid(&login.signing)));
        }),
        case("another device's signature", "outer.signature", |login, world| {
            login.signing = world.bobs.signing.clone()
        }),
        case("signed by the encryption key", "outer.signature", |login, world| {
            login.signing = world.alices.encryption.clone();
        }),
        case("another device's kid", "outer.signature", |login, world| {
            login.header.insert("kid".into(), json!(kid(&world.bobs.signing)));
        }),
        case("HPKE", "outer.jwe_crypto", |login, _| {
            login.claims["jwe_crypto"] = json!({"alg": "HPKE-P256-SHA256-A256GCM", "enc": "dir", "kid": "AA=="});
        }),
        case("assertion signed by another card", "assertion.signature", |login, _| {
            login.card = CardKey::new(Algorithm::Es256);
        }),
        case("x5c of another card", "assertion.signature", |login, world| {
            let other = world.ca.issue(&CardKey::new(Algorithm::Es256), ALICE, |_| {});
            login.assertion_header.insert("x5c".into(), json!([other]));
        }),
        case("x5c and kid of another card", "assertion.signature", |login, world| {
            let other = CardKey::new(Algorithm::Es256);
            login.assertion_header.insert("kid".into(), json!(other.kid()));
            login.assertion_header.insert("x5c".into(), json!([world.ca.issue(&other, ALICE, |_| {})]));
        }),
        case("kid of another card", "assertion.kid", |login, _| {
            login.assertion_header.insert("kid".into(), json!(CardKey::new(Algorithm::Es256).kid()));
        }),
        case("an RSA card without kid", "assertion.kid", |login, world| {
            *login = world.login(Algorithm::Rs256);
            login.assertion_header.remove("kid");
        }),
        case("two certificates", "assertion.x5c", |login, _| {
            let leaf = login.assertion_header["x5c"][0].clone();
            login.assertion_header.insert("x5c".into(), json!([leaf, leaf]));
        }),
        case("a certificate with something behind it", "assertion.x5c", |login, _| {
            let leaf = login.assertion_header["x5c"][0].as_str().unwrap().trim_end_matches('=').to_owned();
            let whole = leaf.get(..leaf.len() / 4 * 4).unwrap().to_owned() + "AAAAAAAA";
            login.assertion_header.insert("x5c".into(), json!([whole]));
        }),
        case("assertion with a critical extension", "assertion.format", |login, _| {
            login.assertion_header.insert("crit".into(), json!(["b64"]));
        }),
        case("assertion typ of the outer token", "assertion.typ", |login, _| {
            login.assertion_header.insert("typ".into(), json!("platformsso-login-request+jwt"));
        }),
        case("assertion signed by the device", "assertion.x5c", |login, _| {
            login.assertion_header.remove("x5c");
        }),
    ];
    for alg in ["none", "HS256", "ES384", "RS256", "PS256", "es256"] {
        cases.push(case(&format!("assertion alg {alg}"), "assertion.alg", move |login, _| {
            login.assertion_header.insert("alg".into(), json!(alg));
        }));
        if alg != "none" {
            cases.push(case(&format!("outer alg {alg}"), "outer.alg", move |login, _| {
                login.header.insert("alg".into(), json!(alg));
            }));
        }
    }
    for (card, alg) in [
        (Algorithm::Rs256, "ES256"),
        (Algorithm::Rs256, "PS256"),
        (Algorithm::Es384, "ES256"),
        (Algorithm::Es384, "RS384"),
    ] {
        cases.push(case(&format!("{card} card, alg {alg}"), "assertion.alg", move |login, world| {
            *login = world.login(card);
            login.assertion_header.insert("alg".into(), json!(alg));
        }));
    }
    cases.push(case("RS256 signature, alg RS512", "assertion.signature", |login, world| {
        *login = world.login(Algorithm::Rs256);
        login.assertion_header.insert("alg".into(), json!("RS512"));
    }));
    for bad in [json!(""), json!("a.b.c"), json!(7), json!("e30.e30"), Value::Null] {
        cases.push(case(&format!("assertion = {bad}"), "assertion.format", move |login, _| {
            login.assertion = Some(bad.clone());
        }));
    }
    cases
}

fn times() -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, iat, exp, outer, inner) in [
        ("issued in a minute", 60, 300, "outer.iat", "assertion.iat"),
        ("expired a second ago", -200, -1, "outer.exp", "assertion.exp"),
        ("expires this second", -200, 0, "outer.exp", "assertion.exp"),
        ("lives longer than five minutes", 0, 301, "outer.exp", "assertion.exp"),
        ("expires before it is issued", 4, 3, "outer.exp", "assertion.exp"),
    ] {
        cases.push(case(&format!("outer {what}"), outer, move |login, _| {
            login.claims.insert("iat".into(), json!(now() + iat));
            login.claims.insert("exp".into(), json!(now() + exp));
        }));
        cases.push(case(&format!("assertion {what}"), inner, move |login, _| {
            login.assertion_claims.insert("iat".into(), json!(now() + iat));
            login.assertion_claims.insert("exp".into(), json!(now() + exp));
        }));
    }
    cases
}

/// What is right by itself, but belongs to another request, user or device.
fn relations() -> Vec<Case> {
    vec![
        case("a used nonce", "outer.request_nonce", |login, _| assert_eq!(login.send().status, 200)),
        case("another client-request-id", "outer.request_nonce", |login, _| {
            login.request_id = Some(Uuid::new_v4().to_string());
        }),
        case("no client-request-id", "outer.request_nonce", |login, _| login.request_id = None),
        case("another nonce in the assertion", "assertion.request_nonce", |login, world| {
            let nonce = world.nonce(None);
            login.assertion_claims.insert("request_nonce".into(), json!(nonce));
        }),
        case("another nonce in the request", "assertion.request_nonce", |login, world| {
            let nonce = world.nonce(None);
            login.claims.insert("request_nonce".into(), json!(nonce));
        }),
        case("yesterday's assertion", "assertion.nonce", |login, world| {
            login.assertion = Some(json!(world.login(Algorithm::Es256).assertion()));
        }),
        case("bob's assertion", "assertion.iss", |login, world| {
            let bobs = world.login_of("bob", BOB, &world.bobs, Algorithm::Es256);
            login.assertion = Some(json!(bobs.assertion()));
        }),
        case("alice on bob's device", "outer.device_user", |login, world| {
            *login = world.login_of("alice", ALICE, &world.bobs, Algorithm::Es256);
        }),
        case("a user who is not known", "outer.username", |login, world| {
            *login = world.login_of("mallory", "mallory@example.test", &world.alices, Algorithm::Es256);
        }),
        case("sub is another user", "outer.username", |login, _| {
            login.claims.insert("sub".into(), json!("bob"));
        }),
        case("username in another case", "outer.username", |login, world| {
            *login = world.login_of("Alice", ALICE, &world.alices, Algorithm::Es256);
        }),
        case("a nonce in lower case", "outer.nonce", |login, world| {
            let nonce = Uuid::new_v4().to_string();
            login.claims.insert("nonce".into(), json!(nonce));
            login.claims["jwe_crypto"]["apv"] =
                json!(jose::base64url::encode(&apv(&x963(&world.alices.encryption), &nonce)));
        }),
        case("apv of another device", "outer.apv", |login, world| {
            let apv = apv(&x963(&world.bobs.encryption), login.claims["nonce"].as_str().unwrap());
            login.claims["jwe_crypto"]["apv"] = json!(jose::base64url::encode(&apv));
        }),
        case("apv of another nonce", "outer.apv", |login, world| {
            let apv = apv(&x963(&world.alices.encryption), &Uuid::new_v4().to_string().to_uppercase());
            login.claims["jwe_crypto"]["apv"] = json!(jose::base64url::encode(&apv));
        }),
        case("apv with one byte more", "outer.apv", |login, _| {
            let longer = [login.apv.as_slice(), &[0]].concat();
            login.claims["jwe_crypto"]["apv"] = json!(jose::base64url::encode(&longer));
        }),
        case("apv in upper case", "outer.apv", |login, _| {
            let mut other = login.apv.clone();
            other[4..9].copy_from_slice(b"APPLE");
            login.claims["jwe_crypto"]["apv"] = json!(jose::base64url::encode(&other));
        }),
        case("the audience and the endpoint swapped", "outer.aud", |login, world| {
            login.claims.insert("aud".into(), json!(world.audience));
        }),
        case("the endpoint as audience of the assertion", "assertion.aud", |login, _| {
            let url = login.claims["aud"].clone();
            login.assertion_claims.insert("aud".into(), url);
        }),
        case("a scope without openid", "outer.scope", |login, _| {
            login.claims.insert("scope".into(), json!("offline_access openid2"));
        }),
        case("another order of scopes in the assertion", "assertion.scope", |login, _| {
            login.assertion_claims.insert("scope".into(), json!("offline_access openid urn:apple:platformsso"));
        }),
    ]
}

#[test]
fn a_nonce_is_used_up_by_the_first_request_of_a_device_and_by_no_stranger() {
    let world = World::new();
    let mut login = world.login(Algorithm::Es256);
    let good = login.signing.clone();
    login.signing = Device::new().signing;
    assert_eq!(login.send().check(), "outer.signature");
    login.signing = good;
    login.assertion_claims.insert("aud".into(), json!("wrong"));
    assert_eq!(login.send().check(), "assertion.aud");
    login.assertion_claims.insert("aud".into(), json!(world.audience));
    assert_eq!(login.send().check(), "outer.request_nonce");

    // Also when a check before that of the nonce refuses.
    let mut login = world.login(Algorithm::Es256);
    login.claims.insert("iss".into(), json!("wrong"));
    assert_eq!(login.send().check(), "outer.iss");
    login.claims.insert("iss".into(), json!(world.client_id));
    assert_eq!(login.send().check(), "outer.request_nonce");
}
