//! Every method through the binaries, at an identity provider that shares no code with pivkit (tests/python).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::bad_input::assert_refused;
use crate::bench::card::Card;
use crate::bench::idp::Device;
use crate::bench::oracle::{self, P256, P384, RSA2048};
use crate::bench::process::Output;
use crate::bench::stand_in::StandIn;
use crate::bench::{Bench, from_base64};
use crate::foreign_clients::load;

const LOGIN: i32 = 7;

#[test]
fn everything_with_an_rsa_2048_card() {
    everything("", &RSA2048, "RS256");
}

#[test]
fn everything_with_an_rsa_3072_card_where_all_is_configured() {
    everything("/full", &["rsa:3072"], "RS384");
}

#[test]
fn everything_with_an_rsa_4096_card_where_every_name_is_another() {
    everything("/custom", &["rsa:4096"], "RS512");
}

#[test]
fn everything_with_a_p256_card_where_every_name_is_another() {
    everything("/custom", &P256, "ES256");
}

#[test]
fn everything_with_a_p384_card_where_all_is_configured() {
    everything("/full", &P384, "ES384");
}

#[test]
fn discovery_finds_what_the_independent_provider_publishes() {
    let bench = Bench::vpcd();
    let authority = oracle::authority(&bench, "ca");
    let stand_in = StandIn::start(&bench, &authority.0, None);
    let issuer = format!("{}/full", stand_in.url);
    let found = bench.pivkit(&["psso", "config", "discover", &issuer]).output().success();
    let written = fs::read_to_string(stand_in.configuration(&bench, "/full")).unwrap();
    for name in ["issuer", "token_endpoint", "jwks_endpoint", "nonce_endpoint", "key_endpoint", "registration_endpoint"]
    {
        let line = written.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap();
        assert!(found.stdout.contains(line), "{line} is missing: {found}");
    }
}

/// A device, and what the provider knows of it.
struct Everything<'a> {
    bench: &'a Bench,
    stand_in: StandIn,
    device: Device,
    profile: &'a str,
}

fn everything(profile: &str, new_key: &[&str], algorithm: &str) {
    let bench = Bench::vpcd();
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", new_key, &authority);
    let _card = Card::insert(&bench, &["--load", &load("9a", &certificate, &key)]);
    let stand_in = StandIn::start(&bench, &authority.0, None);
    let device = Device::new(&bench, stand_in.configuration(&bench, profile));
    let all = Everything { bench: &bench, stand_in, device, profile };
    all.register(&certificate);
    all.logins(algorithm);
    all.refresh();
    all.key_service();
}

impl Everything<'_> {
    fn register(&self, certificate: &Path) {
        for more in [["--certificate", certificate.to_str().unwrap()], ["--method", "secure-enclave-key"]] {
            self.device.register_with(self.bench, &more).success();
        }
    }

    fn logins(&self, algorithm: &str) {
        let seen = self.accepted(&self.device.login(self.bench).success());
        assert_eq!((&seen["method"], &seen["alg"]), (&"SmartCard".into(), &algorithm.into()), "{seen}");

        let seen = self.accepted(&self.device.login_by(self.bench, "secure-enclave-key", &[]).success());
        assert_eq!(seen["method"], "Secure Enclave key", "{seen}");

        // As the provider has it: everybody's password, in a file.
        let password = self.bench.path("password");
        let with = |file: &Path| {
            let more = ["--password-file", file.to_str().unwrap()];
            self.device.login_by(self.bench, "password", &more)
        };
        let seen = self.accepted(&with(&password).success());
        let method = if self.profile.is_empty() { "password" } else { "encrypted password" };
        assert_eq!(seen["method"], method, "{seen}");
        let wrong = self.bench.file("wrong-password", "correct horse");
        assert_refused(&with(&wrong), LOGIN, &["password"]);
        let seen = self.stand_in.judgement();
        assert_eq!(seen["why"], "WrongPassword: the password is wrong", "{seen}");
    }

    fn refresh(&self) {
        let refreshed = self.device.signed_in(self.bench, "refresh", &[]).success();
        assert_eq!(self.accepted(&refreshed)["kind"], "refresh");
    }

    /// openssl computes the secret from the other side.
    fn key_service(&self) {
        let requested = self.device.signed_in(self.bench, "key-request", &[]).success();
        assert_eq!(self.stand_in.judgement()["kind"], "key");
        let certificate = self.bench.file("held.der", from_base64(&requested.json()["certificate"]));
        let (certificate, held) = (text(&certificate), self.bench.path("held.pem"));
        let pem = self.bench.openssl(&["x509", "-inform", "DER", "-in", &certificate, "-noout", "-pubkey"], &[]);
        fs::write(&held, pem.bytes).unwrap();

        let [key, public, agreed] = ["other.key", "other.pem", "agreed"].map(|name| self.bench.path(name));
        let (key, public) = (text(&key), text(&public));
        self.bench.openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &key], &[]);
        self.bench.openssl(&["pkey", "-in", &key, "-pubout", "-out", &public], &[]);
        let more = ["--other-key", &public, "--out", agreed.to_str().unwrap()];
        self.device.signed_in(self.bench, "key-exchange", &more).success();
        assert_eq!(self.stand_in.judgement()["kind"], "key_exchange");
        assert_eq!(fs::metadata(&agreed).unwrap().permissions().mode() & 0o7777, 0o600);
        let derived = self.bench.openssl(&["pkeyutl", "-derive", "-inkey", &key, "-peerkey", &text(&held)], &[]);
        assert_eq!(fs::read(agreed).unwrap(), derived.bytes);
    }

    /// What the provider saw of a request that it accepted, and pivkit's report of the same.
    fn accepted(&self, output: &Output) -> Value {
        let seen = self.stand_in.judgement();
        assert_eq!(seen["accepted"], true, "{seen}");
        let report = output.json();
        assert_eq!(report["id_token_claims"]["nonce"], seen["outer"]["nonce"], "{output}");
        if !self.profile.is_empty() {
            assert_eq!(report["groups"], serde_json::json!(["admins", "staff"]), "{output}");
            assert_eq!(report["kerberos"][0]["realm"], "EXAMPLE.TEST", "{output}");
        }
        // The session key of the ticket is the bytes 00 to 1f.
        assert!(!output.stdout.contains("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"), "{output}");
        seen
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
