//! A Mac's tools that fail, lie, hang or talk nonsense, in three languages: nothing is believed, and each failure is explained.

use std::time::{Duration, Instant};

use crate::bench::card::Card;
use crate::bench::mac::{Call, Mac, guid, hash_of};
use crate::bench::process::LIMIT;
use crate::bench::{Bench, PIN};
use crate::mac_pair::{pair, with_card};

#[test]
fn each_error_of_pairing_is_explained_in_every_language() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    let before = mac.authorities("alice");
    let errors = [
        ("error -11", 6, "-11", "OpenSC"),
        ("error -13", 5, "-13", "trusted on this Mac"),
        ("error -8", 5, "-8", "9d"),
        ("ui", 6, "UI not enabled", "at the screen"),
        ("error -77", 6, "-77", "CryptoTokenKit"),
    ];
    for language in ["en", "de", "zh"] {
        mac.set(&["language", language]);
        for stream in ["stdout", "stderr"] {
            mac.set(&["messages", stream]);
            for (quirk, code, number, word) in errors {
                mac.set(&["quirk", &format!("sc_auth.pair={quirk}")]);
                let output = pair(&bench, &mac, "alice", &[]).exits_with(code);
                let context = format!("{language} {stream} {quirk}: {output}");
                assert!(output.stderr.contains(number), "{context}");
                assert!(output.stderr.contains(word), "{word:?}, {context}");
                assert_eq!(mac.authorities("alice"), before, "{context}");
            }
        }
    }
}

#[test]
fn opensc_s_driver_is_named_before_and_after_it_breaks_the_pairing() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    mac.set(&["driver", "org.opensc-project.mac.opensctoken.OpenSCTokenApp.OpenSCToken"]);
    let planned = mac.pivkit(&["pair", "--user", "alice", "--dry-run"]).output().success();
    assert!(planned.stderr.contains("OpenSC"), "{planned}");
    let refused = pair(&bench, &mac, "alice", &[]).exits_with(6);
    assert!(refused.stderr.contains("-11") && refused.stderr.contains("OpenSC"), "{refused}");
    assert_eq!(mac.paired("alice").len(), 0);
}

#[test]
fn labels_in_other_languages_are_no_obstacle() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let hash = hash_of(&bench, "card", "9a");
    for language in ["de", "zh"] {
        let mac = with_card(&bench, language);
        mac.set(&["language", language]);
        pair(&bench, &mac, "alice", &[]).success();
        assert_eq!(mac.paired("alice"), std::slice::from_ref(&hash));
        let live = mac.bare_pivkit(&["identities", "--from-system-profiler", "--json"]).output().success();
        assert!(live.stdout.contains(&hash), "{live}");
        mac.pivkit(&["unpair", "--user", "alice", "--yes"]).output().success();
        assert_eq!(mac.paired("alice").len(), 0);
    }
}

#[test]
fn what_became_of_the_keychain_is_known_in_every_language() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let nine_a = format!("9a={}", bench.path("card").join("9a.pem").display());
    for language in ["en", "de", "zh"] {
        let mac = with_card(&bench, language);
        mac.set(&["language", language]);
        let opens = pair(&bench, &mac, "alice", &[]).success();
        assert!(!opens.stderr.contains("keychain"), "{language}: {opens}");
        mac.pivkit(&["unpair", "--user", "alice", "--yes"]).output().success();
        // The Mac sees nothing in 9d.
        mac.set(&["remove"]);
        mac.set(&["insert", "--guid", &guid(&bench), "--certificate", &nine_a]);
        let asks = pair(&bench, &mac, "alice", &[]).success();
        assert!(asks.stderr.contains("password will be required after the next login"), "{language}: {asks}");
    }
}

#[test]
fn a_lie_is_found_out_by_reading_back() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    mac.set(&["quirk", "sc_auth.pair=lie"]);
    let output = pair(&bench, &mac, "alice", &["--json"]);
    assert!([Some(1), Some(6)].contains(&output.code), "{output}");
    assert!(output.stderr.contains("sc_auth"), "{output}");
    assert_eq!(mac.paired("alice").len(), 0);

    mac.set(&["quirk"]);
    pair(&bench, &mac, "alice", &[]).success();
    for quirks in [&["sc_auth.unpair=lie"][..], &["sc_auth.unpair=lie", "dscl.delete=lie"]] {
        mac.set(&[&["quirk"], quirks].concat());
        let output = mac.pivkit(&["unpair", "--user", "alice", "--yes"]).output().never_panicked();
        // What is told is what is so.
        assert_eq!(output.code == Some(0), mac.paired("alice").is_empty(), "{output}");
        assert_ne!(output.code, Some(0), "{output}");
    }
}

#[test]
fn a_failure_after_the_work_was_done_is_not_told_as_nothing_changed() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    mac.set(&["quirk", "sc_auth.pair=done-exit 1"]);
    let output = pair(&bench, &mac, "alice", &[]);
    let paired = mac.paired("alice").len() == 1;
    assert!(output.code != Some(0) || paired, "{output}");
    assert!(!(paired && output.stderr.contains("nothing was changed")), "{output}");
    // And again it is as it should be.
    mac.set(&["quirk"]);
    pair(&bench, &mac, "alice", &[]).success();
    assert_eq!(mac.paired("alice").len(), 1);
}

#[test]
fn a_tool_that_hangs_is_given_up_and_killed() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    for quirk in ["sc_auth.pair=hang", "dscl.read=hang", "id=hang"] {
        mac.set(&["quirk", quirk]);
        mac.forget_calls();
        let begun = Instant::now();
        let pin = bench.file("pin", PIN);
        let run = ["pair", "--user", "alice", "--pin-file", pin.to_str().unwrap(), "--yes", "--tool-time-limit", "2"];
        let output = mac.pivkit(&run).output().exits_with(6);
        assert!(begun.elapsed() < Duration::from_secs(40), "{quirk}: {output}");
        assert_eq!(mac.paired("alice").len(), 0, "{quirk}: {output}");
        let alive = |process: u64| std::path::Path::new(&format!("/proc/{process}")).exists();
        let left: Vec<_> = mac.calls().iter().filter(|call| alive(call.process())).map(|call| call.text()).collect();
        assert!(left.is_empty(), "{quirk}: {left:?}");
    }
}

#[test]
fn endless_output_is_cut_off() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    for quirk in ["sc_auth.pair=endless", "dscl=endless", "system_profiler=endless"] {
        mac.set(&["quirk", quirk]);
        let output = pair(&bench, &mac, "alice", &[]);
        assert!(output.stderr.len() < 100_000, "{quirk}");
        // What the Mac sees is only looked at for advice.
        assert_eq!(output.code == Some(0), quirk.starts_with("system_profiler"), "{quirk}: {output}");
        assert_eq!(output.code == Some(0), mac.paired("alice").len() == 1, "{quirk}: {output}");
    }
}

#[test]
fn nonsense_is_refused_and_never_reaches_the_terminal() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    let hostile = "print \u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}<plist";
    let tools = ["sc_auth", "dscl", "system_profiler", "id", "launchctl", "defaults", "security", "any"];
    for tool in tools {
        for what in ["garbage", "truncated", "invalid-utf8", hostile, "print", "exit 1", "signal 6"] {
            mac.set(&["user", "alice", "--uid", "501", "--logged-in"]);
            mac.set(&["quirk", &format!("{tool}={what}")]);
            let context = format!("{tool} {what}");
            let hash = hash_of(&bench, "card", "9a");
            let output = pair(&bench, &mac, "alice", &[]);
            // Never a success that is none.
            assert!(output.code != Some(0) || mac.paired("alice") == [hash], "{context}: {output}");
            for command in [
                &["list"][..],
                &["list", "--user", "alice"],
                &["unpair", "--user", "alice", "--dry-run"],
                &["identities", "--from-system-profiler"],
            ] {
                let output = mac.bare_pivkit(command).output().never_panicked();
                for text in [&output.stdout, &output.stderr] {
                    let harmless = |character: char| !character.is_control() || "\n\t".contains(character);
                    assert!(text.chars().all(harmless) && !text.contains('\u{202e}'), "{context}: {output}");
                }
            }
        }
    }
}

#[test]
fn filevault_forgets_a_key_before_the_record_does() {
    let bench = Bench::vpcd();
    let mac = Mac::new(&bench, "mac");
    let hash = "0123456789ABCDEF0123456789ABCDEF01234567";
    let knows = || {
        let known = mac.plist().into_dictionary().unwrap().remove("filevault").unwrap().into_dictionary().unwrap();
        known.get("alice").is_some_and(|hashes| !hashes.as_array().unwrap().is_empty())
    };
    for (quirk, code) in [("kill-caller", None), ("exit 1", Some(6))] {
        let value = format!("AuthenticationAuthority=;tokenidentity;{hash}");
        mac.set(&["user", "alice", "--uid", "501", "--logged-in", "--value", &value, "--filevault", hash]);
        mac.set(&["quirk", &format!("sc_auth.filevault#1={quirk}")]);
        let unpair = ["unpair", "--user", "alice", "--yes"];
        let output = mac.pivkit(&unpair).output();
        assert_eq!(output.code, code, "{quirk}: {output}");
        assert!(knows(), "{quirk}: {output}");
        // The record has it still, so the next one does it all.
        assert_eq!(mac.paired("alice"), [hash], "{output}");
        assert!(code.is_none() || output.stderr.contains("FileVault did not forget"), "{output}");
        mac.pivkit(&unpair).output().success();
        assert!(!knows() && mac.paired("alice").is_empty(), "{quirk}");
    }
}

#[test]
fn a_missing_tool_is_named() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = Mac::new(&bench, "mac");
    mac.insert("card", &guid(&bench), &[]);
    std::fs::remove_file(bench.path("mac-tools/sc_auth")).unwrap();
    let output = pair(&bench, &mac, "alice", &[]).exits_with(6);
    assert!(output.stderr.contains("sc_auth"), "{output}");
}

#[test]
fn a_card_that_the_mac_does_not_see_and_a_dialog_that_is_cancelled() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    mac.set(&["keychain", "alice", "cancelled"]);
    let cancelled = pair(&bench, &mac, "alice", &[]).exits_with(6);
    assert!(
        cancelled.stderr.contains("cancelled at the screen") && cancelled.stderr.contains("Try again"),
        "{cancelled}"
    );
    // Two sentences, each a line, and nothing in brackets within brackets.
    assert!(!cancelled.stderr.contains("\n\n") && !cancelled.stderr.contains("(("), "{cancelled}");
    mac.set(&["remove"]);
    let unseen = pair(&bench, &mac, "alice", &[]).exits_with(3);
    assert!(unseen.stderr.contains("does not see this key"), "{unseen}");
    assert_eq!(mac.paired("alice").len(), 0);
}

#[test]
fn ctrl_c_ends_the_tool_as_well() {
    let bench = Bench::vpcd();
    let mac = Mac::new(&bench, "mac");
    let value = "AuthenticationAuthority=;tokenidentity;0123456789ABCDEF0123456789ABCDEF01234567";
    mac.set(&["user", "alice", "--uid", "501", "--logged-in", "--value", value]);
    use nix::sys::signal::Signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    let cases = [("hang", SIGINT), ("done-hang", SIGINT), ("hang", SIGTERM), ("hang", SIGHUP), ("hang", SIGQUIT)];
    for (what, signal) in cases {
        mac.set(&["user", "alice", "--uid", "501", "--logged-in", "--value", value]);
        let quirk = &format!("sc_auth.unpair={what}");
        mac.set(&["quirk", quirk]);
        mac.forget_calls();
        let tools = bench.path("mac-tools");
        let mut pivkit = std::process::Command::new(crate::bench::binary("pivkit"))
            .args(["unpair", "--user", "alice", "--yes", "--tool-dir", tools.to_str().unwrap()])
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let tool = loop {
            let found = mac.calls().iter().find(|call| call.arguments().contains(&"unpair")).map(Call::process);
            if let Some(process) = found {
                break process;
            }
            assert!(begun.elapsed() < LIMIT, "{quirk}: sc_auth was never run");
        };
        let process = nix::unistd::Pid::from_raw(i32::try_from(pivkit.id()).unwrap());
        nix::sys::signal::kill(process, signal).unwrap();
        assert_eq!(pivkit.wait().unwrap().code(), Some(128 + signal as i32), "{quirk} {signal}");
        while std::path::Path::new(&format!("/proc/{tool}")).exists() {
            assert!(begun.elapsed() < LIMIT, "{quirk}: sc_auth goes on");
        }
        // Nothing came after it.
        assert_eq!(mac.calls().last().map(Call::process), Some(tool), "{quirk}");
    }
}
