//! A Mac in a folder: alice at the screen, her card in the reader.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use plist::Value;

pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

/// The certificates of a card that a US agency published.
const CARD: &str = "../../tests/data/icam/46_Golden_FIPS_201-2_PIV";

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        let output = bench.vmac(&["install", "--tools", bench.path("tools"), "--state", bench.path("mac.plist")]);
        assert!(output.status.success(), "{output:?}");
        bench.state(&["user", "alice", "--uid", "501", "--logged-in"]);
        let slots = [("9a", "3-ICAM_PIV_Auth_SP_800-73-4.crt"), ("9d", "5-ICAM_PIV_Key_Mgmt_SP_800-73-4.crt")];
        let [nine_a, nine_d] = slots.map(|(slot, file)| format!("{slot}={CARD}/{file}"));
        bench.state(&["insert", "--guid", GUID, "--certificate", &nine_a, "--certificate", &nine_d]);
        bench
    }

    fn path(&self, name: &str) -> &'static str {
        // A handful of short strings for each test.
        self.folder.path().join(name).to_str().unwrap().to_owned().leak()
    }

    fn vmac(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_pivkit-vmac")).args(arguments).output().unwrap()
    }

    /// `pivkit-vmac state FILE ...`
    pub(crate) fn state(&self, arguments: &[&str]) {
        let output = self.vmac(&[&["state", self.path("mac.plist")], arguments].concat());
        assert!(output.status.success(), "{output:?}");
    }

    pub(crate) fn tool(&self, tool: &str) -> PathBuf {
        Path::new(self.path("tools")).join(tool)
    }

    /// Runs a tool.
    pub(crate) fn run(&self, tool: &str, arguments: &[&str]) -> Output {
        Command::new(self.tool(tool)).args(arguments).output().unwrap()
    }

    /// Runs a tool in alice's session, as root does.
    pub(crate) fn run_as_alice(&self, tool: &str, arguments: &[&str]) -> Output {
        self.run("launchctl", &[&["asuser", "501", "/usr/bin/sudo", "-iu", "alice", tool], arguments].concat())
    }

    /// The hash of the card's 9a, as `sc_auth` lists it.
    pub(crate) fn hash(&self) -> String {
        let output = self.run("sc_auth", &["identities"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find(|line| line.contains('\t')).unwrap();
        line.split('\t').next().unwrap().to_owned()
    }

    pub(crate) fn plist(&self) -> Value {
        Value::from_file(self.path("mac.plist")).unwrap()
    }

    /// The values of an attribute, from the plist.
    pub(crate) fn values(&self, user: &str, attribute: &str) -> Vec<String> {
        let mac = self.plist();
        let users = mac.as_dictionary().unwrap().get("users").unwrap().as_dictionary().unwrap();
        let record = users.get(user).unwrap().as_dictionary().unwrap();
        let values = record.get(&format!("dsAttrTypeStandard:{attribute}")).and_then(Value::as_array);
        values.into_iter().flatten().map(|value| value.as_string().unwrap().to_owned()).collect()
    }

    /// The calls that were made, one JSON object each.
    pub(crate) fn calls(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.tool("calls.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub(crate) const GUID: &str = "C5E212F78F9F48EA9E7D2B33AE5B3740";

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
