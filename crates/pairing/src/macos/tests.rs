//! On what tools print; the whole Mac is played by the scenarios.

use std::time::Duration;

use ::macos::{Recorded, Tool};

use super::*;
use crate::pam_p11::tests::certificate;
use crate::{Key, PairedKey};

mod enforcement;
mod findings;

const OLD: &str = "0102030405060708090A0B0C0D0E0F1011121314";
const NEW: &str = "46F8353E93EF4F609C8F09CE898054D5D99FA230";
const THIRD: &str = "ABCDEF030405060708090A0B0C0D0E0F10111213";

/// A property list as dscl prints it.
fn property_list(body: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">{body}</plist>\n")
}

fn record(name: &str, uid: u32, authorities: &[String], more: &str) -> String {
    let values: String = authorities.iter().map(|value| format!("<string>{value}</string>")).collect();
    format!(
        "<dict><key>dsAttrTypeStandard:RecordName</key><array><string>{name}</string></array>\
         <key>dsAttrTypeStandard:UniqueID</key><array><string>{uid}</string></array>\
         <key>dsAttrTypeStandard:NFSHomeDirectory</key><array><string>/Users/{name}</string></array>{more}\
         <key>dsAttrTypeStandard:AuthenticationAuthority</key><array><string>;ShadowHash;HASHLIST:&lt;X&gt;</string>\
         <string>;SecureToken;</string>{values}</array></dict>"
    )
}

/// A value that pairs.
fn token(hash: &str) -> String {
    format!(";tokenidentity;{hash}")
}

fn hash(text: &str) -> PairingHash {
    text.parse().unwrap()
}

/// alice's record, as it reads one time after the other, on a Mac where she sits at the screen and root runs this.
fn mac_where_alice_has(readings: &[&[String]]) -> Recorded {
    let mut mac = Recorded::new()
        .prints(Tool::Id, &["-u"], 0, "0\n", "")
        .prints(Tool::Launchctl, &["print", "gui/501"], 0, "gui/501 = {\n}\n", "")
        .prints(Tool::Defaults, &["export"], 0, &property_list("<dict/>"), "")
        .prints(Tool::Dscl, &["-delete"], 0, "", "")
        .prints(Tool::Dscl, &["-append"], 0, "", "")
        .prints(Tool::Launchctl, &["asuser", "501", "unpair"], 0, "", "")
        .prints(Tool::Launchctl, &["asuser", "501", "filevault"], 0, "", "");
    let everybody = record("alice", 501, readings.first().unwrap_or(&&[][..]), "") + &record("bob", 502, &[], "");
    mac = mac.prints(Tool::Dscl, &["-readall"], 0, &property_list(&format!("<array>{everybody}</array>")), "");
    for reading in readings {
        let printed = property_list(&record("alice", 501, reading, ""));
        mac = mac.prints(Tool::Dscl, &["-read", "/Users/alice"], 0, &printed, "");
    }
    mac
}

/// The same, where `sc_auth pair` says this.
fn pairing_says(mac: Recorded, code: i32, said: &str) -> Recorded {
    mac.prints(Tool::Launchctl, &["asuser", "501", "pair"], code, "", said)
}

fn backend(mac: Recorded) -> (Macos, Arc<Recorded>) {
    let mac = Arc::new(mac);
    // No file of the machine that runs the tests is looked at.
    (Macos::new(mac.clone()).with_files_below("/nonexistent"), mac)
}

fn alice() -> Account {
    Account { name: "alice".parse().unwrap(), uid: 501, gid: 20, home: "/Users/alice".into() }
}

/// `sc_auth` with these arguments, as root runs it for alice.
fn in_session(arguments: &str) -> String {
    format!("launchctl asuser 501 /usr/bin/sudo -n -H -u alice -- /usr/sbin/sc_auth {arguments}")
}

/// The commands that change something, as lines.
fn changes(mac: &Recorded) -> Vec<String> {
    let lines = mac.asked().into_iter().map(|command| format!("{} {}", command.tool, command.arguments.join(" ")));
    let changing = ["-append", "-delete", " pair ", " unpair ", " disable "];
    lines.filter(|line| changing.iter().any(|verb| line.contains(verb))).collect()
}

const DONE: &str = "User was successfully paired (public key hash: 46F8353E93EF4F609C8F09CE898054D5D99FA230)";

fn pair_new() -> Request {
    Request::Pair(Key::Hash(hash(NEW)))
}

fn replace(old: Selection) -> Request {
    Request::Replace { new: Key::Hash(hash(NEW)), old }
}

#[test]
fn a_pairing_is_made_in_the_session_of_the_user_and_read_back() {
    let (backend, mac) = backend(pairing_says(mac_where_alice_has(&[&[], &[], &[token(NEW)]]), 0, DONE));
    let plan = backend.plan(&alice(), &pair_new()).unwrap();
    assert_eq!((plan.changes().len(), plan.notes().len()), (1, 0));
    backend.check_access(&plan).unwrap();
    let mut witnessed = None;
    let applied = backend.apply_witnessed(&plan, &mut |undo| {
        witnessed = Some(serde_json::to_string(undo).unwrap());
        Ok(())
    });
    assert_eq!(applied.unwrap().changes().len(), 1);
    let undo = format!(r#"{{"kind":"authentication_authority","before":[],"after":["{}"]}}"#, token(NEW));
    assert_eq!(witnessed.unwrap(), undo);
    assert_eq!(changes(&mac), [in_session(&format!("pair -u alice -h {NEW}"))]);
    assert!(backend.pairings(&alice()).unwrap().contains(&hash(NEW)));
}

#[test]
fn nothing_is_done_twice() {
    let lower_case = format!(";pubkeyhash;{}", NEW.to_lowercase());
    for there in [token(NEW), lower_case] {
        let (backend, mac) = backend(mac_where_alice_has(&[&[there]]));
        let plan = backend.plan(&alice(), &pair_new()).unwrap();
        assert!(plan.is_unchanged());
        let applied = backend.apply(&plan).unwrap();
        assert_eq!((applied.undo(), changes(&mac).len()), (&Undo::Nothing, 0));
    }
}

#[test]
fn a_tool_that_lies_is_found_out() {
    let (backend, _) = backend(pairing_says(mac_where_alice_has(&[&[]]), 0, DONE));
    let plan = backend.plan(&alice(), &pair_new()).unwrap();
    assert!(matches!(backend.apply(&plan), Err(Error::NotReadBack { what, .. }) if what.contains(NEW)));
    let (backend, _) = super::tests::backend(mac_where_alice_has(&[&[token(OLD)]]));
    let plan = backend.plan(&alice(), &Request::Unpair(Selection::All)).unwrap();
    assert!(matches!(backend.apply(&plan), Err(Error::NotReadBack { what, .. }) if what.contains(&token(OLD))));
}

#[test]
fn a_failure_leaves_everything_as_it_is_or_says_so() {
    let german = "Der Vorgang konnte nicht abgeschlossen werden. (TKAuthenticationHintsProvider-Fehler -11 - x.)";
    let (named, mac) = backend(pairing_says(mac_where_alice_has(&[&[token(OLD)]]), 1, german));
    let plan = named.plan(&alice(), &replace(Selection::All)).unwrap();
    let error = named.apply(&plan).unwrap_err();
    let reason = ::macos::sc_auth::PairingFailure::AlgorithmInitialization;
    assert!(matches!(error, Error::Mac(::macos::Error::Pairing { reason: found, .. }) if found == reason));
    assert!(!changes(&mac).iter().any(|line| line.contains("unpair")), "{:?}", changes(&mac));
    // It hangs, but the record has the pairing by then: somebody has to look.
    let hanging = mac_where_alice_has(&[&[], &[], &[token(NEW)]]).hangs(Tool::Launchctl, &["asuser", "501", "pair"]);
    let (hanging, mac) = backend(hanging);
    let plan = hanging.plan(&alice(), &pair_new()).unwrap();
    assert!(matches!(hanging.apply(&plan), Err(Error::InDoubt { hash: found, .. }) if found == hash(NEW)));
    let limit = mac.asked().into_iter().find(|command| command.arguments.contains(&"pair".to_owned())).unwrap();
    assert_eq!(limit.time_limit, Duration::from_secs(300));
}

#[test]
fn the_keychain_is_told_of() {
    let said = "User was successfully paired but user password will be required after next SmartCard login to unlock \
                Login keychain.";
    let (backend, _) = backend(pairing_says(mac_where_alice_has(&[&[], &[], &[token(NEW)]]), 0, said));
    let plan = backend.plan(&alice(), &pair_new()).unwrap();
    let applied = backend.apply(&plan).unwrap();
    assert_eq!(applied.notes(), [Note::Mac(Finding::KeychainPassword)]);
}

#[test]
fn everything_that_a_key_left_is_removed() {
    let mapped = format!(";amidentity;{OLD}");
    let legacy = format!(";pubkeyhash;{OLD}");
    let before = [token(OLD), mapped.clone(), legacy.clone(), token(THIRD)];
    let after = [token(THIRD)];
    // Plan, apply, and one look at the mapped value while it is worked on.
    let (backend, mac) = backend(mac_where_alice_has(&[&before, &before, &before, &after]));
    let plan = backend.plan(&alice(), &Request::Unpair(Selection::Hash(hash(OLD)))).unwrap();
    assert_eq!(plan.changes().len(), 3);
    backend.apply(&plan).unwrap();
    assert_eq!(
        changes(&mac),
        [
            // FileVault first: whoever is interrupted finds the pairing, and begins anew.
            in_session(&format!("filevault -o disable -u alice -h {OLD}")),
            in_session(&format!("unpair -u alice -h {OLD}")),
            in_session(&format!("unpair -u alice -h {OLD}")),
            format!("dscl . -delete /Users/alice AuthenticationAuthority {mapped}"),
            format!("dscl . -delete /Users/alice AuthenticationAuthority {legacy}"),
        ]
    );
}

#[test]
fn what_appeared_since_the_plan_is_not_removed_with_all() {
    let (backend, mac) = backend(mac_where_alice_has(&[&[token(OLD)], &[token(OLD), token(THIRD)]]));
    let plan = backend.plan(&alice(), &Request::Unpair(Selection::All)).unwrap();
    assert!(matches!(backend.apply(&plan), Err(Error::Changed { .. })));
    assert!(changes(&mac).is_empty());
}

#[test]
fn the_new_key_comes_before_the_old_one_goes() {
    let both = [token(OLD), token(NEW)];
    let readings: [&[String]; 4] = [&[token(OLD)], &[token(OLD)], &both, &[token(NEW)]];
    let (backend, mac) = backend(pairing_says(mac_where_alice_has(&readings), 0, DONE));
    let plan = backend.plan(&alice(), &replace(Selection::All)).unwrap();
    backend.apply(&plan).unwrap();
    let done = changes(&mac);
    assert!(done[0].contains(" pair ") && done[2] == in_session(&format!("unpair -u alice -h {OLD}")), "{done:?}");
}

#[test]
fn an_old_pairing_that_stays_is_told_of() {
    let both = [token(OLD), token(NEW)];
    let readings: [&[String]; 3] = [&[token(OLD)], &[token(OLD)], &both];
    let (backend, _) = backend(pairing_says(mac_where_alice_has(&readings), 0, DONE));
    let plan = backend.plan(&alice(), &replace(Selection::Hash(hash(OLD)))).unwrap();
    let error = backend.apply(&plan).unwrap_err();
    assert!(
        matches!(&error, Error::OldStays { source, .. } if matches!(**source, Error::NotReadBack { .. })),
        "{error:?}"
    );
}

#[test]
fn which_one_is_replaced_must_be_clear() {
    let there = [token(OLD), token(THIRD), format!(";amidentity;{NEW}")];
    let (backend, _) = backend(mac_where_alice_has(&[&there]));
    let several = backend.plan(&alice(), &replace(Selection::All));
    assert!(matches!(several, Err(Error::SeveralPairings { hashes, .. }) if hashes == [hash(OLD), hash(THIRD)]));
    let plan = backend.plan(&alice(), &replace(Selection::Hash(hash(THIRD)))).unwrap();
    assert_eq!(plan.changes().len(), 2);
}

#[test]
fn undo_puts_back_what_was_there() {
    let before = [format!(";pubkeyhash;{OLD}")];
    let readings: [&[String]; 3] = [&[token(NEW)], &before, &before];
    let (backend, mac) = backend(mac_where_alice_has(&readings));
    let undo: Undo = serde_json::from_value(serde_json::json!({
        "kind": "authentication_authority", "before": before, "after": [token(NEW)],
    }))
    .unwrap();
    backend.undo(&alice(), &undo).unwrap();
    let done = changes(&mac);
    assert_eq!(done[0], format!("dscl . -append /Users/alice AuthenticationAuthority {}", before[0]));
    assert_eq!(done[1], in_session(&format!("filevault -o disable -u alice -h {NEW}")));
    assert_eq!(done[2], in_session(&format!("unpair -u alice -h {NEW}")));
    // It is as before now, so there is nothing to do.
    backend.undo(&alice(), &undo).unwrap();
    assert_eq!(changes(&mac).len(), done.len());
}

#[test]
fn undo_touches_nothing_that_somebody_else_made() {
    let (backend, mac) = backend(mac_where_alice_has(&[&[token(THIRD)]]));
    let undo: Undo = serde_json::from_value(serde_json::json!({
        "kind": "authentication_authority", "before": [token(OLD)], "after": [token(NEW)],
    }))
    .unwrap();
    assert!(matches!(backend.undo(&alice(), &undo), Err(Error::Changed { .. })));
    assert!(changes(&mac).is_empty());
}

#[test]
fn undo_writes_nothing_but_keys_into_a_record() {
    for hostile in [";DisabledUser;", ";ShadowHash;HASHLIST:<X>", ""] {
        let (backend, mac) = backend(mac_where_alice_has(&[&[]]));
        let undo: Undo = serde_json::from_value(serde_json::json!({
            "kind": "authentication_authority", "before": [token(OLD), hostile], "after": [],
        }))
        .unwrap();
        assert!(matches!(backend.undo(&alice(), &undo), Err(Error::NoSuchChange { .. })), "{hostile}");
        assert!(changes(&mac).is_empty(), "{hostile}");
    }
}

#[test]
fn undo_that_stops_half_way_says_so() {
    // The old value is put back, and the new one does not go.
    let readings: [&[String]; 2] = [&[token(NEW)], &[token(OLD), token(NEW)]];
    let (backend, _) = backend(mac_where_alice_has(&readings));
    let undo: Undo = serde_json::from_value(serde_json::json!({
        "kind": "authentication_authority", "before": [token(OLD)], "after": [token(NEW)],
    }))
    .unwrap();
    assert!(matches!(backend.undo(&alice(), &undo), Err(Error::RestoredInPart { .. })));
}

#[test]
fn accounts() {
    let missing = "<dscl_cmd> DS Error: -14136 (eDSRecordNotFound)\n";
    let network =
        property_list("<dict><key>dsAttrTypeStandard:RecordName</key><array><string>carol</string></array></dict>");
    let mac = mac_where_alice_has(&[&[token(OLD), format!(";amidentity;{THIRD}")]])
        .prints(Tool::Dscl, &[".", "-read", "/Users/carol"], 56, "", missing)
        .prints(Tool::Dscl, &["/Search", "-read", "/Users/carol"], 0, &network, "")
        .prints(Tool::Dscl, &["-read", "/Users/dave"], 56, "", missing);
    let (backend, _) = backend(mac);
    let name = |name: &str| name.parse::<AccountName>().unwrap();
    assert_eq!(backend.account(&name("alice")).unwrap(), alice());
    assert!(matches!(backend.account(&name("carol")), Err(Error::NotLocal { .. })));
    assert!(matches!(backend.account(&name("dave")), Err(Error::AccountNotFound { .. })));
    assert!(matches!(backend.account(&name("#0")), Err(Error::Mac(::macos::Error::InvalidRecordName { .. }))));
    let listed = backend.accounts_with_pairings().unwrap();
    assert_eq!((listed.len(), listed[0].account.name.as_str()), (1, "alice"));
    let keys: Vec<_> = listed[0].pairings.as_ref().unwrap().entries.iter().map(|pairing| pairing.key.clone()).collect();
    assert_eq!(keys, [PairedKey::Hash(hash(OLD)), PairedKey::Value { value: format!(";amidentity;{THIRD}") }]);
}

#[test]
fn a_damaged_record_does_not_hide_the_others() {
    let without_uid = record("carol", 503, &[token(THIRD)], "").replace("UniqueID", "Other");
    let everybody = record("alice", 501, &[token(OLD)], "") + &without_uid + &record("a:b", 504, &[token(OLD)], "");
    let list = property_list(&format!("<array>{everybody}</array>"));
    let (backend, _) = backend(Recorded::new().prints(Tool::Dscl, &["-readall"], 0, &list, ""));
    let listed = backend.accounts_with_pairings().unwrap();
    let seen: Vec<_> = listed.iter().map(|entry| (entry.account.name.as_str(), entry.pairings.is_ok())).collect();
    assert_eq!(seen, [("alice", true), ("carol", false)]);
    let table = backend.account_table().unwrap().unwrap();
    assert_eq!(table.account(&alice().name).unwrap(), alice());
    // Whoever has an account on the machine that runs the tests has none here.
    for name in ["carol", "root"] {
        assert!(matches!(table.account(&name.parse().unwrap()), Err(Error::AccountNotFound { .. })), "{name}");
    }
}

#[test]
fn who_may_pair_and_when() {
    let plan = |mac: Recorded| {
        let (backend, _) = backend(mac);
        let plan = backend.plan(&alice(), &pair_new()).unwrap();
        backend.check_access(&plan)
    };
    let run_by = |uid: &str| Recorded::new().prints(Tool::Id, &["-u"], 0, uid, "");
    let others = |mac: Recorded| {
        let list = property_list(&record("alice", 501, &[], ""));
        mac.prints(Tool::Dscl, &[], 0, &list, "").prints(Tool::Defaults, &[], 1, "", "")
    };
    let session = |mac: Recorded, code| mac.prints(Tool::Launchctl, &["print", "gui/501"], code, "", "");
    assert!(plan(session(others(run_by("501\n")), 0)).is_ok());
    let bob = plan(session(others(run_by("502\n")), 0));
    assert!(matches!(bob, Err(Error::Mac(::macos::Error::NotPermitted { .. }))));
    assert!(matches!(plan(session(others(run_by("0\n")), 113)), Err(Error::NoSession { .. })));
}

#[test]
fn what_only_root_can_remove_is_known_before_anything_is() {
    let there = [token(OLD), format!(";pubkeyhash;{THIRD}")];
    let run_by =
        |uid: &str, selection: Selection| {
            let list = property_list(&record("alice", 501, &there, ""));
            let mac = Recorded::new()
                .prints(Tool::Id, &["-u"], 0, uid, "")
                .prints(Tool::Dscl, &[], 0, &list, "")
                .prints(Tool::Defaults, &[], 1, "", "");
            let (backend, _) = backend(mac);
            let plan = backend.plan(&alice(), &Request::Unpair(selection)).unwrap();
            backend.check_access(&plan)
        };
    let refused = run_by("501\n", Selection::All);
    assert!(matches!(refused, Err(Error::NeedsRoot { what }) if what == there[1]));
    assert!(run_by("501\n", Selection::Hash(hash(OLD))).is_ok());
    assert!(run_by("0\n", Selection::All).is_ok());
}

#[test]
fn identities_that_do_not_log_in() {
    let (backend, _) = backend(Recorded::new());
    let certificate = certificate("alice");
    assert_eq!(backend.obstacle(Some("9a"), &certificate), None);
    assert_eq!(backend.obstacle(None, &certificate), None);
    for slot in ["9d", "9e", "82"] {
        assert!(backend.obstacle(Some(slot), &certificate).unwrap().contains("9a"), "{slot}");
    }
}
