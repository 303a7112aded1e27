use super::*;
use crate::{Authority, Recorded};

const HASH: &str = "46F8353E93EF4F609C8F09CE898054D5D99FA230";

fn record(name: &str, uid: &str, authorities: &[&str]) -> String {
    let authorities: String = authorities
        .iter()
        .map(|value| format!("<string>{}</string>", value.replace('<', "&lt;").replace('>', "&gt;")))
        .collect();
    format!(
        "<dict><key>dsAttrTypeStandard:AuthenticationAuthority</key><array>{authorities}</array>\
         <key>dsAttrTypeStandard:NFSHomeDirectory</key><array><string>/Users/{name}</string></array>\
         <key>dsAttrTypeStandard:RecordName</key><array><string>{name}</string><string>alias</string></array>\
         <key>dsAttrTypeStandard:UniqueID</key><array><string>{uid}</string></array></dict>"
    )
}

fn property_list(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">{body}</plist>\n"
    )
}

fn alice() -> RecordName {
    "alice".parse().unwrap()
}

#[test]
fn a_record_is_read_as_a_property_list() {
    let body = record(
        "alice",
        "501",
        &[";ShadowHash;HASHLIST:<SALTED-SHA512-PBKDF2>", ";SecureToken;", &format!(";tokenidentity;{HASH}")],
    );
    // What a missing key says stands around it, in whatever language.
    let printed = format!("No such key: AltSecurityIdentities\n{}", property_list(&body));
    let mac = Recorded::new().prints(Tool::Dscl, &["-plist", ".", "-read", "/Users/alice"], 0, &printed, "");
    let user = user(&mac, &alice()).unwrap();
    assert_eq!((user.uid(), user.gid(), user.home().as_deref()), (Some(501), None, Some("/Users/alice")));
    let authorities = user.values(AUTHENTICATION_AUTHORITY);
    assert_eq!(authorities.len(), 3);
    assert!(matches!(Authority::parse(&authorities[2]), Authority::Key { hash, .. } if hash.to_string() == HASH));
    assert!(user.values(ALT_SECURITY_IDENTITIES).is_empty());
    assert_eq!(mac.asked()[0].arguments[4], "RecordName");
}

#[test]
fn all_records_and_those_with_a_value() {
    let body = format!(
        "<array>{}{}{}</array>",
        record("alice", "501", &[&format!(";tokenidentity;{HASH}")]),
        record("nobody", "-2", &[]),
        record("-evil", "502", &[])
    );
    let mac = Recorded::new().prints(Tool::Dscl, &["-readall"], 0, &property_list(&body), "");
    let all = users(&mac).unwrap();
    assert_eq!(all.iter().map(|user| user.name().as_str()).collect::<Vec<_>>(), ["alice", "nobody"]);
    assert_eq!(all[1].uid(), Some(u32::MAX - 1));
    let having = |value: &str| users_having(&mac, AUTHENTICATION_AUTHORITY, value).unwrap().len();
    assert_eq!((having(&format!(";tokenidentity;{HASH}")), having(&HASH.to_lowercase())), (1, 0));
    users_having(&mac, "dsAttrTypeNative:longName", "x").unwrap();
    assert_eq!(mac.asked().last().unwrap().arguments.last().unwrap(), "dsAttrTypeNative:longName");
}

#[test]
fn failures_are_told_by_their_number() {
    let failing = |code, stderr: &str| {
        let mac = Recorded::new().prints(Tool::Dscl, &[], code, "", stderr);
        (user(&mac, &alice()).unwrap_err(), append(&mac, &alice(), ALT_SECURITY_IDENTITIES, "x").unwrap_err())
    };
    let missing = "<dscl_cmd> DS Error: -14136 (eDSRecordNotFound)";
    assert!(matches!(failing(56, missing), (Error::NoSuchUser { .. }, Error::NoSuchUser { .. })));
    let denied = "<dscl_cmd> DS Error: -14120 (eDSPermissionError)";
    assert!(matches!(failing(40, denied), (Error::NotPermitted { .. }, Error::NotPermitted { .. })));
    let other = "<dscl_cmd> DS Error: -14009 (eDSUnknownNodeName)";
    assert!(matches!(failing(0, other), (Error::Failed { code: 0, .. }, Error::Failed { code: 0, .. })));
    let garbage = Recorded::new().prints(Tool::Dscl, &[], 0, "<?xml version=\"1.0\"?><plist><dict><key>", "");
    assert!(matches!(user(&garbage, &alice()), Err(Error::Malformed { .. })));
    let silent = Recorded::new().prints(Tool::Dscl, &[], 0, "", "");
    assert!(matches!(user(&silent, &alice()), Err(Error::Malformed { .. })));
}

#[test]
fn a_value_is_one_argument_whatever_it_holds() {
    let mac = Recorded::new().prints(Tool::Dscl, &[], 0, "", "");
    append(&mac, &alice(), ALT_SECURITY_IDENTITIES, "Kerberos:a b;$(id)@EXAMPLE").unwrap();
    delete(&mac, &alice(), ALT_SECURITY_IDENTITIES, "x").unwrap();
    let asked = mac.asked();
    let expected = [".", "-append", "/Users/alice", "AltSecurityIdentities", "Kerberos:a b;$(id)@EXAMPLE"];
    assert_eq!(asked[0].arguments, expected);
    assert_eq!(asked[1].arguments, [".", "-delete", "/Users/alice", "AltSecurityIdentities", "x"]);
}
