//! Slots: the places for a key and its certificate (SP 800-73-4 Part 1, table 4b and section 5).

use std::fmt;
use std::str::FromStr;

/// A slot with a key and a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// 9A, PIV Authentication: the key that a person signs in with. PIN once per session.
    Authentication,
    /// 9C, Digital Signature. PIN before every signature.
    Signature,
    /// 9D, Key Management: decryption and key agreement. macOS unlocks the keychain with it.
    KeyManagement,
    /// 9E, Card Authentication: usable without a PIN, for doors.
    CardAuthentication,
    /// 82 to 95, Retired Key Management 1 to 20.
    Retired(RetiredSlot),
}

/// One of the twenty slots for retired key management keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RetiredSlot(u8);

impl Slot {
    /// The four slots of every PIV card.
    pub const STANDARD: [Self; 4] =
        [Self::Authentication, Self::Signature, Self::KeyManagement, Self::CardAuthentication];

    /// The twenty retired slots, 82 first.
    pub fn retired() -> impl Iterator<Item = Self> {
        (FIRST_RETIRED..=LAST_RETIRED).map(|key| Self::Retired(RetiredSlot(key)))
    }

    /// The key reference: the number that names the slot's key in a command.
    #[must_use]
    pub fn key_reference(self) -> u8 {
        match self {
            Self::Authentication => 0x9a,
            Self::Signature => 0x9c,
            Self::KeyManagement => 0x9d,
            Self::CardAuthentication => 0x9e,
            Self::Retired(RetiredSlot(key)) => key,
        }
    }
}

const FIRST_RETIRED: u8 = 0x82;
const LAST_RETIRED: u8 = 0x95;

/// Not the name of a PIV slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a PIV slot; slots are 9a, 9c, 9d, 9e and 82 to 95")]
pub struct InvalidSlot;

impl TryFrom<u8> for Slot {
    type Error = InvalidSlot;

    fn try_from(key_reference: u8) -> Result<Self, InvalidSlot> {
        match key_reference {
            0x9a => Ok(Self::Authentication),
            0x9c => Ok(Self::Signature),
            0x9d => Ok(Self::KeyManagement),
            0x9e => Ok(Self::CardAuthentication),
            FIRST_RETIRED..=LAST_RETIRED => Ok(Self::Retired(RetiredSlot(key_reference))),
            _ => Err(InvalidSlot),
        }
    }
}

impl FromStr for Slot {
    type Err = InvalidSlot;

    /// Two hexadecimal digits in any case.
    fn from_str(text: &str) -> Result<Self, InvalidSlot> {
        let bytes: [u8; 1] = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(InvalidSlot)?;
        Self::try_from(bytes[0])
    }
}

impl fmt::Display for Slot {
    /// Two lower-case hexadecimal digits: `9a`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.key_reference())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_one_name() {
        for slot in Slot::STANDARD.into_iter().chain(Slot::retired()) {
            assert_eq!(slot.to_string().parse(), Ok(slot));
            assert_eq!(slot.to_string().to_uppercase().parse(), Ok(slot));
        }
        assert_eq!(Slot::retired().count(), 20);
    }

    #[test]
    fn other_names_are_refused() {
        for name in ["", "9", "9b", "9A0", "81", "96", "f9", "zz", " 9a"] {
            assert_eq!(name.parse::<Slot>(), Err(InvalidSlot), "{name:?}");
        }
    }
}
