//! The name macOS gives to an inserted PIV card.

use std::fmt;

use crate::Error;

/// The token id of a PIV card: `com.apple.pivtoken:` and the GUID of its CHUID in 32 upper-case
/// hexadecimal digits (SP 800-73-4 Part 1, table 9, tag 34; as `sc_auth identities` prints it).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId([u8; 16]);

impl TokenId {
    /// Makes the token id from the GUID of a CHUID.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidGuid`] when the GUID does not have 16 bytes, or when all of them are zero:
    /// such cards would all have one name.
    pub fn from_guid(guid: &[u8]) -> Result<Self, Error> {
        let guid: [u8; 16] = guid.try_into().map_err(|_| Error::InvalidGuid { why: "it does not have 16 bytes" })?;
        if guid == [0; 16] {
            return Err(Error::InvalidGuid { why: "all its bytes are zero" });
        }
        Ok(TokenId(guid))
    }

    /// The GUID, 16 bytes.
    pub fn guid(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "com.apple.pivtoken:{}", hex::encode_upper(self.0))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_like_macos() {
        // The GUID of the published capture of `sc_auth identities`.
        let guid = hex::decode("c5e212f78f9f48ea9e7d2b33ae5b3740").unwrap();
        let id = TokenId::from_guid(&guid).unwrap();
        assert_eq!(id.to_string(), "com.apple.pivtoken:C5E212F78F9F48EA9E7D2B33AE5B3740");
        assert_eq!(id.guid().as_slice(), guid);
    }

    #[test]
    fn refuses_zero_and_other_lengths() {
        for guid in [&[0u8; 16][..], &[1; 15], &[1; 17], &[]] {
            assert!(matches!(TokenId::from_guid(guid), Err(Error::InvalidGuid { .. })), "{guid:?}");
        }
    }
}
