//! A virtual Mac beside the virtual card: its tools for `--tool-dir`, and what its property list says afterwards.

use std::fs;
use std::path::PathBuf;

use plist::Value;

use super::process::Run;
use super::terminal::Terminal;
use super::{Bench, binary, oracle};

/// A Mac with alice (501) at the screen, and bob (502), who is not logged in. Root runs the tools.
pub(crate) struct Mac<'a> {
    bench: &'a Bench,
    tools: PathBuf,
    state: PathBuf,
}

impl<'a> Mac<'a> {
    /// A Mac of this name, with no card in its reader.
    pub(crate) fn new(bench: &'a Bench, name: &str) -> Self {
        let mac =
            Self { bench, tools: bench.path(format!("{name}-tools")), state: bench.path(format!("{name}.plist")) };
        let install = ["install", "--tools", mac.tools.to_str().unwrap(), "--state", mac.state.to_str().unwrap()];
        bench.command(binary("pivkit-vmac"), &install).output().success();
        mac.set(&["user", "alice", "--uid", "501", "--admin", "--logged-in"]);
        mac.set(&["user", "bob", "--uid", "502"]);
        mac
    }

    /// `pivkit-vmac state FILE ...`
    pub(crate) fn set(&self, change: &[&str]) {
        let arguments = [&["state", self.state.to_str().unwrap()], change].concat();
        self.bench.command(binary("pivkit-vmac"), &arguments).output().success();
    }

    /// Puts the virtual card with this state directory into the Mac's reader as well: its certificates in 9a and 9d.
    pub(crate) fn insert(&self, card: &str, guid: &str, more: &[&str]) {
        let of = |slot: &str| format!("{slot}={}", self.bench.path(card).join(format!("{slot}.pem")).display());
        let (nine_a, nine_d) = (of("9a"), of("9d"));
        self.set(&[&["insert", "--guid", guid, "--certificate", &nine_a, "--certificate", &nine_d], more].concat());
    }

    /// pivkit with this Mac's tools.
    pub(crate) fn pivkit(&self, arguments: &[&str]) -> Run {
        self.bench.pivkit(&[arguments, &["--tool-dir", self.tools.to_str().unwrap()]].concat())
    }

    /// pivkit with this Mac's tools, and nothing else that a bench would add.
    pub(crate) fn bare_pivkit(&self, arguments: &[&str]) -> Run {
        let more = ["--tool-dir", self.tools.to_str().unwrap()];
        self.bench.command(binary("pivkit"), &[arguments, &more].concat())
    }

    /// As [`Mac::pivkit`], on a terminal with a person at it.
    pub(crate) fn at_terminal(&self, arguments: &[&str]) -> Terminal {
        self.bench.at_terminal(150, &[arguments, &["--tool-dir", self.tools.to_str().unwrap()]].concat())
    }

    /// Runs one of the tools.
    pub(crate) fn tool(&self, tool: &str, arguments: &[&str]) -> Run {
        self.bench.command(self.tools.join(tool), arguments)
    }

    /// The whole property list.
    pub(crate) fn plist(&self) -> Value {
        Value::from_file(&self.state).unwrap()
    }

    /// The values of an attribute in a person's record, from the property list.
    pub(crate) fn values(&self, user: &str, attribute: &str) -> Vec<String> {
        let mac = self.plist();
        let users = mac.as_dictionary().unwrap().get("users").unwrap().as_dictionary().unwrap();
        let record = users.get(user).unwrap().as_dictionary().unwrap();
        let values = record.get(&format!("dsAttrTypeStandard:{attribute}")).and_then(Value::as_array);
        values.into_iter().flatten().map(|value| value.as_string().unwrap().to_owned()).collect()
    }

    /// The values of AuthenticationAuthority.
    pub(crate) fn authorities(&self, user: &str) -> Vec<String> {
        self.values(user, "AuthenticationAuthority")
    }

    /// The hashes in `;tokenidentity;` values of AuthenticationAuthority.
    pub(crate) fn paired(&self, user: &str) -> Vec<String> {
        let values = self.authorities(user).into_iter();
        values.filter_map(|value| value.strip_prefix(";tokenidentity;").map(str::to_owned)).collect()
    }

    /// The hashes with which the login keychain of a person opens.
    pub(crate) fn keychain(&self, user: &str) -> Vec<String> {
        let mac = self.plist();
        let keychains = mac.as_dictionary().unwrap().get("keychains").unwrap().as_dictionary().unwrap();
        let Some(keychain) = keychains.get(user) else { return Vec::new() };
        let hashes = keychain.as_dictionary().unwrap().get("unlockedBy").unwrap().as_array().unwrap();
        hashes.iter().map(|hash| hash.as_string().unwrap().to_owned()).collect()
    }

    /// The calls of tools so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let text = fs::read_to_string(self.tools.join("calls.jsonl")).unwrap_or_default();
        text.lines().map(|line| Call(serde_json::from_str(line).unwrap())).collect()
    }

    pub(crate) fn forget_calls(&self) {
        let _ = fs::remove_file(self.tools.join("calls.jsonl"));
    }
}

/// One call of a tool.
pub(crate) struct Call(serde_json::Value);

impl Call {
    pub(crate) fn tool(&self) -> &str {
        self.0["tool"].as_str().unwrap()
    }

    pub(crate) fn arguments(&self) -> Vec<&str> {
        self.0["arguments"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
    }

    pub(crate) fn user(&self) -> &str {
        self.0["user"].as_str().unwrap()
    }

    pub(crate) fn session(&self) -> Option<u64> {
        self.0["session"].as_u64()
    }

    pub(crate) fn process(&self) -> u64 {
        self.0["process"].as_u64().unwrap()
    }

    /// The name of the program that called it.
    pub(crate) fn parent(&self) -> Option<&str> {
        self.0["parent"].as_str()
    }

    /// Everything that was written down of it.
    pub(crate) fn text(&self) -> String {
        self.0.to_string()
    }
}

/// The pairing hash of the certificate in a slot of the virtual card with this state directory, by openssl.
pub(crate) fn hash_of(bench: &Bench, card: &str, slot: &str) -> String {
    oracle::pairing_hash(bench, &oracle::der_of(bench, &bench.path(card).join(format!("{slot}.pem"))))
}

/// The GUID of the card in the virtual reader.
pub(crate) fn guid(bench: &Bench) -> String {
    let report = bench.pivkit(&["identities", "--json"]).output().success().json();
    report["cards"][0]["guid"].as_str().unwrap().to_owned()
}
