//! `pivkit-idp`, with a client that shares no code with it (tests/python): every method, every kind of key.

use std::time::Duration;

use serde_json::Value;

use crate::bench::Bench;
use crate::bench::idp::Idp;
use crate::bench::oracle::{authority, python, script};
use crate::bench::stand_in::{PASSWORD, Padding, StandIn};

/// New devices, cards, user keys and ephemeral keys: at least so many of each.
const ROUNDS: u64 = 500;

#[test]
fn hundreds_of_devices_log_in_with_every_method() {
    let bench = Bench::vpcd();
    let authority = authority(&bench, "ca");
    let passwords = bench.file("passwords", format!("alice:{PASSWORD}\n"));
    let idp = Idp::start(&bench, &authority.0, &["--passwords", passwords.to_str().unwrap()]);
    let (report, padding) = every_method(&bench, &idp.url, &authority, &[&ROUNDS.to_string(), "until-padded"]);
    let rounds = report["rounds"].as_u64().unwrap();
    assert!(rounds >= ROUNDS, "{report}");
    let done = |what: &str| report["done"][what].as_u64().unwrap_or_default();
    // Cards on P-256 and P-384, and in every fifth round RSA with 2048 and 3072 bits.
    assert!(done("SmartCard") >= 2 * rounds + 2 * rounds.div_ceil(5), "{report}");
    for method in ["Secure Enclave key", "encrypted password", "password", "refresh", "key request", "key exchange"] {
        assert!(done(method) >= rounds, "{method}: {report}");
    }
    // In every 50th round: a request sent twice, a wrong password, a used refresh token, and its family.
    assert_eq!(done("refusals"), 4 * rounds.div_ceil(50), "{report}");
    assert!(padding.missing().is_empty(), "{:?}", padding.missing());
    println!("{}; numbers, and how many of them begin with a zero byte:\n{}", report["done"], padding.table());
}

/// Where both agree with each other and pivkit with neither, it is pivkit that is wrong.
#[test]
fn the_independent_client_and_the_independent_provider_agree() {
    let bench = Bench::vpcd();
    let authority = authority(&bench, "ca");
    let stand_in = StandIn::start(&bench, &authority.0, None);
    for profile in ["", "/full"] {
        let (report, _) = every_method(&bench, &format!("{}{profile}", stand_in.url), &authority, &["20"]);
        assert_eq!(report["done"]["refusals"].as_u64(), Some(4 * report["rounds"].as_u64().unwrap().div_ceil(50)));
    }
}

/// Lets the independent client do everything at a provider, with new keys each round, and returns what it says of that.
fn every_method(
    bench: &Bench,
    url: &str,
    authority: &(std::path::PathBuf, std::path::PathBuf),
    rounds: &[&str],
) -> (Value, Padding) {
    let password = bench.file("password", PASSWORD);
    let [client, certificate, key, password] = [&script("every_method.py"), &authority.0, &authority.1, &password]
        .map(|path| path.to_str().unwrap().to_owned());
    let arguments = [&[client.as_str(), url, &certificate, &key, "alice", &password], rounds].concat();
    let run = bench.command(python(), &arguments).limit(Duration::from_secs(300)).output().success();
    let report = run.json();
    let padding = serde_json::from_value(report["padding"].clone()).unwrap();
    (report, Padding(padding))
}
