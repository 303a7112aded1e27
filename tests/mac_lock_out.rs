//! Where smart cards are enforced, nobody may be left outside by accident.

use crate::bench::Bench;
use crate::bench::mac::Mac;

const HASH: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

/// alice is paired; bob and the others are as `more` says.
fn enforced<'a>(bench: &'a Bench, name: &str, more: &[&[&str]]) -> Mac<'a> {
    let mac = Mac::new(bench, name);
    let value = format!("AuthenticationAuthority=;tokenidentity;{HASH}");
    mac.set(&["user", "alice", "--uid", "501", "--logged-in", "--value", &value]);
    mac.set(&["set", "enforceSmartCard", "true"]);
    more.iter().for_each(|change| mac.set(change));
    mac
}

#[test]
fn the_last_way_in_is_not_taken_away() {
    let bench = Bench::vpcd();
    let outside: [&[&[&str]]; 4] = [
        &[],
        // Somebody of the network, or with a card of whom the Mac wants none, does not count.
        &[&[
            "user",
            "carol",
            "--uid",
            "1100",
            "--node",
            "/LDAPv3/example.test",
            "--value",
            "AuthenticationAuthority=;tokenidentity;FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
        ]],
        &[&["user", "bob", "--uid", "502", "--value", "dsAttrTypeNative:SmartCardEnforcement=1"]],
        &[&["set", "enforceSmartCard", "true", "--from", "library"]],
    ];
    for (number, more) in outside.into_iter().enumerate() {
        let mac = enforced(&bench, &format!("mac{number}"), more);
        let before = mac.plist();
        for run in
            [&["unpair", "--user", "alice", "--yes"][..], &["unpair", "--user", "alice", "--hash", HASH, "--yes"]]
        {
            let refused = mac.pivkit(run).output().never_panicked();
            assert!([Some(5), Some(6)].contains(&refused.code), "{number}: {refused}");
            assert!(refused.stderr.contains("--i-know"), "{number}: {refused}");
            assert_eq!(mac.plist(), before, "{number}: {refused}");
        }
        mac.pivkit(&["unpair", "--user", "alice", "--yes", "--i-know"]).output().success();
        assert_eq!(mac.paired("alice").len(), 0);
    }
}

#[test]
fn somebody_who_still_gets_in_is_enough() {
    let bench = Bench::vpcd();
    let inside: [&[&str]; 4] = [
        &[
            "user",
            "bob",
            "--uid",
            "502",
            "--value",
            "AuthenticationAuthority=;tokenidentity;FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
        ],
        &["user", "bob", "--uid", "502", "--value", "dsAttrTypeNative:SmartCardEnforcement=2"],
        &["set", "allowUnmappedUsers", "1"],
        &["set", "enforceSmartCard", "false"],
    ];
    for (number, more) in inside.into_iter().enumerate() {
        let mac = enforced(&bench, &format!("mac{number}"), &[more]);
        mac.pivkit(&["unpair", "--user", "alice", "--yes"]).output().success();
        assert_eq!(mac.paired("alice").len(), 0, "{number}");
    }
}

#[test]
fn what_cannot_be_read_is_taken_for_enforced() {
    let bench = Bench::vpcd();
    for what in ["garbage", "exit 3", "signal 9"] {
        let mac = enforced(&bench, &what.replace(' ', "-"), &[]);
        mac.set(&["quirk", &format!("defaults={what}")]);
        let refused = mac.pivkit(&["unpair", "--user", "alice", "--yes"]).output().never_panicked();
        assert_ne!(refused.code, Some(0), "{what}: {refused}");
        assert_eq!(mac.paired("alice"), [HASH], "{what}: {refused}");
    }
}

#[test]
fn without_enforcement_nothing_is_asked() {
    let bench = Bench::vpcd();
    let mac = Mac::new(&bench, "mac");
    let value = format!("AuthenticationAuthority=;tokenidentity;{HASH}");
    mac.set(&["user", "alice", "--uid", "501", "--value", &value]);
    mac.pivkit(&["unpair", "--user", "alice", "--yes"]).output().success();
    assert_eq!(mac.paired("alice").len(), 0);
}
