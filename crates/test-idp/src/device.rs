//! Keys of devices, and devices as they are registered.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jose::PublicKey;

use crate::party_info::key_id;

/// A P-256 public key of a device or a user, checked to be on its curve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceKey {
    pub(crate) public: PublicKey,
    /// `04 ‖ X ‖ Y`, 65 bytes.
    pub(crate) x963: Vec<u8>,
    pub(crate) kid: String,
}

impl DeviceKey {
    /// From standard base64 of an uncompressed point of 65 bytes.
    pub(crate) fn from_base64(text: &str) -> Option<Self> {
        BASE64_STANDARD.decode(text).ok().and_then(Self::from_x963)
    }

    /// From an uncompressed point of 65 bytes.
    pub(crate) fn from_x963(x963: Vec<u8>) -> Option<Self> {
        if x963.len() != 65 {
            return None;
        }
        let public = PublicKey::from_x963(&x963).ok()?;
        Some(Self { public, kid: key_id(&x963), x963 })
    }
}

/// A device that was registered, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Device {
    pub(crate) signing: DeviceKey,
    pub(crate) encryption: DeviceKey,
    /// In the order of their registration.
    pub(crate) users: Vec<String>,
    /// Seconds since 1970.
    pub(crate) registered: i64,
}
