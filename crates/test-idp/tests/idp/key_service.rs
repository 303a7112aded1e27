//! Key request and key exchange, with `openssl` to read the certificate and ECDH done once more on this side.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jose::{EcPrivateKey, PublicKey};
use serde_json::{Map, Value, json};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::requests::Request;
use crate::world::{World, now, x963};

fn bytes(body: &Map<String, Value>, name: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(body[name].as_str().unwrap()).unwrap()
}

/// The public key of the certificate in the answer to a key request.
fn certified(body: &Map<String, Value>) -> PublicKey {
    let der = bytes(body, "certificate");
    let (rest, certificate) = X509Certificate::from_der(&der).unwrap();
    assert!(rest.is_empty());
    PublicKey::from_spki_der(certificate.public_key().raw).unwrap()
}

#[test]
fn both_sides_come_to_the_same_key() {
    let world = World::new();
    let token = world.refresh_token();
    let request = world.key_request(&world.alices, &token);
    let answer = request.send();
    assert_eq!(answer.header("content-type"), Some("application/platformsso-key-response+jwt"));
    let provided = request.open(&answer, &world.alices);
    let issued = provided["iat"].as_i64().unwrap();
    assert!((now() - 5..=now()).contains(&issued) && provided["exp"].as_i64().unwrap() > issued);
    let theirs = certified(&provided);

    for _ in 0..20 {
        let ours = EcPrivateKey::generate().unwrap();
        let mut exchange = world.key_exchange(&world.alices, &token, &x963(&ours));
        exchange.claims.insert("key_context".into(), provided["key_context"].clone());
        let exchanged = exchange.open(&exchange.send(), &world.alices);
        let key = BASE64_STANDARD.decode(exchanged["key"].as_str().unwrap()).unwrap();
        assert_eq!(key, *ours.diffie_hellman(&theirs).unwrap());
        assert!(exchanged["exp"].as_i64() > exchanged["iat"].as_i64());
        // The context that comes back opens the same key again.
        let mut again = world.key_exchange(&world.alices, &token, &x963(&ours));
        again.claims.insert("key_context".into(), exchanged["key_context"].clone());
        assert_eq!(again.open(&again.send(), &world.alices)["key"], exchanged["key"]);
    }
    // Without a context the last key is meant, after a restart too.
    let world = world.restart(|_| {});
    let ours = EcPrivateKey::generate().unwrap();
    let exchange = world.key_exchange(&world.alices, &token, &x963(&ours));
    let exchanged = exchange.open(&exchange.send(), &world.alices);
    let key = BASE64_STANDARD.decode(exchanged["key"].as_str().unwrap()).unwrap();
    assert_eq!(key, *ours.diffie_hellman(&theirs).unwrap());
}

#[test]
fn the_certificate_is_one_to_openssl_and_the_context_says_nothing() {
    let world = World::new();
    let request = world.key_request(&world.alices, &world.refresh_token());
    let provided = request.open(&request.send(), &world.alices);
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("key.der"), bytes(&provided, "certificate")).unwrap();
    let openssl = |arguments: &str| {
        let mut command = std::process::Command::new("openssl");
        let output = command.args(arguments.split(' ')).current_dir(directory.path()).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = openssl("x509 -inform DER -in key.der -noout -text");
    for expected in ["Version: 3", "ASN1 OID: prime256v1", "Key Agreement", "CN = Platform SSO key"] {
        let found = text.contains(expected) || text.contains(&expected.replace(" = ", "="));
        assert!(found, "{expected} in {text}");
    }
    openssl("x509 -inform DER -in key.der -out key.pem");
    openssl("verify -CAfile key.pem -partial_chain key.pem");
    let context = bytes(&provided, "key_context");
    let point = certified(&provided).x963().unwrap();
    assert!(!context.windows(8).any(|window| window == &point[1..9] || window == b"PRIVATE "));
    // The key of each request is another one.
    let token = world.refresh_token();
    let again = world.key_request(&world.alices, &token);
    assert_ne!(certified(&again.open(&again.send(), &world.alices)), certified(&provided));
}

#[test]
fn what_is_wrong_with_the_jwt_is_told_at_each_endpoint() {
    let world = World::new();
    let twice =
        format!("{}.e30.AA", BASE64_URL_SAFE_NO_PAD.encode(r#"{"typ":"platformsso-key-request+jwt","typ":"x"}"#));
    let other = format!("{}.e30.AA", BASE64_URL_SAFE_NO_PAD.encode(r#"{"typ":"x","alg":"ES256"}"#));
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    for (path, version) in [("/psso/token", "1.0"), ("/psso/refresh", "1.0"), ("/psso/key", "2.0")] {
        for (jwt, status, check) in
            [("garbage", 400, "outer.format"), (&twice, 400, "outer.format"), (&other, 401, "outer.typ")]
        {
            let fields = [("platform_sso_version", version), grant, ("assertion", jwt)];
            let answer = crate::http::post_form(&format!("{}{path}", world.url), &[], &fields);
            assert_eq!((answer.status, answer.check().as_str()), (status, check), "{path} {jwt}: {answer:?}");
        }
    }
}

#[test]
fn wrong_key_requests_are_refused_at_their_check_and_change_nothing() {
    let world = World::new();
    let token = world.refresh_token();
    let request = world.key_request(&world.alices, &token);
    let provided = request.open(&request.send(), &world.alices);
    let ours = x963(&EcPrivateKey::generate().unwrap());
    let exchange = |world: &World| {
        let mut exchange = world.key_exchange(&world.alices, &token, &ours);
        exchange.claims.insert("key_context".into(), provided["key_context"].clone());
        exchange
    };
    let mut count = 0;
    let mut refused = |what: &str, check: &str, request: &Request| {
        let stored = world.stored();
        let answer = request.send();
        assert_eq!((answer.status, answer.check().as_str()), (401, check), "{what}");
        assert!(world.stored() == stored, "{what}");
        count += 1;
    };
    for (claim, check, optional) in [
        ("iss", "outer.iss", false),
        ("aud", "outer.aud", true),
        ("iat", "outer.iat", false),
        ("exp", "outer.exp", false),
        ("request_nonce", "outer.request_nonce", false),
        ("nonce", "outer.nonce", false),
        ("jwe_crypto", "outer.jwe_crypto", false),
        ("version", "key.version", false),
        ("request_type", "key.request_type", false),
        ("key_purpose", "key.key_purpose", false),
        ("refresh_token", "refresh.token", false),
        ("other_publickey", "key.other_publickey", false),
        ("key_context", "key.key_context", true),
    ] {
        for value in [None, Some(json!("something else")), Some(json!(["a"])), Some(Value::Null)] {
            if value.is_none() && optional {
                continue;
            }
            let mut request = exchange(&world);
            match value.clone() {
                None => request.claims.remove(claim),
                Some(value) => request.claims.insert(claim.into(), value),
            };
            refused(&format!("{claim} = {value:?}"), check, &request);
        }
    }
    for claim in ["username", "sub"] {
        let mut request = exchange(&world);
        request.claims.insert(claim.into(), json!("bob"));
        refused(claim, "refresh.user", &request);
        request = exchange(&world);
        request.claims.remove(claim);
        refused(claim, "outer.username", &request);
    }
    let mut off_curve = ours.clone();
    off_curve[64] ^= 1;
    for point in [&off_curve[..], &ours[..64], &[2]] {
        let mut request = exchange(&world);
        request.claims.insert("other_publickey".into(), json!(BASE64_STANDARD.encode(point)));
        refused("a point that is none", "key.other_publickey", &request);
    }
    let mut changed = bytes(&provided, "key_context");
    *changed.last_mut().unwrap() ^= 1;
    let mut request = exchange(&world);
    request.claims.insert("key_context".into(), json!(BASE64_URL_SAFE_NO_PAD.encode(changed)));
    refused("a changed context", "key.key_context", &request);
    let bobs = world.login_of("bob", crate::world::BOB, &world.bobs, jose::Algorithm::Es256);
    let bobs_token = crate::login::open(&bobs.send(), &world.bobs, &bobs)["refresh_token"].as_str().unwrap().to_owned();
    let mut request = world.key_exchange(&world.bobs, &bobs_token, &ours);
    request.claims.insert("username".into(), json!("bob"));
    request.claims.insert("sub".into(), json!("bob"));
    refused("no context and no key", "key.key_context", &request);
    request = world.key_exchange(&world.bobs, &bobs_token, &ours);
    request.claims.insert("username".into(), json!("bob"));
    request.claims.insert("sub".into(), json!("bob"));
    request.claims.insert("key_context".into(), provided["key_context"].clone());
    refused("alice's context", "key.key_context", &request);
    refused("alice's token on bob's device", "refresh.device", &world.key_request(&world.bobs, &token));
    println!("{count} wrong key requests refused");

    let mut request = exchange(&world);
    request.version = "1.0";
    assert_eq!(request.send().status, 400, "the key service is of version 2.0");
    // The audience may be there, and the token endpoint takes key requests as well.
    let mut request = exchange(&world);
    request.claims.insert("aud".into(), json!(world.audience));
    request.open(&request.send_to(&format!("{}/psso/token", world.url)), &world.alices);
}

#[test]
fn a_used_refresh_token_opens_no_key_and_revokes_the_session() {
    let world = World::new();
    let token = world.refresh_token();
    let refresh = world.refresh(&world.alices, &token);
    let next = refresh.open(&refresh.send(), &world.alices)["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(world.key_request(&world.alices, &token).send().check(), "refresh.reuse");
    assert_eq!(world.key_request(&world.alices, &next).send().check(), "refresh.revoked");
}
