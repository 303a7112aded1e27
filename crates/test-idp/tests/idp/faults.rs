//! What each fault does to a good login.

use std::time::{Duration, Instant};

use jose::Algorithm;
use test_idp::Fault;

use crate::login::{apu_is_right, id_token, open};
use crate::world::{World, now};

#[test]
fn faults_spoil_what_their_name_says_and_nothing_else() {
    for fault in Fault::all().filter(|fault| *fault != Fault::Slow) {
        let world = World::with_faults(&[fault]);
        let login = world.login(Algorithm::Es256);
        let answer = login.send();
        match fault {
            Fault::Html => {
                assert_eq!(answer.status, 200);
                assert!(answer.header("content-type").unwrap().starts_with("text/html"));
                continue;
            }
            Fault::Error500 => {
                assert_eq!(answer.status, 500);
                continue;
            }
            Fault::Refuse401 => {
                assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_grant")));
                continue;
            }
            Fault::Redirect => {
                assert_eq!((answer.status, answer.header("location")), (307, Some("/psso/elsewhere")));
                continue;
            }
            _ => {}
        }
        assert_eq!(apu_is_right(&answer), fault != Fault::WrongApu, "{fault}");
        let tokens = open(&answer, &world.alices, &login);
        let Ok(claims) = id_token(&tokens, &world) else {
            assert_eq!(fault, Fault::WrongKey);
            continue;
        };
        assert_ne!(fault, Fault::WrongKey);
        assert_eq!(claims["nonce"] == login.claims["nonce"], fault != Fault::WrongNonce, "{fault}");
        assert_eq!(claims["aud"] == world.client_id, fault != Fault::WrongAud, "{fault}");
        assert_eq!(claims["iss"] == world.url, fault != Fault::WrongIss, "{fault}");
        assert_eq!(claims["exp"].as_i64().unwrap() > now(), fault != Fault::Expired, "{fault}");
        assert_eq!(claims["nbf"].as_i64().unwrap() <= now(), fault != Fault::NotYetValid, "{fault}");
    }
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
    let login = world.login(Algorithm::Es256);
    let request = login.request();
    let token_endpoint = format!("{}/psso/token", world.url);
    let host = token_endpoint.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("platform_sso_version", "1.0"), ("grant_type", grant), ("assertion", &request)])
        .finish();
    let mut stream = std::net::TcpStream::connect(&host).unwrap();
    let head = format!(
        "POST /psso/token HTTP/1.1\r\nHost: {host}\r\nclient-request-id: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        login.request_id.as_deref().unwrap(),
        body.len()
    );
    std::io::Write::write_all(&mut stream, (head + &body).as_bytes()).unwrap();
    // The client's patience: no answer comes within it.
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let silence = std::io::Read::read(&mut stream, &mut [0; 1]).unwrap_err();
    assert!(matches!(silence.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut));
    // Others are served meanwhile.
    world.nonce(None);
    let before = Instant::now();
    drop(world);
    assert!(before.elapsed() < Duration::from_secs(10), "{:?}", before.elapsed());
    assert!(matches!(std::io::Read::read(&mut stream, &mut [0; 1]), Ok(0) | Err(_)));
}
