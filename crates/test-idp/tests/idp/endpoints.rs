//! The small endpoints, malformed requests, and the limits.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jose::Algorithm;
use serde_json::{Value, json};

use crate::http::{get, post_form, post_json, read, send};
use crate::world::{Device, World, kid, x963};

#[test]
fn the_configuration_names_every_endpoint() {
    let world = World::new();
    let answer = get(&format!("{}/psso.toml", world.url));
    let (url, client_id, audience) = (&world.url, &world.client_id, &world.audience);
    let expected = format!(
        "issuer = \"{url}\"\nclient_id = \"{client_id}\"\naudience = \"{audience}\"\n\
         nonce_endpoint = \"{url}/psso/nonce\"\ntoken_endpoint = \"{url}/psso/token\"\n\
         jwks_endpoint = \"{url}/psso/jwks\"\nid_token_algorithms = [\"ES256\"]\nrefresh_endpoint = \"{url}/psso/refresh\"\n\
         key_endpoint = \"{url}/psso/key\"\nregistration_endpoint = \"{url}/psso/register\"\n"
    );
    assert_eq!((answer.status, answer.body), (200, expected));
}

#[test]
fn behind_a_proxy_the_configuration_names_the_proxy() {
    let world = World::with(|options| options.url = Some("https://idp.example/test/".parse().unwrap()));
    let configuration = get(&format!("{}/psso.toml", world.url)).body;
    for line in [
        "issuer = \"https://idp.example/test\"",
        "token_endpoint = \"https://idp.example/test/psso/token\"",
        "registration_endpoint = \"https://idp.example/test/psso/register\"",
    ] {
        assert!(configuration.lines().any(|found| found == line), "{line} in {configuration}");
    }
}

#[test]
fn the_key_set_has_the_public_key_only() {
    let world = World::new();
    let keys = get(&format!("{}/psso/jwks", world.url)).json();
    let key = keys["keys"][0].as_object().unwrap();
    let mut members: Vec<_> = key.keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    let coordinate = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    use sha2::Digest;
    assert_eq!(key["kid"], BASE64_STANDARD.encode(sha2::Sha256::digest(point)));
}

#[test]
fn nonces_are_given_to_those_who_ask_rightly() {
    let world = World::new();
    let url = format!("{}/psso/nonce", world.url);
    let nonce = world.nonce(None);
    assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(&nonce).unwrap().len(), 32);
    assert_ne!(nonce, world.nonce(None));
    let good = [("grant_type", "srv_challenge")];
    assert_eq!(post_form(&url, &[], &good).header("cache-control"), Some("no-store"));
    let long = "x".repeat(129);
    for headers in [vec![("client-request-id", long.as_str())], vec![("client-request-id", "a"); 2]] {
        assert_eq!(post_form(&url, &headers, &good).status, 400);
    }
    assert_eq!(post_form(&url, &[], &[("grant_type", "password")]).json()["error"], "unsupported_grant_type");
    assert_eq!(post_form(&url, &[], &[]).status, 400);
    assert_eq!(post_json(&url, "{}").status, 400);
    let answer = get(&url);
    assert_eq!((answer.status, answer.json()["error"].as_str()), (405, Some("method_not_allowed")));
    assert_eq!(answer.header("allow"), Some("POST"));
    let answer = get(&format!("{}/other", world.url));
    assert_eq!((answer.status, answer.json()["error"].as_str()), (404, Some("not_found")));
}

#[test]
fn a_nonce_that_is_not_bound_works_with_any_request_id() {
    let world = World::new();
    for request_id in [None, Some("another".to_owned())] {
        let mut login = world.login(Algorithm::Es256);
        let nonce = json!(world.nonce(None));
        login.claims.insert("request_nonce".into(), nonce.clone());
        login.assertion_claims.insert("request_nonce".into(), nonce);
        login.request_id = request_id;
        assert_eq!(login.send().status, 200);
    }
}

#[test]
fn a_registration_is_new_once() {
    let world = World::new();
    let device = Device::new();
    let expected = json!({"schema_version": 1, "device_id": kid(&device.signing), "user": "alice"});
    for status in [201, 200, 200] {
        let answer = world.register(&device, "alice");
        assert_eq!((answer.status, answer.json()), (status, expected.clone()));
    }
    let other = Device { signing: device.signing, encryption: Device::new().encryption };
    let stored = world.stored();
    let answer = world.register(&other, "alice");
    assert_eq!((answer.status, answer.json()["error"].as_str()), (409, Some("invalid_request")));
    assert_eq!(world.stored(), stored);
}

#[test]
fn wrong_registrations_are_refused_and_leave_nothing() {
    let world = World::new();
    let url = format!("{}/psso/register", world.url);
    let device = Device::new();
    let good = device.registration(&world.client_id, "alice");
    let stored = world.stored();
    let mut off_curve = x963(&device.signing);
    off_curve[64] ^= 1;
    let off_curve = json!({"x963": BASE64_STANDARD.encode(&off_curve), "kid": kid_of(&off_curve)});
    let compressed = [&[2], &x963(&device.signing)[1..33]].concat();
    let compressed = json!({"x963": BASE64_STANDARD.encode(&compressed), "kid": kid_of(&compressed)});
    let p384 = p384_point();
    let p384 = json!({"x963": BASE64_STANDARD.encode(&p384), "kid": kid_of(&p384)});
    for (member, value, status) in [
        ("schema_version", json!(2), 400),
        ("schema_version", json!("1"), 400),
        ("client_id", json!("other"), 400),
        ("user", json!("mallory"), 403),
        ("user", Value::Null, 400),
        ("attestation", json!(["AAAA"]), 400),
        ("extra", json!(1), 400),
        ("device_signing_key", off_curve, 400),
        ("device_signing_key", compressed, 400),
        ("device_signing_key", p384, 400),
        ("device_signing_key", json!({"x963": BASE64_STANDARD.encode(x963(&device.signing))}), 400),
        ("device_signing_key", good["device_encryption_key"].clone(), 400),
        ("device_encryption_key", json!({"x963": good["device_encryption_key"]["x963"], "kid": "AAAA"}), 400),
        ("device_encryption_key", json!({"x963": "", "kid": ""}), 400),
    ] {
        let mut document = good.clone();
        document[member] = value.clone();
        let answer = post_json(&url, &document.to_string());
        assert_eq!(answer.status, status, "{member} = {value}: {answer:?}");
        assert!(answer.json()["error_description"].as_str().unwrap().ends_with('.'));
    }
    let twice = good.to_string().replacen('{', "{\"user\":\"bob\",", 1);
    for body in ["", "[]", "{", &twice] {
        assert_eq!(post_json(&url, body).status, 400, "{body}");
    }
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(send(&url, "POST", &form, &good.to_string()).status, 400);
    assert_eq!(world.stored(), stored);
    assert_eq!(post_json(&url, &good.to_string()).status, 201);
}

#[test]
fn malformed_logins_are_not_logins() {
    let world = World::new();
    let login = world.login(Algorithm::Es256);
    let request = login.request();
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let (version, assertion) = (("platform_sso_version", "1.0"), ("assertion", request.as_str()));
    for (fields, error) in [
        (vec![grant, assertion], "invalid_request"),
        (vec![("platform_sso_version", "2.0"), grant, assertion], "invalid_request"),
        (vec![version, assertion], "unsupported_grant_type"),
        (vec![version, ("grant_type", "password"), assertion], "unsupported_grant_type"),
        (vec![version, grant], "invalid_request"),
        (vec![version, grant, ("request", &request)], "invalid_request"),
        (vec![version, grant, assertion, assertion], "invalid_request"),
        (vec![version, grant, ("assertion", "not a token")], "invalid_request"),
        (vec![version, grant, ("assertion", "")], "invalid_request"),
    ] {
        let answer = login.send_form(&fields);
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some(error)), "{fields:?}");
    }
    // None of them used the nonce up.
    assert_eq!(login.send_request(&request).status, 200);
}

#[test]
fn bodies_have_a_limit() {
    let world = World::new();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    for path in ["/psso/token", "/psso/nonce", "/psso/register"] {
        let answer = send(&format!("{}{path}", world.url), "POST", &form, &"a".repeat(128 * 1024 + 1));
        assert_eq!((answer.status, answer.json()["error"].as_str()), (413, Some("request_too_large")), "{path}");
    }
    let at_the_limit = send(&format!("{}/psso/token", world.url), "POST", &form, &"a".repeat(128 * 1024));
    assert_eq!(at_the_limit.status, 400);
}

#[test]
fn requests_have_a_time_limit() {
    let limit = Duration::from_millis(200);
    let world = World::with(|options| options.request_time_limit = limit);
    let host = world.url.strip_prefix("http://").unwrap();
    for path in ["/psso/token", "/psso/nonce", "/psso/register"] {
        let mut stream = TcpStream::connect(host).unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 9\r\n\r\n");
        let before = Instant::now();
        stream.write_all(head.as_bytes()).unwrap();
        let answer = read(stream);
        assert_eq!((answer.status, answer.json()["error"].as_str()), (408, Some("request_timeout")), "{path}");
        assert!(before.elapsed() >= limit);
    }
}

fn kid_of(bytes: &[u8]) -> String {
    use sha2::Digest;
    BASE64_STANDARD.encode(sha2::Sha256::digest(bytes))
}

/// The base point of P-384.
fn p384_point() -> Vec<u8> {
    use p384::elliptic_curve::sec1::ToSec1Point;
    p384::AffinePoint::GENERATOR.to_sec1_point(false).as_bytes().to_vec()
}

/// What a connection gets until it ends or its client loses patience.
fn received(mut stream: &TcpStream, patience: Duration) -> std::io::Result<String> {
    stream.set_read_timeout(Some(patience)).unwrap();
    let mut bytes = [0; 16 * 1024];
    let length = stream.read(&mut bytes)?;
    Ok(String::from_utf8(bytes[..length].to_vec()).unwrap())
}

#[test]
fn a_connection_that_sends_no_head_ends() {
    let world = World::with(|options| options.request_time_limit = Duration::from_secs(2));
    let host = world.url.strip_prefix("http://").unwrap();
    let connect = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(host).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    };
    let request = format!("GET /psso/jwks HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let idle = connect(request.as_bytes());
    assert!(received(&idle, Duration::from_secs(20)).unwrap().starts_with("HTTP/1.1 200"));
    for stream in [connect(b""), connect(b"GET /psso/jwks HTTP/1.1\r\nHost: x\r\nA: "), idle] {
        assert!(!received(&stream, Duration::from_secs(20)).unwrap().contains("200"));
    }
}

#[test]
fn of_too_many_connections_the_last_waits_for_room() {
    let world = World::with(|options| options.request_time_limit = Duration::from_secs(60));
    let host = world.url.strip_prefix("http://").unwrap();
    let mut idle: Vec<_> = (0..256).map(|_| TcpStream::connect(host).unwrap()).collect();
    let mut late = TcpStream::connect(host).unwrap();
    late.write_all(format!("GET /psso/jwks HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
    let silence = received(&late, Duration::from_secs(1)).unwrap_err();
    assert!(matches!(silence.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut));
    drop(idle.pop());
    assert!(received(&late, Duration::from_secs(20)).unwrap().starts_with("HTTP/1.1 200"));
}
