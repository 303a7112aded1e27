//! What is looked at before a person is asked for anything.

use rcgen::{CertificateParams, KeyPair, KeyUsagePurpose};

use super::*;

/// A certificate whose key may be used for this.
fn allowing(usage: KeyUsagePurpose) -> Certificate {
    let mut params = CertificateParams::default();
    params.key_usages = vec![usage];
    let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    Certificate::from_der(made.der()).unwrap()
}

/// What the Mac says of a key, with these settings and drivers.
fn survey(settings: &str, driver: &str, seen: &PairingHash, trust: &str) -> Survey {
    let identity = format!(
        "Kind: private ECC 256-bit, Certificate: {{length = 20, bytes = 0x{}}}, Usage: Sign \nValid from: x to: y, SSL \
         trust: NO, X509 trust: {trust} \n",
        seen.to_string().to_lowercase()
    );
    let report = serde_json::json!({"SPSmartCardsDataType": [
        {"_name": "SMARTCARDS_DRIVERS", "#01": "com.apple.CryptoTokenKit.pivtoken:1.0 (/x)", "#02": driver},
        {"_name": "AVAIL_SMARTCARDS_TOKEN", "_items": [{"_name": "com.apple.pivtoken:00", "#01": identity}]},
    ]});
    let mac = Recorded::new().prints(Tool::SystemProfiler, &[], 0, &report.to_string(), "").prints(
        Tool::Defaults,
        &[],
        0,
        &property_list(&format!("<dict>{settings}</dict>")),
        "",
    );
    backend(mac).0.survey()
}

fn key<'a>(certificate: &'a Certificate, key_management: KeyManagement<'a>) -> Candidate<'a> {
    Candidate { slot: Some("9a"), certificate, key_management }
}

#[test]
fn nothing_is_found_where_all_is_well() {
    let (mine, wraps) = (certificate("alice"), allowing(KeyUsagePurpose::KeyAgreement));
    let survey = survey("", "", &mine.pairing_hash(), "NO");
    assert_eq!(survey.findings(&key(&mine, KeyManagement::Certificate(&wraps))), []);
    assert_eq!(survey.findings(&key(&mine, KeyManagement::Unknown)), []);
}

#[test]
fn the_key_for_the_keychain() {
    let (mine, signs) = (certificate("alice"), allowing(KeyUsagePurpose::DigitalSignature));
    let survey = survey("", "", &mine.pairing_hash(), "YES");
    let found = |key_management| survey.findings(&key(&mine, key_management));
    assert_eq!(found(KeyManagement::Empty), [Finding::NoKeyManagement]);
    assert_eq!(found(KeyManagement::Unreadable), [Finding::UnreadableKeyManagement]);
    let cannot = Finding::CannotWrap { algorithm: "P256".to_owned() };
    assert_eq!(found(KeyManagement::Certificate(&signs)), [cannot]);
    assert!(found(KeyManagement::Empty).iter().all(|finding| !finding.is_blocking()));
}

#[test]
fn trust_counts_where_it_is_asked_for() {
    let mine = certificate("alice");
    let strict = "<key>checkCertificateTrust</key><integer>1</integer>";
    let found = |settings: &str, trust: &str| {
        survey(settings, "", &mine.pairing_hash(), trust).findings(&key(&mine, KeyManagement::Unknown))
    };
    assert_eq!(found(strict, "NO"), [Finding::NotTrusted]);
    assert!(Finding::NotTrusted.is_blocking());
    assert_eq!(found(strict, "YES"), []);
    assert_eq!(found(strict, "NEIN"), [Finding::TrustUnknown]);
    assert_eq!(found("", "NO"), []);
}

#[test]
fn settings_and_drivers() {
    let mine = certificate("alice");
    let found = |settings: &str, driver: &str| {
        let seen = survey(settings, driver, &mine.pairing_hash(), "YES");
        seen.findings(&Candidate { slot: Some("9C"), ..key(&mine, KeyManagement::Unknown) })
    };
    let off = "<key>DisabledTokens</key><array><string>com.apple.CryptoTokenKit.pivtoken</string></array>\
               <key>allowSmartCard</key><false/>";
    let opensc = "org.opensc-project.mac.opensctoken.OpenSCTokenApp.OpenSCToken:1.0 (/x)";
    let all =
        [Finding::SmartCardsNotAllowed, Finding::PivDriverDisabled, Finding::OpenScDriver, Finding::SignatureSlot];
    assert_eq!(found(off, opensc), all);
    assert_eq!(all.map(|finding| finding.is_blocking()), [true, true, false, false]);
}

#[test]
fn what_the_mac_does_not_see_or_does_not_say() {
    let mine = certificate("alice");
    let other = survey("", "", &hash(OLD), "YES");
    assert_eq!(other.findings(&key(&mine, KeyManagement::Unknown)), [Finding::NotSeenByMac]);
    let silent = Recorded::new().hangs(Tool::SystemProfiler, &[]).prints(Tool::Defaults, &[], 0, "\u{1b}[2J", "");
    let found = backend(silent).0.survey().findings(&key(&mine, KeyManagement::Unknown));
    assert!(matches!(found.as_slice(), [Finding::UnreadableSettings { .. }, Finding::NotAsked { .. }]), "{found:?}");
    assert!(found.iter().all(|finding| !finding.to_string().contains('\u{1b}')));
}

#[test]
fn findings_about_the_account() {
    let files = tempfile::tempdir().unwrap();
    std::fs::create_dir(files.path().join("etc")).unwrap();
    let mapping = property_list("<dict><key>AttributeMapping</key><dict/></dict>");
    std::fs::write(files.path().join("etc/SmartcardLogin.plist"), mapping).unwrap();
    let everybody = record("alice", 501, &[token(OLD)], "") + &record("bob", 502, &[token(NEW)], "");
    let one_card = property_list("<dict><key>oneCardPerUser</key><true/></dict>");
    let mac = Recorded::new()
        .prints(Tool::Dscl, &["-readall"], 0, &property_list(&format!("<array>{everybody}</array>")), "")
        .prints(Tool::Dscl, &["-read"], 0, &property_list(&record("alice", 501, &[token(OLD)], "")), "")
        .prints(Tool::Defaults, &[], 0, &one_card, "")
        .prints(Tool::Launchctl, &["print"], 113, "", "Could not find domain for user gui: 501");
    let backend = Macos::new(Arc::new(mac)).with_files_below(files.path());
    let plan = backend.plan(&alice(), &pair_new()).unwrap();
    let others = Finding::OpensOthers { hash: hash(NEW), accounts: vec!["bob".parse().unwrap()] };
    let all = [Finding::MappingPrecedes, Finding::OneCardPerUser, others, Finding::NoSession];
    assert_eq!(plan.notes(), all.map(Note::Mac));
}
