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

const PROTECTED: u8 = 0x88;
const KEY: u8 = 0x89;

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that ykman 5.9.2 writes for a protected key on a new card.
    #[test]
    fn a_stored_key() {
        let stored = contents(&[7; 24]);
        assert_eq!(stored[..4], [0x88, 26, 0x89, 24]);
        assert_eq!(key(&stored).unwrap().unwrap()[..], [7; 24]);
    }

    #[test]
    fn printed_information_is_not_taken_for_a_key() {
        assert!(matches!(key(&[0x01, 5, b'A', b'l', b'i', b'c', b'e']), Err(Error::PrintedInUse)));
        assert!(key(&[]).unwrap().is_none());
        assert!(key(&[0x88, 0]).unwrap().is_none());
    }
}
