//! Accounts and their pairings.

use serde::Serialize;

use super::IdentityReport;

/// An identity on a card that is about to be paired.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct IdentityOffer {
    /// The identity.
    pub identity: IdentityReport,
    /// Why it cannot be paired, each a phrase; empty if it can.
    pub obstacles: Vec<String>,
}

/// `pivkit pair` and `pivkit unpair`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ChangeReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The account.
    pub user: String,
    /// The backend.
    pub backend: String,
    /// The pairing hashes concerned.
    pub pairing_hashes: Vec<String>,
    /// What changes, in words, in order. Empty if everything is so already.
    pub plan: Vec<String>,
    /// True if the plan was carried out (never with `--dry-run`).
    pub changed: bool,
    /// The pairing hashes that the account has after the command, read back.
    pub paired: Vec<String>,
    /// What is worth knowing beside, each a sentence without its full stop.
    pub notes: Vec<String>,
    /// What the backend has for the account beside those, where it keeps no hash: digests, rules, values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The file with another way of pairing that counts before this one: what is paired here is without effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overruled_by: Option<String>,
    /// True if the keys concerned open the account after the command, or might: through a file that pivkit does not manage,
    /// or by something that could not be read.
    pub may_open: bool,
}

/// `pivkit list`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ListReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The backend.
    pub backend: String,
    /// The accounts with pairings, or the one that was asked for.
    pub accounts: Vec<AccountReport>,
    /// Accounts that this user may not look into.
    pub not_permitted: Vec<String>,
    /// Accounts that could not be read for another reason.
    pub errors: Vec<AccountError>,
}

/// An account that could not be read.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct AccountError {
    /// The account.
    pub user: String,
    /// Why.
    pub error: String,
}

/// One account.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct AccountReport {
    /// The account.
    pub user: String,
    /// Its pairings.
    pub pairings: Vec<PairingReport>,
    /// What is wrong with the place where they are kept, each a sentence.
    pub problems: Vec<String>,
    /// The file with another way of pairing that counts before this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overruled_by: Option<String>,
}

/// One pairing.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct PairingReport {
    /// The pairing hash of the key, where the backend keeps the key, its hash or its certificate.
    pub pairing_hash: Option<String>,
    /// What the backend keeps: the pairing hash, the digest of a certificate (octets in upper-case hexadecimal, with colons),
    /// a rule or a value.
    pub key: String,
    /// The subject of the certificate, where the backend keeps it.
    pub subject: Option<String>,
    /// End of validity, RFC 3339, where the backend keeps the certificate.
    pub not_after: Option<String>,
    /// False if the login module does not come to see it, because something damaged stands before it, or another way of
    /// pairing counts.
    pub effective: bool,
    /// The file and line, if it is one that the login module reads and pivkit does not manage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<String>,
}

/// `pivkit check`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct CheckReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The account.
    pub user: String,
    /// The backend.
    pub backend: String,
    /// The reader of the card.
    pub reader: String,
    /// The slot of the key.
    pub slot: String,
    /// The pairing hash that account and card share.
    pub pairing_hash: String,
    /// True: the card proved that it holds the paired key. A failure is an error, never `false`.
    pub proved: bool,
}
