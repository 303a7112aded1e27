//! Data objects and their tags (SP 800-73-4 Part 1, table 3).

use std::fmt;

use smartcard::tlv::Tag;

use crate::Slot;

/// A data object of the PIV application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectId {
    /// Discovery Object: which PINs the card has.
    Discovery,
    /// Card Holder Unique Identifier: the card's GUID.
    Chuid,
    /// Key History: which retired slots are in use.
    KeyHistory,
    /// The certificate of a slot.
    Certificate(Slot),
}

impl ObjectId {
    /// The tag that names the object in GET DATA.
    #[must_use]
    pub fn tag(self) -> Tag {
        Tag(match self {
            Self::Discovery => 0x7e,
            Self::Chuid => 0x5f_c102,
            Self::KeyHistory => 0x5f_c10c,
            Self::Certificate(Slot::Authentication) => 0x5f_c105,
            Self::Certificate(Slot::Signature) => 0x5f_c10a,
            Self::Certificate(Slot::KeyManagement) => 0x5f_c10b,
            Self::Certificate(Slot::CardAuthentication) => 0x5f_c101,
            // 82 is 5FC10D, and so on in step to 95, 5FC120.
            Self::Certificate(slot @ Slot::Retired(_)) => 0x5f_c10d + u32::from(slot.key_reference()) - 0x82,
        })
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discovery => write!(f, "discovery object"),
            Self::Chuid => write!(f, "card holder unique identifier"),
            Self::KeyHistory => write!(f, "key history object"),
            Self::Certificate(slot) => write!(f, "certificate object of slot {slot}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retired_certificates_have_the_tags_of_the_table() {
        let tags: Vec<u32> = Slot::retired().map(|slot| ObjectId::Certificate(slot).tag().0).collect();
        assert_eq!(tags, (0x5f_c10d..=0x5f_c120).collect::<Vec<_>>());
    }
}
