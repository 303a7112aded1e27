//! The Key History Object (SP 800-73-4 Part 1, 3.3.3).
//!
//! ```text
//! C1 keys with on-card certificates (1 byte)   C2 keys with off-card certificates (1 byte)   F3 URL   FE
//! ```

use smartcard::tlv::{self, Tag};

use crate::{Error, ObjectId};

/// How many retired keys the card says it has. A hint, not a proof: cards exist whose counts are wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyHistory {
    /// Keys with a certificate on the card: they fill the retired slots from 82 up.
    pub on_card: u8,
    /// Keys whose certificate is elsewhere: they fill the retired slots from 95 down.
    pub off_card: u8,
}

impl KeyHistory {
    /// Reads the contents of the object (what tag 53 holds). A count that is absent is zero.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the data are not BER-TLV, or begin as no key history does: then another object is in its
    /// place, and to take it for one without keys would hide some.
    pub fn parse(contents: &[u8]) -> Result<Self, Error> {
        if let Some(Ok(first)) = tlv::Reader::new(contents).next()
            && ![ON_CARD, OFF_CARD, URL, ERROR_DETECTION_CODE].contains(&first.tag)
        {
            let reason = "it holds something else";
            return Err(Error::malformed(ObjectId::KeyHistory, tlv::TlvError { offset: 0, reason }));
        }
        let count = |tag| -> Result<u8, Error> {
            let value = tlv::find(contents, tag).map_err(|error| Error::malformed(ObjectId::KeyHistory, error))?;
            Ok(value.and_then(<[u8]>::first).copied().unwrap_or_default())
        };
        Ok(Self { on_card: count(ON_CARD)?, off_card: count(OFF_CARD)? })
    }
}

const ON_CARD: Tag = Tag(0xc1);
const OFF_CARD: Tag = Tag(0xc2);
const URL: Tag = Tag(0xf3);
const ERROR_DETECTION_CODE: Tag = Tag(0xfe);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_counts() {
        let history = KeyHistory::parse(&hex::decode("c10102c20103f300fe00").unwrap()).unwrap();
        assert_eq!(history, KeyHistory { on_card: 2, off_card: 3 });
    }

    #[test]
    fn absent_counts_are_zero() {
        assert_eq!(KeyHistory::parse(&[0xfe, 0]).unwrap(), KeyHistory::default());
    }

    #[test]
    fn another_object_is_no_key_history() {
        let certificate = hex::decode("7002aabb710100fe00").unwrap();
        assert!(matches!(KeyHistory::parse(&certificate), Err(Error::Malformed { .. })));
    }
}
