//! `pivkit doctor`, and the choice of a login module, on directory trees: no card is needed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::bench::Bench;
use crate::bench::oracle::{self, P256};
use crate::bench::process::Output;

#[test]
fn each_mapper_of_pam_pkcs11_is_explained() {
    let bench = Bench::vpcd();
    let authority = oracle::authority(&bench, "ca");
    let (certificate, _) = oracle::issue(&bench, "alice", "alice@example.test", &P256, &authority);
    let mappers = "digest, subject, cn, uid, mail, pwent, ms, opensc, openssh, krb, null";
    configure(&bench, mappers, "signature, ca");
    write(&bench, "etc/pam_pkcs11/subject_mapping", "/CN=alice -> alice\n");
    write(&bench, "etc/pam.d/login", "auth required pam_pkcs11.so\n");
    let explained = |user: &str| {
        let report = doctor(&bench, &["--cert", certificate.to_str().unwrap(), "--user", user, "--json"]);
        let report: serde_json::Value = serde_json::from_str(&report.stdout).unwrap();
        let opens = |one: &serde_json::Value| {
            let module = one["module"].as_str().unwrap().strip_prefix("pam_pkcs11, mapper ")?.to_owned();
            Some((module, one["opens"].as_bool()))
        };
        report["explanations"].as_array().unwrap().iter().filter_map(opens).collect::<Vec<_>>()
    };
    let named = |answers: &[(&str, Option<bool>)]| -> Vec<_> {
        answers.iter().map(|(name, opens)| ((*name).to_owned(), *opens)).collect()
    };
    let (yes, no) = (Some(true), Some(false));
    let of_alice =
        [("digest", no), ("subject", yes), ("cn", yes), ("uid", no), ("mail", no), ("pwent", yes), ("ms", yes)];
    assert_eq!(explained("alice")[..7], named(&of_alice));
    assert_eq!(explained("alice")[7..], named(&[("opensc", no), ("openssh", no), ("krb", None), ("null", no)]));
    let of_bob = [("digest", no), ("subject", no), ("cn", no), ("uid", no), ("mail", no), ("pwent", None), ("ms", no)];
    assert_eq!(explained("bob")[..7], named(&of_bob));
    // With the fingerprint out of openssl.
    let fingerprint = ["x509", "-in", certificate.to_str().unwrap(), "-noout", "-fingerprint", "-sha1"];
    let fingerprint = bench.openssl(&fingerprint, &[]).stdout;
    let line = format!("{} -> bob\n", fingerprint.trim().split_once('=').unwrap().1);
    write(&bench, "etc/pam_pkcs11/digest_mapping", &line);
    assert_eq!((explained("alice")[0].1, explained("bob")[0].1), (no, yes));
}

#[test]
fn what_is_wrong_is_told_and_is_the_exit_code() {
    let bench = Bench::vpcd();
    let empty = doctor(&bench, &[]).exits_with(5);
    assert!(empty.stdout.contains("no login module"), "{empty}");
    write(&bench, "etc/pam.d/login", "auth required pam_pkcs11.so\n");
    write(&bench, "usr/lib/security/pam_pkcs11.so", "");
    configure(&bench, "digest", "ca");
    let told = doctor(&bench, &[]).exits_with(5);
    assert!(told.stdout.contains("without `signature`") && told.stdout.contains("hash links"), "{told}");
    configure(&bench, "digest", "signature");
    write(&bench, "etc/pam_pkcs11/digest_mapping", "# nobody\n");
    let good = doctor(&bench, &[]).success();
    assert!(good.stdout.contains("asked by login"), "{good}");
    let map = bench.path("root/etc/pam_pkcs11/digest_mapping");
    fs::set_permissions(map, fs::Permissions::from_mode(0o666)).unwrap();
    let told = doctor(&bench, &[]).exits_with(5);
    assert!(told.stdout.contains("can be changed by others"), "{told}");
}

#[test]
fn the_login_module_that_a_service_asks_is_chosen_and_two_are_an_error() {
    let bench = Bench::vpcd();
    let backend = || {
        let listed = bench.pivkit(&["list", "--json"]).output().success();
        serde_json::from_str::<serde_json::Value>(&listed.stdout).unwrap()["backend"].as_str().unwrap().to_owned()
    };
    assert_eq!(backend(), "pam_p11");
    configure(&bench, "digest", "signature");
    write(&bench, "etc/pam.d/sudo", "#auth required pam_p11.so\nauth sufficient pam_pkcs11.so\n");
    assert_eq!(backend(), "pam_pkcs11");
    // Most services ask pam_sss for passwords.
    write(&bench, "etc/pam.d/common-auth", "auth sufficient pam_sss.so\n");
    assert_eq!(backend(), "pam_pkcs11");
    write(&bench, "etc/pam.d/login", "auth required pam_p11.so /usr/lib/opensc-pkcs11.so\n");
    let several = bench.pivkit(&["list"]).output().exits_with(2);
    assert!(several.stderr.contains("pam_p11 (asked by login); pam_pkcs11 (asked by sudo)"), "{several}");
    bench.pivkit(&["list", "--backend", "pam_pkcs11"]).output().success();
}

fn configure(bench: &Bench, mappers: &str, policy: &str) {
    let map = |name: &str| format!("mapfile = file:///etc/pam_pkcs11/{name}_mapping;");
    let text = format!(
        "pam_pkcs11 {{\n use_pkcs11_module = opensc;\n pkcs11_module opensc {{ ca_dir = /etc/pam_pkcs11/cacerts; cert_policy = {policy}; }}\n \
         use_mappers = {mappers};\n mapper digest {{ {} }}\n mapper subject {{ {} }}\n \
         mapper ms {{ domainname = \"example.test\"; }}\n mapper null {{ default_match = false; }}\n}}\n",
        map("digest"),
        map("subject")
    );
    write(bench, "etc/pam_pkcs11/pam_pkcs11.conf", &text);
}

fn write(bench: &Bench, name: &str, text: &str) {
    let path: PathBuf = bench.path("root").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn doctor(bench: &Bench, args: &[&str]) -> Output {
    let root = bench.path("root");
    bench.pivkit(&[&["doctor", "--root", root.to_str().unwrap()], args].concat()).output().never_panicked()
}
