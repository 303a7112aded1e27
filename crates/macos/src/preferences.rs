//! What the Mac is told about smart cards: the preference domain `com.apple.security.smartcard`, and the exceptions to it.
//!
//! Read with `defaults export PATH -`, which prints a property list, from the two places that count for the whole Mac. The domain by its
//! bare name would be that of the user who runs this.
//!
//! ```text
//! /Library/Managed Preferences/com.apple.security.smartcard   from a configuration profile; counts first
//! /Library/Preferences/com.apple.security.smartcard           from an administrator
//! ```
//!
//! Keys: Apple's device management schema (`com.apple.security.smartcard`) and SmartCardServices(7). That the settings of a
//! profile stand there is common practice, not documented by Apple.

use std::io;
use std::path::Path;

use plist::{Dictionary, Value};

use crate::command::{CommandRunner, Ending, Tool, ToolCommand};
use crate::{Error, KeyHash, bounded, property_list};

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
    /// Reads both. A place where there is nothing says nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], [`Error::Failed`], [`Error::Killed`] and those of [`CommandRunner::run`]: then it is not known what the Mac is told.
    pub fn read(runner: &dyn CommandRunner) -> Result<Self, Error> {
        let managed = exported(runner, "/Library/Managed Preferences/com.apple.security.smartcard")?;
        let local = exported(runner, "/Library/Preferences/com.apple.security.smartcard")?;
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

/// Whether the login keychain of the user with this home opens with a card whose key for logging in has this hash: there is
/// something for the hash in the preference domain `com.apple.security.tokenlogin` of the user.
///
/// # Errors
///
/// Those of [`SmartcardPreferences::read`].
pub fn opens_keychain(runner: &dyn CommandRunner, home: &str, hash: &KeyHash) -> Result<bool, Error> {
    let home = home.trim_end_matches('/');
    let known = exported(runner, &format!("{home}/Library/Preferences/com.apple.security.tokenlogin"))?;
    let hash = hash.to_string();
    Ok(known.keys().any(|key| key.eq_ignore_ascii_case(&hash)))
}

/// What `defaults` exports; nothing if it says, by its exit code, that there is no such domain.
fn exported(runner: &dyn CommandRunner, domain: &str) -> Result<Dictionary, Error> {
    let captured = runner.run(&ToolCommand::new(Tool::Defaults, ["export", domain, "-"]))?;
    let malformed = |why: &str| Error::malformed(format!("what defaults printed of {domain}"), why);
    match (captured.ending, property_list::within(&captured.stdout, "defaults")?) {
        (Ending::Signal(signal), _) => Err(Error::Killed { program: runner.program(Tool::Defaults), signal }),
        (_, Some(Value::Dictionary(settings))) => Ok(settings),
        (_, Some(_)) => Err(malformed("it is no dictionary")),
        (Ending::Code(0), None) => Err(malformed("there is no property list in it")),
        (Ending::Code(NO_DOMAIN), None) => Ok(Dictionary::new()),
        // What it cannot tell is not taken for nothing.
        (Ending::Code(code), None) => {
            Err(Error::Failed { program: runner.program(Tool::Defaults), code, message: captured.message() })
        }
    }
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
    match bounded::property_list(&bytes) {
        Ok(Value::Dictionary(dictionary)) => Ok(dictionary),
        Ok(_) => Err(Error::malformed(name, "it is no dictionary")),
        Err(why) => Err(Error::malformed(name, why)),
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

/// How `defaults` ends when a domain does not exist.
const NO_DOMAIN: i32 = 1;
const MAX_FILE: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recorded;

    const MANAGED: &str = "/Library/Managed Preferences/com.apple.security.smartcard";
    const LOCAL: &str = "/Library/Preferences/com.apple.security.smartcard";

    fn mac(managed: &str, local: &str) -> Recorded {
        let list = |body: &str| format!("<?xml version=\"1.0\"?><plist version=\"1.0\">{body}</plist>\n");
        Recorded::new().prints(Tool::Defaults, &["export", MANAGED, "-"], 0, &list(managed), "").prints(
            Tool::Defaults,
            &["export", LOCAL, "-"],
            0,
            &list(local),
            "",
        )
    }

    #[test]
    fn a_profile_counts_before_what_an_administrator_wrote() {
        let nothing = SmartcardPreferences::read(&mac("<dict/>", "<dict/>")).unwrap();
        assert_eq!(nothing, SmartcardPreferences::default());
        let missing = Recorded::new().prints(Tool::Defaults, &[], 1, "", "Domain ... does not exist\n");
        assert_eq!(SmartcardPreferences::read(&missing).unwrap(), nothing);
        let local = "<dict><key>enforceSmartCard</key><false/><key>allowUnmappedUsers</key><integer>1</integer>\
                     <key>DisabledTokens</key><array><string>com.apple.CryptoTokenKit.pivtoken</string></array></dict>";
        let managed =
            "<dict><key>enforceSmartCard</key><true/><key>checkCertificateTrust</key><integer>2</integer></dict>";
        let preferences = SmartcardPreferences::read(&mac(managed, local)).unwrap();
        assert_eq!((preferences.enforce_smart_card, preferences.allow_unmapped_users), (Some(true), Some(true)));
        assert_eq!(preferences.check_certificate_trust, Some(CertificateTrust::SoftRevocation));
        assert_eq!((preferences.disabled_tokens.len(), preferences.allow_smart_card), (1, None));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_not_a_default() {
        assert!(matches!(SmartcardPreferences::read(&mac("<dict/>", "<array/>")), Err(Error::Malformed { .. })));
        let silent = Recorded::new().prints(Tool::Defaults, &[], 0, "", "");
        assert!(matches!(SmartcardPreferences::read(&silent), Err(Error::Malformed { .. })));
        let hanging = Recorded::new().hangs(Tool::Defaults, &[]);
        assert!(matches!(SmartcardPreferences::read(&hanging), Err(Error::TimedOut { .. })));
    }

    #[test]
    fn attribute_mapping() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        assert!(!maps_attributes(root.path()).unwrap());
        let path = root.path().join("etc/SmartcardLogin.plist");
        std::fs::write(&path, "nonsense").unwrap();
        assert!(matches!(maps_attributes(root.path()), Err(Error::Malformed { .. })));
        let mut mapping = Dictionary::new();
        mapping.insert("AttributeMapping".to_owned(), Value::Dictionary(Dictionary::new()));
        Value::Dictionary(mapping).to_file_binary(path).unwrap();
        assert!(maps_attributes(root.path()).unwrap());
    }
}
