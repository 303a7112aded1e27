//! The plan file: what `bulk plan --json` prints and `bulk apply` carries out.

use std::path::PathBuf;

use identity::PairingHash;
use serde::{Deserialize, Serialize};

/// The first field of each document; changes when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// A manifest, checked row by row against a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFile {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The backend that keeps the pairings.
    pub backend: String,
    /// The directory tree that stands for `/`; `None` for the live system.
    pub root: Option<PathBuf>,
    /// The host for which rows were chosen, where the manifest names hosts.
    pub host: Option<String>,
    /// What is to be done, in the order of the manifest. Rows that are so already are among them.
    pub rows: Vec<PlannedRow>,
    /// Rows that only name a person's card: the key is known when the card is there, so `bulk station` carries these out.
    #[serde(default)]
    pub waiting: Vec<WaitingRow>,
    /// Rows that are passed over, and why.
    #[serde(default)]
    pub skipped: Vec<RowNote>,
    /// Rows that cannot be carried out, and why: these are not in `rows`.
    #[serde(default)]
    pub problems: Vec<RowNote>,
    /// Files of the folder with certificates that no row took, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmatched: Vec<FileNote>,
}

/// One row that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRow {
    /// The line of the manifest on which it begins, from 1.
    pub line: u64,
    /// The account.
    pub user: String,
    /// What is wanted.
    pub action: RowAction,
    /// The slot of the card, such as `9a`, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// The pairing hash of the key, 40 upper-case hexadecimal digits; `None` only where all pairings are to be removed.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hash_text")]
    pub pairing_hash: Option<PairingHash>,
    /// The certificate, base64 of its DER, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The names of the card, where the manifest gives some.
    #[serde(flatten)]
    pub card: CardNames,
    /// The changes in words, not escaped; empty when everything is so already.
    pub changes: Vec<String>,
    /// What is worth knowing and does not change, in words, not escaped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One row that waits for the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingRow {
    /// The line of the manifest on which it begins, from 1.
    pub line: u64,
    /// The account.
    pub user: String,
    /// What is wanted.
    pub action: RowAction,
    /// The slot of the card, such as `9a`, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// The names of the card; at least one of them is there.
    #[serde(flatten)]
    pub card: CardNames,
}

/// By what a person's card can be known before its key is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CardNames {
    /// The user principal name in its certificate, as it is written in the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upn: Option<String>,
    /// The serial number of a YubiKey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<u32>,
    /// The GUID of its CHUID, 32 upper-case hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<String>,
}

impl CardNames {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is to become of one account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowAction {
    /// The key is to open it.
    #[default]
    Pair,
    /// The key is not to open it any more; without a key, none is.
    Unpair,
    /// The key is to open it instead of the one that does.
    Replace,
}

/// Something to say about a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowNote {
    /// The line of the manifest on which it begins, from 1.
    pub line: u64,
    /// The account as it is written there, if it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What there is to say, a phrase; not escaped.
    pub why: String,
}

/// Something to say about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileNote {
    /// Its path; not escaped.
    pub path: String,
    /// What there is to say, a phrase; not escaped.
    pub why: String,
}

mod hash_text {
    use identity::PairingHash;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "the form that serde asks for")]
    pub(super) fn serialize<S: Serializer>(hash: &Option<PairingHash>, serializer: S) -> Result<S::Ok, S::Error> {
        match hash {
            Some(hash) => serializer.collect_str(hash),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PairingHash>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}
