//! `sc_auth`, with what was captured of it as the measure.

use crate::bench::{Bench, GUID, text};

#[test]
fn identities_are_printed_as_they_were_captured() {
    let bench = Bench::new();
    let hash = bench.hash();
    let printed = text(&bench.run("sc_auth", &["identities"]).stdout);
    let name = printed.lines().last().unwrap().split_once('\t').unwrap().1.to_owned();
    assert!(name.starts_with("Certificate For PIV Authentication ("), "{name}");
    assert_eq!(printed, format!("SmartCard: com.apple.pivtoken:{GUID}\nUnpaired identities:\n{hash}\t{name}\n"));
    assert!(bench.run_as_alice("sc_auth", &["pair", "-u", "alice", "-h", &hash]).status.success());
    assert_eq!(
        text(&bench.run("sc_auth", &["identities"]).stdout),
        format!(
            "SmartCard: com.apple.pivtoken:{GUID}\nPaired identities which are used for authentication:\n{hash}\talice - {name}\n"
        )
    );
}

#[test]
fn pairing_adds_one_value_and_unpairing_takes_it_away() {
    let bench = Bench::new();
    let hash = bench.hash();
    let before = bench.values("alice", "AuthenticationAuthority");
    for _ in 0..2 {
        let output = bench.run_as_alice("/usr/sbin/sc_auth", &["pair", "-u", "alice", "-h", &hash]);
        assert_eq!(text(&output.stdout), format!("User was successfully paired (public key hash: {hash})\n"));
    }
    let paired = [before.clone(), vec![format!(";tokenidentity;{hash}")]].concat();
    assert_eq!(bench.values("alice", "AuthenticationAuthority"), paired);
    assert_eq!(text(&bench.run("sc_auth", &["list", "-u", "alice"]).stdout), format!("Hash: {hash}\n"));
    assert!(bench.run("sc_auth", &["unpair", "-u", "alice", "-h", &hash]).status.success());
    assert_eq!(bench.values("alice", "AuthenticationAuthority"), before);
}

#[test]
fn each_obstacle_has_its_number_and_changes_nothing() {
    let cases: [(&[&str], &str); 5] = [
        (
            &["driver", "org.opensc-project.mac.opensctoken.OpenSCTokenApp.OpenSCToken"],
            "error -11 - SmartCard algorithm",
        ),
        (&["set", "checkCertificateTrust", "1"], "error -13 - The SmartCard certificate is not trusted."),
        (&["logout", "alice"], "UI not enabled"),
        (&["remove"], "CryptoTokenKit error -7."),
        (&["keychain", "alice", "cancelled"], "OSStatus error -128."),
    ];
    for (change, complaint) in cases {
        let bench = Bench::new();
        let hash = bench.hash();
        let before = bench.values("alice", "AuthenticationAuthority");
        bench.state(change);
        if change.first() == Some(&"set") {
            // Their validity is over as well.
            bench.state(&["remove"]);
            let file = "9a=../../tests/data/icam/46_Golden_FIPS_201-2_PIV/3-ICAM_PIV_Auth_SP_800-73-4.crt";
            bench.state(&["insert", "--guid", GUID, "--untrusted", "--certificate", file]);
        }
        let output = bench.run_as_alice("sc_auth", &["pair", "-u", "alice", "-h", &hash]);
        assert_eq!(output.status.code(), Some(1), "{change:?}");
        assert!(text(&output.stderr).contains(complaint), "{change:?} {output:?}");
        assert_eq!(bench.values("alice", "AuthenticationAuthority"), before, "{change:?}");
    }
}

#[test]
fn a_card_without_9d_leaves_the_keychain_closed() {
    let bench = Bench::new();
    let hash = bench.hash();
    bench.state(&["remove"]);
    let file = "9a=../../tests/data/icam/46_Golden_FIPS_201-2_PIV/3-ICAM_PIV_Auth_SP_800-73-4.crt";
    bench.state(&["insert", "--guid", GUID, "--certificate", file]);
    let output = bench.run_as_alice("sc_auth", &["pair", "-u", "alice", "-h", &hash]);
    assert!(output.status.success());
    assert!(text(&output.stdout).contains("user password will be required after next SmartCard login"));
    assert!(bench.values("alice", "AuthenticationAuthority").contains(&format!(";tokenidentity;{hash}")));
}

#[test]
fn labels_and_errors_are_in_the_language_of_the_mac() {
    let bench = Bench::new();
    let hash = bench.hash();
    for (language, label, error) in
        [("de", "Zertifikat zur PIV-Authentifizierung (", "-Fehler -11 "), ("zh", "用于PIV认证的证书 (", "错误-11 ")]
    {
        bench.state(&["language", language]);
        bench.state(&["quirk", "sc_auth.pair=error -11"]);
        assert!(text(&bench.run("sc_auth", &["identities"]).stdout).contains(label));
        let output = bench.run("sc_auth", &["pair", "-u", "alice", "-h", &hash]);
        assert!(text(&output.stderr).contains(error), "{output:?}");
    }
}

#[test]
fn remnants_of_attribute_mapping_go_one_at_a_time() {
    let bench = Bench::new();
    let hash = bench.hash();
    let value = format!("AuthenticationAuthority=;amidentity;{hash}");
    bench.state(&["user", "bob", "--uid", "502", "--value", &value, "--value", &value, "--filevault", &hash]);
    let left = || bench.values("bob", "AuthenticationAuthority").iter().filter(|one| one.contains("amid")).count();
    for expected in [1, 0] {
        assert!(bench.run("sc_auth", &["unpair", "-u", "bob", "-h", &hash]).status.success());
        assert_eq!(left(), expected);
    }
    assert!(bench.run("sc_auth", &["filevault", "-o", "disable", "-u", "bob", "-h", &hash]).status.success());
    let mac = bench.plist();
    let filevault = mac.as_dictionary().unwrap().get("filevault").unwrap().as_dictionary().unwrap();
    assert_eq!(filevault.get("bob").unwrap().as_array().unwrap().len(), 0);
}
