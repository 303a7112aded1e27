//! `/etc/SmartcardLogin.plist`: which account a smart card opens by the names in its certificate, and who may issue it.
//!
//! ```text
//! AttributeMapping      fields, formatString, dsAttributeString: the value that the account must have. Counts before
//!                       any pairing of sc_auth
//! TrustedAuthorities    SHA-256 fingerprints of certification authorities. Counts when checkCertificateTrust is 1, 2 or 3
//! NotEnforcedGroup      members are exempt from enforceSmartCard. Counts when allowUnmappedUsers is 1
//! UserSelectorPath      a program of one's own below /Library/CryptoTokenKit
//! ```
//!
//! The file belongs to root and has mode 644; otherwise, or when something in it is not as it should be, macOS ignores it and
//! says nothing. [`lint`](Installed::lint) says it.
//!
//! Source: SmartCardServices(7). What it leaves open is left open here: where several values of a certificate could be meant,
//! none is [computed](AttributeMapping::value).

use std::path::Path;

use plist::{Dictionary, Value};

use crate::Error;

mod attribute_mapping;
mod field;
mod file;
mod fingerprint;
mod format_string;
mod lint;
mod parse;

pub use attribute_mapping::{Attribute, AttributeMapping, CertificateNames, Unmapped};
pub use field::{Field, UnitNumber, UnknownField};
pub use file::{Installed, Placed, place};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use format_string::{FormatError, FormatString};
pub use lint::{Finding, Severity};
pub use parse::Parsed;

/// Where macOS looks for the file.
pub const PATH: &str = "/etc/SmartcardLogin.plist";
/// Where a [`UserSelectorPath`](SmartcardLogin::user_selector_path) must be.
pub const SELECTORS: &str = "/Library/CryptoTokenKit";

/// What the file says. Each part is only there if macOS can use it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SmartcardLogin {
    /// `AttributeMapping`.
    pub attribute_mapping: Option<AttributeMapping>,
    /// `TrustedAuthorities`.
    pub trusted_authorities: Vec<Fingerprint>,
    /// `NotEnforcedGroup`.
    pub not_enforced_group: Option<String>,
    /// `UserSelectorPath`.
    pub user_selector_path: Option<String>,
    /// What this crate does not know. Kept as it is.
    pub unknown: Dictionary,
}

impl SmartcardLogin {
    /// Reads the contents of a file, XML or binary, with everything that is wrong with them.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if it is larger than 1 MiB, or no property list with a dictionary.
    pub fn parse(bytes: &[u8]) -> Result<Parsed, Error> {
        parse::parse(bytes)
    }

    /// The contents of a file in XML, as macOS writes it: tabs, keys in the order of the manual page, the unknown ones last.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if an unknown value cannot be written.
    pub fn to_xml(&self) -> Result<Vec<u8>, Error> {
        let mut file = Dictionary::new();
        if let Some(mapping) = &self.attribute_mapping {
            let mut dictionary = Dictionary::new();
            let fields = mapping.fields.iter().map(|field| text(field.name())).collect();
            dictionary.insert(FIELDS.to_owned(), Value::Array(fields));
            dictionary.insert(FORMAT_STRING.to_owned(), text(mapping.format.as_str()));
            dictionary.insert(DS_ATTRIBUTE_STRING.to_owned(), text(mapping.attribute.as_str()));
            file.insert(ATTRIBUTE_MAPPING.to_owned(), Value::Dictionary(dictionary));
        }
        if !self.trusted_authorities.is_empty() {
            let authorities = self.trusted_authorities.iter().map(|one| text(&one.to_string())).collect();
            file.insert(TRUSTED_AUTHORITIES.to_owned(), Value::Array(authorities));
        }
        if let Some(group) = &self.not_enforced_group {
            file.insert(NOT_ENFORCED_GROUP.to_owned(), text(group));
        }
        if let Some(path) = &self.user_selector_path {
            file.insert(USER_SELECTOR_PATH.to_owned(), text(path));
        }
        file.extend(self.unknown.clone());
        let mut bytes = Vec::new();
        let written = Value::Dictionary(file).to_writer_xml(&mut bytes);
        written.map_err(|error| Error::malformed("a value of the file", error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// Whether a name can be that of a group.
pub fn is_group_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && !name.starts_with('-')
        && !name.chars().any(|one| deceives(one) || one == '/')
}

/// Whether a path is one below [`SELECTORS`].
pub fn is_selector_path(path: &str) -> bool {
    let parts = Path::new(path).components();
    let plain = !parts.clone().any(|part| matches!(part, std::path::Component::ParentDir));
    plain
        && !path.chars().any(deceives)
        && Path::new(path).starts_with(SELECTORS)
        && Path::new(path) != Path::new(SELECTORS)
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// Control characters, and those that are not seen or turn the direction of a text: nobody means them, and whoever compares
/// two texts by eye is deceived by them.
fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

const ATTRIBUTE_MAPPING: &str = "AttributeMapping";
const FIELDS: &str = "fields";
const FORMAT_STRING: &str = "formatString";
const DS_ATTRIBUTE_STRING: &str = "dsAttributeString";
const TRUSTED_AUTHORITIES: &str = "TrustedAuthorities";
const NOT_ENFORCED_GROUP: &str = "NotEnforcedGroup";
const USER_SELECTOR_PATH: &str = "UserSelectorPath";
const KEYS: [&str; 4] = [ATTRIBUTE_MAPPING, TRUSTED_AUTHORITIES, NOT_ENFORCED_GROUP, USER_SELECTOR_PATH];
const MAPPING_KEYS: [&str; 3] = [FIELDS, FORMAT_STRING, DS_ATTRIBUTE_STRING];

#[cfg(test)]
mod tests;
