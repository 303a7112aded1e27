//! Form fields, header members and claims that the configuration adds to each kind of request.

use jose::EcPrivateKey;
use jose::jwe::Jwe;
use jose::jws::Jws;
use psso::Client;
use serde_json::{Value, json};

use crate::{idp, keys, secret};

/// One table of each kind for a kind of request.
fn tables(kind: &str) -> String {
    format!(
        "[custom_{kind}_values]\ntenant = \"{kind} & more\"\n\
         [custom_{kind}_header_claims]\nx-header = \"{kind}\"\n\
         [custom_{kind}_body_claims]\nx-claim = {{ name = \"{kind}\", numbers = [1, 2.5, true] }}\n"
    )
}

fn check(seen: &crate::idp::Seen, kind: &str) {
    assert_eq!(seen.form.len(), 4);
    assert_eq!(seen.form[3], ("tenant".to_owned(), format!("{kind} & more")));
    assert_eq!(seen.header["x-header"], kind);
    assert_eq!(seen.claims["x-claim"], json!({"name": kind, "numbers": [1, 2.5, true]}));
    // The protocol's own are what they are.
    assert_eq!((&seen.header["alg"], &seen.claims["iss"]), (&json!("ES256"), &json!("client-9b0f")));
}

fn login(client: &Client, keys: &psso::DeviceKeys) {
    let mut key = EcPrivateKey::generate().unwrap();
    let public = key.public();
    let signed = client.sign_with_user_key(client.begin_login("alice").unwrap(), &mut key, &public).unwrap();
    client.submit(signed, keys).unwrap();
}

#[test]
fn each_kind_of_request_has_its_own() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    let kinds = ["login_request", "refresh_request", "key_request", "key_exchange_request"];
    let more = format!("{}[custom_nonce_request_values]\ntenant = \"nonce\"\n", kinds.map(tables).concat());
    let client = idp.client(&more);
    login(&client, &keys);
    check(&idp.last(), "login_request");
    let own = ("grant_type".to_owned(), "srv_challenge".to_owned());
    assert_eq!(idp.nonce_form(), [own, ("tenant".to_owned(), "nonce".to_owned())]);
    client.refresh("alice", &secret("r"), &keys).unwrap();
    check(&idp.last(), "refresh_request");
    client.key_request("alice", &secret("r"), &keys).unwrap();
    check(&idp.last(), "key_request");
    let other = EcPrivateKey::generate().unwrap().public();
    client.key_exchange("alice", &secret("r"), &other, None, &keys).unwrap();
    check(&idp.last(), "key_exchange_request");
}

#[test]
fn the_assertion_has_its_own_signed_or_encrypted() {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    let more = "[custom_assertion_request_header_claims]\nx-header = \"h\"\n\
                [custom_assertion_request_body_claims]\nx-claim = \"c\"\n";
    login(&idp.client(more), &keys);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let seen = idp.last();
    let signed = Jws::parse(&text(&seen.claims["assertion"])).unwrap();
    assert_eq!((&signed.header()["x-header"], &signed.claims().unwrap()["x-claim"]), (&json!("h"), &json!("c")));
    assert!(!seen.header.contains_key("x-header") && !seen.claims.contains_key("x-claim"));

    let client = idp.client(&format!("{}{more}", idp.encryption_key()));
    let signed = client.with_password(client.begin_login("alice").unwrap(), &secret("p")).unwrap();
    client.submit(signed, &keys).unwrap();
    let jwe = Jwe::parse(&text(&idp.last().claims["assertion"])).unwrap();
    assert_eq!((&jwe.header()["x-header"], &jwe.header()["alg"]), (&json!("h"), &json!("ECDH-ES")));
    let content = jwe.decrypt(&idp.password_key, jwe.apv().unwrap()).unwrap();
    assert_eq!(jose::json::parse_object("content", &content).unwrap()["x-claim"], "c");
}
