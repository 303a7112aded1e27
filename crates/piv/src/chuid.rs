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

    /// The contents of a CHUID for a card that no federal agency issued: the FASC-N of such cards, `guid`, an expiration date
    /// (eight digits, YYYYMMDD), and no signature.
    #[must_use]
    pub fn encode(guid: &[u8; 16], expiration: &[u8; 8]) -> Vec<u8> {
        let mut contents = tlv::encode(FASC_N, &NON_FEDERAL_FASC_N);
        tlv::push(&mut contents, GUID, guid);
        tlv::push(&mut contents, EXPIRATION_DATE, expiration);
        tlv::push(&mut contents, ISSUER_SIGNATURE, &[]);
        tlv::push(&mut contents, ERROR_DETECTION_CODE, &[]);
        contents
    }
}

const FASC_N: Tag = Tag(0x30);
const EXPIRATION_DATE: Tag = Tag(0x35);
const ISSUER_SIGNATURE: Tag = Tag(0x3e);
const ERROR_DETECTION_CODE: Tag = Tag(0xfe);
/// Agency 9999, system 9999, credential 999999, series 0, issue 1, and 3 0000 1 for the person: 40 digits in the code of
/// NIST TIG SCEPACS 2.3, 5 bits each. Yubico's tools write the same.
const NON_FEDERAL_FASC_N: [u8; 25] = [
    0xd4, 0xe7, 0x39, 0xda, 0x73, 0x9c, 0xed, 0x39, 0xce, 0x73, 0x9d, 0x83, 0x68, 0x58, 0x21, 0x08, 0x42, 0x10, 0x84,
    0x21, 0xc8, 0x42, 0x10, 0xc3, 0xeb,
];

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
    fn what_is_written_reads_back() {
        let contents = Chuid::encode(&[0xab; 16], b"20301231");
        assert_eq!(Chuid::parse(&contents).unwrap().guid, Some([0xab; 16]));
        assert_eq!(contents.len(), 59, "as SP 800-73-4 has it without a signature");
    }

    #[test]
    fn garbage_is_named() {
        assert!(matches!(Chuid::parse(&[0x30, 0x50, 0]), Err(Error::Malformed { offset: 0, .. })));
    }
}
