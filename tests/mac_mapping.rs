//! Attribute mapping on a Mac: the file, whom it lets in, and pairing by it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use crate::bench::card::Card;
use crate::bench::mac::{Mac, hash_of};
use crate::bench::oracle::python;
use crate::bench::process::Output;
use crate::bench::{Bench, PIN};
use crate::mac_pair::with_card;

const VALUE: &str = "Kerberos:alice@example.test";

/// pivkit for a Mac whose files lie in the folder `root`, which the bench itself names where accounts are changed.
fn run(mac: &Mac<'_>, root: &str, arguments: &[&str]) -> Output {
    let more = if ["mapping", "bulk"].contains(&arguments[0]) { &["--root", root][..] } else { &[] };
    mac.pivkit(&[arguments, more].concat()).output().never_panicked()
}

fn pair(bench: &Bench, mac: &Mac<'_>, root: &str, user: &str) -> Output {
    let pin = bench.file("pin", PIN);
    let pin = pin.to_str().unwrap();
    run(mac, root, &["pair", "--mapping", "--user", user, "--pin-file", pin, "--yes", "--json"])
}

/// The folder with the files of the Mac, and the path of its SmartcardLogin.plist.
fn files(bench: &Bench) -> (String, PathBuf) {
    let root = bench.path("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    (root.to_str().unwrap().to_owned(), root.join("etc/SmartcardLogin.plist"))
}

fn values(mac: &Mac<'_>, user: &str) -> Vec<String> {
    mac.values(user, "AltSecurityIdentities")
}

/// What Python's plistlib reads in a file, as JSON.
fn by_python(bench: &Bench, file: &str) -> serde_json::Value {
    let script = "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
    bench.command(python(), &["-c", script, file]).output().success().json()
}

#[test]
fn the_file_is_made_judged_and_understood_by_others() {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let (_, file) = files(&bench);
    let file = file.to_str().unwrap();
    let ca = card.authority();
    let new = ["mapping", "new", "--trusted-ca", ca.to_str().unwrap(), "--not-enforced-group", "exempt"];
    let printed = bench.pivkit(&new).output().success().stdout;
    bench.pivkit(&[&new[..], &["--output", file]].concat()).output().success();
    assert_eq!(fs::read_to_string(file).unwrap(), printed);
    let metadata = fs::metadata(file).unwrap();
    assert_eq!((metadata.permissions().mode() & 0o7777, metadata.uid(), metadata.gid()), (0o644, 0, 0));

    let fingerprint = bench.openssl(&["x509", "-in", ca.to_str().unwrap(), "-noout", "-fingerprint", "-sha256"], b"");
    let digits = fingerprint.success().stdout.trim().rsplit('=').next().unwrap().replace(':', "");
    let expected = serde_json::json!({
        "AttributeMapping": {
            "fields": ["NT Principal Name"],
            "formatString": "Kerberos:$1",
            "dsAttributeString": "dsAttrTypeStandard:AltSecurityIdentities"
        },
        "TrustedAuthorities": [digits],
        "NotEnforcedGroup": "exempt"
    });
    assert_eq!(by_python(&bench, file), expected);

    bench.pivkit(&["mapping", "lint", file]).output().success();
    bench.pivkit(&["mapping", "new", "--preset", "email", "--output", file]).output().exits_with(6);
    assert_eq!(fs::read_to_string(file).unwrap(), printed, "what is there stays");
    fs::set_permissions(file, fs::Permissions::from_mode(0o664)).unwrap();
    let linted = bench.pivkit(&["mapping", "lint", file, "--json"]).output().exits_with(5).json();
    assert_eq!((&linted["ok"], &linted["findings"][0]["rule"]), (&false.into(), &"mode".into()), "{linted}");
    fs::write(file, printed.replace("formatString", "format")).unwrap();
    let linted = bench.pivkit(&["mapping", "lint", file]).output().exits_with(5);
    assert!(linted.stdout.contains("lacks formatString"), "{linted}");
}

#[test]
fn an_account_is_paired_by_a_value_and_unpaired() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    let (root, file) = files(&bench);
    let before = ["X509:<S>CN=other", "Kerberos:Alice@example.test"];
    let had = before.map(|value| format!("AltSecurityIdentities={value}"));
    mac.set(&["user", "alice", "--uid", "501", "--logged-in", "--value", &had[0], "--value", &had[1]]);

    let refused = pair(&bench, &mac, &root, "alice").exits_with(6);
    assert!(refused.stderr.contains("mapping new"), "{refused}");
    bench.pivkit(&["mapping", "new", "--output", file.to_str().unwrap()]).output().success();
    let certificate = bench.path("card").join("9a.pem");
    let explain = ["mapping", "explain", "--cert", certificate.to_str().unwrap(), "--json"];
    let explained = run(&mac, &root, &explain).exits_with(5).json();
    let one = &explained["certificates"][0];
    assert_eq!((&one["value"], &one["accounts"]), (&VALUE.into(), &serde_json::json!([])), "{explained}");
    assert_eq!(one["alike"][0]["value"], before[1], "{explained}");
    assert_eq!(one["pairing_hash"], hash_of(&bench, "card", "9a"));

    let dry = ["pair", "--mapping", "--user", "alice", "--dry-run"];
    let dry = run(&mac, &root, &dry).success();
    assert!(dry.stderr.contains("differs in case only") && dry.stdout.contains(VALUE), "{dry}");
    assert_eq!(values(&mac, "alice"), before);

    let paired = pair(&bench, &mac, &root, "alice").success();
    assert_eq!((&paired.json()["backend"], &paired.json()["changed"]), (&"macos_mapping".into(), &true.into()));
    assert_eq!(values(&mac, "alice"), [&before[..], &[VALUE]].concat());
    assert_eq!(pair(&bench, &mac, &root, "alice").success().json()["changed"], false);
    run(&mac, &root, &explain).success();
    let pin = bench.file("pin", PIN);
    let check = ["check", "--mapping", "--user", "alice", "--pin-file", pin.to_str().unwrap()];
    run(&mac, &root, &check).success();
    let listed = run(&mac, &root, &["list", "--mapping"]).success();
    assert!(listed.stdout.contains(VALUE) && !listed.stdout.contains("X509"), "{listed}");

    // A card must not open two accounts.
    let taken = pair(&bench, &mac, &root, "bob").exits_with(5);
    assert!(taken.stderr.contains("alice"), "{taken}");
    assert_eq!(values(&mac, "bob"), [""; 0]);

    let unpair = ["unpair", "--mapping", "--user", "alice", "--yes", "--cert", certificate.to_str().unwrap()];
    run(&mac, &root, &unpair).success();
    assert_eq!(values(&mac, "alice"), before);
    run(&mac, &root, &check).exits_with(5);
    let calls = mac.calls();
    assert!(calls.iter().all(|call| call.tool() != "sc_auth" && !call.arguments().contains(&"-create")));
    assert!(calls.iter().all(|call| !call.text().contains(PIN)));
}

#[test]
fn a_pairing_that_the_mapping_overrules_is_not_called_proved() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    let (root, file) = files(&bench);
    mac.set(&["user", "alice", "--uid", "501", "--value", &format!("AltSecurityIdentities={VALUE}")]);
    mac.set(&["user", "bob", "--uid", "502", "--logged-in"]);
    let pin = bench.file("pin", PIN);
    let with_pin = ["--user", "bob", "--pin-file", pin.to_str().unwrap()];
    let check = [&["check"], &with_pin[..]].concat();
    run(&mac, &root, &[&["pair", "--yes"], &with_pin[..]].concat()).success();
    run(&mac, &root, &check).success();
    // A file that macOS ignores changes nothing.
    bench.pivkit(&["mapping", "new", "--output", file.to_str().unwrap()]).output().success();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    run(&mac, &root, &check).success();

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = run(&mac, &root, &check).exits_with(5);
    assert!(refused.stderr.contains("leads the card to alice") && refused.stderr.contains("--mapping"), "{refused}");
    let listed = run(&mac, &root, &["list", "--user", "bob", "--json"]).success().json();
    assert_eq!(listed["accounts"][0]["pairings"][0]["effective"], false, "{listed}");
    mac.pivkit(&["unpair", "--user", "bob", "--yes"]).output().success();
    let paired = run(&mac, &root, &[&["pair", "--yes"], &with_pin[..]].concat()).success();
    assert!(paired.stdout.contains("does not open it") && !paired.stdout.contains("now opens"), "{paired}");
    assert!(paired.stderr.contains("alice"), "{paired}");
}

#[test]
fn a_tool_that_lies_is_found_out() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    let (root, file) = files(&bench);
    bench.pivkit(&["mapping", "new", "--output", file.to_str().unwrap()]).output().success();
    mac.set(&["quirk", "dscl.append=lie"]);
    let lied = pair(&bench, &mac, &root, "alice").exits_with(6);
    assert!(lied.stderr.contains(VALUE), "{lied}");
    assert_eq!(values(&mac, "alice"), [""; 0]);
}

#[test]
fn an_office_is_paired_with_nobody_there() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = Mac::new(&bench, "mac");
    let (root, file) = files(&bench);
    let certificate = bench.path("card").join("9a.pem");
    let manifest = bench.file("manifest.csv", format!("user,certificate\nbob,{}\n", certificate.display()));
    let plan = ["bulk", "plan", manifest.to_str().unwrap(), "--strategy", "mapping", "--json"];
    let planned = run(&mac, &root, &plan).success();
    assert_eq!(planned.json()["rows"][0]["changes"].as_array().unwrap().len(), 2, "{planned}");
    assert!(!file.exists() && values(&mac, "bob").is_empty(), "{planned}");

    let plan_file = bench.file("plan.json", &planned.stdout);
    let journal = bench.path("journal");
    let journal = journal.to_str().unwrap();
    let apply = ["bulk", "apply", plan_file.to_str().unwrap(), "--journal", journal, "--yes"];
    run(&mac, &root, &apply).success();
    assert_eq!(values(&mac, "bob"), [VALUE]);
    let installed = by_python(&bench, file.to_str().unwrap());
    assert_eq!(installed["AttributeMapping"]["formatString"], "Kerberos:$1");
    run(&mac, &root, &["mapping", "lint"]).success();

    run(&mac, &root, &["bulk", "undo", journal, "--yes"]).success();
    assert_eq!(values(&mac, "bob"), [""; 0]);

    // Another file is not touched, and nobody is paired by it.
    let by_upn = ["bulk", "plan", manifest.to_str().unwrap(), "--backend", "macos_mapping:upn", "--json"];
    let other = ["mapping", "new", "--preset", "email", "--replace", "--output", file.to_str().unwrap()];
    bench.pivkit(&other).output().success();
    let before = fs::read(&file).unwrap();
    let refused = run(&mac, &root, &by_upn).exits_with(8);
    assert!(refused.stdout.contains("another way"), "{refused}");
    assert_eq!(fs::read(&file).unwrap(), before);
}
