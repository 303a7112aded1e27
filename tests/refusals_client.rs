//! The refusal matrix, one half: every fault of `pivkit-idp` against our client, through the binary with a virtual card and through
//! the library with a key in software, at a login, a refresh, a key request and a key exchange. Each is refused by the right check;
//! nothing is shown, nothing is stored.
//!
//! The other half is in `refusals_provider`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jose::jwe::Jwe;
use psso::{CardCredential, Client, Config, DeviceKeys, Error, LoginOutcome, TimeLimits, UreqClient};

use crate::bench::card::{Card, pin_tries};
use crate::bench::idp::{Device, Idp, fetch_configuration};
use crate::bench::recorder::Recorder;
use crate::bench::secret::{Secret, TRACE, assert_silent_text, begins_a_token, pin};
use crate::bench::{Bench, not_run, oracle};

/// One fault, and how our client refuses it.
struct Row {
    fault: &'static str,
    /// What the binary says.
    says: &'static str,
    /// What the library returns.
    returns: Returned,
    /// The answer can be opened by who holds the device's key, so that there are tokens that could leak.
    has_tokens: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Returned {
    /// `Error::Rejected` with this check.
    Rejected(&'static str),
    /// `Error::Endpoint` with this status.
    Status(u16),
    /// `Error::UnexpectedAnswer`.
    Unexpected,
    /// `Error::Network`, at this endpoint.
    Network(&'static str),
}
use Returned::{Network, Rejected, Status, Unexpected};

const fn row(fault: &'static str, says: &'static str, returns: Returned, has_tokens: bool) -> Row {
    Row { fault, says, returns, has_tokens }
}

const TABLE: [Row; 25] = [
    row("wrong-nonce", "check of nonce", Rejected("nonce"), true),
    row("wrong-aud", "check of aud", Rejected("aud"), true),
    row("wrong-iss", "check of iss", Rejected("iss"), true),
    row("expired", "check of exp", Rejected("exp"), true),
    row("not-yet-valid", "check of nbf", Rejected("nbf"), true),
    row("wrong-key", "check of signature", Rejected("signature"), true),
    row("alg-none", "check of alg", Rejected("alg"), true),
    row("hs256-public-key", "check of alg", Rejected("alg"), true),
    row("unknown-kid", "check of kid", Rejected("kid"), true),
    row("jwks-unreachable", "JWKS endpoint", Network("JWKS endpoint"), false),
    row("wrong-apu", "check of apu", Rejected("apu"), true),
    row("invalid-epk", "check of epk", Rejected("epk"), false),
    row("unpadded-epk", "check of epk", Rejected("epk"), false),
    row("unpadded-z", "check of decryption", Rejected("decryption"), false),
    row("long-iv", "check of login_response", Rejected("login_response"), false),
    row("truncated-jwe", "check of login_response", Rejected("login_response"), false),
    row("wrong-content-type", "application/octet-stream", Unexpected, true),
    row("html", "text/html", Unexpected, false),
    row("error-500", "500", Status(500), false),
    row("refuse-401", "401", Status(401), false),
    row("redirect", "redirects are not followed", Status(307), false),
    row("redirect-http", "redirects are not followed", Status(307), false),
    row("oversized-body", "larger than", Network("token endpoint"), false),
    row("slow-body", "took longer", Network("token endpoint"), false),
    row("slow", "took longer", Network("token endpoint"), false),
];

/// Those take as long as pivkit's patience, and have tests of their own.
fn is_slow(row: &Row) -> bool {
    row.fault.starts_with("slow")
}

#[test]
fn the_table_has_every_fault() {
    let bench = Bench::vpcd();
    let listed = bench.command(crate::bench::binary("pivkit-idp"), &["faults"]).output().success();
    let is_name = |line: &&str| line.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let mut listed: Vec<_> = listed.stdout.lines().filter(|line| !line.is_empty()).filter(is_name).collect();
    let mut tabled: Vec<_> = TABLE.iter().map(|row| row.fault).collect();
    listed.sort_unstable();
    tabled.sort_unstable();
    assert_eq!(listed, tabled);
}

#[test]
fn every_fault_is_refused_by_the_binary() {
    let scene = Scene::new();
    let rows: Vec<_> = TABLE.iter().filter(|row| !is_slow(row)).collect();
    let refused = rows.iter().filter(|row| scene.assert_refused(row)).count();
    scene.assert_a_login_succeeds();
    not_run::to_terminal(&format!("refusals of the client, binary: {refused} of {}", rows.len()));
    assert_eq!(refused, rows.len());
}

#[test]
fn a_refresh_that_could_not_be_checked_is_not_sent() {
    let scene = Scene::new();
    scene.device.login(&scene.bench).success();
    fetch_configuration(&scene.bench, &format!("{}/fault/jwks-unreachable", scene.idp.url));
    let refused = scene.device.signed_in(&scene.bench, "refresh", &["--config", scene.device.config()]);
    refused.assert_exit(7);
    assert!(refused.stderr.contains("JWKS endpoint"), "{refused}");
    // A token that was sent twice would be taken for stolen.
    fetch_configuration(&scene.bench, &scene.idp.url);
    scene.device.signed_in(&scene.bench, "refresh", &[]).success();
}

#[test]
fn a_body_that_trickles_is_refused_by_the_binary() {
    let row = TABLE.iter().find(|row| row.fault == "slow-body").unwrap();
    assert!(Scene::new().assert_refused(row));
}

#[test]
fn an_answer_that_is_late_is_refused_by_the_binary() {
    let row = TABLE.iter().find(|row| row.fault == "slow").unwrap();
    assert!(Scene::new().assert_refused(row));
}

#[test]
fn every_fault_is_refused_by_the_library() {
    let mut alice = InLibrary::new();
    let before = contents(&alice.device.state);
    let mut refused = 0;
    for row in &TABLE {
        let started = Instant::now();
        let client = alice.client(&format!("/fault/{}", row.fault));
        let error = alice.login(&client).unwrap_err();
        row.assert_returned(&error, row.returns, started);
        refused += 1;
    }
    let good = alice.client("");
    assert_eq!(alice.login(&good).unwrap().user, "alice");
    assert_eq!(contents(&alice.device.state), before);
    not_run::to_terminal(&format!("refusals of the client, library: {refused} of {}", TABLE.len()));
}

#[test]
fn every_fault_of_a_refresh_or_the_key_service_is_refused_by_the_library() {
    let mut alice = InLibrary::new();
    let before = contents(&alice.device.state);
    let good = alice.client("");
    let other = jose::EcPrivateKey::generate().unwrap().public();
    let mut refused = 0;
    for row in &TABLE {
        // A session of its own: what becomes of one whose answer was spoilt is not the point here.
        let token = alice.login(&good).unwrap().tokens.refresh_token.unwrap();
        let keys = &alice.keys;
        let context = good.key_request("alice", &token, keys).unwrap().key_context;
        let client = alice.client(&format!("/fault/{}", row.fault));

        let key_request = || client.key_request("alice", &token, keys).map(drop);
        let key_exchange = || client.key_exchange("alice", &token, &other, context.as_ref(), keys).map(drop);
        for is_exchange in [false, true] {
            let started = Instant::now();
            match if is_exchange { key_exchange() } else { key_request() } {
                // No id_token is in it that could be spoilt.
                Ok(()) => assert!(row.is_of_id_token(), "{}", row.fault),
                Err(error) => {
                    assert!(!row.is_of_id_token(), "{}: {error:?}", row.fault);
                    row.assert_returned(&error, row.returns.of("key endpoint", "key_response"), started);
                    refused += 1;
                }
            }
        }
        let started = Instant::now();
        let error = client.refresh("alice", &token, keys).unwrap_err();
        row.assert_returned(&error, row.returns.of("refresh endpoint", "login_response"), started);
        refused += 1;
    }
    let all = TABLE.len() + 2 * TABLE.iter().filter(|row| !row.is_of_id_token()).count();
    assert_eq!(refused, all);
    assert_eq!(contents(&alice.device.state), before);
    not_run::to_terminal(&format!("refusals of the client, refresh and key service: {refused} of {all}"));
}

/// Alice's device with the library alone: her card is a key in software.
struct InLibrary {
    bench: Bench,
    idp: Idp,
    device: Device,
    keys: DeviceKeys,
    certificate: Vec<u8>,
    signer: jose::EcPrivateKey,
}

impl InLibrary {
    fn new() -> Self {
        let bench = Bench::vpcd();
        let authority = oracle::authority(&bench, "ca");
        let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", &oracle::P256, &authority);
        let certificate = oracle::der_of(&bench, &certificate);
        let signer = jose::EcPrivateKey::from_pem(&fs::read_to_string(key).unwrap()).unwrap();
        let idp = Idp::start(&bench, &authority.0, &[]);
        let device = Device::new(&bench, idp.configuration(&bench));
        device.register(&bench).success();
        let keys = DeviceKeys::open(&device.state).unwrap();
        Self { bench, idp, device, keys, certificate, signer }
    }

    /// A client of the identity provider below this path.
    fn client(&self, path: &str) -> Client {
        let config = fetch_configuration(&self.bench, &format!("{}{path}", self.idp.url));
        let limits = TimeLimits { connect: Duration::from_secs(10), total: PATIENCE };
        Client::new(Config::load(&config).unwrap(), Box::new(UreqClient::new(limits)))
    }

    fn login(&mut self, client: &Client) -> Result<LoginOutcome, Error> {
        let pending = client.begin_login("alice").unwrap();
        let card = CardCredential { certificate_der: &self.certificate, signer: &mut self.signer };
        client.submit(client.sign_assertion(pending, card).unwrap(), &self.keys)
    }
}

impl Row {
    /// Whether the fault is one of the id_token or of the keys that sign it.
    fn is_of_id_token(&self) -> bool {
        TABLE.iter().take_while(|row| row.fault != "wrong-apu").any(|row| row.fault == self.fault)
    }

    /// An error of the library is the one that is expected, in time, and shows no token.
    fn assert_returned(&self, error: &Error, expected: Returned, started: Instant) {
        let found = match error {
            Error::Rejected { claim, .. } => Rejected(claim),
            Error::Endpoint { status, .. } => Status(*status),
            Error::UnexpectedAnswer { .. } => Unexpected,
            Error::Network { endpoint, .. } => Network(endpoint),
            other => panic!("{}: {other:?}", self.fault),
        };
        assert_eq!(found, expected, "{}: {error:?}", self.fault);
        let patience = PATIENCE + Duration::from_secs(10);
        assert!(started.elapsed() < patience, "{}: {:?}", self.fault, started.elapsed());
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!begins_a_token(&text), "a token begins in {text}");
        }
    }
}

impl Returned {
    /// The same from another endpoint, whose response has another name.
    fn of(self, endpoint: &'static str, response: &'static str) -> Self {
        match self {
            Network("token endpoint") => Network(endpoint),
            Rejected("login_response") => Rejected(response),
            other => other,
        }
    }
}

/// A card in the reader, an identity provider, and somebody who listens in between.
struct Scene {
    bench: Bench,
    recorder: Recorder,
    idp: Idp,
    device: Device,
    _card: Card,
}

impl Scene {
    fn new() -> Self {
        let (bench, recorder) = (Bench::vpcd(), Recorder::new());
        let card = Card::alice(&bench);
        let idp = Idp::start(&bench, &card.authority(), &["--url", &recorder.url()]);
        recorder.lead_to(&idp.url);
        let device = Device::new(&bench, idp.configuration(&bench));
        device.register(&bench).success();
        Self { bench, recorder, idp, device, _card: card }
    }

    /// Logs in where this fault is, and sees it refused. The configuration changes, the device stays.
    fn assert_refused(&self, row: &Row) -> bool {
        fetch_configuration(&self.bench, &format!("{}/fault/{}", self.idp.url, row.fault));
        let before = contents(&self.device.state);
        self.recorder.bodies();
        let started = Instant::now();
        let arguments = [&self.device.login_arguments()[..], &["--show-token"]].concat();
        let output = self.bench.pivkit_with(&arguments, &TRACE).limit(Duration::from_secs(120)).output();
        assert!(started.elapsed() < Duration::from_secs(100), "{:?}", started.elapsed());
        // The request was good; it is the answer that is not. Without the keys there is no request.
        if row.returns != Network("JWKS endpoint") {
            self.idp.wait_for_login();
        }
        output.assert_exit(7);
        assert_eq!(output.stdout, "", "{}: {output}", row.fault);
        let said = output.stderr.lines().find(|line| line.starts_with("pivkit: ")).unwrap_or_default();
        assert!(said.contains(row.says), "{}: {output}", row.fault);
        assert!(output.stderr.contains("TRACE") || output.stderr.contains("DEBUG"), "nothing was logged: {output}");
        assert_eq!(contents(&self.device.state), before, "{}: something was stored", row.fault);
        assert_eq!(pin_tries(&self.bench, "card"), 3, "{}", row.fault);

        let tokens = self.tokens();
        assert_eq!(!tokens.is_empty(), row.has_tokens, "{}", row.fault);
        let secrets: Vec<_> = pin().into_iter().chain(tokens).collect();
        assert_silent_text(&output.stderr, &secrets);
        true
    }

    /// What is refused above is accepted here, and stored and shown when asked to: the search would find it.
    fn assert_a_login_succeeds(&self) {
        fetch_configuration(&self.bench, &self.idp.url);
        self.recorder.bodies();
        let shown = self.device.login_and_show_tokens(&self.bench).success();
        let tokens = self.tokens();
        assert_eq!(tokens.len(), 3);
        for token in &tokens {
            assert!(token.is_in(&shown.stdout).is_some(), "{} is not in {shown}", token.name);
        }
    }

    /// The tokens in the answers that came, for who has the device's key: two, and the signature of the one.
    fn tokens(&self) -> Vec<Secret> {
        let keys = DeviceKeys::open(&self.device.state).unwrap();
        let mut secrets = Vec::new();
        for body in self.recorder.bodies() {
            let Ok(jwe) = Jwe::parse(body.trim()) else { continue };
            let Some(apv) = jwe.apv() else { continue };
            let Ok(plaintext) = jwe.decrypt(keys.encryption(), apv) else { continue };
            let tokens: serde_json::Value = serde_json::from_slice(&plaintext).unwrap();
            for name in ["id_token", "refresh_token"] {
                secrets.push(Secret::new(name, tokens[name].as_str().unwrap().as_bytes()));
            }
            let signed = tokens["id_token"].as_str().unwrap().trim_end_matches('.');
            secrets.push(Secret::new("the end of the id_token", signed.rsplit('.').next().unwrap().as_bytes()));
        }
        secrets
    }
}

/// Every file below a directory with what is in it.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut contents(&path));
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

/// For one exchange of the library.
const PATIENCE: Duration = Duration::from_secs(3);
