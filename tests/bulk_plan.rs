//! `pivkit bulk plan`: a manifest against the accounts of a tree, and certificates that openssl issued.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bench::oracle::{P256, RSA2048, authority, der_of, issue, pairing_hash};
use crate::bench::process::Output;
use crate::bench::{Bench, from_base64, project};

const USAGE: i32 = 2;
const PROBLEMS: i32 = 8;

/// A bench with certificates of alice (RSA) and bob (EC) and a federal one that has expired, in a folder of their own.
fn office() -> Bench {
    let bench = Bench::vpcd();
    let authority = authority(&bench, "ca");
    fs::create_dir(bench.path("certs")).unwrap();
    for (name, upn, key) in
        [("alice", "alice@example.test", RSA2048.as_slice()), ("bob", "Bob@Example.test", P256.as_slice())]
    {
        let (certificate, _) = issue(&bench, name, upn, key, &authority);
        fs::rename(certificate, bench.path(format!("certs/{name}.pem"))).unwrap();
    }
    let expired = project().join("tests/data/icam/13_Certs_are_expired/3-ICAM_PIV_Auth_SP_800-73-4.crt");
    fs::copy(expired, bench.path("certs/old.crt")).unwrap();
    bench
}

fn plan(bench: &Bench, manifest: impl AsRef<[u8]>, more: &[&str]) -> Output {
    let manifest = bench.file("people.csv", manifest);
    let root = bench.path("root");
    let args = ["bulk", "plan", manifest.to_str().unwrap(), "--root", root.to_str().unwrap()];
    bench.pivkit(&[&args, more].concat()).output().never_panicked()
}

fn notes<'a>(plan: &'a Value, list: &str) -> Vec<(u64, &'a str)> {
    let notes = plan[list].as_array().unwrap().iter();
    notes.map(|note| (note["line"].as_u64().unwrap(), note["why"].as_str().unwrap_or_default())).collect()
}

/// Every path below a folder, with what is in it.
fn contents(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(contents(&path));
            found.push((path, None));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.push((path, Some(bytes)));
        }
    }
    found.sort();
    found
}

#[test]
fn a_clean_manifest_is_planned_with_the_hashes_that_openssl_computes() {
    let bench = office();
    let before = contents(&bench.path("root"));
    let manifest = "\u{feff}slot,certificate,user\r\n9a,certs/alice.pem,alice\r\n,certs/bob.pem,bob\r\n";
    let report = plan(&bench, manifest, &["--json"]).success();
    let plan_file = report.json();
    assert_eq!((&plan_file["schema_version"], &plan_file["backend"]), (&1.into(), &"pam_p11".into()));
    assert_eq!(plan_file["root"], bench.path("root").to_str().unwrap());
    let rows = plan_file["rows"].as_array().unwrap();
    for (row, (line, user)) in rows.iter().zip([(2, "alice"), (3, "bob")]) {
        let der = der_of(&bench, &bench.path(format!("certs/{user}.pem")));
        assert_eq!((&row["line"], &row["user"], &row["action"]), (&line.into(), &user.into(), &"pair".into()));
        assert_eq!(from_base64(&row["certificate"]), der);
        assert_eq!(row["pairing_hash"], pairing_hash(&bench, &der), "{user}");
        assert_eq!(row["changes"].as_array().unwrap().len(), 3);
    }
    assert_eq!((rows.len(), report.stderr.as_str()), (2, ""));
    for list in ["problems", "skipped", "waiting"] {
        assert_eq!(plan_file[list], serde_json::json!([]));
    }
    let text = plan(&bench, manifest, &[]).success();
    assert!(text.stdout.starts_with("line 2: pair alice: ") && text.stdout.contains("2 rows would change"), "{text}");
    assert_eq!(contents(&bench.path("root")), before, "planning changes nothing");
}

#[test]
fn every_problem_is_told_with_its_line_and_the_other_rows_are_planned() {
    let bench = office();
    let manifest = "user,certificate,hash,serial,upn,host,slot,action\n\
        alice,certs/alice.pem,,,,,,\n\
        nobody,certs/bob.pem,,,,,,\n\
        bob,certs/old.crt,,,,,,\n\
        bob,certs/alice.pem,,,,,,\n\
        bob,,00112233445566778899AABBCCDDEEFF0011223,,,,,\n\
        bob,,00112233445566778899AABBCCDDEEFF00112233,,,,,\n\
        bob,certs/missing.pem,,,,,,\n\
        bob,certs/bob.pem,,,alice@example.test,,,\n\
        bob,certs/bob.pem,,,,,9b,\n\
        bob,,,12345678,,,,\n\
        \x1b[2J,,,1,,,,\n\
        bob,certs/missing.pem,,,,elsewhere,,\n";
    let output = plan(&bench, manifest, &["--json", "--host", "here"]).exits_with(PROBLEMS);
    let plan_file = output.json();
    let told = notes(&plan_file, "problems");
    for (line, part) in [
        (2, "is also that of bob in line 5"),
        (3, "there is no account nobody"),
        (4, "expired on"),
        (5, "is also that of alice in line 2"),
        (6, "40 hexadecimal digits"),
        (7, "pam_p11 keeps certificates"),
        (8, "No such file"),
        (9, "upn and certificate disagree"),
        (10, "is no slot"),
        (12, "control characters"),
    ] {
        let found = told.iter().find(|(of, why)| *of == line && why.contains(part));
        assert!(found.is_some(), "line {line}, {part}: {told:?}");
        assert!(output.stderr.contains(&format!("line {line}")), "{output}");
    }
    assert_eq!(told.len(), 10, "{told:?}");
    assert!(!output.stdout.contains('\x1b') && !output.stderr.contains('\x1b'), "{output}");
    assert_eq!(notes(&plan_file, "waiting"), [(11, "")]);
    assert_eq!(plan_file["waiting"][0]["serial"], 12_345_678);
    assert_eq!(notes(&plan_file, "skipped"), [(13, "is for host elsewhere")]);
    assert_eq!(plan_file["host"], "here");
}

#[test]
fn what_is_paired_already_is_unchanged_and_can_be_removed() {
    let bench = office();
    let folder = bench.path("root/home/alice/.eid");
    fs::create_dir(&folder).unwrap();
    fs::copy(bench.path("certs/alice.pem"), folder.join("authorized_certificates")).unwrap();
    let home = std::os::unix::fs::MetadataExt::uid(&fs::metadata(bench.path("root/home/alice")).unwrap());
    for path in [folder.clone(), folder.join("authorized_certificates")] {
        std::os::unix::fs::chown(&path, Some(home), None).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    }
    let output = plan(&bench, "user,certificate\nalice,certs/alice.pem\n", &["--json"]).success();
    assert_eq!(output.json()["rows"][0]["changes"], serde_json::json!([]), "{output}");
    let hash = pairing_hash(&bench, &der_of(&bench, &bench.path("certs/alice.pem")));
    for manifest in [format!("user,hash,action\nalice,{hash},unpair\n"), "user,action\nalice,unpair\n".to_owned()] {
        let output = plan(&bench, manifest, &["--json"]).success();
        let changes = output.json()["rows"][0]["changes"].to_string();
        assert!(changes.contains(&format!("remove the certificate {hash}")), "{output}");
    }
    let output = plan(&bench, "user,certificate,action\nalice,certs/bob.pem,replace\n", &["--json"]).success();
    let changes = output.json()["rows"][0]["changes"].to_string();
    assert!(changes.contains("add the certificate") && changes.contains(&format!("remove the certificate {hash}")));
}

#[test]
fn a_folder_of_certificates_is_matched_by_the_rule_that_is_given() {
    let bench = office();
    let folder = ["--certificates", bench.path("certs").to_str().unwrap()].map(str::to_owned);
    let with = |manifest: &str, rule: &[&str]| {
        let options: Vec<&str> = folder.iter().map(String::as_str).chain(rule.iter().copied()).collect();
        plan(&bench, manifest, &[options.as_slice(), &["--json"]].concat())
    };
    let by_upn = with("user\nalice\nbob\n", &["--match", "upn"]).success().json();
    for (row, user) in by_upn["rows"].as_array().unwrap().iter().zip(["alice", "bob"]) {
        let der = der_of(&bench, &bench.path(format!("certs/{user}.pem")));
        assert_eq!((&row["user"], &row["pairing_hash"]), (&user.into(), &pairing_hash(&bench, &der).into()));
    }
    let unmatched = &by_upn["unmatched"][0];
    assert!(unmatched["path"].as_str().unwrap().ends_with("old.crt"), "{by_upn}");
    assert!(unmatched["why"].as_str().unwrap().contains("expired"), "{by_upn}");
    let by_name = with("user\nalice\nroot\n", &["--match", "cn"]).exits_with(PROBLEMS).json();
    assert_eq!(by_name["rows"][0]["pairing_hash"], by_upn["rows"][0]["pairing_hash"]);
    assert!(notes(&by_name, "problems")[0].1.contains("has the common name root"), "{by_name}");
    let by_mail = with("user\nalice\n", &["--match", "email"]).exits_with(PROBLEMS).json();
    assert!(notes(&by_mail, "problems")[0].1.contains("has the e-mail address alice"), "{by_mail}");
    assert_eq!(by_mail["unmatched"].as_array().unwrap().len(), 3);
    let by_column = with("user,upn\nbob,bob@example.test\n", &[]).success().json();
    assert_eq!(by_column["rows"].as_array().unwrap().len(), 1);
    plan(&bench, "user\nalice\n", &["--match", "upn"]).exits_with(USAGE);
}

#[test]
fn a_slice_for_each_host_plans_there_as_the_whole_does() {
    let bench = office();
    let manifest =
        "user,certificate,host\nalice,certs/alice.pem,Mac1\nbob,certs/bob.pem,mac2\nbob,certs/missing.pem,mac1\n";
    let manifest = bench.file("people.csv", manifest);
    let (manifest, out) = (manifest.to_str().unwrap(), bench.path("out"));
    let split = ["bulk", "plan", manifest, "--split-by-host", out.to_str().unwrap(), "--json"];
    let report = bench.pivkit(&split).output().exits_with(PROBLEMS);
    let hosts = report.json()["hosts"].clone();
    assert_eq!((&hosts[0]["host"], &hosts[0]["rows"], &hosts[1]["host"]), (&"mac1".into(), &1.into(), &"mac2".into()));
    assert_eq!(notes(&report.json(), "problems").iter().map(|(line, _)| *line).collect::<Vec<_>>(), [4]);
    // The slice comes along alone.
    fs::rename(out.join("mac1"), bench.path("arrived")).unwrap();
    for name in ["certs", "out"] {
        fs::remove_dir_all(bench.path(name)).unwrap();
    }
    let (slice, root) = (bench.path("arrived/manifest.csv"), bench.path("root"));
    let args = ["bulk", "plan", slice.to_str().unwrap(), "--root", root.to_str().unwrap(), "--host", "mac1", "--json"];
    let plan_file = bench.pivkit(&args).output().success().json();
    assert_eq!(plan_file["rows"][0]["user"], "alice");
    assert_eq!(
        plan_file["rows"][0]["pairing_hash"],
        pairing_hash(&bench, &from_base64(&plan_file["rows"][0]["certificate"]))
    );
    let again = bench.pivkit(&split).output().exits_with(PROBLEMS);
    assert!(again.json()["problems"].as_array().unwrap().len() == 3, "{again}");
    let full = bench.pivkit(&split).output().exits_with(USAGE);
    assert!(full.stderr.contains("is not empty") && full.stdout.is_empty(), "{full}");
}

#[test]
fn what_is_no_manifest_is_refused_as_a_whole() {
    let bench = office();
    for (manifest, part) in [
        (&b""[..], "is empty"),
        (b"alice,certs/alice.pem\n", "no column user"),
        (b"user;certificate\nalice;x\n", "separated by ;"),
        (b"\xff\xfeu\0s\0", "UTF-16"),
    ] {
        let output = plan(&bench, manifest, &["--json"]).exits_with(USAGE);
        assert!(output.stderr.contains(part) && output.stdout.is_empty(), "{output}");
        assert_eq!(output.stderr.lines().count(), 2, "{output}");
    }
    let missing = bench.pivkit(&["bulk", "plan", "/no/such/file.csv", "--root", "/"]).output().exits_with(USAGE);
    assert!(missing.stderr.contains("cannot be read"), "{missing}");
}
