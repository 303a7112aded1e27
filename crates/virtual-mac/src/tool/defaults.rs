//! defaults(1): `defaults read DOMAIN [KEY]`, `defaults export DOMAIN -`, for com.apple.security.smartcard, and `export` for
//! com.apple.security.tokenlogin of a user, by its path.
//!
//! The domain by its name is what counts; below /Library/Managed Preferences is what a profile set, below
//! /Library/Preferences what `defaults write` did.

use plist::Value;

use crate::Outcome;
use crate::mac::{Mac, SettingsFrom};

pub(super) fn run(mac: &Mac, arguments: &[String]) -> Outcome {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["read", domain, key] => match settings(mac, domain).and_then(|settings| settings.get(key)) {
            Some(value) => Outcome::says(format!("{}\n", text(value))),
            None => missing(domain, key),
        },
        ["read", domain] => match settings(mac, domain) {
            Some(settings) => Outcome::says(all(settings)),
            None => Outcome::fails(1, format!("{STAMP}\nDomain {domain} does not exist\n")),
        },
        ["export", domain, "-"] => {
            let mut xml = Vec::new();
            let settings = settings(mac, domain).cloned().or_else(|| keychain(mac, domain)).unwrap_or_default();
            match Value::Dictionary(settings).to_writer_xml(&mut xml) {
                Ok(()) => Outcome::says(xml),
                Err(error) => Outcome::fails(1, error.to_string()),
            }
        }
        _ => Outcome::fails(255, "Command line interface to a user's defaults.\n"),
    }
}

fn settings<'a>(mac: &'a Mac, domain: &str) -> Option<&'a plist::Dictionary> {
    let domain = domain.strip_suffix(".plist").unwrap_or(domain);
    let (folder, name) = domain.rsplit_once('/').unwrap_or(("", domain));
    let here = match (folder, mac.settings_from) {
        ("", _) | ("/Library/Managed Preferences", SettingsFrom::Profile) => true,
        (folder, SettingsFrom::Library) => folder == "/Library/Preferences",
        _ => false,
    };
    (here && name == "com.apple.security.smartcard" && !mac.settings.is_empty()).then_some(&mac.settings)
}

/// What opens the login keychain of a user: the hash of each card's key, with the wrapped key of the keychain (here nothing).
fn keychain(mac: &Mac, domain: &str) -> Option<plist::Dictionary> {
    let home = domain.strip_suffix("/Library/Preferences/com.apple.security.tokenlogin")?;
    let user =
        mac.users.values().find(|user| user.values("NFSHomeDirectory").first().is_some_and(|one| one == home))?;
    let hashes = &mac.keychains.get(user.name())?.unlocked_by;
    Some(hashes.iter().map(|hash| (hash.clone(), Value::Data(Vec::new()))).collect())
}

fn missing(domain: &str, key: &str) -> Outcome {
    Outcome::fails(1, format!("{STAMP}\nThe domain/default pair of ({domain}, {key}) does not exist\n"))
}

/// As NSPropertyList writes it in its old style: true is 1.
fn text(value: &Value) -> String {
    match value {
        Value::Boolean(on) => u8::from(*on).to_string(),
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let values: Vec<_> = values.iter().map(|value| format!("    \"{}\"", text(value))).collect();
            format!("(\n{}\n)", values.join(",\n"))
        }
        value => value.as_signed_integer().map(|number| number.to_string()).unwrap_or_default(),
    }
}

fn all(settings: &plist::Dictionary) -> String {
    let lines: String = settings.iter().map(|(key, value)| format!("    {key} = {};\n", text(value))).collect();
    format!("{{\n{lines}}}\n")
}

const STAMP: &str = "2026-03-02 09:41:00.000 defaults[1234:56789] ";
