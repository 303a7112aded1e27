//! The Card Holder Unique Identifier (SP 800-73-4 Part 1, 3.1.2 and table 9).
//!
//! ```text
//! 30 FASC-N (25 bytes)   34 GUID (16 bytes)   35 expiration (YYYYMMDD)   3E issuer's signature   FE
//! ```

use smartcard::tlv::{self, Tag};

use crate::{Error, ObjectId};

/// What the card calls itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chuid {
    /// The GUID (tag 34), if the card has one that is not all zero. macOS names its token after it, and makes none
    /// without it.
    pub guid: Option<[u8; 16]>,
}

impl Chuid {
    /// Reads the contents of the object (what tag 53 holds). Order and unknown tags do not matter; what follows the GUID is
    /// not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the data are not BER-TLV up to the GUID.
    pub fn parse(contents: &[u8]) -> Result<Self, Error> {
        let guid = tlv::find(contents, GUID).map_err(|error| Error::malformed(ObjectId::Chuid, error))?;
        let guid = guid.and_then(|guid| <[u8; 16]>::try_from(guid).ok()).filter(|guid| *guid != [0; 16]);
        Ok(Self { guid })
    }
}

const GUID: Tag = Tag(0x34);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guid_is_found_whatever_the_order() {
        let guid = [0x11; 16];
        for contents in
            [[&[0x30, 1, 0, 0x34, 16][..], &guid].concat(), [&[0x34, 16][..], &guid, &[0x3e, 0x82]].concat()]
        {
            assert_eq!(Chuid::parse(&contents).unwrap().guid, Some(guid));
        }
    }

    #[test]
    fn no_guid_a_zero_guid_and_one_of_another_length_are_none() {
        for contents in [vec![0x30, 0], [&[0x34, 16][..], &[0; 16]].concat(), vec![0x34, 2, 1, 1]] {
            assert_eq!(Chuid::parse(&contents).unwrap().guid, None);
        }
    }

    #[test]
    fn garbage_is_named() {
        assert!(matches!(Chuid::parse(&[0x30, 0x50, 0]), Err(Error::Malformed { offset: 0, .. })));
    }
}
