//! `dscl`, `id`, `sudo` and `launchctl`.

use plist::Value;

use crate::bench::{Bench, text};

#[test]
fn records_are_read_as_plists_with_full_names() {
    let bench = Bench::new();
    let output = bench.run("dscl", &["-plist", ".", "-read", "/Users/alice", "UniqueID", "AltSecurityIdentities"]);
    let record = Value::from_reader_xml(output.stdout.as_slice()).unwrap();
    let record = record.as_dictionary().unwrap();
    assert_eq!(record.keys().collect::<Vec<_>>(), ["dsAttrTypeStandard:UniqueID"]);
    let all = bench.run("dscl", &["-plist", ".", "-readall", "/Users", "RecordName", "UniqueID"]);
    let all = Value::from_reader_xml(all.stdout.as_slice()).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 5);
    assert!(text(&bench.run("dscl", &[".", "-list", "/Users", "UniqueID"]).stdout).contains("nobody       -2\n"));
}

#[test]
fn failures_have_the_exit_codes_of_directory_services() {
    let bench = Bench::new();
    bench.state(&["user", "carol", "--uid", "1100", "--node", "/Active Directory/EXAMPLE/example.test"]);
    let missing = bench.run("dscl", &[".", "-read", "/Users/carol"]);
    assert_eq!(missing.status.code(), Some(56));
    assert_eq!(text(&missing.stderr), "<dscl_cmd> DS Error: -14136 (eDSRecordNotFound)\n");
    assert!(bench.run("dscl", &["/Search", "-read", "/Users/carol"]).status.success());
    bench.state(&["caller", "alice"]);
    let refused = bench.run("dscl", &[".", "-append", "/Users/alice", "AltSecurityIdentities", "Kerberos:a@B"]);
    assert_eq!(refused.status.code(), Some(40));
    assert!(text(&refused.stderr).contains("DS Error: -14120 (eDSPermissionError)"));
}

#[test]
fn values_are_appended_and_deleted_one_by_one() {
    let bench = Bench::new();
    let alt = |verb: &str, value: &str| bench.run("dscl", &[".", verb, "/Users/alice", "AltSecurityIdentities", value]);
    for (verb, value) in [("-append", "Kerberos:a@B"), ("-append", "PlatformSSO:a@b"), ("-delete", "Kerberos:a@B")] {
        assert!(alt(verb, value).status.success());
    }
    assert_eq!(bench.values("alice", "AltSecurityIdentities"), ["PlatformSSO:a@b"]);
    assert!(!alt("-delete", "Kerberos:a@B").status.success());
    let found = bench.run("dscl", &[".", "-search", "/Users", "AltSecurityIdentities", "PlatformSSO:a@b"]);
    assert_eq!(text(&found.stdout), "alice\t\tAltSecurityIdentities = (\n    \"PlatformSSO:a@b\"\n)\n");
}

#[test]
fn no_change_is_lost_among_many_tools() {
    let bench = Bench::new();
    let start = |number: u32| {
        let value = format!("Kerberos:{number}");
        std::process::Command::new(bench.tool("dscl"))
            .args([".", "-append", "/Users/alice", "AltSecurityIdentities", &value])
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (0..16).map(start).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(bench.values("alice", "AltSecurityIdentities").len(), 16);
    assert_eq!(bench.calls().len(), 16);
}

#[test]
fn only_stand_ins_are_ever_started() {
    let bench = Bench::new();
    let output = bench.run_as_alice("/bin/sh", &["-c", "echo harm"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(127), ""));
}

#[test]
fn users_and_sessions_are_inherited() {
    let bench = Bench::new();
    let says = |tool: &str, words: &[&str]| text(&bench.run(tool, words).stdout);
    assert_eq!(says("id", &["-u"]), "0\n");
    assert_eq!(text(&bench.run_as_alice("/usr/bin/id", &["-u"]).stdout), "501\n");
    assert_eq!(text(&bench.run_as_alice("launchctl", &["managername"]).stdout), "Aqua\n");
    assert_eq!(says("launchctl", &["managername"]), "Background\n");
    assert!(bench.run("launchctl", &["print", "gui/501"]).status.success());
    assert!(!bench.run("launchctl", &["print", "gui/502"]).status.success());
    bench.state(&["caller", "alice"]);
    assert!(!bench.run("sudo", &["-u", "root", "id"]).status.success());
    let calls = bench.calls();
    let last = calls.last().unwrap();
    assert_eq!((last["tool"].as_str(), last["user"].as_str()), (Some("sudo"), Some("alice")));
}
