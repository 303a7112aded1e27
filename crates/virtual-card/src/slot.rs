//! The places for keys on a PIV card (SP 800-73-4 Part 1, 5.1 and Table 4b).

use std::fmt;
use std::str::FromStr;

use smartcard::tlv::Tag;

use crate::Error;

/// A key reference: 9A, 9C, 9D, 9E, one of the twenty retired key management keys, 82 to 95, or a YubiKey's attestation
/// key, F9.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u8);

impl Slot {
    /// PIV Authentication, 9A.
    pub const AUTHENTICATION: Self = Self(0x9a);
    /// Digital Signature, 9C. Needs the PIN for every signature.
    pub const SIGNATURE: Self = Self(0x9c);
    /// Key Management, 9D.
    pub const KEY_MANAGEMENT: Self = Self(0x9d);
    /// Card Authentication, 9E. Needs no PIN.
    pub const CARD_AUTHENTICATION: Self = Self(0x9e);

    /// Yubico's attestation key, F9: signs certificates for keys that were made on the card, and nothing else.
    pub const ATTESTATION: Self = Self(0xf9);

    /// The slot of a key reference (P2 of GENERAL AUTHENTICATE); `None` if it names none.
    #[must_use]
    pub fn from_key_reference(reference: u8) -> Option<Self> {
        matches!(reference, 0x9a | 0x9c | 0x9d | 0x9e | 0xf9 | FIRST_RETIRED..=LAST_RETIRED).then_some(Self(reference))
    }

    /// The key reference.
    #[must_use]
    pub fn key_reference(self) -> u8 {
        self.0
    }

    /// The tag of the object that holds this slot's certificate (SP 800-73-4 Part 1, Table 3).
    #[must_use]
    pub fn certificate_tag(self) -> Tag {
        Tag(match self.0 {
            0x9a => 0x5fc105,
            0x9c => 0x5fc10a,
            0x9d => 0x5fc10b,
            0x9e => 0x5fc101,
            0xf9 => 0x5fff01,
            retired => 0x5fc10d + u32::from(retired.saturating_sub(FIRST_RETIRED)),
        })
    }

    /// True for the twenty retired key management keys.
    #[must_use]
    pub fn is_retired(self) -> bool {
        self.0 <= LAST_RETIRED
    }

    /// 1 to 20 for retired keys.
    pub(crate) fn retired_number(self) -> Option<u8> {
        self.is_retired().then(|| self.0.saturating_sub(FIRST_RETIRED).saturating_add(1))
    }

    /// The twenty retired key management keys.
    pub(crate) fn retired() -> impl Iterator<Item = Self> + Clone {
        (FIRST_RETIRED..=LAST_RETIRED).map(Self)
    }
}

const FIRST_RETIRED: u8 = 0x82;
const LAST_RETIRED: u8 = 0x95;

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({self})")
    }
}

impl FromStr for Slot {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let reference = (text.len() == 2).then(|| u8::from_str_radix(text, 16).ok()).flatten();
        reference.and_then(Self::from_key_reference).ok_or_else(|| Error::UnknownSlot { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_know_the_tags_of_their_certificates() {
        let cases = [
            ("9a", 0x5fc105),
            ("9C", 0x5fc10a),
            ("9d", 0x5fc10b),
            ("9e", 0x5fc101),
            ("82", 0x5fc10d),
            ("95", 0x5fc120),
        ];
        for (text, tag) in cases {
            assert_eq!(text.parse::<Slot>().unwrap().certificate_tag(), Tag(tag), "{text}");
        }
    }

    #[test]
    fn what_names_no_slot_is_refused() {
        for text in ["", "9", "9b", "81", "96", "9aa", "+9", "zz"] {
            assert!(matches!(text.parse::<Slot>(), Err(Error::UnknownSlot { .. })), "{text}");
        }
    }
}
