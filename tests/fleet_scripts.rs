//! The scripts in contrib/ that report to Jamf and Intune, with what pivkit really prints.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::bench::card::Card;
use crate::bench::oracle;
use crate::bench::process::Output;
use crate::bench::{Bench, PIN, binary, from_base64, not_run, project};

#[test]
fn both_say_which_key_opens_the_account() {
    let bench = Bench::vpcd();
    let pivkit = program(
        &bench,
        &format!("exec '{}' \"$@\" --root '{}'", binary("pivkit").display(), bench.path("root").display()),
    );
    both(&bench, &pivkit, "alice", "Not paired");
    let pin = bench.file("pin", PIN);
    let _card = Card::alice(&bench);
    let pair = ["pair", "--user", "alice", "--slot", "9a", "--pin-file", pin.to_str().unwrap(), "--yes"];
    bench.pivkit(&pair).output().success();
    let identities = bench.pivkit(&["identities", "--json"]).output().success().json();
    let hash = oracle::pairing_hash(&bench, &from_base64(&identities["cards"][0]["identities"][0]["certificate"]));
    both(&bench, &pivkit, "alice", &format!("Paired: {hash}"));
    both(&bench, &pivkit, "bob", "Not paired");
}

/// A Mac whose own tool has paired the card: pivkit had no part in that.
#[test]
fn a_mac_that_was_paired_by_its_own_tool_is_told() {
    let bench = Bench::vpcd();
    let (tools, state) = (bench.path("tools"), bench.path("mac.plist"));
    let (tools, state) = (tools.to_str().unwrap(), state.to_str().unwrap());
    let vmac = binary("pivkit-vmac");
    let set = |words: &[&str]| bench.command(&vmac, &[&["state", state], words].concat()).output().success();
    bench.command(&vmac, &["install", "--tools", tools, "--state", state]).output().success();
    set(&["user", "alice", "--uid", "501", "--logged-in"]);
    let (certificate, _) =
        oracle::issue(&bench, "alice", "alice@example.test", &oracle::P256, &oracle::authority(&bench, "authority"));
    let slots = ["9a", "9d"].map(|slot| format!("{slot}={}", certificate.display()));
    let guid = "C5E212F78F9F48EA9E7D2B33AE5B3740";
    set(&["insert", "--guid", guid, "--certificate", &slots[0], "--certificate", &slots[1]]);
    let hash = oracle::pairing_hash(&bench, &oracle::der_of(&bench, &certificate));
    let pivkit = binary("pivkit");
    let pivkit = program(&bench, &format!("exec '{}' \"$@\" --backend macos --tool-dir '{tools}'", pivkit.display()));
    both(&bench, &pivkit, "alice", "Not paired");
    let asuser = ["asuser", "501", "sudo", "-iu", "alice", "sc_auth", "pair", "-u", "alice", "-h", &hash];
    bench.command(format!("{tools}/launchctl"), &asuser).output().success();
    both(&bench, &pivkit, "alice", &format!("Paired: {hash}"));
    set(&["quirk", "dscl=garbage"]);
    assert!(jamf(&bench, &pivkit, "alice").starts_with("Error: pivkit:"));
}

#[test]
fn what_goes_wrong_is_said_in_one_harmless_line() {
    let bench = Bench::vpcd();
    let root = bench.path("root");
    let pivkit = program(&bench, &format!("exec '{}' \"$@\" --root '{}'", binary("pivkit").display(), root.display()));
    for (user, wanted) in [("nobody-here", "there is no account nobody-here"), ("--help", "Error: "), ("", "No user")] {
        let said = jamf(&bench, &pivkit, user);
        assert!(said.contains(wanted), "{said}");
    }
    let missing = bench.path("nowhere");
    both(&bench, &missing, "alice", "pivkit is not installed");

    // A program that says anything at all.
    let noise = program(&bench, r#"yes '</result><result>&"$(id)' | head -n 100000 >&2; exit 6"#);
    let said = jamf(&bench, &noise, "alice");
    assert!(
        said.starts_with("Error: ") && said.len() < 4000 && !said.contains('<') && !said.contains("\"$(id)\n"),
        "{said}"
    );
    let names = program(
        &bench,
        r#"printf '%s\n' '{"accounts":[{"pairings":[{"pairing_hash":null,"subject":"x,\"pairing_hash\":\"0000000000000000000000000000000000000000\""}]}]}'"#,
    );
    both(&bench, &names, "alice", "Not paired");
    let silent = program(&bench, "kill -9 $$");
    assert!(jamf(&bench, &silent, "alice").starts_with("Error:"));
}

#[test]
fn scripts_for_administrators_please_shellcheck() {
    if not_run::unless_installed("shellcheck").is_none() {
        return;
    }
    let bench = Bench::vpcd();
    for script in ["contrib/jamf/pairing.sh", "contrib/intune/pairing.sh", "tests/bench/host.sh"] {
        let path = project().join(script);
        bench.command("shellcheck", &["--shell=sh", path.to_str().unwrap()]).output().success();
    }
}

/// A program in the place of pivkit.
fn program(bench: &Bench, script: &str) -> PathBuf {
    let path = bench.file("pivkit", format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[track_caller]
fn both(bench: &Bench, pivkit: &std::path::Path, user: &str, wanted: &str) {
    assert_eq!(jamf(bench, pivkit, user), wanted);
    assert_eq!(run(bench, "intune", pivkit, user).stdout, format!("{wanted}\n"));
}

/// What Jamf would show.
#[track_caller]
fn jamf(bench: &Bench, pivkit: &std::path::Path, user: &str) -> String {
    let output = run(bench, "jamf", pivkit, user);
    let inner = output.stdout.strip_prefix("<result>").and_then(|rest| rest.strip_suffix("</result>\n"));
    let inner = inner.unwrap_or_else(|| panic!("{output}"));
    assert!(!inner.contains('\n'), "{output}");
    inner.to_owned()
}

#[track_caller]
fn run(bench: &Bench, system: &str, pivkit: &std::path::Path, user: &str) -> Output {
    let script = project().join("contrib").join(system).join("pairing.sh");
    let setting = format!("PIVKIT={}", pivkit.display());
    bench.command("env", &[setting.as_str(), "sh", script.to_str().unwrap(), user]).output().success()
}
