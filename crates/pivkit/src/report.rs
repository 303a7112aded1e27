//! What the use cases return: plain data, the same for text and JSON.
//!
//! Texts that come from cards and certificates stand here as they are. They are foreign: escape them before a terminal.

use std::path::Path;

use serde::Serialize;

use crate::{Error, with_causes};

/// The version of every JSON document. A field added keeps it; a field removed or changed raises it.
pub const SCHEMA_VERSION: u32 = 1;

/// `pivkit readers`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ReadersReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The readers, sorted by name.
    pub readers: Vec<ReaderReport>,
}

/// One reader at one moment.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ReaderReport {
    /// Its name.
    pub reader: String,
    /// The answer to reset of the card in it, upper-case hex; none without a card.
    pub atr: Option<String>,
    /// Another program holds the card for itself.
    pub exclusive: bool,
    /// What is in the reader does not answer.
    pub mute: bool,
    /// How many insertions and removals the PC/SC service has counted in this reader.
    #[serde(skip)]
    pub events: u32,
}

impl From<smartcard::pcsc::Reader> for ReaderReport {
    fn from(reader: smartcard::pcsc::Reader) -> Self {
        let smartcard::pcsc::Reader { name, atr, exclusive, mute, events } = reader;
        Self { reader: name, atr: atr.map(hex::encode_upper), exclusive, mute, events }
    }
}

/// One line of `pivkit readers --watch`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ReaderEvent {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What happened.
    pub event: ReaderEventKind,
    /// The reader.
    pub reader: String,
    /// The answer to reset of the card that was inserted, upper-case hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub atr: Option<String>,
}

impl ReaderEvent {
    /// What happened between two lists of readers, in the order of their names.
    #[must_use]
    pub fn between(before: &[ReaderReport], after: &[ReaderReport]) -> Vec<Self> {
        let mut events = Vec::new();
        let mut happened = |event, reader: &str, atr: Option<&String>| {
            events.push(Self { schema_version: SCHEMA_VERSION, event, reader: reader.to_owned(), atr: atr.cloned() });
        };
        for old in before.iter().filter(|old| !after.iter().any(|new| new.reader == old.reader)) {
            happened(ReaderEventKind::ReaderDetached, &old.reader, None);
        }
        for new in after {
            let old = before.iter().find(|old| old.reader == new.reader);
            let had_card = old.is_some_and(ReaderReport::has_card);
            // Two changes within one look are a card that was exchanged for another, perhaps of the same kind.
            let same_card = old.is_some_and(|old| old.atr == new.atr && old.events == new.events);
            if old.is_none() {
                happened(ReaderEventKind::ReaderAttached, &new.reader, None);
            }
            if had_card && !same_card {
                happened(ReaderEventKind::CardRemoved, &new.reader, None);
            }
            if new.has_card() && !(had_card && same_card) {
                happened(ReaderEventKind::CardInserted, &new.reader, new.atr.as_ref());
            }
        }
        events
    }
}

/// What happened at a reader.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ReaderEventKind {
    /// A reader was attached.
    ReaderAttached,
    /// A reader was detached.
    ReaderDetached,
    /// A card was inserted.
    CardInserted,
    /// A card was removed.
    CardRemoved,
}

impl ReaderReport {
    /// True if a card is in the reader.
    #[must_use]
    pub fn has_card(&self) -> bool {
        self.atr.is_some()
    }

    pub(crate) fn to_reader(&self) -> smartcard::pcsc::Reader {
        let atr = self.atr.as_ref().map(|atr| hex::decode(atr).unwrap_or_default());
        let Self { reader, exclusive, mute, events, .. } = self.clone();
        smartcard::pcsc::Reader { name: reader, atr, exclusive, mute, events }
    }
}

/// `pivkit identities`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct IdentitiesReport {
    /// [`SCHEMA_VERSION`].
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
    /// What is wrong, each a phrase.
    pub problems: Vec<String>,
    /// The certificate: base64 of DER.
    pub certificate: String,
}

/// `pivkit pair` and `pivkit unpair`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ChangeReport {
    /// [`SCHEMA_VERSION`].
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
    /// True if the keys concerned open the account after the command, or might: through a file that pivkit does not manage,
    /// or by something that could not be read.
    pub may_open: bool,
}

/// `pivkit list`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ListReport {
    /// [`SCHEMA_VERSION`].
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
}

/// One pairing.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct PairingReport {
    /// The pairing hash.
    pub pairing_hash: String,
    /// The subject of the certificate, where the backend keeps it.
    pub subject: Option<String>,
    /// End of validity, RFC 3339, where the backend keeps the certificate.
    pub not_after: Option<String>,
    /// False if the login module does not come to see it, because something damaged stands before it.
    pub effective: bool,
    /// The file and line, if it is one that the login module reads and pivkit does not manage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<String>,
}

/// `pivkit check`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct CheckReport {
    /// [`SCHEMA_VERSION`].
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

/// `pivkit hash`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct HashReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// One entry for each certificate.
    pub hashes: Vec<HashEntry>,
    /// Files that could not be read.
    pub errors: Vec<ReadError>,
}

/// The hash of one certificate.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct HashEntry {
    /// 40 upper-case hex digits.
    pub pairing_hash: String,
    /// The file.
    pub path: String,
    /// The subject of the certificate.
    pub subject: String,
}

/// `pivkit psso keys`.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceKeysReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The key that signs login requests.
    pub device_signing_key: psso::DevicePublicKey,
    /// The key that login responses are encrypted to.
    pub device_encryption_key: psso::DevicePublicKey,
}

/// `pivkit psso register`.
#[derive(Clone, Debug, Serialize)]
pub struct RegistrationReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What the identity provider confirmed.
    #[serde(flatten)]
    pub registration: psso::Registration,
}

/// `pivkit psso login`.
#[derive(Clone, Debug, Serialize)]
pub struct LoginReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Who signed in.
    pub user: String,
    /// The claims of the id_token, verified.
    pub id_token_claims: serde_json::Map<String, serde_json::Value>,
    /// How long the refresh token is good, in seconds; none if there is no refresh token.
    pub refresh_token_expires_in: Option<u64>,
    /// Where the time went.
    pub timings_ms: Timings,
    /// The tokens, if they were asked for. Secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokensReport>,
}

/// Milliseconds of a login.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
pub struct Timings {
    /// The nonce endpoint.
    pub nonce: u64,
    /// The card's signature.
    pub card: u64,
    /// The token endpoint, the key set and the checks.
    pub token: u64,
    /// Everything, a PIN prompt included.
    pub total: u64,
}

/// The tokens of a login. Its `Debug` shows none of them.
#[derive(Clone, Serialize)]
pub struct TokensReport {
    /// The id_token, a compact JWS.
    pub id_token: String,
    /// The refresh token.
    pub refresh_token: Option<String>,
}

impl std::fmt::Debug for TokensReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokensReport(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(name: &str, atr: Option<&str>, events: u32) -> ReaderReport {
        ReaderReport { reader: name.into(), atr: atr.map(Into::into), exclusive: false, mute: false, events }
    }

    fn kinds(before: &[ReaderReport], after: &[ReaderReport]) -> Vec<ReaderEventKind> {
        ReaderEvent::between(before, after).iter().map(|event| event.event).collect()
    }

    #[test]
    fn events_between_two_lists_of_readers() {
        use ReaderEventKind::{CardInserted, CardRemoved, ReaderAttached, ReaderDetached};
        let empty = || vec![reader("a", None, 0)];
        let full = |events| vec![reader("a", Some("3B"), events)];
        assert_eq!(kinds(&[], &full(1)), [ReaderAttached, CardInserted]);
        assert_eq!(kinds(&full(1), &[]), [ReaderDetached]);
        assert_eq!(kinds(&empty(), &full(1)), [CardInserted]);
        assert_eq!(kinds(&full(1), &empty()), [CardRemoved]);
        assert_eq!(kinds(&full(1), &full(3)), [CardRemoved, CardInserted], "exchanged for one of the same kind");
        let exclusive = vec![ReaderReport { exclusive: true, ..full(1).remove(0) }];
        assert_eq!(kinds(&full(1), &exclusive), []);
    }
}
