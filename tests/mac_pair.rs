//! `pair`, `unpair`, `list` and `check` on a Mac: what stands in the record afterwards, and which tools were run for it.

use crate::bench::card::{Card, pin_tries};
use crate::bench::mac::{Mac, guid, hash_of};
use crate::bench::oracle::{self, P256, RSA2048};
use crate::bench::process::Output;
use crate::bench::{Bench, PIN};
use crate::foreign_clients::load;

/// `pivkit pair` without questions.
pub(crate) fn pair(bench: &Bench, mac: &Mac<'_>, user: &str, more: &[&str]) -> Output {
    let pin = bench.file("pin", PIN);
    let fixed = ["pair", "--user", user, "--pin-file", pin.to_str().unwrap(), "--yes"];
    mac.pivkit(&[&fixed[..], more].concat()).output().never_panicked()
}

/// A Mac with the card of the virtual reader in its own.
pub(crate) fn with_card<'a>(bench: &'a Bench, name: &str) -> Mac<'a> {
    let mac = Mac::new(bench, name);
    mac.insert("card", &guid(bench), &[]);
    mac
}

#[test]
fn a_card_is_paired_in_the_persons_session_and_taken_away_again() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    let hash = hash_of(&bench, "card", "9a");
    let before = mac.authorities("alice");

    let output = pair(&bench, &mac, "alice", &["--json"]).success();
    let report = output.json();
    assert_eq!((&report["backend"], &report["changed"]), (&"macos".into(), &true.into()), "{output}");
    assert_eq!(mac.authorities("alice"), [before.clone(), vec![format!(";tokenidentity;{hash}")]].concat());
    assert_eq!(mac.keychain("alice"), std::slice::from_ref(&hash));

    // Once, as alice, in her session, by way of launchd and sudo, and with nothing but user and hash.
    let calls = mac.calls();
    let pairs: Vec<_> = calls.iter().filter(|call| call.arguments().first() == Some(&"pair")).collect();
    assert_eq!(pairs.len(), 1);
    assert_eq!(pairs[0].arguments(), ["pair", "-u", "alice", "-h", &hash]);
    assert_eq!((pairs[0].tool(), pairs[0].user(), pairs[0].session()), ("sc_auth", "alice", Some(501)));
    let way: Vec<_> =
        calls.iter().filter(|call| call.process() == pairs[0].process()).map(|call| call.tool()).collect();
    assert_eq!(way, ["launchctl", "sudo", "sc_auth"]);
    for call in &calls {
        assert!(!call.text().contains(PIN), "{}", call.text());
        assert!(call.parent().is_none_or(|parent| parent == "pivkit"), "{}", call.text());
    }

    let listed = mac.pivkit(&["list", "--user", "alice", "--json"]).output().success();
    assert_eq!(listed.json()["accounts"][0]["pairings"][0]["pairing_hash"], hash, "{listed}");
    let all = mac.pivkit(&["list", "--json"]).output().success();
    assert_eq!(all.json()["accounts"].as_array().unwrap().len(), 1, "{all}");
    let pin = bench.file("pin", PIN);
    let check = ["check", "--user", "alice", "--pin-file", pin.to_str().unwrap(), "--json"];
    let checked = mac.pivkit(&check).output().success();
    assert_eq!(checked.json()["pairing_hash"], hash, "{checked}");

    // Again, and nothing is done.
    mac.forget_calls();
    let again = pair(&bench, &mac, "alice", &["--json"]).success();
    assert_eq!(again.json()["changed"], false, "{again}");
    assert!(mac.calls().iter().all(|call| call.arguments().first() != Some(&"pair")), "{again}");

    mac.pivkit(&["unpair", "--user", "alice", "--yes"]).output().success();
    assert_eq!(mac.authorities("alice"), before);
    assert_eq!(mac.keychain("alice"), [""; 0]);
    mac.pivkit(&check).output().exits_with(5);
}

#[test]
fn a_person_pairs_her_own_card_without_root() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    mac.set(&["caller", "alice"]);
    pair(&bench, &mac, "alice", &[]).success();
    assert_eq!(mac.paired("alice"), [hash_of(&bench, "card", "9a")]);
    let calls = mac.calls();
    assert!(calls.iter().all(|call| call.tool() != "sudo" && call.arguments().first() != Some(&"asuser")));
    // Of another account she is told before her PIN is used.
    mac.set(&["login", "bob"]);
    mac.forget_calls();
    let refused = pair(&bench, &mac, "bob", &[]).exits_with(6);
    assert!(mac.calls().iter().all(|call| call.arguments().first() != Some(&"pair")), "{refused}");
    assert_eq!((mac.paired("bob").len(), pin_tries(&bench, "card")), (0, 3), "{refused}");
}

#[test]
fn who_is_not_at_the_screen_cannot_be_paired() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    let before = mac.authorities("bob");
    let refused = pair(&bench, &mac, "bob", &[]).exits_with(6);
    assert!(refused.stderr.contains("logged in"), "{refused}");
    assert!(mac.calls().iter().all(|call| call.arguments().first() != Some(&"pair")), "{refused}");
    assert_eq!(mac.authorities("bob"), before, "{refused}");
}

#[test]
fn accounts_of_the_network_and_unknown_ones_are_refused() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    mac.set(&["user", "carol", "--uid", "1107", "--node", "/Active Directory/EXAMPLE/example.test", "--logged-in"]);
    let network = pair(&bench, &mac, "carol", &[]).exits_with(6);
    assert!(network.stderr.contains("directory") || network.stderr.contains("local"), "{network}");
    let nobody = pair(&bench, &mac, "mallory", &[]).exits_with(6);
    assert!(nobody.stderr.contains("mallory"), "{nobody}");
    assert_eq!(mac.paired("carol").len(), 0);
}

#[test]
fn a_dry_run_runs_no_tool_that_changes_anything() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    let before = mac.plist();
    let output = mac.pivkit(&["pair", "--user", "alice", "--dry-run", "--json"]).output().success();
    assert!(output.stdout.contains(&hash_of(&bench, "card", "9a")), "{output}");
    assert_eq!(mac.plist(), before, "{output}");
    let changing =
        ["pair", "unpair", "accept", "-append", "-create", "-delete", "-merge", "-change", "enable", "disable"];
    for call in mac.calls() {
        assert!(!call.arguments().iter().any(|word| changing.contains(word)), "{}", call.text());
    }
}

#[test]
fn the_right_key_is_paired_among_cards_and_identities() {
    let bench = Bench::vpcd();
    let authority = oracle::authority(&bench, "ca");
    let [first, second, wrap] = [("first", &RSA2048[..]), ("second", &P256), ("wrap", &RSA2048)]
        .map(|(name, key)| oracle::issue(&bench, name, "alice@example.test", key, &authority));
    let loads = [("9a", &first), ("9c", &second), ("9d", &wrap)].map(|(slot, (cert, key))| load(slot, cert, key));
    let _card = Card::insert(&bench, &["--load", &loads[0], "--load", &loads[1], "--load", &loads[2]]);
    let mac = Mac::new(&bench, "mac");
    let at = |slot: &str, file: &std::path::Path| format!("{slot}={}", file.display());
    // Another card, of somebody else, is in the first reader.
    let other = oracle::issue(&bench, "other", "bob@example.test", &P256, &authority).0;
    mac.set(&["insert", "--guid", &"0A".repeat(16), "--reader", "Another", "--certificate", &at("9a", &other)]);
    let (nine_a, nine_c, nine_d) = (at("9a", &first.0), at("9c", &second.0), at("9d", &wrap.0));
    let card = ["--certificate", &nine_a, "--certificate", &nine_c, "--certificate", &nine_d];
    mac.set(&[&["insert", "--guid", &guid(&bench)], &card[..]].concat());

    let [nine_a, nine_c] =
        [&first, &second].map(|(file, _)| oracle::pairing_hash(&bench, &oracle::der_of(&bench, file)));
    pair(&bench, &mac, "alice", &["--slot", "9a"]).success();
    assert_eq!(mac.paired("alice"), std::slice::from_ref(&nine_a));
    pair(&bench, &mac, "alice", &["--hash", &nine_c]).success();
    assert_eq!(mac.paired("alice"), [nine_a.clone(), nine_c.clone()]);
    mac.pivkit(&["unpair", "--user", "alice", "--hash", &nine_a, "--yes"]).output().success();
    assert_eq!(mac.paired("alice"), [nine_c]);
}

#[test]
fn all_remnants_go_when_everything_is_removed() {
    let bench = Bench::vpcd();
    let mac = Mac::new(&bench, "mac");
    let hash = |digit: &str| digit.repeat(40);
    let value = |tag: &str, hash: &str| format!("AuthenticationAuthority=;{tag};{hash}");
    let before = mac.authorities("bob");
    // Lower case as well, a value twice, and one that is not a pairing at all.
    let values = [
        value("tokenidentity", &hash("A")),
        value("tokenidentity", &hash("d")),
        value("pubkeyhash", &hash("b")),
        value("amidentity", &hash("A")),
        value("amidentity", &hash("C")),
        value("amidentity", &hash("C")),
    ];
    let values: Vec<&str> = values.iter().flat_map(|value| ["--value", value.as_str()]).collect();
    let filevault = ["--filevault", &hash("A"), "--filevault", &hash("C")].map(str::to_owned);
    let filevault: Vec<&str> = filevault.iter().map(String::as_str).collect();
    mac.set(&[&["user", "bob", "--uid", "502"], &values[..], &filevault].concat());
    // The folder with the tools can be named by the environment as well.
    let tools = bench.path("mac-tools").display().to_string();
    let listed = bench.pivkit_with(&["list", "--user", "bob"], &[("PIVKIT_TOOL_DIR", &tools)]).output().success();
    assert!(["A", "B", "C", "D"].iter().all(|digit| listed.stdout.contains(&hash(digit))), "{listed}");
    mac.pivkit(&["unpair", "--user", "bob", "--yes"]).output().success();
    assert_eq!(mac.authorities("bob"), before);
    let plist = mac.plist();
    let filevault = plist.as_dictionary().unwrap().get("filevault").unwrap().as_dictionary().unwrap();
    assert_eq!(filevault.get("bob").unwrap().as_array().unwrap().len(), 0, "{plist:?}");
}

#[test]
fn what_stands_in_the_way_is_told_before_the_pin_is_used() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    // A PIN that is wrong: it would cost a try.
    let wrong = bench.file("wrong", "999999");
    let cases: [(&[&[&str]], &str); 3] = [
        (&[&["set", "allowSmartCard", "false"]], "allowSmartCard"),
        (&[&["set", "checkCertificateTrust", "1"], &["untrusted"]], "checkCertificateTrust"),
        (&[&["logout", "alice"]], "logged in"),
    ];
    for (number, (changes, word)) in cases.into_iter().enumerate() {
        let mac = with_card(&bench, &format!("mac{number}"));
        for change in changes {
            match change {
                ["untrusted"] => mac.insert("card", &guid(&bench), &["--untrusted"]),
                change => mac.set(change),
            }
        }
        let run = ["pair", "--user", "alice", "--pin-file", wrong.to_str().unwrap(), "--yes"];
        let refused = mac.pivkit(&run).output().never_panicked();
        assert!([Some(5), Some(6)].contains(&refused.code), "{refused}");
        assert!(refused.stderr.contains(word), "{word}: {refused}");
        assert_eq!((mac.paired("alice").len(), pin_tries(&bench, "card")), (0, 3), "{refused}");
    }
}

#[test]
fn what_is_worth_knowing_is_said_and_the_card_is_paired() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let hash = hash_of(&bench, "card", "9a");

    let mac = with_card(&bench, "other-owner");
    let value = format!("AuthenticationAuthority=;tokenidentity;{hash}");
    mac.set(&["user", "bob", "--uid", "502", "--value", &value]);
    let output = pair(&bench, &mac, "alice", &[]).success();
    assert!(output.stderr.contains("bob"), "{output}");
    assert_eq!(mac.paired("alice"), std::slice::from_ref(&hash));

    let mac = with_card(&bench, "mapped");
    let mapping = r#"<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>AttributeMapping</key><dict>
        <key>fields</key><array><string>NT Principal Name</string></array><key>formatString</key><string>Kerberos:$1</string>
        <key>dsAttributeString</key><string>dsAttrTypeStandard:AltSecurityIdentities</string></dict></dict></plist>"#;
    bench.file("root/etc/SmartcardLogin.plist", mapping);
    let output = pair(&bench, &mac, "alice", &[]).success();
    assert!(output.stderr.contains("SmartcardLogin.plist"), "{output}");
    assert_eq!(mac.paired("alice"), [hash]);
}

#[test]
fn a_card_that_cannot_open_the_keychain_is_paired_and_the_person_told() {
    let bench = Bench::vpcd();
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", &RSA2048, &authority);
    let _card = Card::insert(&bench, &["--load", &load("9a", &certificate, &key)]);
    let mac = Mac::new(&bench, "mac");
    mac.set(&["insert", "--guid", &guid(&bench), "--certificate", &format!("9a={}", certificate.display())]);
    let output = pair(&bench, &mac, "alice", &[]).success();
    assert_eq!(mac.paired("alice").len(), 1);
    assert_eq!(mac.keychain("alice"), [""; 0]);
    let said = output.stderr.replace('\n', " ");
    assert!(said.contains("9d"), "{output}");
    assert!(said.contains("password will be required") || said.contains("ask for its password"), "{output}");
}
