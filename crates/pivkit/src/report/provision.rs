//! What `pivkit provision` reports.

use serde::Serialize;

/// A card that was made ready, or how it would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvisionReport {
    /// The version of this document.
    pub schema_version: u32,
    /// The reader.
    pub reader: String,
    /// The serial number of a YubiKey.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<u32>,
    /// The firmware of a YubiKey: `5.7.2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// The GUID of the card, 32 upper-case hexadecimal digits.
    pub guid: Option<String>,
    /// The name that macOS gives the card.
    pub token_id: Option<String>,
    /// What was to be done, each a phrase, in order.
    pub plan: Vec<String>,
    /// What a person should know beside, each a phrase.
    pub notes: Vec<String>,
    /// Whether it was done.
    pub changed: bool,
    /// `factory`, `protected` (on the card, under the PIN) or `other`.
    pub management_key: &'static str,
    /// Whether the PIN is the factory's, if the card says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin_is_factory: Option<bool>,
    /// Whether the PUK is the factory's, if the card says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub puk_is_factory: Option<bool>,
    /// The slots, as they read now.
    pub slots: Vec<ProvisionedSlot>,
}

/// One slot, as it reads now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProvisionedSlot {
    /// `9a` or `9d`.
    pub slot: String,
    /// The kind of the key, if there is one that is known.
    pub algorithm: Option<String>,
    /// The pairing hash of the key.
    pub pairing_hash: Option<String>,
    /// The subject of the certificate, if there is one for the key. Foreign text.
    pub subject: Option<String>,
    /// Until when the certificate is valid, RFC 3339.
    pub not_after: Option<String>,
    /// The certificate, base64 of its DER.
    pub certificate: Option<String>,
    /// The file with the request for a certificate, if one was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What the card attests of the key, if that was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestation: Option<AttestedKey>,
}

/// An attestation that was verified up to one of the caller's roots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttestedKey {
    /// The firmware: `5.7.2`.
    pub firmware: String,
    /// The serial number, if the card shows it.
    pub serial: Option<u32>,
    /// When the key wants the PIN.
    pub pin_policy: String,
    /// When the key wants a touch.
    pub touch_policy: String,
    /// The form of the card.
    pub form_factor: Option<String>,
}
