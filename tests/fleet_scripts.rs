//! The scripts in contrib/ that report to Jamf and Intune, with what pivkit really prints.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::bench::card::Card;
use crate::bench::mac::Mac;
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
    let mac = Mac::new(&bench, "mac");
    let (certificate, _) =
        oracle::issue(&bench, "alice", "alice@example.test", &oracle::P256, &oracle::authority(&bench, "authority"));
    let slots = ["9a", "9d"].map(|slot| format!("{slot}={}", certificate.display()));
    let guid = "C5E212F78F9F48EA9E7D2B33AE5B3740";
    mac.set(&["insert", "--guid", guid, "--certificate", &slots[0], "--certificate", &slots[1]]);
    let hash = oracle::pairing_hash(&bench, &oracle::der_of(&bench, &certificate));
    let pivkit = on_a_mac(&bench);
    both(&bench, &pivkit, "alice", "Not paired");
    let asuser = ["asuser", "501", "sudo", "-iu", "alice", "sc_auth", "pair", "-u", "alice", "-h", &hash];
    mac.tool("launchctl", &asuser).output().success();
    both(&bench, &pivkit, "alice", &format!("Paired: {hash}"));
    mac.set(&["quirk", "dscl=garbage"]);
    assert!(jamf(&bench, &pivkit, "alice").starts_with("Error: pivkit:"));
}

/// A Mac that finds accounts by the names in certificates.
#[test]
fn a_mac_that_maps_is_told() {
    let bench = Bench::vpcd();
    let mac = Mac::new(&bench, "mac");
    let pivkit = on_a_mac(&bench);
    let hash = "A99E433CE9461FFC3F6BAF435AFA1472ADFEFBAB";
    let paired = format!("AuthenticationAuthority=;tokenidentity;{hash}");
    let value = |value: &str| format!("AltSecurityIdentities={value}");
    let other = value("X509:<S>CN=other");
    mac.set(&["user", "carol", "--uid", "503", "--value", &paired, "--value", &value("Kerberos:carol@example.test")]);
    // Signs of JSON and of XML, which are none here.
    let (odd, even) = (value(r#"Kerberos:{"key":"d\ave",<dave>&}"#), value("Kerberos:dåve"));
    mac.set(&["user", "dave", "--uid", "504", "--value", &other, "--value", &odd, "--value", &even]);
    mac.set(&["user", "erin", "--uid", "505", "--value", &other]);

    fs::create_dir_all(bench.path("root/etc")).unwrap();
    let file = bench.path("root/etc/SmartcardLogin.plist");
    let file = file.to_str().unwrap();
    both(&bench, &pivkit, "carol", &format!("Paired: {hash}"));
    both(&bench, &pivkit, "dave", "Not paired");
    // A file that maps nothing is a usual one.
    bench.pivkit(&["mapping", "new", "--preset", "none", "--output", file]).output().success();
    both(&bench, &pivkit, "carol", &format!("Paired: {hash}"));
    both(&bench, &pivkit, "dave", "Not paired");

    bench.pivkit(&["mapping", "new", "--replace", "--output", file]).output().success();
    both(&bench, &pivkit, "carol", &format!("Paired: {hash}; Mapped: Kerberos:carol@example.test"));
    both(&bench, &pivkit, "erin", "Not paired");
    assert_eq!(
        run(&bench, "intune", &pivkit, "dave").stdout,
        "Mapped: Kerberos:{\"key\":\"d\\ave\",<dave>&}, Kerberos:d??ve\n"
    );
    let escaped = "Mapped: Kerberos:{\"key\":\"d\\ave\",&lt;dave&gt;&amp;}, Kerberos:d??ve";
    assert_eq!(jamf(&bench, &pivkit, "dave"), escaped);

    // A file that macOS does not use, and why.
    fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap();
    let said = jamf(&bench, &pivkit, "carol");
    assert!(
        said.starts_with(&format!("Paired: {hash}; Error: pivkit: ")) && said.contains("not used by macOS"),
        "{said}"
    );
    assert!(jamf(&bench, &pivkit, "dave").starts_with("Error: pivkit: "));
}

/// Backends that keep something else than hashes, and keys that pivkit does not manage.
#[test]
fn pairings_are_counted_and_not_hashes() {
    let bench = Bench::vpcd();
    let list = |pairings: &[serde_json::Value]| {
        let accounts = [serde_json::json!({"user": "alice", "pairings": pairings, "problems": ["\"key\": 1"]})];
        let document = serde_json::json!({"schema_version": 1, "backend": "pam_pkcs11", "accounts": accounts});
        let file = bench.file("document", serde_json::to_string_pretty(&document).unwrap());
        program(&bench, &format!("cat '{}'", file.display()))
    };
    let digest = serde_json::json!({"pairing_hash": null, "key": "AA:BB", "subject": "CN=\"x\"}, {\"key\":\"y\"", "effective": true});
    let hash = "A99E433CE9461FFC3F6BAF435AFA1472ADFEFBAB";
    let known = serde_json::json!({"pairing_hash": hash, "key": "CC:DD", "elsewhere": null});
    let elsewhere =
        serde_json::json!({"pairing_hash": hash, "key": hash, "elsewhere": "/home/alice/.ssh/authorized_keys line 1"});
    both(&bench, &list(&[]), "alice", "Not paired");
    both(&bench, &list(std::slice::from_ref(&elsewhere)), "alice", "Not paired");
    both(&bench, &list(std::slice::from_ref(&digest)), "alice", "Paired: AA:BB");
    both(&bench, &list(&[known, elsewhere, digest.clone()]), "alice", &format!("Paired: {hash}, AA:BB"));
    let many = vec![digest; 23];
    assert!(jamf(&bench, &list(&many), "alice").ends_with("AA:BB, AA:BB and 3 more"));
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

/// pivkit on the Mac of this bench.
fn on_a_mac(bench: &Bench) -> PathBuf {
    let (pivkit, tools, root) = (binary("pivkit"), bench.path("mac-tools"), bench.path("root"));
    let (pivkit, tools, root) = (pivkit.display(), tools.display(), root.display());
    program(bench, &format!("PIVKIT_TOOL_DIR='{tools}' exec '{pivkit}' \"$@\" --root '{root}'"))
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
