//! The management key under the PIN, the way Yubico's tools keep it.
//!
//! ```text
//! 5FFF00, readable by all:   80 { 81 flags, 82 salt, 83 time of the last PIN change }
//!                            flags: 01 the PUK is blocked, 02 the management key is in 5FC109
//! 5FC109, readable with PIN: 88 { 89 management key }
//! ```
//!
//! 5FC109 is the object for printed information (SP 800-73-4 Part 1, 3.3.1), which cards without a print do not need.
//!
//! Yubico's ykman (5.9.2) sets the new key first and writes 5FC109 last; a card pulled between the two has a key that
//! nobody knows. Here the order is: 5FC109, the key, 5FFF00. A card pulled after the first still has its old key; after the
//! second, the key in 5FC109 opens it although no flag says so.

use zeroize::Zeroizing;

use crate::{Error, tlv};

/// The contents of object 5FFF00.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminData {
    flags: u8,
    /// What else is there, kept as it is.
    other: Vec<(u8, Vec<u8>)>,
}

impl AdminData {
    /// Reads the contents of the object; an object that is missing has empty contents.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`].
    pub fn parse(contents: &[u8]) -> Result<Self, Error> {
        let malformed = || Error::Malformed { what: "the administrative data", source: None };
        let mut data = Self::default();
        if contents.is_empty() {
            return Ok(data);
        }
        let inner = tlv::find(contents, ADMIN).ok_or_else(malformed)?;
        for (tag, value) in tlv::items(inner).ok_or_else(malformed)? {
            match (tag, value) {
                (FLAGS, [flags]) => data.flags = *flags,
                (FLAGS, _) => return Err(malformed()),
                _ => data.other.push((tag, value.to_vec())),
            }
        }
        Ok(data)
    }

    /// Whether it says that the management key is in 5FC109.
    #[must_use]
    pub fn key_is_protected(&self) -> bool {
        self.flags & KEY_IS_PROTECTED != 0
    }

    /// Whether the management key is derived from the PIN, an old way that is no longer safe.
    #[must_use]
    pub fn key_is_derived(&self) -> bool {
        self.other.iter().any(|(tag, _)| *tag == SALT)
    }

    /// The same, saying that the management key is in 5FC109 and not derived from the PIN.
    #[must_use]
    pub fn with_protected_key(mut self) -> Self {
        self.flags |= KEY_IS_PROTECTED;
        self.other.retain(|(tag, _)| *tag != SALT);
        self
    }

    /// The contents of the object.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut inner = tlv::encode(FLAGS, &[self.flags]);
        for (tag, value) in &self.other {
            inner.extend(tlv::encode(*tag, value));
        }
        tlv::encode(ADMIN, &inner)
    }
}

/// The key in the contents of object 5FC109; `None` if there is none.
///
/// # Errors
///
/// [`Error::PrintedInUse`] if the object holds something else.
pub fn key(contents: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    if contents.is_empty() {
        return Ok(None);
    }
    let inner = tlv::find(contents, PROTECTED).ok_or(Error::PrintedInUse)?;
    Ok(tlv::find(inner, KEY).map(|key| Zeroizing::new(key.to_vec())))
}

/// The contents of object 5FC109 with this key in it.
#[must_use]
pub fn contents(key: &[u8]) -> Zeroizing<Vec<u8>> {
    let inner = Zeroizing::new(tlv::encode(KEY, key));
    Zeroizing::new(tlv::encode(PROTECTED, &inner))
}

const ADMIN: u8 = 0x80;
const FLAGS: u8 = 0x81;
const SALT: u8 = 0x82;
const PROTECTED: u8 = 0x88;
const KEY: u8 = 0x89;
const KEY_IS_PROTECTED: u8 = 0x02;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_is_added_and_the_rest_is_kept() {
        let before = AdminData::parse(&hex::decode("800c8101018304695f0d1b820100").unwrap()).unwrap();
        assert!(before.key_is_derived() && !before.key_is_protected());
        let after = before.with_protected_key();
        assert_eq!(hex::encode(after.encode()), "80098101038304695f0d1b");
        assert!(AdminData::parse(&after.encode()).unwrap().key_is_protected());
    }

    /// The bytes that ykman 5.9.2 writes for a protected key on a new card.
    #[test]
    fn a_new_card() {
        assert_eq!(AdminData::parse(&[]).unwrap().with_protected_key().encode(), [0x80, 3, 0x81, 1, 2]);
        let stored = contents(&[7; 24]);
        assert_eq!(stored[..4], [0x88, 26, 0x89, 24]);
        assert_eq!(key(&stored).unwrap().unwrap()[..], [7; 24]);
    }

    #[test]
    fn printed_information_is_not_taken_for_a_key() {
        assert!(matches!(key(&[0x01, 5, b'A', b'l', b'i', b'c', b'e']), Err(Error::PrintedInUse)));
        assert!(key(&[]).unwrap().is_none());
        assert!(key(&[0x88, 0]).unwrap().is_none());
        assert!(AdminData::parse(&[0x80, 4, 0x81, 1]).is_err());
    }
}
