//! Data objects and their tags (SP 800-73-4 Part 1, table 3).

use std::fmt;

use smartcard::tlv::{self, Tag};

use crate::Slot;

/// A data object of the PIV application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectId {
    /// Discovery Object: which PINs the card has.
    Discovery,
    /// Card Holder Unique Identifier: the card's GUID.
    Chuid,
    /// Card Capability Container.
    Ccc,
    /// Key History: which retired slots are in use.
    KeyHistory,
    /// Security Object: the issuer's signature over the hashes of other objects.
    SecurityObject,
    /// Cardholder Fingerprints. Readable with the PIN.
    Fingerprints,
    /// Cardholder Facial Image. Readable with the PIN.
    FacialImage,
    /// Cardholder Iris Images. Readable with the PIN.
    IrisImages,
    /// Printed Information. Readable with the PIN; Yubico's tools keep a management key in it.
    Printed,
    /// Yubico's administration data: which tool-made settings the card has (5FFF00).
    AdminData,
    /// The certificate of a YubiKey's attestation key (5FFF01).
    AttestationCertificate,
    /// The certificate of a slot.
    Certificate(Slot),
}

impl ObjectId {
    /// The tag list (5C) that names the object in GET DATA and PUT DATA.
    pub(crate) fn tag_list(self) -> Vec<u8> {
        let tag = self.tag().0.to_be_bytes();
        let tag: Vec<u8> = tag.into_iter().skip_while(|byte| *byte == 0).collect();
        tlv::encode(TAG_LIST, &tag)
    }

    /// The tag that names the object in GET DATA.
    #[must_use]
    pub fn tag(self) -> Tag {
        Tag(match self {
            Self::Discovery => 0x7e,
            Self::Chuid => 0x5f_c102,
            Self::Fingerprints => 0x5f_c103,
            Self::SecurityObject => 0x5f_c106,
            Self::Ccc => 0x5f_c107,
            Self::FacialImage => 0x5f_c108,
            Self::Printed => 0x5f_c109,
            Self::KeyHistory => 0x5f_c10c,
            Self::IrisImages => 0x5f_c121,
            Self::AdminData => 0x5f_ff00,
            Self::AttestationCertificate => 0x5f_ff01,
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
            Self::Ccc => write!(f, "card capability container"),
            Self::KeyHistory => write!(f, "key history object"),
            Self::SecurityObject => write!(f, "security object"),
            Self::Fingerprints => write!(f, "fingerprints"),
            Self::FacialImage => write!(f, "facial image"),
            Self::IrisImages => write!(f, "iris images"),
            Self::Printed => write!(f, "printed information"),
            Self::AdminData => write!(f, "administration data"),
            Self::AttestationCertificate => write!(f, "attestation certificate object"),
            Self::Certificate(slot) => write!(f, "certificate object of slot {slot}"),
        }
    }
}

const TAG_LIST: Tag = Tag(0x5c);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retired_certificates_have_the_tags_of_the_table() {
        let tags: Vec<u32> = Slot::retired().map(|slot| ObjectId::Certificate(slot).tag().0).collect();
        assert_eq!(tags, (0x5f_c10d..=0x5f_c120).collect::<Vec<_>>());
    }
}
