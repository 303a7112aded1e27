//! The identity provider, `pivkit-idp`, and a device that is registered there.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::process::{LIMIT, Output, Service};
use super::{Bench, PIN};

/// An identity provider that knows alice, and trusts the authority of her card.
pub(crate) struct Idp {
    service: Service,
    /// Its address, without a slash at the end.
    pub(crate) url: String,
}

impl Idp {
    /// Starts one that trusts `authority`, with more arguments.
    pub(crate) fn start(bench: &Bench, authority: &Path, args: &[&str]) -> Self {
        Self::start_by(bench, &[], authority, args)
    }

    /// As [`Idp::start`], with a log that has nothing but warnings.
    pub(crate) fn start_quietly(bench: &Bench, authority: &Path) -> Self {
        Self::start_by(bench, &["env", "RUST_LOG=warn"], authority, &[])
    }

    fn start_by(bench: &Bench, before: &[&str], authority: &Path, args: &[&str]) -> Self {
        let state = bench.path("idp");
        let listen: &[&str] = if args.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        let fixed = [&["serve", "--user", "alice", "--state", state.to_str().unwrap()], listen].concat();
        let trust = ["--trust-ca", authority.to_str().unwrap()];
        let binary = super::binary("pivkit-idp");
        let words = [before, &[binary.to_str().unwrap()], &fixed, &trust, args].concat();
        let service = bench.service(words[0], &words[1..]);
        let url = service.wait_for("where it listens", url_in);
        Self { service, url }
    }

    /// Waits until it has logged that it accepted a login.
    #[track_caller]
    pub(crate) fn wait_for_login(&self) {
        self.service.wait_for("that a login is accepted", |line| line.contains("login accepted").then_some(()));
    }

    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.service.process("pivkit-idp")
    }

    /// Everything it has logged.
    pub(crate) fn log(&self) -> String {
        self.service.log()
    }

    /// Writes the client's configuration, as the provider hands it out, and returns the file.
    pub(crate) fn configuration(&self, bench: &Bench) -> PathBuf {
        fetch_configuration(bench, &self.url)
    }
}

/// Writes the configuration that the provider at `url` hands out to clients, and returns the file.
pub(crate) fn fetch_configuration(bench: &Bench, url: &str) -> PathBuf {
    let url = format!("{url}/psso.toml");
    let toml = bench.command("curl", &["--silent", "--show-error", "--fail", &url]).output().success();
    bench.file("psso.toml", toml.bytes)
}

/// The address in the line that tells where a provider listens.
pub(crate) fn url_in(line: &str) -> Option<String> {
    line.split_once(" listening on ").map(|(_, url)| url.trim().trim_end_matches('/').to_owned())
}

/// A device: its configuration, and the directory of its keys.
pub(crate) struct Device {
    config: PathBuf,
    /// The directory with the device keys.
    pub(crate) state: PathBuf,
    pin_file: PathBuf,
}

impl Device {
    /// A device with this configuration, and new keys.
    pub(crate) fn new(bench: &Bench, config: PathBuf) -> Self {
        let device = Self { config, state: bench.path("device"), pin_file: bench.file("pin", PIN) };
        device.keys(bench);
        device
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> &str {
        self.config.to_str().unwrap()
    }

    /// The public keys, made on first use.
    pub(crate) fn keys(&self, bench: &Bench) -> Value {
        bench.pivkit(&["psso", "keys", "--state", self.state.to_str().unwrap(), "--json"]).output().success().json()
    }

    /// Registers the device for alice.
    pub(crate) fn register(&self, bench: &Bench) -> Output {
        self.register_for(bench, "alice")
    }

    /// Registers the device for anybody.
    pub(crate) fn register_for(&self, bench: &Bench, user: &str) -> Output {
        bench.pivkit(&[&["psso", "register"], self.common(user).as_slice()].concat()).output()
    }

    /// Registers the device for alice, with more arguments.
    pub(crate) fn register_with(&self, bench: &Bench, more: &[&str]) -> Output {
        bench.pivkit(&[&["psso", "register"], self.common("alice").as_slice(), more].concat()).output()
    }

    /// The arguments of a login of alice.
    pub(crate) fn login_arguments(&self) -> Vec<&str> {
        // The kernel's keyring is of the machine, not of the bench.
        let rest = ["--key-store", "file", "--pin-file", self.pin_file.to_str().unwrap(), "--json"];
        [&["psso", "login"], self.common("alice").as_slice(), &rest].concat()
    }

    /// Logs alice in by another method, which needs no card.
    pub(crate) fn login_by(&self, bench: &Bench, method: &str, more: &[&str]) -> Output {
        let fixed = ["--method", method, "--key-store", "file", "--json"];
        bench.pivkit(&[&["psso", "login"], self.common("alice").as_slice(), &fixed, more].concat()).output()
    }

    /// Runs a command of somebody who signed in: `refresh`, `status`, `logout`, `key-request`, `key-exchange`.
    pub(crate) fn signed_in(&self, bench: &Bench, command: &str, more: &[&str]) -> Output {
        self.signed_in_run(bench, command, more).output()
    }

    /// The same before it is started.
    pub(crate) fn signed_in_run(&self, bench: &Bench, command: &str, more: &[&str]) -> super::process::Run {
        let fixed = ["psso", command, "--state", self.state.to_str().unwrap(), "--json", "--non-interactive"];
        bench.pivkit(&[&fixed[..], more].concat())
    }

    /// Logs alice in, and would print the tokens. Waits longer than pivkit does for an answer.
    pub(crate) fn login_and_show_tokens(&self, bench: &Bench) -> Output {
        bench.pivkit(&[&self.login_arguments()[..], &["--show-token"]].concat()).limit(2 * LIMIT).output()
    }

    /// Logs alice in.
    pub(crate) fn login(&self, bench: &Bench) -> Output {
        bench.pivkit(&self.login_arguments()).output()
    }

    /// Logs somebody else in.
    pub(crate) fn login_as(&self, bench: &Bench, user: &str) -> Output {
        let pin = ["--pin-file", self.pin_file.to_str().unwrap(), "--json"];
        bench.pivkit(&[&["psso", "login"], self.common(user).as_slice(), &pin].concat()).output()
    }

    fn common<'a>(&'a self, user: &'a str) -> [&'a str; 6] {
        ["--config", self.config(), "--state", self.state.to_str().unwrap(), "--user", user]
    }
}
