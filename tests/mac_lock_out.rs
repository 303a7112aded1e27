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
            assert_eq!(refused.code, Some(5), "{number}: {refused}");
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

#[test]
fn an_account_by_another_of_its_names_is_the_same_one() {
    let bench = Bench::vpcd();
    let mac = Mac::new(&bench, "mac");
    let value = format!("AuthenticationAuthority=;tokenidentity;{HASH}");
    mac.set(&["user", "alice", "--uid", "501", "--value", "RecordName=asmith", "--value", &value]);
    mac.set(&["set", "enforceSmartCard", "true"]);
    let refused = mac.pivkit(&["unpair", "--user", "asmith", "--yes"]).output().never_panicked().exits_with(5);
    assert!(refused.stderr.contains("alice"), "{refused}");
    assert_eq!(mac.paired("alice"), [HASH]);
}

#[test]
fn who_was_switched_off_is_nobody_who_gets_in() {
    let bench = Bench::vpcd();
    let bob = "AuthenticationAuthority=;tokenidentity;FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";
    let off = "AuthenticationAuthority=;DisabledUser;";
    let mac = enforced(&bench, "mac", &[&["user", "bob", "--uid", "502", "--value", bob, "--value", off]]);
    mac.pivkit(&["unpair", "--user", "alice", "--yes"]).output().never_panicked().exits_with(5);
    assert_eq!(mac.paired("alice"), [HASH]);
}

#[test]
fn rows_of_one_manifest_are_held_against_each_other() {
    let bench = Bench::vpcd();
    let other = "F".repeat(40);
    let bob = format!("AuthenticationAuthority=;tokenidentity;{other}");
    let mac = enforced(&bench, "mac", &[&["user", "bob", "--uid", "502", "--value", &bob]]);
    std::fs::create_dir_all(bench.path("root/etc")).unwrap();
    let bulk = |arguments: &[&str]| {
        let root = bench.path("root");
        mac.pivkit(&[&["bulk"], arguments, &["--root", root.to_str().unwrap()]].concat()).output().never_panicked()
    };
    let rows = format!("user,hash,action\nalice,{HASH},unpair\nbob,{other},unpair\n");
    let manifest = bench.file("manifest.csv", rows);
    let plan = ["plan", manifest.to_str().unwrap(), "--strategy", "pairing", "--json"];
    let plan = bench.file("plan.json", bulk(&plan).success().stdout);
    let journal = bench.path("journal");
    let journal = journal.to_str().unwrap();
    let apply = ["apply", plan.to_str().unwrap(), "--journal", journal, "--yes", "--jobs", "8"];
    bulk(&apply).exits_with(8);
    assert_eq!((mac.paired("alice").len(), mac.paired("bob")), (0, vec![other]));
    bulk(&[&apply[..], &["--resume", "--i-know"]].concat()).success();
    assert_eq!(mac.paired("bob").len(), 0);
}

#[test]
fn undo_does_not_take_the_last_way_in() {
    let bench = Bench::vpcd();
    let mac = Mac::new(&bench, "mac");
    mac.set(&["user", "alice", "--uid", "501", "--logged-in"]);
    std::fs::create_dir_all(bench.path("root/etc")).unwrap();
    let bulk = |arguments: &[&str]| {
        let root = bench.path("root");
        mac.pivkit(&[&["bulk"], arguments, &["--root", root.to_str().unwrap()]].concat()).output().never_panicked()
    };
    let _card = crate::bench::card::Card::alice(&bench);
    mac.insert("card", &crate::bench::mac::guid(&bench), &[]);
    let hash = crate::bench::mac::hash_of(&bench, "card", "9a");
    let manifest = bench.file("manifest.csv", format!("user,hash\nalice,{hash}\n"));
    let plan = ["plan", manifest.to_str().unwrap(), "--strategy", "pairing", "--json"];
    let plan = bench.file("plan.json", bulk(&plan).success().stdout);
    let journal = bench.path("journal");
    let journal = journal.to_str().unwrap();
    bulk(&["apply", plan.to_str().unwrap(), "--journal", journal, "--yes"]).success();
    mac.set(&["set", "enforceSmartCard", "true"]);
    bulk(&["undo", journal, "--yes"]).exits_with(8);
    assert_eq!(mac.paired("alice"), std::slice::from_ref(&hash));
    bulk(&["undo", journal, "--yes", "--i-know"]).success();
    assert_eq!(mac.paired("alice").len(), 0);
}
