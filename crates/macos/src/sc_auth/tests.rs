use super::*;
use crate::Recorded;

const HASH: &str = "46F8353E93EF4F609C8F09CE898054D5D99FA230";
const OTHER: &str = "0102030405060708090A0B0C0D0E0F1011121314";

fn alice() -> RecordName {
    "alice".parse().unwrap()
}

fn pairing(code: i32, stdout: &str, stderr: &str) -> Result<Keychain, Error> {
    let mac = Recorded::new().prints(Tool::ScAuth, &["pair", "-u", "alice", "-h", HASH], code, stdout, stderr);
    pair(&mac, &pair_command(&alice(), &HASH.parse().unwrap()))
}

fn reason(code: i32, said: &str) -> PairingFailure {
    match pairing(code, "", said) {
        Err(Error::Pairing { reason, .. }) => reason,
        other => unreachable!("{said}: {other:?}"),
    }
}

#[test]
fn identities_of_several_tokens() {
    let printed = format!(
        "SmartCard: com.apple.pivtoken:C5E212F78F9F48EA9E7D2B33AE5B3740\nUnpaired identities:\n\
         {HASH}\tCertificate For PIV Authentication (MacOS login)\n\
         Paired identities which are used for authentication:\n\
         {OTHER}\talice - Certificate For PIV Authentication (Alice: Example)\n\n\
         SmartCard: org.opensc-project.mac.opensctoken.OpenSCTokenApp.OpenSCToken:105001283422\n\
         Unpaired identities:\n{HASH}   key with spaces\n"
    );
    let tokens = parse_identities(&printed);
    assert_eq!(tokens.len(), 2);
    assert_eq!(tokens[0].id, "com.apple.pivtoken:C5E212F78F9F48EA9E7D2B33AE5B3740");
    let seen: Vec<_> = tokens[0].identities.iter().map(|found| (found.hash.to_string(), found.paired)).collect();
    assert_eq!(seen, [(HASH.to_owned(), Some(false)), (OTHER.to_owned(), Some(true))]);
    assert_eq!(tokens[0].identities[1].label, "alice - Certificate For PIV Authentication (Alice: Example)");
    assert_eq!((tokens[1].identities.len(), tokens[1].identities[0].label.as_str()), (1, "key with spaces"));
}

#[test]
fn labels_and_headings_in_other_languages() {
    let printed = format!(
        "智能卡： com.apple.pivtoken:C5E212F78F9F48EA9E7D2B33AE5B3740\n未配对的身份：\n{HASH}\t用于PIV认证的证书 (张三)\n\
         Gekoppelte Identitäten:\n{OTHER}\talice - Zertifikat zur PIV-Authentifizierung (Alice)\n"
    );
    let tokens = parse_identities(&printed);
    assert_eq!((tokens.len(), tokens[0].identities.len()), (1, 2));
    assert!(tokens[0].identities.iter().all(|found| found.paired.is_none()));
    assert_eq!(tokens[0].identities[0].label, "用于PIV认证的证书 (张三)");
}

#[test]
fn no_card_and_nonsense() {
    assert!(parse_identities("").is_empty());
    let flood = "\u{fffd}: :\n".repeat(100_000);
    assert!(parse_identities(&flood).is_empty());
    let alone = parse_identities(&format!("{HASH}\tno token before it"));
    assert_eq!((alone[0].id.as_str(), alone[0].identities.len()), ("", 1));
    let many = parse_identities(&format!("SmartCard: a.b:c\n{}", format!("{HASH}\tx\n").repeat(100_000)));
    assert!(many[0].identities.len() < 5000);
}

#[test]
fn a_pairing_that_is_made_tells_of_the_keychain() {
    let done = format!("User was successfully paired (public key hash: {HASH})\n");
    assert_eq!(pairing(0, &done, "").unwrap(), Keychain::NotMentioned);
    assert_eq!(pairing(0, "User was successfully paired.\n", "").unwrap(), Keychain::NotMentioned);
    let password = "User was successfully paired but user password will be required after next SmartCard login to unlock \
                    Login keychain.\n";
    assert_eq!(pairing(0, "", password).unwrap(), Keychain::PasswordRequired);
    let unsuited = "Failed to store Login keychain unlock key. No suitable key was found on the selected SmartCard.\n";
    assert_eq!(pairing(0, &done, unsuited).unwrap(), Keychain::PasswordRequired);
    assert_eq!(pairing(0, "Benutzer wurde gekoppelt.\n", "").unwrap(), Keychain::NotUnderstood);
}

#[test]
fn failures_are_told_by_their_number_in_any_language() {
    let english = format!(
        "Cannot pair user (public key hash: {HASH}). The operation couldn’t be completed. \
         (TKAuthenticationHintsProvider error -11 - SmartCard algorithm initialization error.)"
    );
    let german = format!(
        "Benutzer kann nicht gekoppelt werden (Hash des öffentlichen Schlüssels: {HASH}). Der Vorgang konnte nicht \
         abgeschlossen werden. (TKAuthenticationHintsProvider-Fehler -11 - SmartCard algorithm initialization error.)"
    );
    let chinese = format!("无法配对用户（公钥哈希：{HASH}）。未能完成操作。（TKAuthenticationHintsProvider错误-11。）");
    let minus = "无法完成操作。（TKAuthenticationHintsProvider错误 \u{2212}11。）";
    for said in [english.as_str(), german.as_str(), chinese.as_str(), minus] {
        assert_eq!(reason(1, said), PairingFailure::AlgorithmInitialization, "{said}");
        // The exit code is not believed.
        assert_eq!(reason(0, said), PairingFailure::AlgorithmInitialization);
    }
    let trust = "(TKAuthenticationHintsProvider error -13 - The SmartCard certificate is not trusted.)";
    assert_eq!(reason(1, trust), PairingFailure::NotTrusted);
    assert_eq!(reason(1, "(CryptoTokenKit-Fehler -8.)"), PairingFailure::NoWrappingKey);
    assert_eq!(reason(1, "(CryptoTokenKit error -7.)"), PairingFailure::TokenNotFound);
    assert_eq!(reason(1, "(CryptoTokenKit error -4 - x)"), PairingFailure::Canceled);
    assert_eq!(reason(1, "(OSStatus-Fehler -128.)"), PairingFailure::Canceled);
    assert_eq!(reason(1, "（OSStatus错误-60005）"), PairingFailure::NotAuthorized);
    assert_eq!(reason(1, "SecKeychain: UI not enabled"), PairingFailure::InteractionNotAllowed);
    assert_eq!(reason(1, "The operation failed. (OSStatus error -25308.)"), PairingFailure::InteractionNotAllowed);
    assert_eq!(reason(1, "(TKAuthenticationHintsProvider error -99)"), PairingFailure::Other(-99));
}

#[test]
fn a_failure_without_a_number_keeps_what_was_said() {
    let Err(Error::Failed { code, message, .. }) = pairing(64, "", "No such user: bob-11 at 2026-11-20") else {
        unreachable!("not a failure")
    };
    assert_eq!((code, message.as_str()), (64, "No such user: bob-11 at 2026-11-20"));
    let long = "x".repeat(100_000);
    assert!(matches!(pairing(1, "", &long), Err(Error::Failed { message, .. }) if message.len() == 1000));
}

#[test]
fn arguments() {
    let mac =
        Recorded::new().prints(Tool::ScAuth, &[], 0, &format!("Hash: {}\nHash: {OTHER}\n", HASH.to_lowercase()), "");
    let hash = HASH.parse().unwrap();
    assert_eq!(list(&mac, &alice()).unwrap(), [hash, OTHER.parse().unwrap()]);
    for command in [
        unpair_command(&alice(), Some(&hash)),
        unpair_command(&alice(), None),
        filevault_disable_command(&alice(), &hash),
    ] {
        run(&mac, &command).unwrap();
    }
    let asked: Vec<String> = mac.asked().iter().map(|command| command.arguments.join(" ")).collect();
    assert_eq!(
        asked,
        [
            "list -u alice".to_owned(),
            format!("unpair -u alice -h {HASH}"),
            "unpair -u alice".to_owned(),
            format!("filevault -o disable -u alice -h {HASH}"),
        ]
    );
    let command = crate::session::in_session_of(&mac, &alice(), 501, &pair_command(&alice(), &hash));
    let pair = format!("/usr/sbin/sc_auth pair -u alice -h {HASH}");
    assert_eq!(command.arguments.join(" "), format!("asuser 501 /usr/bin/sudo -n -H -u alice -- {pair}"));
    assert_eq!((command.tool, command.time_limit), (Tool::Launchctl, PAIR_TIME_LIMIT));
}
