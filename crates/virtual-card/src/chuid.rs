//! The Card Holder Unique Identifier (SP 800-73-4 Part 1, 3.1.2 and Appendix A, Table 9).
//!
//! ```text
//! 30 FASC-N (25 bytes)   34 GUID (16)   35 expiration date YYYYMMDD (8)   3E issuer's signature (none)   FE
//! ```

use std::fmt;

use smartcard::tlv::{self, Tag};

use crate::Error;

/// The card's identity: the 16 bytes of a UUID. macOS makes its token id of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Guid([u8; 16]);

impl Guid {
    /// A random one (RFC 9562, version 4).
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] if the system gives no random numbers.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|source| Error::Issue { what: "a GUID", source: source.into() })?;
        Ok(Self(uuid::Builder::from_random_bytes(bytes).into_uuid().into_bytes()))
    }

    /// The bytes as they stand in the CHUID.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The GUID in a CHUID object's content; `None` if there is none.
    pub(crate) fn of_chuid(content: &[u8]) -> Option<Self> {
        let value = tlv::find(content, GUID).ok().flatten()?;
        value.try_into().ok().map(Self)
    }
}

impl From<[u8; 16]> for Guid {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Guid {
    /// 32 upper-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(self.0))
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({self})")
    }
}

/// A CHUID object's content that expires at the start of `expiration_year`.
pub(crate) fn chuid(guid: Guid, expiration_year: i32) -> Vec<u8> {
    let mut out = tlv::encode(FASC_N, &NON_FEDERAL_FASC_N);
    tlv::push(&mut out, GUID, guid.as_bytes());
    tlv::push(&mut out, EXPIRATION, format!("{:04}0101", expiration_year.clamp(0, 9999)).as_bytes());
    tlv::push(&mut out, SIGNATURE, &[]);
    tlv::push(&mut out, Tag(0xfe), &[]);
    out
}

/// The same CHUID with another GUID, or with none.
pub(crate) fn with_guid(content: &[u8], guid: Option<Guid>) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    for tlv in tlv::Reader::new(content).map_while(Result::ok) {
        match guid {
            _ if tlv.tag != GUID => tlv::push(&mut out, tlv.tag, tlv.value),
            Some(guid) => tlv::push(&mut out, GUID, guid.as_bytes()),
            None => {}
        }
    }
    out
}

const FASC_N: Tag = Tag(0x30);
const GUID: Tag = Tag(0x34);
const EXPIRATION: Tag = Tag(0x35);
const SIGNATURE: Tag = Tag(0x3e);

/// Agency, system and credential number all nines: a card that no federal agency issued (FASC-N after PACS 2.3, in BCD
/// with parity). YubiKeys carry the same.
const NON_FEDERAL_FASC_N: [u8; 25] = [
    0xd4, 0xe7, 0x39, 0xda, 0x73, 0x9c, 0xed, 0x39, 0xce, 0x73, 0x9d, 0x83, 0x68, 0x58, 0x21, 0x08, 0x42, 0x10, 0x84,
    0x21, 0xc8, 0x42, 0x10, 0xc3, 0xeb,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chuid_has_the_fields_of_the_standard_and_gives_its_guid_back() {
        let guid = Guid::random().unwrap();
        let content = chuid(guid, 2036);
        let fields: Vec<_> =
            tlv::Reader::new(&content).map(|tlv| tlv.unwrap()).map(|tlv| (tlv.tag.0, tlv.value.len())).collect();
        assert_eq!(fields, [(0x30, 25), (0x34, 16), (0x35, 8), (0x3e, 0), (0xfe, 0)]);
        assert_eq!(tlv::find(&content, EXPIRATION).unwrap(), Some(&b"20360101"[..]));
        assert_eq!(Guid::of_chuid(&content), Some(guid));
        assert_eq!((guid.as_bytes()[6] >> 4, guid.as_bytes()[8] >> 6), (4, 0b10), "version 4 of variant 10");
    }
}
