//! What the Mac is told about smart cards: the preference domain `com.apple.security.smartcard`, and the exceptions to it.
//!
//! Read from the files in which macOS keeps them, since `defaults` does not show what a configuration profile says:
//!
//! ```text
//! /Library/Managed Preferences/com.apple.security.smartcard.plist   from a configuration profile; counts first
//! /Library/Preferences/com.apple.security.smartcard.plist           from an administrator
//! ```
//!
//! Keys: Apple's device management schema (`com.apple.security.smartcard`) and SmartCardServices(7). That the managed file
//! stands there is common practice, not documented by Apple.

use std::io;
use std::path::Path;

use plist::{Dictionary, Value};

use crate::Error;

/// The settings that matter for pairing; `None` where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SmartcardPreferences {
    /// `allowSmartCard`: smart cards may be used at all (default true).
    pub allow_smart_card: Option<bool>,
    /// `UserPairing`: the Mac offers pairing when a card is inserted (default true). Pairings that exist work all the same.
    pub user_pairing: Option<bool>,
    /// `checkCertificateTrust`: how the certificate of a card is checked at login (default 0).
    pub check_certificate_trust: Option<CertificateTrust>,
    /// `oneCardPerUser`: a user can be paired with one card only (default false).
    pub one_card_per_user: Option<bool>,
    /// `enforceSmartCard`: nobody logs in without a card (default false).
    pub enforce_smart_card: Option<bool>,
    /// `allowUnmappedUsers`: who has no card yet may use a password although cards are enforced. Not in Apple's schema.
    pub allow_unmapped_users: Option<bool>,
    /// `DisabledTokens`: token drivers that are switched off, such as `com.apple.CryptoTokenKit.pivtoken`.
    pub disabled_tokens: Vec<String>,
}

/// The values of `checkCertificateTrust`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateTrust {
    /// 0: the certificate is not checked.
    Off,
    /// 1: the issuer must be trusted, and the certificate valid.
    Standard,
    /// 2: and it must not be revoked, as far as that can be learned.
    SoftRevocation,
    /// 3: and it must be certain that it is not revoked.
    HardRevocation,
}

impl SmartcardPreferences {
    /// Reads both files below `root`, which is `/` on a Mac. A file that is not there says nothing.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::Malformed`].
    pub fn read(root: &Path) -> Result<Self, Error> {
        let managed = file(&root.join("Library/Managed Preferences/com.apple.security.smartcard.plist"))?;
        let local = file(&root.join("Library/Preferences/com.apple.security.smartcard.plist"))?;
        let value = |key: &str| managed.get(key).or_else(|| local.get(key));
        let flag = |key: &str| value(key).and_then(truth);
        let disabled = value("DisabledTokens").and_then(Value::as_array);
        let disabled = disabled.into_iter().flatten().filter_map(Value::as_string).map(str::to_owned);
        Ok(Self {
            allow_smart_card: flag("allowSmartCard"),
            user_pairing: flag("UserPairing"),
            check_certificate_trust: value("checkCertificateTrust").and_then(trust),
            one_card_per_user: flag("oneCardPerUser"),
            enforce_smart_card: flag("enforceSmartCard"),
            allow_unmapped_users: flag("allowUnmappedUsers"),
            disabled_tokens: disabled.collect(),
        })
    }
}

/// Whether `/etc/SmartcardLogin.plist` below `root` maps attributes, which then counts before any pairing.
///
/// # Errors
///
/// [`Error::File`], [`Error::Malformed`].
pub fn maps_attributes(root: &Path) -> Result<bool, Error> {
    Ok(file(&root.join("etc/SmartcardLogin.plist"))?.contains_key("AttributeMapping"))
}

/// A property list, XML or binary; an empty one if there is no file.
fn file(path: &Path) -> Result<Dictionary, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let length = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Dictionary::new());
        }
        Err(error) => return Err(failed(error)),
    };
    let name = path.display().to_string();
    if length > MAX_FILE {
        return Err(Error::malformed(name, "it is larger than 1 MiB"));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    match Value::from_reader(io::Cursor::new(bytes)) {
        Ok(Value::Dictionary(dictionary)) => Ok(dictionary),
        Ok(_) => Err(Error::malformed(name, "it is no dictionary")),
        Err(error) => Err(Error::malformed(name, error.to_string())),
    }
}

/// Profiles have true and false here, `defaults write -int` has 1 and 0.
fn truth(value: &Value) -> Option<bool> {
    value.as_boolean().or_else(|| value.as_signed_integer().map(|number| number != 0))
}

fn trust(value: &Value) -> Option<CertificateTrust> {
    match value.as_signed_integer() {
        Some(0) => Some(CertificateTrust::Off),
        Some(1) => Some(CertificateTrust::Standard),
        Some(2) => Some(CertificateTrust::SoftRevocation),
        // What is not known is as strict as can be.
        Some(_) => Some(CertificateTrust::HardRevocation),
        None => None,
    }
}

const MAX_FILE: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, folder: &str, body: &str) {
        let folder = root.join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!("<?xml version=\"1.0\"?><plist version=\"1.0\">{body}</plist>");
        std::fs::write(folder.join("com.apple.security.smartcard.plist"), text).unwrap();
    }

    #[test]
    fn a_profile_counts_before_what_an_administrator_wrote() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(SmartcardPreferences::read(root.path()).unwrap(), SmartcardPreferences::default());
        let local = "<dict><key>enforceSmartCard</key><false/><key>allowUnmappedUsers</key><integer>1</integer>\
                     <key>DisabledTokens</key><array><string>com.apple.CryptoTokenKit.pivtoken</string></array></dict>";
        write(root.path(), "Library/Preferences", local);
        let managed =
            "<dict><key>enforceSmartCard</key><true/><key>checkCertificateTrust</key><integer>2</integer></dict>";
        write(root.path(), "Library/Managed Preferences", managed);
        let preferences = SmartcardPreferences::read(root.path()).unwrap();
        assert_eq!((preferences.enforce_smart_card, preferences.allow_unmapped_users), (Some(true), Some(true)));
        assert_eq!(preferences.check_certificate_trust, Some(CertificateTrust::SoftRevocation));
        assert_eq!((preferences.disabled_tokens.len(), preferences.allow_smart_card), (1, None));
    }

    #[test]
    fn binary_property_lists_are_read() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("Library/Managed Preferences");
        std::fs::create_dir_all(&folder).unwrap();
        let mut dictionary = Dictionary::new();
        dictionary.insert("enforceSmartCard".to_owned(), Value::Boolean(true));
        let path = folder.join("com.apple.security.smartcard.plist");
        Value::Dictionary(dictionary).to_file_binary(path).unwrap();
        assert_eq!(SmartcardPreferences::read(root.path()).unwrap().enforce_smart_card, Some(true));
    }

    #[test]
    fn what_is_no_property_list_is_an_error_and_not_a_default() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "Library/Preferences", "<array/>");
        assert!(matches!(SmartcardPreferences::read(root.path()), Err(Error::Malformed { .. })));
        std::fs::create_dir(root.path().join("etc")).unwrap();
        assert!(!maps_attributes(root.path()).unwrap());
        std::fs::write(root.path().join("etc/SmartcardLogin.plist"), "nonsense").unwrap();
        assert!(matches!(maps_attributes(root.path()), Err(Error::Malformed { .. })));
    }
}
