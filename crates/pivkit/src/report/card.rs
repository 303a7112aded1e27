//! One card: what it says of itself, and what was done to its PIN, PUK and keys.

use serde::Serialize;

use super::{AttestedKey, IdentityReport, ReadError};

/// `pivkit card info`: everything that a support ticket needs, and no secret.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct CardInfoReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The reader.
    pub reader: String,
    /// The answer to reset, upper-case hex.
    pub atr: String,
    /// The application identifier as the card names it, upper-case hex.
    pub aid: Option<String>,
    /// The application's label. Foreign text.
    pub label: Option<String>,
    /// The maker, as the answer to reset tells it.
    pub vendor: Option<String>,
    /// The firmware version, `5.7.1`, on cards that tell it.
    pub firmware: Option<String>,
    /// The serial number, on cards that tell it.
    pub serial: Option<u32>,
    /// The GUID of the CHUID, 32 upper-case hex digits.
    pub guid: Option<String>,
    /// The name macOS gives the card.
    pub token_id: Option<String>,
    /// The PIN usage policy of the discovery object, four upper-case hex digits.
    pub pin_usage_policy: Option<String>,
    /// Which PIN people use: `application` or `global`.
    pub pin_in_use: &'static str,
    /// The card's own PIN.
    pub pin: PinTriesReport,
    /// The global PIN, where the policy names one.
    pub global_pin: Option<PinTriesReport>,
    /// The PUK.
    pub puk: PinTriesReport,
    /// The management key, on cards that tell of it.
    pub management_key: Option<ManagementKeyReport>,
    /// How many retired keys the key history counts.
    pub key_history: Option<KeyHistoryReport>,
    /// The slots that hold something.
    pub slots: Vec<SlotReport>,
    /// What is wrong with the card as a whole, each a phrase.
    pub problems: Vec<String>,
    /// What could not be read.
    pub errors: Vec<ReadError>,
}

/// The counts of the key history. They may be wrong.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
pub struct KeyHistoryReport {
    /// Keys with a certificate on the card.
    pub on_card: u8,
    /// Keys whose certificate is elsewhere.
    pub off_card: u8,
}

/// A PIN or PUK.
#[derive(Clone, Debug, Default, Serialize, PartialEq, Eq)]
pub struct PinTriesReport {
    /// How many tries are left, if the card tells.
    pub retries: Option<u8>,
    /// How many there are in all, if the card tells.
    pub retries_total: Option<u8>,
    /// It is still the factory's, if the card tells.
    pub is_default: Option<bool>,
    /// It is verified at present, so that the card does not tell the tries.
    pub verified: bool,
}

/// The management key.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ManagementKeyReport {
    /// `3DES`, `AES-128` ...
    pub algorithm: Option<String>,
    /// It is still the factory's, if the card tells.
    pub is_default: Option<bool>,
    /// It wants to be touched.
    pub touch_policy: Option<String>,
    /// It is stored on the card, under the PIN.
    pub stored_under_pin: bool,
}

/// A slot that holds a key, a certificate, or both.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct SlotReport {
    /// Two lower-case hex digits.
    pub slot: String,
    /// The key; none on cards that do not tell, and where there is none.
    pub key: Option<KeyReport>,
    /// The certificate.
    pub certificate: Option<IdentityReport>,
}

/// A key, as the card tells of it.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct KeyReport {
    /// `RSA-2048`, `P-256` ...
    pub algorithm: Option<String>,
    /// `generated` on the card, or `imported`.
    pub origin: Option<&'static str>,
    /// `never`, `once`, `always` ...
    pub pin_policy: Option<String>,
    /// `never`, `always`, `cached`.
    pub touch_policy: Option<String>,
}

/// `pivkit card verify-pin`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct PinReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The reader.
    pub reader: String,
    /// Which PIN was verified: `application` or `global`.
    pub pin: &'static str,
    /// Always true: a wrong PIN is an error.
    pub verified: bool,
    /// How many tries were left before, if the card told.
    pub pin_retries_before: Option<u8>,
}

/// `pivkit card change-pin`, `unblock`, `change-puk`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct SecretChangeReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The reader.
    pub reader: String,
    /// What was planned, each a phrase.
    pub plan: Vec<String>,
    /// It was done.
    pub changed: bool,
    /// How many PIN tries are left now, if the card tells.
    pub pin_retries: Option<u8>,
    /// How many PUK tries are left now, if the card tells.
    pub puk_retries: Option<u8>,
}

/// `pivkit card set-retries`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct RetriesReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The reader.
    pub reader: String,
    /// What was planned, each a phrase.
    pub plan: Vec<String>,
    /// It was done.
    pub changed: bool,
    /// The PUK is the factory's now.
    pub puk_is_default: bool,
    /// How many tries the PIN has.
    pub pin_retries: u8,
    /// How many tries the PUK has.
    pub puk_retries: u8,
}

/// `pivkit card attest`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct AttestationReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The reader.
    pub reader: String,
    /// The slot.
    pub slot: String,
    /// The key that is attested: `RSA2048`, `P256` ...
    pub algorithm: String,
    /// Its pairing hash.
    pub pairing_hash: String,
    /// The card's statement: a certificate in PEM.
    pub attestation: String,
    /// The certificate of the card's attestation key, in PEM.
    pub intermediate: Option<String>,
    /// What the statement says; none if it does not say it in Yubico's way.
    pub says: Option<AttestedKey>,
    /// It was verified up to a root that was given. False means: not asked for.
    pub verified: bool,
}

/// `pivkit card reset`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ResetReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The reader.
    pub reader: String,
    /// The serial number, on cards that tell it.
    pub serial: Option<u32>,
    /// The GUID that the card had.
    pub guid: Option<String>,
    /// What was planned, each a phrase.
    pub plan: Vec<String>,
    /// It was done.
    pub reset: bool,
}

/// `pivkit card sign`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct SignatureReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The reader.
    pub reader: String,
    /// The slot.
    pub slot: String,
    /// `RS256`, `ES256` ...
    pub algorithm: String,
    /// The key: `RSA-2048`, `P-256` ...
    pub key: String,
    /// The signature: base64; RSA as long as the modulus, ECDSA in DER, Ed25519 64 bytes.
    pub signature: String,
}
