//! `pivkit-idp`, with a client that shares no code with it (tests/python): every method, every kind of key.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use crate::bench::Bench;
use crate::bench::idp::Idp;
use crate::bench::oracle::{authority, python, script};
use crate::bench::process::Run;
use crate::bench::stand_in::{PASSWORD, Padding, StandIn};

/// New devices, cards, user keys and ephemeral keys: at least so many of each.
const ROUNDS: u64 = 500;
/// Whoever needs more than this many is not unlucky, but wrong.
const MOST_ROUNDS: u64 = 2 * ROUNDS;
/// Clients at once. Each is one process.
const CLIENTS: u64 = 2;

#[test]
fn hundreds_of_devices_log_in_with_every_method() {
    let bench = Bench::vpcd();
    let authority = authority(&bench, "ca");
    let passwords = bench.file("passwords", format!("alice:{PASSWORD}\n"));
    let token = bench.file("token", "a token + for € devices");
    let files = ["--passwords", passwords.to_str().unwrap(), "--registration-token-file", token.to_str().unwrap()];
    let groups = ["--group", "alice=admins", "--group", "alice=doctors", "--group", "bob=staff"];
    let idp = Idp::start(&bench, &authority.0, &[&files[..], &groups].concat());
    let more = serde_json::json!({
        "registration_token": "a token + for € devices", "groups": ["staff", "admins"], "member_of": ["admins"]
    });
    let (mut done, mut rounds) = (Done::default(), 0);
    while rounds < ROUNDS || !done.padding.missing().is_empty() {
        assert!(rounds < MOST_ROUNDS, "still not padded: {:?}", done.padding.missing());
        let each = if rounds < ROUNDS { ROUNDS / CLIENTS } else { ROUNDS / CLIENTS / 5 };
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let client = client(&bench, &idp.url, &authority, each, &more);
                thread::spawn(|| Done::by(client))
            })
            .collect();
        // Each to its end: the provider is gone when one of them has failed.
        let clients: Vec<_> = clients.into_iter().map(JoinHandle::join).collect();
        clients.into_iter().for_each(|client| done.add(client.unwrap()));
        rounds += each * CLIENTS;
    }
    // Cards on P-256 and P-384, and in every fifth round RSA with 2048, 3072 and 4096 bits.
    assert_eq!(done.count("SmartCard"), 2 * rounds + 3 * rounds / 5, "{:?}", done.what);
    for method in ["Secure Enclave key", "encrypted password", "key request", "key exchange"] {
        assert_eq!(done.count(method), rounds, "{method}: {:?}", done.what);
    }
    assert_eq!(done.count("password"), rounds / 10, "{:?}", done.what);
    assert!(done.count("refresh") >= rounds && done.count("refusals") >= 6 * rounds / 50, "{:?}", done.what);
    println!("{:?}; numbers, and how many begin with a zero byte:\n{}", done.what, done.padding.table());
}

/// Where both agree with each other and pivkit with neither, it is pivkit that is wrong.
#[test]
fn the_independent_client_and_the_independent_provider_agree() {
    let bench = Bench::vpcd();
    let authority = authority(&bench, "ca");
    let stand_in = StandIn::start(&bench, &authority.0, None);
    for profile in ["", "/full"] {
        let done =
            Done::by(client(&bench, &format!("{}{profile}", stand_in.url), &authority, 10, &serde_json::json!({})));
        assert_eq!((done.count("key exchange"), done.count("refusals")), (10, 4), "{:?}", done.what);
    }
}

/// The independent client, which is to do everything at a provider, with new keys each round.
pub(crate) fn client(bench: &Bench, url: &str, authority: &(PathBuf, PathBuf), rounds: u64, more: &Value) -> Run {
    let password = bench.file("password", PASSWORD);
    let rounds = rounds.to_string();
    let [client, certificate, key, password] = [&script("every_method.py"), &authority.0, &authority.1, &password]
        .map(|path| path.to_str().unwrap().to_owned());
    let arguments = [client.as_str(), url, &certificate, &key, "alice", &password, &rounds, &more.to_string()];
    bench.command(python(), &arguments).limit(Duration::from_secs(600))
}

/// What a client did, how often, and what numbers it saw.
#[derive(Default)]
pub(crate) struct Done {
    /// How often by what.
    pub(crate) what: BTreeMap<String, u64>,
    pub(crate) padding: Padding,
}

impl Done {
    /// What a client reports that has come to its end.
    pub(crate) fn by(client: Run) -> Self {
        let report = client.output().success().json();
        let part = |name: &str| report[name].clone();
        let padding = Padding(serde_json::from_value(part("padding")).unwrap());
        Self { what: serde_json::from_value(part("done")).unwrap(), padding }
    }

    fn add(&mut self, other: Self) {
        other.what.into_iter().for_each(|(what, count)| *self.what.entry(what).or_default() += count);
        self.padding.add(other.padding);
    }

    pub(crate) fn count(&self, what: &str) -> u64 {
        self.what.get(what).copied().unwrap_or_default()
    }
}
