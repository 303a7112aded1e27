use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::{CertificateTrust, SmartcardPreferences};

const MAPPING: &str = "<key>AttributeMapping</key><dict><key>fields</key><array><string>NT Principal Name</string></array>\
     <key>formatString</key><string>Kerberos:$1</string>\
     <key>dsAttributeString</key><string>dsAttrTypeStandard:AltSecurityIdentities</string></dict>";
const SHA256: &str = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF";

fn xml(body: &str) -> Vec<u8> {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>{body}</dict></plist>")
        .into_bytes()
}

/// A mapping with other parts.
fn mapping(fields: &str, format: &str, attribute: &str) -> String {
    format!(
        "<key>AttributeMapping</key><dict><key>fields</key><array>{fields}</array><key>formatString</key>\
         <string>{format}</string><key>dsAttributeString</key><string>{attribute}</string></dict>"
    )
}

fn installed(body: &str) -> Installed {
    Installed { path: PATH.into(), bytes: xml(body), owner: 0, mode: 0o644, is_link: false }
}

/// The rules by which something was found, and how bad it is.
fn found(file: &Installed, preferences: &SmartcardPreferences) -> Vec<(Severity, &'static str)> {
    file.lint(Some(preferences)).1.iter().map(|finding| (finding.severity, finding.rule)).collect()
}

fn checked() -> SmartcardPreferences {
    SmartcardPreferences { check_certificate_trust: Some(CertificateTrust::Standard), ..Default::default() }
}

#[test]
fn the_file_of_the_manual_page() {
    let body = format!(
        "{MAPPING}<key>TrustedAuthorities</key><array><string>{SHA256}</string></array>\
         <key>NotEnforcedGroup</key><string>EXEMPT_GROUP</string>"
    );
    let parsed = SmartcardLogin::parse(&xml(&body)).unwrap();
    assert_eq!(parsed.findings, []);
    let mapping = parsed.login.attribute_mapping.clone().unwrap();
    assert_eq!(
        (mapping.fields.as_slice(), mapping.format.as_str()),
        ([Field::NtPrincipalName].as_slice(), "Kerberos:$1")
    );
    assert_eq!(mapping.attribute, Attribute::alt_security_identities());
    assert_eq!(parsed.login.trusted_authorities[0].to_string(), SHA256);
    assert_eq!(parsed.login.not_enforced_group.as_deref(), Some("EXEMPT_GROUP"));

    let written = parsed.login.to_xml().unwrap();
    assert_eq!(SmartcardLogin::parse(&written).unwrap(), parsed);
    let text = String::from_utf8(written).unwrap();
    let flat: String = text.split(['\n', '\t']).collect();
    assert!(flat.contains(&body), "{text}");
    assert!(text.starts_with(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\""
    ));
}

#[test]
fn binary_files_are_read_and_unknown_keys_kept() {
    let text = xml(&format!("{MAPPING}<key>NewInMacOS30</key><array><integer>5</integer></array>"));
    let mut binary = Vec::new();
    Value::from_reader_xml(&text[..]).unwrap().to_writer_binary(&mut binary).unwrap();
    let parsed = SmartcardLogin::parse(&binary).unwrap();
    assert_eq!(parsed, SmartcardLogin::parse(&text).unwrap());
    assert_eq!(parsed.findings[0].rule, "unknown-key");
    assert!(parsed.findings[0].message.contains("\"NewInMacOS30\"") && !parsed.is_broken());
    assert!(String::from_utf8(parsed.login.to_xml().unwrap()).unwrap().contains("<integer>5</integer>"));
}

#[test]
fn owner_mode_and_form() {
    let good = installed(MAPPING);
    assert_eq!(found(&good, &checked()), [(Severity::Note, "precedence")]);
    let file = Installed { owner: 501, mode: 0o600, is_link: true, ..good.clone() };
    let expected = [(Severity::Error, "owner"), (Severity::Error, "mode"), (Severity::Warning, "link")];
    assert_eq!(found(&file, &checked())[..3], expected);
    for mode in [0o664, 0o444, 0o640, 0o4644] {
        assert!(Installed { mode, ..good.clone() }.is_ignored());
        assert_eq!(found(&Installed { mode, ..good.clone() }, &checked())[0], (Severity::Error, "mode"));
    }
    let nonsense: [&[u8]; 6] =
        [b"", b"{ AttributeMapping = {}; }", b"<plist>", b"bplist00garbage", b"{}", b"\xff\xfe\0"];
    for bytes in nonsense {
        let file = Installed { bytes: bytes.to_vec(), ..good.clone() };
        assert_eq!(found(&file, &checked()), [(Severity::Error, "format")], "{bytes:?}");
    }
    let list = b"<plist version=\"1.0\"><array/></plist>".to_vec();
    assert_eq!(found(&Installed { bytes: list, ..good.clone() }, &checked()), [(Severity::Error, "format")]);
    let large = Installed { bytes: vec![b' '; 1024 * 1024 + 1], ..good };
    assert_eq!(found(&large, &checked()), [(Severity::Error, "format")]);
}

#[test]
fn what_makes_mac_os_ignore_a_part() {
    let field = "<string>Common Name</string>";
    let attribute = "dsAttrTypeStandard:AltSecurityIdentities";
    let authorities = |entries: &str| format!("<key>TrustedAuthorities</key>{entries}");
    let entry = |text: &str| format!("<array><string>{text}</string></array>");
    for (body, rule) in [
        ("<key>AttributeMapping</key><string>x</string>".to_owned(), "mapping"),
        ("<key>AttributeMapping</key><dict></dict>".to_owned(), "mapping"),
        (MAPPING.replace("formatString", "FormatString"), "key-case"),
        (MAPPING.replace("AttributeMapping", "attributemapping"), "key-case"),
        (mapping("", "$1", attribute), "format"),
        (mapping("<integer>1</integer>", "$1", attribute), "fields"),
        (mapping("<string>UPN</string>", "$1", attribute), "fields"),
        (mapping(field, "$2", attribute), "format"),
        (mapping(field, "$0", attribute), "format"),
        (mapping(field, "Kerberos:", attribute), "format"),
        (mapping(field, "$1", ""), "attribute"),
        (mapping(field, "$1", "two words"), "attribute"),
        (authorities("<string>x</string>"), "authorities"),
        (authorities("<array><integer>1</integer></array>"), "authorities"),
        (authorities(&entry(&SHA256.to_lowercase())), "authorities"),
        (authorities(&entry("AB:CD")), "authorities"),
        (authorities(&entry(&format!("{SHA256}, {SHA256}"))), "authorities"),
        (authorities(&entry(&SHA256[..40])), "authorities"),
        ("<key>NotEnforcedGroup</key><string></string>".to_owned(), "group"),
        ("<key>NotEnforcedGroup</key><array/>".to_owned(), "group"),
        ("<key>UserSelectorPath</key><string>/usr/local/bin/x</string>".to_owned(), "selector"),
        ("<key>UserSelectorPath</key><string>/Library/CryptoTokenKit/../x</string>".to_owned(), "selector"),
        ("<key>UserSelectorPath</key><string>/Library/CryptoTokenKitten</string>".to_owned(), "selector"),
    ] {
        let parsed = SmartcardLogin::parse(&xml(&body)).unwrap();
        let rules: Vec<_> =
            parsed.findings.iter().filter(|one| one.severity == Severity::Error).map(|one| one.rule).collect();
        assert!(rules.contains(&rule), "{body}: {rules:?}");
        assert!(parsed.is_broken() && parsed.login.attribute_mapping.is_none(), "{body}");
    }
}

#[test]
fn what_is_doubtful_is_told_and_used() {
    let attribute = "dsAttrTypeStandard:AltSecurityIdentities";
    let twice = format!("<array><string>{SHA256},{SHA256}</string></array>");
    for (body, rule) in [
        (String::new(), "empty"),
        (mapping("<string>Country</string><string>UserId</string>", "$2", attribute), "unused-field"),
        (mapping("<string>UserId</string><string>UserId</string>", "$2$1", attribute), "double-field"),
        (mapping("<string>UserId</string>", "$1", "AltSecurityIdentities"), "attribute"),
        (format!("<key>TrustedAuthorities</key>{twice}"), "authorities"),
        ("<key>TrustedAuthorities</key><array/>".to_owned(), "authorities"),
    ] {
        let parsed = SmartcardLogin::parse(&xml(&body)).unwrap();
        let found: Vec<_> = parsed.findings.iter().map(|one| (one.severity, one.rule)).collect();
        assert_eq!(found, [(Severity::Warning, rule)], "{body}");
        assert_eq!(parsed.login.attribute_mapping.is_some(), body.contains("AttributeMapping"));
    }
    assert!(is_selector_path("/Library/CryptoTokenKit/my/selector") && !is_selector_path(SELECTORS));
}

#[test]
fn preferences_decide_what_counts() {
    let body = format!(
        "{}<key>TrustedAuthorities</key><array><string>{SHA256}</string></array><key>NotEnforcedGroup</key><string>g</string>",
        mapping("<string>Serial</string>", "PlatformSSO:$1", "dsAttrTypeStandard:AltSecurityIdentities")
    );
    let warnings = |preferences: &SmartcardPreferences| -> Vec<&'static str> {
        let found = found(&installed(&body), preferences);
        found.iter().filter(|one| one.0 == Severity::Warning).map(|one| one.1).collect()
    };
    let nothing = SmartcardPreferences::default();
    assert_eq!(warnings(&nothing), ["authorities", "trust", "vague-field", "group"]);
    assert_eq!(warnings(&checked()), ["vague-field", "group"]);
    let exempt = SmartcardPreferences { allow_unmapped_users: Some(true), ..checked() };
    assert_eq!(warnings(&exempt), ["vague-field"]);
    let notes = found(&installed(&body), &exempt);
    assert!(notes.contains(&(Severity::Note, "platform-sso")));
    let unknown = installed(&body).lint(None).1;
    let of =
        |severity| unknown.iter().filter(move |one| one.severity == severity).map(|one| one.rule).collect::<Vec<_>>();
    assert_eq!(of(Severity::Warning), ["vague-field"]);
    assert_eq!(of(Severity::Note), ["authorities", "precedence", "trust", "platform-sso", "group", "group"]);
}

#[test]
fn a_file_is_put_in_its_place_and_others_are_left_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("SmartcardLogin.plist");
    assert!(matches!(Installed::open(&path), Err(Error::File { .. })));
    assert_eq!(place(&path, b"one", false).unwrap(), Placed::Written);
    assert_eq!(place(&path, b"one", false).unwrap(), Placed::Unchanged);
    let file = Installed::open(&path).unwrap();
    assert_eq!((file.bytes.as_slice(), file.mode, file.owner), (b"one".as_slice(), 0o644, geteuid()));
    assert!(matches!(place(&path, b"two", false), Err(Error::Different { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), b"one");
    assert_eq!(place(&path, b"two", true).unwrap(), Placed::Written);
    assert_eq!(std::fs::read(&path).unwrap(), b"two");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");

    // A link is not written through.
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(Installed::open(&link).unwrap().is_link);
    assert_eq!(place(&link, b"three", true).unwrap(), Placed::Written);
    assert_eq!(std::fs::read(&path).unwrap(), b"two");
    assert!(matches!(place(&folder.path().join("no/where"), b"x", false), Err(Error::NotWritten { .. })));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(Installed::open(&path).unwrap().is_ignored());
}

fn geteuid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

#[test]
fn a_deeply_nested_file_is_refused() {
    let deep = |levels: usize| format!("<key>x</key>{}{}", "<array>".repeat(levels), "</array>".repeat(levels));
    assert!(SmartcardLogin::parse(&xml(&deep(20))).is_ok() && SmartcardLogin::parse(&xml(&deep(999))).is_ok());
    assert!(matches!(SmartcardLogin::parse(&xml(&deep(60_000))), Err(Error::Malformed { .. })));
    let tower = xml(&"<array>".repeat(140_000));
    assert!(matches!(SmartcardLogin::parse(&tower), Err(Error::Malformed { .. })));
}
