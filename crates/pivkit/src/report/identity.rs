//! Cards, certificates and their hashes.

use std::path::Path;

use serde::Serialize;

use crate::{Error, with_causes};

/// `pivkit identities`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct IdentitiesReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The PIV cards.
    pub cards: Vec<CardReport>,
    /// The certificate files, where files were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileReport>,
    /// What could not be read. It does not hide the rest.
    pub errors: Vec<ReadError>,
}

/// A reader, a slot or a file that could not be read.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ReadError {
    /// The reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reader: Option<String>,
    /// The slot, if only it is concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Why.
    pub error: String,
}

impl ReadError {
    /// A file that cannot be read, or something in it. The path is told once.
    pub(crate) fn in_file(path: &Path, error: &(dyn std::error::Error + 'static)) -> Self {
        let error = match error.downcast_ref() {
            Some(Error::File { source, .. }) => source,
            _ => error,
        };
        Self { reader: None, slot: None, path: Some(path.display().to_string()), error: with_causes(error) }
    }
}

/// One PIV card.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct CardReport {
    /// The reader it is in.
    pub reader: String,
    /// The GUID of its CHUID, 32 upper-case hex digits.
    pub guid: Option<String>,
    /// The serial number, for a YubiKey.
    pub serial: Option<u32>,
    /// The name macOS gives the card.
    pub token_id: Option<String>,
    /// How many tries are left for the PIV PIN, if the card says so. It does not while the PIN is verified.
    pub pin_retries: Option<u8>,
    /// Its certificates.
    pub identities: Vec<IdentityReport>,
}

/// The certificates of one file.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct FileReport {
    /// The file.
    pub path: String,
    /// Its certificates.
    pub identities: Vec<IdentityReport>,
}

/// One certificate.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct IdentityReport {
    /// The slot, two lower-case hex digits; none for a certificate from a file.
    pub slot: Option<String>,
    /// Subject, RFC 4514 text.
    pub subject: String,
    /// Issuer, RFC 4514 text.
    pub issuer: String,
    /// Serial number, lower-case hex.
    pub serial_number: String,
    /// User principal name.
    pub upn: Option<String>,
    /// E-mail addresses.
    pub email: Vec<String>,
    /// Key: `RSA2048`, `P256` ...
    pub algorithm: String,
    /// The hash that `sc_auth` uses: 40 upper-case hex digits.
    pub pairing_hash: String,
    /// Start of validity, RFC 3339.
    pub not_before: String,
    /// End of validity, RFC 3339.
    pub not_after: String,
    /// What slot and certificate allow.
    pub usable_for: Vec<String>,
    /// What a Mac says the key is for (`Sign`, `Decrypt` ...), if it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// Whether a Mac trusts the certificate, if it was asked and says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted: Option<bool>,
    /// What is wrong, each a phrase.
    pub problems: Vec<String>,
    /// The certificate: base64 of DER.
    pub certificate: String,
}

/// `pivkit hash`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct HashReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// One entry for each certificate.
    pub hashes: Vec<HashEntry>,
    /// Files that could not be read.
    pub errors: Vec<ReadError>,
}

/// The hash of one certificate, in a file or on a card.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct HashEntry {
    /// 40 upper-case hex digits.
    pub pairing_hash: String,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The reader of the card, if it came from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reader: Option<String>,
    /// The slot, if it came from a card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// The subject of the certificate.
    pub subject: String,
}
