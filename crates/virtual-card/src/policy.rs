//! When a key may be used, and where it comes from (SP 800-73-4 Part 1, Table 4b; Yubico's PIV extensions).

use std::sync::Arc;

use crate::keys::PrivateKey;
use crate::{Algorithm, Slot};

/// When the PIN is needed ("Security condition for use"; Yubico's data object AA).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PinPolicy {
    /// Without PIN, 01.
    Never,
    /// With a PIN verified since the last reset, 02.
    Once,
    /// With a PIN verified by the command right before, 03.
    Always,
}

impl PinPolicy {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Never => 0x01,
            Self::Once => 0x02,
            Self::Always => 0x03,
        }
    }

    /// The policy of a code. 04 and 05 want a fingerprint, which this card cannot take.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        [Self::Never, Self::Once, Self::Always].into_iter().find(|policy| policy.code() == code)
    }

    /// What the standard says for a slot, and YubiKeys do unless told otherwise.
    pub(crate) fn of_slot(slot: Slot) -> Self {
        match slot {
            Slot::SIGNATURE => Self::Always,
            Slot::CARD_AUTHENTICATION => Self::Never,
            _ => Self::Once,
        }
    }
}

/// When the card must be touched (Yubico's data object AB).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TouchPolicy {
    /// Never, 01.
    #[default]
    Never,
    /// For every use, 02.
    Always,
    /// Unless it was touched in the 15 seconds before, 03.
    Cached,
}

impl TouchPolicy {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Never => 0x01,
            Self::Always => 0x02,
            Self::Cached => 0x03,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        [Self::Never, Self::Always, Self::Cached].into_iter().find(|policy| policy.code() == code)
    }
}

/// Where a key was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// On the card: it can be attested.
    Generated,
    /// Elsewhere, and put onto the card.
    Imported,
}

impl Origin {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Generated => 0x01,
            Self::Imported => 0x02,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        [Self::Generated, Self::Imported].into_iter().find(|origin| origin.code() == code)
    }
}

/// A key in its slot. Copies share the key itself.
#[derive(Clone)]
pub(crate) struct SlotKey {
    pub(crate) key: Arc<PrivateKey>,
    pub(crate) origin: Origin,
    pub(crate) pin_policy: PinPolicy,
    pub(crate) touch_policy: TouchPolicy,
}

impl SlotKey {
    /// A key from elsewhere, with the policies that the standard has for the slot.
    pub(crate) fn imported(slot: Slot, key: PrivateKey) -> Self {
        Self {
            key: Arc::new(key),
            origin: Origin::Imported,
            pin_policy: PinPolicy::of_slot(slot),
            touch_policy: TouchPolicy::Never,
        }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }
}
