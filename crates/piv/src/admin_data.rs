//! What Yubico's tools write down on a card about how they manage it: the object 5FFF00, and the management key in the
//! printed information, which only the PIN opens. ykman and YubiKey Manager read and write the same.
//!
//! ```text
//! 5FFF00   80 { 81 flags (01 PUK blocked, 02 management key stored)   82 salt (old: key derived from the PIN)   83 time of the PIN }
//! 5FC109   88 { 89 management key }
//! ```

use smartcard::tlv::{self, Reader, Tag};
use zeroize::Zeroizing;

use crate::{Error, ManagementKey, ObjectId};

/// The administration data of a card. What is not understood is kept as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminData {
    /// The PUK was blocked on purpose.
    pub puk_blocked: bool,
    /// The management key is stored on the card, under the PIN.
    pub management_key_stored: bool,
    /// The salt from which, with the PIN, old tools derive the management key. Such a key has to be replaced.
    pub salt: Option<Vec<u8>>,
    /// Flags and data objects that are not understood: kept.
    other_flags: u8,
    others: Vec<u8>,
}

impl AdminData {
    /// Reads the contents of the object (what tag 53 holds).
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the data are not BER-TLV, or not of this form.
    pub fn parse(contents: &[u8]) -> Result<Self, Error> {
        let malformed = |error| Error::malformed(ObjectId::AdminData, error);
        let mut data = Self::default();
        for tlv in Reader::new(tlv::single(contents, ADMIN_DATA).map_err(malformed)?) {
            let tlv = tlv.map_err(malformed)?;
            match (tlv.tag, tlv.value) {
                (FLAGS, [flags]) => {
                    data.puk_blocked = flags & PUK_BLOCKED != 0;
                    data.management_key_stored = flags & KEY_STORED != 0;
                    data.other_flags = flags & !(PUK_BLOCKED | KEY_STORED);
                }
                (SALT, salt) => data.salt = Some(salt.to_vec()),
                (tag, value) => tlv::push(&mut data.others, tag, value),
            }
        }
        Ok(data)
    }

    /// The contents of the object.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let flag = |set, flag| if set { flag } else { 0 };
        let flags = flag(self.puk_blocked, PUK_BLOCKED) | flag(self.management_key_stored, KEY_STORED);
        let mut data = tlv::encode(FLAGS, &[flags | self.other_flags]);
        if let Some(salt) = &self.salt {
            tlv::push(&mut data, SALT, salt);
        }
        data.extend_from_slice(&self.others);
        tlv::encode(ADMIN_DATA, &data)
    }
}

/// The management key in the printed information (with its tag 53); `None` if there is something else.
pub(crate) fn protected_key(object: &[u8]) -> Option<ManagementKey> {
    let contents = tlv::find(object, DATA).ok()??;
    let data = tlv::find(contents, PROTECTED_DATA).ok()??;
    let key = tlv::find(data, MANAGEMENT_KEY).ok()??;
    ManagementKey::new(Zeroizing::new(key.to_vec())).ok()
}

/// The contents of the printed information with the management key in it.
pub(crate) fn with_protected_key(key: &ManagementKey) -> Zeroizing<Vec<u8>> {
    let inner = Zeroizing::new(tlv::encode(MANAGEMENT_KEY, key.bytes()));
    Zeroizing::new(tlv::encode(PROTECTED_DATA, &inner))
}

const ADMIN_DATA: Tag = Tag(0x80);
const FLAGS: Tag = Tag(0x81);
const SALT: Tag = Tag(0x82);
const PUK_BLOCKED: u8 = 0x01;
const KEY_STORED: u8 = 0x02;
const DATA: Tag = Tag(0x53);
const PROTECTED_DATA: Tag = Tag(0x88);
const MANAGEMENT_KEY: Tag = Tag(0x89);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_kept() {
        // Flags with a bit of the future, a salt, a timestamp and an unknown object.
        let bytes = hex::decode("801381018382040a0b0c0d83046900000084020102").unwrap();
        let mut data = AdminData::parse(&bytes).unwrap();
        assert!(data.puk_blocked && data.management_key_stored);
        assert_eq!(data.salt.as_deref(), Some(&[0x0a, 0x0b, 0x0c, 0x0d][..]));
        assert_eq!(data.encode(), bytes);
        (data.puk_blocked, data.salt) = (false, None);
        assert_eq!(hex::encode(data.encode()), "800d8101828304690000008402 0102".replace(' ', ""));
    }

    #[test]
    fn a_key_stored_by_ykman_is_found() {
        let key = "8d".repeat(24);
        let contents = hex::decode(format!("881a8918{key}")).unwrap();
        let read = protected_key(&tlv::encode(DATA, &contents)).unwrap();
        assert_eq!(*read.to_hex(), key);
        assert_eq!(*with_protected_key(&read), contents);
        for other in ["", "5300", "530601044a616e65", "53028800", "530488028900", "5305880389017f"] {
            assert!(protected_key(&hex::decode(other).unwrap()).is_none(), "{other}");
        }
    }
}
