//! The identity provider that shares no code with pivkit (tests/python/stand_in_idp.py).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Bench;
use super::idp::{fetch_configuration, url_in};
use super::oracle::{python, script};
use super::process::Service;

/// Everybody's password there: what has to be escaped in a form and in JSON.
pub(crate) const PASSWORD: &str = "corr&ect=h+o%rse \"bätte€ry\" \\ 𝄞";

/// Ways in which it can be spoken to, each below a path of its own (tests/python/platform_sso/provider/profiles.py).
pub(crate) const PROFILES: [&str; 3] = ["", "/full", "/custom"];

/// The provider, which trusts one authority.
pub(crate) struct StandIn {
    service: Service,
    pub(crate) url: String,
}

impl StandIn {
    /// Starts one; `device_keys` is the output of `pivkit psso keys --json` of a device that it knows already.
    pub(crate) fn start(bench: &Bench, authority: &Path, device_keys: Option<&Path>) -> Self {
        let keys = device_keys.unwrap_or(Path::new("-")).to_path_buf();
        let password = bench.file("password", PASSWORD);
        let arguments = [script("stand_in_idp.py"), keys, authority.to_path_buf(), password];
        let service = bench.service(python().to_str().unwrap(), &arguments);
        let url = service.wait_for("where it listens", url_in);
        Self { service, url }
    }

    /// Writes the configuration of a profile, and returns the file.
    pub(crate) fn configuration(&self, bench: &Bench, profile: &str) -> PathBuf {
        fetch_configuration(bench, &format!("{}{profile}", self.url))
    }

    /// The next request that it judged, and how.
    #[track_caller]
    pub(crate) fn judgement(&self) -> Value {
        self.service.wait_for("what it thinks of the request", |line| serde_json::from_str(line).ok())
    }

    /// How many numbers of each kind it saw, and how many of them began with a zero byte.
    pub(crate) fn padding(&self, bench: &Bench) -> Padding {
        let url = format!("{}/padding", self.url);
        let output = bench.command("curl", &["--silent", "--show-error", "--fail", &url]).output().success();
        Padding(serde_json::from_value(output.json()).unwrap())
    }
}

/// Numbers of each kind: how many, and how many of them began with a zero byte.
#[derive(Default)]
pub(crate) struct Padding(pub(crate) BTreeMap<String, (u32, u32)>);

impl Padding {
    /// Adds what another one has counted.
    pub(crate) fn add(&mut self, other: Self) {
        for (name, (seen, padded)) in other.0 {
            let sum = self.0.entry(name).or_default();
            *sum = (sum.0 + seen, sum.1 + padded);
        }
    }

    /// Kinds none of which began with a zero byte. X and Y are of one kind, and r and s. RSA signatures are not waited for.
    pub(crate) fn missing(&self) -> Vec<&str> {
        let mut kinds = BTreeMap::<&str, u32>::new();
        for (name, (_, padded)) in self.0.iter().filter(|(name, _)| !name.contains("RSA")) {
            let kind = [" x", " y", " r", " s"].iter().find_map(|letter| name.strip_suffix(letter)).unwrap_or(name);
            *kinds.entry(kind).or_default() += padded;
        }
        kinds.into_iter().filter_map(|(kind, padded)| (padded == 0).then_some(kind)).collect()
    }

    /// One line for each kind.
    pub(crate) fn table(&self) -> String {
        let line = |(name, (seen, padded)): (&String, &(u32, u32))| format!("{name:45} {seen:6} {padded:5}\n");
        self.0.iter().map(line).collect()
    }
}
