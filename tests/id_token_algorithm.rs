//! id_tokens with RS256, the default of OpenID Connect: `pivkit-idp --id-token-algorithm RS256`, at which pivkit logs in, and a
//! client that shares no code with either (tests/python).

use serde_json::Value;

use crate::bench::Bench;
use crate::bench::card::Card;
use crate::bench::idp::{Device, Idp, fetch_configuration};
use crate::bench::oracle::authority;
use crate::bench::stand_in::PASSWORD;
use crate::independent_client::{Done, client};

const RS256: [&str; 2] = ["--id-token-algorithm", "RS256"];
const LOGIN: i32 = 7;

#[test]
fn pivkit_logs_in_and_refuses_what_is_forged() {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let idp = Idp::start(&bench, &card.authority(), &RS256);
    let device = Device::new(&bench, idp.configuration(&bench));
    device.register(&bench).success();
    for (fault, check) in [
        ("wrong-key", "check of signature"),
        ("alg-none", "check of alg"),
        ("hs256-public-key", "check of alg"),
        ("unknown-kid", "check of kid"),
    ] {
        fetch_configuration(&bench, &format!("{}/fault/{fault}", idp.url));
        let refused = device.login(&bench).exits_with(LOGIN);
        assert!(refused.stderr.contains(check), "{fault}: {refused}");
    }
    fetch_configuration(&bench, &idp.url);
    let rsa = assert_signed_with("RS256", &bench, &idp, &device);
    device.signed_in(&bench, "refresh", &[]).success();

    // The other algorithm, with the same state and address. Who has the configuration of before is told what it takes.
    let address = idp.url.trim_start_matches("http://").to_owned();
    drop(idp);
    let idp = Idp::start(&bench, &card.authority(), &["--listen", &address]);
    let refused = device.login(&bench).exits_with(LOGIN);
    assert!(refused.stderr.contains("check of alg") && refused.stderr.contains("id_token_algorithms"), "{refused}");
    fetch_configuration(&bench, &idp.url);
    let ec = assert_signed_with("ES256", &bench, &idp, &device);
    let kids: Vec<_> = keys(&bench, &idp).iter().map(|key| key["kid"].clone()).collect();
    assert_eq!(kids, [ec, rsa]);
}

#[test]
fn an_independent_client_verifies_them() {
    let bench = Bench::vpcd();
    let authority = authority(&bench, "ca");
    let passwords = bench.file("passwords", format!("alice:{PASSWORD}\n"));
    let arguments = [&RS256[..], &["--passwords", passwords.to_str().unwrap()]].concat();
    let idp = Idp::start(&bench, &authority.0, &arguments);
    let rounds = 6;
    let done = Done::by(client(&bench, &idp.url, &authority, rounds, &serde_json::json!({})));
    for method in ["Secure Enclave key", "encrypted password", "key request", "key exchange"] {
        assert_eq!(done.count(method), rounds, "{method}: {:?}", done.what);
    }
    // Cards on P-256 and P-384; in two of the rounds, cards with RSA keys of three lengths. And the used refresh token.
    assert_eq!(done.count("SmartCard"), 2 * rounds + 2 * 3, "{:?}", done.what);
    assert!(done.count("refresh") >= rounds && done.count("refusals") == 4, "{:?}", done.what);
    // Every id_token was one with an RSA signature, and there was one for each login and refresh at least.
    let tokens: Vec<_> = done.padding.0.iter().filter(|(name, _)| name.starts_with("id_token: ")).collect();
    let [(name, (seen, _))] = tokens.as_slice() else { panic!("{tokens:?}") };
    assert_eq!(name.as_str(), "id_token: RSA signature");
    let logins = ["SmartCard", "Secure Enclave key", "encrypted password", "refresh"].map(|what| done.count(what));
    assert!(u64::from(*seen) >= logins.iter().sum(), "{seen} of {:?}", done.what);
}

/// Logs alice in; the id_token has this algorithm, and the first key of the JWK Set. The identifier of that key.
fn assert_signed_with(algorithm: &str, bench: &Bench, idp: &Idp, device: &Device) -> Value {
    let login = device.login_and_show_tokens(bench).success();
    let token = login.json()["tokens"]["id_token"].as_str().unwrap().to_owned();
    let header = jose::peek_header(&token).unwrap();
    let key = keys(bench, idp).swap_remove(0);
    assert_eq!((&header["alg"], &header["kid"]), (&Value::from(algorithm), &key["kid"]), "{login}");
    assert_eq!(key["alg"], algorithm);
    key["kid"].clone()
}

/// The keys that the provider publishes.
fn keys(bench: &Bench, idp: &Idp) -> Vec<Value> {
    let url = format!("{}/psso/jwks", idp.url);
    let set = bench.command("curl", &["--silent", "--show-error", "--fail", &url]).output().success().json();
    set["keys"].as_array().unwrap().clone()
}
