//! What each fault does to a good login.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use jose::Algorithm;
use jose::jwe::Jwe;
use jose::jws::Jws;
use serde_json::json;
use test_idp::{Fault, IdTokenAlgorithm};

use crate::http::{Answer, get};
use crate::login::{apu_is_right, id_token, open};
use crate::world::{Login, World, now};

/// What a good login gets, at a server or a path with this fault.
pub(crate) fn spoilt(world: &World, login: &Login, fault: Fault) {
    let answer = login.send();
    match fault {
        Fault::Html => {
            assert_eq!(answer.status, 200);
            assert!(answer.header("content-type").unwrap().starts_with("text/html"));
        }
        Fault::Error500 => assert_eq!(answer.status, 500),
        Fault::Refuse401 => {
            assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_grant")));
        }
        Fault::Redirect => {
            assert_eq!((answer.status, answer.header("location")), (307, Some("/psso/elsewhere")));
            assert_eq!(get(&format!("{}/psso/elsewhere", world.url)).status, 404);
        }
        Fault::RedirectHttp => {
            let there = format!("{}/psso/elsewhere", world.url);
            assert_eq!((answer.status, answer.header("location")), (307, Some(there.as_str())));
        }
        Fault::WrongContentType => {
            assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
            assert!(Jwe::parse(&answer.body).is_ok());
        }
        Fault::TruncatedJwe => assert_eq!(answer.body.split('.').count(), 4),
        Fault::InvalidEpk => {
            // Good enough for a client that does not look at the point.
            let header = jose::peek_header(&answer.body).unwrap();
            assert_eq!((header["alg"].as_str(), header["epk"]["crv"].as_str()), (Some("ECDH-ES"), Some("P-256")));
            let refused = Jwe::parse(&answer.body).unwrap_err();
            assert!(matches!(refused, jose::Error::Key { .. }), "{refused:?}");
        }
        // What exactly is wrong is tested where it is made.
        Fault::UnpaddedEpk | Fault::LongIv => assert!(Jwe::parse(&answer.body).is_err()),
        Fault::UnpaddedZ => {
            let answer = Jwe::parse(&answer.body).unwrap();
            assert!(answer.decrypt(&world.alices.encryption, answer.apv().unwrap()).is_err());
        }
        Fault::OversizedBody => {
            assert!(answer.body.len() > 64 << 20, "{}", answer.body.len());
            assert_eq!(answer.header("content-length"), None);
        }
        Fault::JwksUnreachable => {
            let tokens = open(&answer, &world.alices, login);
            assert!(id_token(&tokens, world).is_ok(), "at the path without a fault");
        }
        _ => the_id_token_is_spoilt(world, login, fault, &answer),
    }
}

fn the_id_token_is_spoilt(world: &World, login: &Login, fault: Fault, answer: &Answer) {
    assert_eq!(apu_is_right(answer), fault != Fault::WrongApu, "{fault}");
    let tokens = open(answer, &world.alices, login);
    let token = Jws::parse(tokens["id_token"].as_str().unwrap()).unwrap();
    match fault {
        Fault::AlgNone => {
            assert_eq!(token.header_text("alg"), Some("none"));
            assert!(tokens["id_token"].as_str().unwrap().ends_with('.'));
            return;
        }
        Fault::Hs256PublicKey => return assert_eq!(token.header_text("alg"), Some("HS256")),
        Fault::UnknownKid => {
            let keys = get(&format!("{}/psso/jwks", world.url)).json();
            return assert_ne!(keys["keys"][0]["kid"].as_str(), token.header_text("kid"));
        }
        _ => {}
    }
    let Ok(claims) = id_token(&tokens, world) else {
        return assert_eq!(fault, Fault::WrongKey);
    };
    assert_ne!(fault, Fault::WrongKey);
    assert_eq!(claims["nonce"] == login.claims["nonce"], fault != Fault::WrongNonce, "{fault}");
    assert_eq!(claims["aud"] == world.client_id, fault != Fault::WrongAud, "{fault}");
    assert_eq!(claims["iss"] == world.url, fault != Fault::WrongIss, "{fault}");
    assert_eq!(claims["exp"].as_i64().unwrap() > now(), fault != Fault::Expired, "{fault}");
    assert_eq!(claims["nbf"].as_i64().unwrap() <= now(), fault != Fault::NotYetValid, "{fault}");
}

/// The slow ones have tests of their own.
pub(crate) fn quick() -> impl Iterator<Item = Fault> {
    Fault::all().filter(|fault| !matches!(fault, Fault::Slow | Fault::SlowBody))
}

#[test]
fn faults_spoil_what_their_name_says_and_nothing_else() {
    for fault in quick() {
        // The whole set of keys is hidden there.
        if fault != Fault::JwksUnreachable {
            let world = World::with_faults(&[fault]);
            spoilt(&world, &world.login(Algorithm::Es256), fault);
        }
    }
}

#[test]
fn a_path_has_one_fault_and_the_server_none() {
    let world = World::new();
    for fault in quick() {
        let mut login = world.login(Algorithm::Es256);
        login.at(&format!("{}/fault/{fault}/psso/token", world.url));
        spoilt(&world, &login, fault);
    }
    let login = world.login(Algorithm::Es256);
    assert!(id_token(&open(&login.send(), &world.alices, &login), &world).is_ok());
}

#[test]
fn a_refresh_that_met_a_fault_ends_no_session() {
    let world = World::new();
    let mut token = world.refresh_token();
    let at = |fault: Fault, token: &str| {
        let mut refresh = world.refresh(&world.alices, token);
        refresh.url = format!("{}/fault/{fault}/psso/refresh", world.url);
        refresh.claims.insert("aud".into(), json!(refresh.url));
        let answer = refresh.send();
        (refresh, answer)
    };
    for fault in quick().filter(|fault| *fault != Fault::OversizedBody) {
        at(fault, &token);
        // A client that refuses the answer goes on with the token that it has.
        let refresh = world.refresh(&world.alices, &token);
        let answer = refresh.send();
        assert_eq!(answer.status, 200, "{fault}: {answer:?}");
        token = refresh.open(&answer, &world.alices)["refresh_token"].as_str().unwrap().to_owned();
    }
    // A client that takes it goes on with that; and then the one before is used up.
    let (refresh, answer) = at(Fault::WrongNonce, &token);
    let taken = refresh.open(&answer, &world.alices)["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(world.refresh(&world.alices, &taken).send().status, 200);
    assert_eq!(world.refresh(&world.alices, &token).send().check(), "refresh.reuse");

    // What nobody sees is not kept.
    let stored = world.stored();
    let mut login = world.login(Algorithm::Es256);
    login.at(&format!("{}/fault/error-500/psso/token", world.url));
    assert_eq!(login.send().status, 500);
    let mut key_request = world.key_request(&world.alices, &world.refresh_token());
    let begun = world.stored();
    key_request.url = format!("{}/fault/error-500/psso/key", world.url);
    assert_eq!(key_request.send().status, 500);
    assert!(world.stored() == begun && begun.len() == stored.len() + 2);
}

#[test]
fn the_configuration_of_a_fault_has_its_endpoints_and_our_issuer() {
    let world = World::new();
    let (plain, url) = (get(&format!("{}/psso.toml", world.url)).body, &world.url);
    for fault in Fault::all() {
        let spoilt = get(&format!("{url}/fault/{fault}/psso.toml")).body;
        let expected = plain.replace(&format!("{url}/psso/"), &format!("{url}/fault/{fault}/psso/"));
        assert_eq!(spoilt, expected);
        assert!(spoilt.contains(&format!("issuer = \"{url}\"\n")) && spoilt != plain);
    }
    for path in ["/fault/none/psso.toml", "/fault/wrong-nonce", "/fault/wrong-nonce/other"] {
        let answer = get(&format!("{url}{path}"));
        assert_eq!((answer.status, answer.json()["error"].as_str()), (404, Some("not_found")), "{path}");
    }
    assert!(get(&format!("{url}/fault/none/psso.toml")).body.contains("wrong-nonce, wrong-aud"));
}

#[test]
fn a_login_is_made_out_to_the_endpoint_where_it_arrives() {
    let world = World::new();
    let other = format!("{}/fault/wrong-nonce/psso/token", world.url);
    let mut login = world.login(Algorithm::Es256);
    login.claims.insert("aud".into(), json!(other));
    assert_eq!(login.send().check(), "outer.aud");
}

#[test]
fn the_keys_are_hidden_by_the_end_of_the_connection() {
    let world = World::new();
    let host = world.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let path = "/fault/jwks-unreachable/psso/jwks";
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    assert_eq!(bytes, b"");
    assert_eq!(get(&format!("{}/psso/jwks", world.url)).status, 200);
}

#[test]
fn a_secret_key_that_everybody_knows_signs() {
    use hmac::{Hmac, KeyInit, Mac};
    use p256::pkcs8::{EncodePublicKey, LineEnding};
    let world = World::new();
    let mut login = world.login(Algorithm::Es256);
    login.at(&format!("{}/fault/hs256-public-key/psso/token", world.url));
    let tokens = open(&login.send(), &world.alices, &login);
    let (input, mac) = tokens["id_token"].as_str().unwrap().rsplit_once('.').unwrap();
    let keys = get(&format!("{}/psso/jwks", world.url)).json();
    let coordinate = |name: &str| jose::base64url::decode("", keys["keys"][0][name].as_str().unwrap()).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let pem = p256::PublicKey::from_sec1_bytes(&point).unwrap().to_public_key_pem(LineEnding::LF).unwrap();
    let expected = Hmac::<sha2::Sha256>::new_from_slice(pem.as_bytes()).unwrap().chain_update(input).finalize();
    assert_eq!(jose::base64url::decode("", mac).unwrap(), expected.into_bytes().to_vec());
}

#[test]
fn a_slow_body_begins_at_once_and_goes_on_slowly() {
    let world = World::new();
    let mut login = world.login(Algorithm::Es256);
    login.at(&format!("{}/fault/slow-body/psso/token", world.url));
    let mut stream = post_token(&world, "/fault/slow-body/psso/token", &login);
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut bytes = Vec::new();
    let begun = Instant::now();
    // The head, and then three bytes of the token, each in a chunk of its own.
    while !String::from_utf8_lossy(&bytes).contains("\r\n1\r\ne\r\n1\r\ny\r\n1\r\nJ\r\n") {
        let mut some = [0; 1024];
        let length = stream.read(&mut some).unwrap();
        assert!(length > 0, "{bytes:?}");
        bytes.extend_from_slice(&some[..length]);
    }
    assert!((2..20).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[test]
fn faults_are_no_way_around_the_checks() {
    let world = World::with_faults(&[Fault::Html, Fault::WrongNonce]);
    let mut login = world.login(Algorithm::Es256);
    login.claims.remove("aud");
    assert_eq!(login.send().check(), "outer.aud");
}

#[test]
fn a_slow_answer_does_not_hold_up_the_end() {
    let world = World::with_faults(&[Fault::Slow]);
    let mut stream = post_token(&world, "/psso/token", &world.login(Algorithm::Es256));
    // The client's patience: no answer comes within it.
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let silence = stream.read(&mut [0; 1]).unwrap_err();
    assert!(matches!(silence.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut));
    // Others are served meanwhile.
    world.nonce(None);
    let before = Instant::now();
    drop(world);
    assert!(before.elapsed() < Duration::from_secs(10), "{:?}", before.elapsed());
    assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)));
}

/// Sends a login by hand, so that its answer can be read by hand.
fn post_token(world: &World, path: &str, login: &Login) -> TcpStream {
    let host = world.url.strip_prefix("http://").unwrap();
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let fields = [("platform_sso_version", "1.0"), ("grant_type", grant), ("assertion", &login.request())];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut stream = TcpStream::connect(host).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nclient-request-id: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        login.request_id.as_deref().unwrap(),
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    stream
}

#[test]
fn the_documentation_has_the_table() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/idp.md");
    let page = std::fs::read_to_string(page).unwrap();
    for fault in Fault::all() {
        let line = format!("| `{fault}` | {} | {} |", fault.does(), fault.client_must());
        assert!(page.lines().any(|found| found == line), "{line}");
    }
}

#[test]
fn each_fault_spoils_the_answers_that_it_names_and_no_other() {
    for algorithm in [IdTokenAlgorithm::Es256, IdTokenAlgorithm::Rs256] {
        spoils_the_answers_that_it_names(&World::with(|options| options.id_token_algorithm = algorithm));
    }
}

fn spoils_the_answers_that_it_names(world: &World) {
    let mut token = world.refresh_token();
    for fault in quick() {
        let mut request = world.key_request(&world.alices, &token);
        request.url = format!("{}/fault/{fault}/psso/key", world.url);
        request.claims.remove("aud");
        let answer = request.send();
        let opens = |answer: Jwe| answer.decrypt(&world.alices.encryption, answer.apv().unwrap()).is_ok();
        let good = answer.status == 200
            && answer.header("content-type") == Some("application/platformsso-key-response+jwt")
            && Jwe::parse(&answer.body).is_ok_and(opens)
            && apu_is_right(&answer);
        assert_eq!(good, fault.answers() == "login, refresh", "{fault}: {}", answer.status);
        if good {
            assert!(request.open(&answer, &world.alices).contains_key("certificate"));
            // A refresh is spoilt, where a good id_token is expected.
            let mut refresh = world.refresh(&world.alices, &token);
            let url = format!("{}/fault/{fault}/psso/refresh", world.url);
            (refresh.url, _) = (url.clone(), refresh.claims.insert("aud".into(), json!(url)));
            let tokens = refresh.open(&refresh.send(), &world.alices);
            token = tokens["refresh_token"].as_str().unwrap().to_owned();
            let token_header = jose::peek_header(tokens["id_token"].as_str().unwrap()).unwrap();
            let keys = get(&format!("{}/psso/jwks", world.url)).json();
            let ours = token_header["alg"] == world.options.id_token_algorithm.name()
                && token_header["kid"] == keys["keys"][0]["kid"];
            let right = ours
                && id_token(&tokens, world).is_ok_and(|claims| {
                    let (aud, iss) = (claims["aud"] == world.client_id, claims["iss"] == world.url);
                    let times = claims["exp"].as_i64().unwrap() > now() && claims["nbf"].as_i64().unwrap() <= now();
                    aud && iss && times && claims["nonce"] == refresh.claims["nonce"]
                });
            assert_eq!(right, fault == Fault::JwksUnreachable, "{fault}");
        }
    }
}
