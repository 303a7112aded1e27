//! `pair --replace`: a renewed card takes the place of the old one, and whatever happens on the way, one of them opens the account.

use crate::bench::Bench;
use crate::bench::card::Card;
use crate::bench::mac::{Mac, hash_of};
use crate::mac_pair::{pair, with_card};

const OLD: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

fn with_old_card<'a>(bench: &'a Bench, name: &str) -> Mac<'a> {
    let mac = with_card(bench, name);
    give_old(&mac, &[OLD]);
    mac
}

fn give_old(mac: &Mac<'_>, hashes: &[&str]) {
    let values: Vec<_> = hashes.iter().map(|hash| format!("AuthenticationAuthority=;tokenidentity;{hash}")).collect();
    let values: Vec<&str> = values.iter().flat_map(|value| ["--value", value.as_str()]).collect();
    mac.set(&[&["user", "alice", "--uid", "501", "--logged-in"], &values[..]].concat());
}

#[test]
fn the_new_key_is_there_before_the_old_one_goes() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_old_card(&bench, "mac");
    let others: Vec<_> = mac.authorities("alice").into_iter().filter(|value| !value.contains(OLD)).collect();
    let new = hash_of(&bench, "card", "9a");
    pair(&bench, &mac, "alice", &["--replace"]).success();
    assert_eq!(mac.authorities("alice"), [others, vec![format!(";tokenidentity;{new}")]].concat());
    let calls = mac.calls();
    let verb =
        |verb: &str| calls.iter().position(|call| call.tool() == "sc_auth" && call.arguments()[0] == verb).unwrap();
    let reads = calls.iter().enumerate().filter(|(_, call)| call.arguments().contains(&"-read"));
    let between = reads.filter(|(at, _)| (verb("pair")..verb("unpair")).contains(at)).count();
    assert!(
        verb("pair") < verb("unpair") && between > 0,
        "{:?}",
        calls.iter().map(|call| call.text()).collect::<Vec<_>>()
    );
}

#[test]
fn which_old_one_is_said_or_asked_for() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    let other = "F".repeat(40);
    give_old(&mac, &[OLD, &other]);
    let refused = pair(&bench, &mac, "alice", &["--replace"]);
    assert_ne!(refused.code, Some(0), "{refused}");
    assert!(refused.stderr.contains(OLD) && refused.stderr.contains(&other), "{refused}");
    assert_eq!(mac.paired("alice"), [OLD, &other]);
    pair(&bench, &mac, "alice", &["--replace", "--old", OLD]).success();
    assert_eq!(mac.paired("alice"), [other, hash_of(&bench, "card", "9a")]);
}

#[test]
fn what_was_read_back_is_not_undone_for_a_look_that_fails() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let new = hash_of(&bench, "card", "9a");
    let mac = with_old_card(&bench, "mac");
    pair(&bench, &mac, "alice", &["--replace"]).success();
    let looks = mac.calls().iter().filter(|call| call.arguments().contains(&"-read")).count();
    // The last look goes wrong: it is repeated. It always does: that is said, and nothing is undone.
    for (failing, code) in [(1, 0), (50, 6)] {
        give_old(&mac, &[OLD]);
        let quirks: Vec<_> = (looks..looks + failing).map(|look| format!("dscl.read#{look}=garbage")).collect();
        mac.set(&[&["quirk"], &quirks.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
        let output = pair(&bench, &mac, "alice", &["--replace"]).exits_with(code);
        assert_eq!(mac.paired("alice"), [new.as_str()], "{output}");
        assert_eq!(output.stderr.contains("Nothing was undone"), code != 0, "{output}");
    }
}

/// Every call of every tool, one after the other, goes wrong in this way.
fn at_every_call(what: &str) {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let new = hash_of(&bench, "card", "9a");
    let mac = with_old_card(&bench, "mac");
    pair(&bench, &mac, "alice", &["--replace"]).success();
    let count = mac.calls().len();
    assert!(count >= 8, "{count} calls");
    let (mut failed, mut halfway) = (0, 0);
    for call in 1..=count {
        give_old(&mac, &[OLD]);
        mac.set(&["quirk", &format!("any#{call}={what}")]);
        let pin = bench.file("pin", crate::bench::PIN);
        let run = ["pair", "--user", "alice", "--replace", "--pin-file", pin.to_str().unwrap(), "--yes"];
        let output = mac.pivkit(&run).output();
        let left = mac.paired("alice");
        let context = format!("{what} at call {call} of {count}: {left:?} {output}");
        assert!(left.iter().any(|hash| *hash == new || hash == OLD), "nobody opens the account, {context}");
        assert!(!output.stderr.contains("panicked"), "{context}");
        // Success means that it is as it should be.
        assert!(output.code != Some(0) || left == [new.as_str()], "{context}");
        failed += usize::from(output.code != Some(0));
        halfway += usize::from(left.len() == 2);
        // And it can be finished.
        mac.set(&["quirk"]);
        pair(&bench, &mac, "alice", &["--replace"]).success();
        assert_eq!(mac.paired("alice"), [new.as_str()], "{context}");
    }
    assert!(failed > 0, "no call mattered");
    if what.contains("kill-caller") {
        assert!(halfway > 0, "it was never stopped in the middle");
    }
}

#[test]
fn a_tool_that_fails_at_any_call() {
    at_every_call("exit 1");
}

#[test]
fn a_tool_that_fails_after_its_work_at_any_call() {
    at_every_call("done-exit 1");
}

#[test]
fn a_tool_that_lies_at_any_call() {
    at_every_call("lie");
}

#[test]
fn a_tool_that_dies_at_any_call() {
    at_every_call("signal 11");
}

#[test]
fn a_tool_that_says_half_of_it_at_any_call() {
    at_every_call("truncated");
}

#[test]
fn a_tool_that_talks_nonsense_at_any_call() {
    at_every_call("garbage");
}

#[test]
fn pivkit_that_is_killed_at_any_call() {
    at_every_call("kill-caller");
}

#[test]
fn pivkit_that_is_killed_after_any_call() {
    at_every_call("done-kill-caller");
}

#[test]
fn a_look_that_fails_afterwards_takes_nothing_back() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let new = hash_of(&bench, "card", "9a");
    // How often the record is read until everything is done.
    let reads = {
        let mac = with_old_card(&bench, "reads");
        pair(&bench, &mac, "alice", &["--replace"]).success();
        mac.calls().iter().filter(|call| call.arguments().contains(&"-read")).count()
    };
    let last = format!("dscl.read#{reads}=garbage");
    let once = with_old_card(&bench, "once");
    once.set(&["quirk", &last]);
    pair(&bench, &once, "alice", &["--replace"]).success();
    assert_eq!(once.paired("alice"), [new.as_str()]);
    let again = with_old_card(&bench, "again");
    again.set(&["quirk", &last, &format!("dscl.read#{}=garbage", reads + 1)]);
    let doubt = pair(&bench, &again, "alice", &["--replace"]).exits_with(6);
    assert!(doubt.stderr.contains("Nothing was undone"), "{doubt}");
    assert_eq!(again.paired("alice"), [new.as_str()]);
}

#[test]
fn filevault_forgets_before_the_record_does() {
    let bench = Bench::vpcd();
    let value = format!("AuthenticationAuthority=;tokenidentity;{OLD}");
    let unpair = ["unpair", "--user", "alice", "--hash", OLD, "--yes"];
    let filevault = |mac: &Mac<'_>| {
        let plist = mac.plist();
        let filevault = plist.as_dictionary().unwrap().get("filevault").unwrap().as_dictionary().unwrap();
        filevault.get("alice").unwrap().as_array().unwrap().len()
    };
    for quirk in ["sc_auth.filevault#1=kill-caller", "sc_auth.filevault#1=exit 1"] {
        let mac = Mac::new(&bench, &quirk.replace([' ', '#', '='], "-"));
        mac.set(&["user", "alice", "--uid", "501", "--value", &value, "--filevault", OLD]);
        mac.set(&["quirk", quirk]);
        let failed = mac.pivkit(&unpair).output();
        assert_ne!(failed.code, Some(0), "{quirk}: {failed}");
        assert_eq!(mac.paired("alice"), [OLD], "{quirk}: {failed}");
        let again = mac.pivkit(&unpair).output().never_panicked().success();
        assert_eq!((mac.paired("alice").len(), filevault(&mac)), (0, 0), "{quirk}: {again}");
    }
}
