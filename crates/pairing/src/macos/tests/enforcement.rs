//! Nobody is left outside.

use super::*;

/// A Mac with these settings, where alice has a card, and bob's record holds `bob` beside the usual.
fn unpairing(settings: &str, bob: &str, bobs_keys: &[String], files: &str) -> (Macos, Arc<Recorded>) {
    let hers = [token(OLD)];
    let everybody = record("alice", 501, &hers, "")
        + &record("bob", 502, bobs_keys, bob)
        + &record("_service", 600, &[token(THIRD)], "")
        + &record("daemon", 1, &[], "");
    let mac = Recorded::new()
        .prints(Tool::Dscl, &["-readall"], 0, &property_list(&format!("<array>{everybody}</array>")), "")
        .prints(Tool::Dscl, &["-read", "/Users/alice"], 0, &property_list(&record("alice", 501, &hers, "")), "")
        .prints(Tool::Defaults, &["export"], 0, &property_list(&format!("<dict>{settings}</dict>")), "");
    let mac = Arc::new(mac);
    (Macos::new(mac.clone()).with_files_below(files), mac)
}

const ENFORCED: &str = "<key>enforceSmartCard</key><true/>";

fn result(settings: &str, bob: &str, bobs_keys: &[String]) -> Result<Plan, Error> {
    unpairing(settings, bob, bobs_keys, "/nonexistent").0.plan(&alice(), &Request::Unpair(Selection::All))
}

fn own(attribute: &str, value: &str) -> String {
    format!("<key>dsAttrTypeNative:{attribute}</key><array><string>{value}</string></array>")
}

#[test]
fn the_last_card_that_opens_the_mac_stays() {
    assert!(matches!(result(ENFORCED, "", &[]), Err(Error::WouldLockOut { name }) if name == "alice"));
    let (backend, _) = unpairing(ENFORCED, "", &[], "/nonexistent");
    let backend = backend.accepting_lock_out(true);
    let plan = backend.plan(&alice(), &Request::Unpair(Selection::All)).unwrap();
    assert_eq!(plan.notes(), [Note::Mac(Finding::LocksAccountOut)]);
    // A key that takes the place of another one locks nobody out.
    let (backend, _) = unpairing(ENFORCED, "", &[], "/nonexistent");
    assert!(!matches!(backend.plan(&alice(), &replace(Selection::All)), Err(Error::WouldLockOut { .. })));
}

#[test]
fn others_who_get_in() {
    let locks_alice_out = |plan: Result<Plan, Error>| plan.unwrap().notes() == [Note::Mac(Finding::LocksAccountOut)];
    assert!(locks_alice_out(result(ENFORCED, "", &[token(THIRD)])), "bob has a card");
    assert!(locks_alice_out(result(ENFORCED, &own("SmartCardEnforcement", "2"), &[])), "bob is exempt");
    assert!(result("", "", &[]).unwrap().notes().is_empty(), "nothing is enforced");
    let unmapped = format!("{ENFORCED}<key>allowUnmappedUsers</key><integer>1</integer>");
    assert!(result(&unmapped, "", &[]).unwrap().notes().is_empty(), "who has no card uses the password");
    let refused = |plan: Result<Plan, Error>| matches!(plan, Err(Error::WouldLockOut { .. }));
    assert!(refused(result(ENFORCED, "", &[format!(";amidentity;{THIRD}")])), "bob's card is mapped, not paired");
    let both = own("SmartCardEnforcement", "2").replace("</array>", "<string>1</string></array>");
    assert!(refused(result(ENFORCED, &both, &[])), "what is said twice is not relied on");
}

#[test]
fn names_count_where_attributes_are_mapped() {
    let files = tempfile::tempdir().unwrap();
    std::fs::create_dir(files.path().join("etc")).unwrap();
    let path = files.path().join("etc/SmartcardLogin.plist");
    std::fs::write(&path, mapping_file()).unwrap();
    let mode = |mode| std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    let unpair = |bob: &str, bobs_keys: &[String]| {
        let (mut backend, _) = unpairing(ENFORCED, bob, bobs_keys, &files.path().to_string_lossy());
        backend.owner = nix::unistd::geteuid().as_raw();
        backend.plan(&alice(), &Request::Unpair(Selection::All))
    };
    let refused = |plan: Result<Plan, Error>| matches!(plan, Err(Error::WouldLockOut { .. }));
    let bob = own("AltSecurityIdentities", "Kerberos:bob@EXAMPLE.TEST");
    mode(0o644);
    assert!(unpair(&bob, &[]).is_ok());
    assert!(refused(unpair(&own("AltSecurityIdentities", "X509:junk"), &[])), "no certificate leads to that");
    assert!(refused(unpair("", &[token(THIRD)])), "where names are mapped, pairings are not looked at");
    mode(0o600);
    assert!(refused(unpair(&bob, &[])), "macOS ignores such a file");
    assert!(unpair("", &[token(THIRD)]).is_ok());
    assert!(refused(result(ENFORCED, &bob, &[])), "without a mapping names do not count");
}

fn mapping_file() -> String {
    property_list(
        "<dict><key>AttributeMapping</key><dict><key>fields</key><array><string>NT Principal Name</string></array>\
         <key>formatString</key><string>Kerberos:$1</string>\
         <key>dsAttributeString</key><string>dsAttrTypeStandard:AltSecurityIdentities</string></dict></dict>",
    )
}

#[test]
fn who_is_switched_off_does_not_get_in() {
    let refused = |plan: Result<Plan, Error>| matches!(plan, Err(Error::WouldLockOut { .. }));
    assert!(refused(result(ENFORCED, "", &[token(THIRD), ";DisabledUser;".to_owned()])));
}

#[test]
fn settings_that_cannot_be_read_promise_nothing() {
    let alices = property_list(&record("alice", 501, &[token(OLD)], ""));
    let mac = || Recorded::new().prints(Tool::Dscl, &[], 0, &alices, "").hangs(Tool::Defaults, &[]);
    let (backend, _) = backend(mac());
    let refused = backend.plan(&alice(), &Request::Unpair(Selection::All));
    assert!(matches!(refused, Err(Error::Mac(::macos::Error::TimedOut { .. }))));
    let (backend, _) = super::backend(mac());
    assert!(backend.accepting_lock_out(true).plan(&alice(), &Request::Unpair(Selection::All)).is_ok());
}
