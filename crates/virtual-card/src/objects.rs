//! The data objects of a PIV card (SP 800-73-4 Part 1, section 3 and Tables 2 and 3; Appendix A).
//!
//! The card keeps each object's content: what GET DATA wraps into `53`, or for the discovery object into its own tag.

use smartcard::tlv::{self, Tag};

use crate::{Slot, storage};

/// When an object may be read (SP 800-73-4 Part 1, Table 2, "Access rule for read").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadAccess {
    /// By anyone.
    Always,
    /// With a verified PIN.
    Pin,
}

/// Card Capability Container.
pub(crate) const CCC: Tag = Tag(0x5fc107);
/// Card Holder Unique Identifier.
pub(crate) const CHUID: Tag = Tag(0x5fc102);
/// Printed Information.
pub(crate) const PRINTED_INFORMATION: Tag = Tag(0x5fc109);
/// Discovery Object.
pub(crate) const DISCOVERY: Tag = Tag(0x7e);
/// Key History Object.
pub(crate) const KEY_HISTORY: Tag = Tag(0x5fc10c);

/// Biometric Information Templates Group Template.
pub(crate) const BIOMETRIC_TEMPLATES: Tag = Tag(0x7f61);

/// True for the objects that hold certificates.
pub(crate) fn is_certificate(tag: Tag) -> bool {
    let daily = [Slot::AUTHENTICATION, Slot::SIGNATURE, Slot::KEY_MANAGEMENT, Slot::CARD_AUTHENTICATION];
    daily.into_iter().chain(Slot::retired()).any(|slot| slot.certificate_tag() == tag)
}

/// Every object of the standard: first tag, last tag, who may read.
const OBJECTS: &[(Tag, Tag, ReadAccess)] = &[
    (Tag(0x5fc101), Tag(0x5fc101), ReadAccess::Always), // X.509 certificate for card authentication, 9E
    (CHUID, CHUID, ReadAccess::Always),
    (Tag(0x5fc103), Tag(0x5fc103), ReadAccess::Pin), // cardholder fingerprints
    (Tag(0x5fc105), Tag(0x5fc105), ReadAccess::Always), // X.509 certificate for PIV authentication, 9A
    (Tag(0x5fc106), Tag(0x5fc106), ReadAccess::Always), // security object
    (CCC, CCC, ReadAccess::Always),
    (Tag(0x5fc108), Tag(0x5fc108), ReadAccess::Pin), // cardholder facial image
    (PRINTED_INFORMATION, PRINTED_INFORMATION, ReadAccess::Pin),
    (Tag(0x5fc10a), Tag(0x5fc10a), ReadAccess::Always), // X.509 certificate for digital signature, 9C
    (Tag(0x5fc10b), Tag(0x5fc10b), ReadAccess::Always), // X.509 certificate for key management, 9D
    (KEY_HISTORY, KEY_HISTORY, ReadAccess::Always),
    (Tag(0x5fc10d), Tag(0x5fc120), ReadAccess::Always), // retired X.509 certificates for key management, 82 to 95
    (Tag(0x5fc121), Tag(0x5fc121), ReadAccess::Pin),    // cardholder iris images
    (Tag(0x5fc122), Tag(0x5fc122), ReadAccess::Always), // secure messaging certificate signer
    (Tag(0x5fc123), Tag(0x5fc123), ReadAccess::Pin),    // pairing code reference data
    (DISCOVERY, DISCOVERY, ReadAccess::Always),
    (BIOMETRIC_TEMPLATES, BIOMETRIC_TEMPLATES, ReadAccess::Always),
];

/// Who may read the object; `None` if PIV has no such object.
pub(crate) fn read_access(tag: Tag) -> Option<ReadAccess> {
    OBJECTS.iter().find(|(first, last, _)| (*first..=*last).contains(&tag)).map(|(_, _, access)| *access)
}

/// True for the objects that YubiKeys have beside those of the standard: 5FFF00 (administrative data), 5FFF01 (the
/// attestation certificate), 5FFF10 to 5FFF15 (containers of Microsoft's minidriver) and room between.
pub(crate) fn is_yubico(tag: Tag) -> bool {
    (Tag(0x5fff00)..=Tag(0x5fff15)).contains(&tag)
}

/// The tag in the data field of GET DATA and PUT DATA (`5C`): 1 to 3 bytes.
pub(crate) fn tag_of(bytes: &[u8]) -> Option<Tag> {
    match bytes {
        [a] => Some(Tag(u32::from(*a))),
        [a, b] => Some(Tag(u32::from_be_bytes([0, 0, *a, *b]))),
        [a, b, c] => Some(Tag(u32::from_be_bytes([0, *a, *b, *c]))),
        _ => None,
    }
}

/// The answer to GET DATA for an object with this content (SP 800-73-4 Part 2, 3.1.2).
pub(crate) fn wrap(tag: Tag, content: &[u8]) -> Vec<u8> {
    let outer = if tag == DISCOVERY || tag == BIOMETRIC_TEMPLATES { tag } else { Tag(0x53) };
    tlv::encode(outer, content)
}

/// The full application identifier of PIV: RID A000000308, PIX 000010000100 (SP 800-73-4 Part 2, 2.2).
pub(crate) const AID: [u8; 11] = [0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00];

/// How many bytes of an AID are the registered application provider identifier.
pub(crate) const RID_LENGTH: usize = 5;

/// The PIN usage policy (Part 1, 3.3.2): 40 00, the application PIN satisfies the access rules; or 60 10, the global PIN
/// does, too, and the application PIN is the one to ask for.
pub(crate) fn pin_usage_policy(with_global: bool) -> u16 {
    if with_global { 0x6010 } else { 0x4000 }
}

/// In the PIN usage policy: the global PIN satisfies the access rules.
pub(crate) const GLOBAL_PIN_USED: u16 = 0x2000;

/// The discovery object's content (Part 1, 3.3.2): the AID and the PIN usage policy.
pub(crate) fn discovery(policy: u16) -> Vec<u8> {
    let mut out = tlv::encode(Tag(0x4f), &AID);
    tlv::push(&mut out, PIN_USAGE_POLICY, &policy.to_be_bytes());
    out
}

/// The PIN usage policy in a discovery object's content.
pub(crate) fn policy_of_discovery(content: &[u8]) -> Option<u16> {
    let value = tlv::find(content, PIN_USAGE_POLICY).ok().flatten()?;
    value.try_into().ok().map(u16::from_be_bytes)
}

const PIN_USAGE_POLICY: Tag = Tag(0x5f2f);

/// The key history object's content (Part 1, 3.3.3) with so many retired keys whose certificates are on the card, and so
/// many whose certificates are elsewhere.
pub(crate) fn key_history(on_card: u8, off_card: u8) -> Vec<u8> {
    let mut out = tlv::encode(Tag(0xc1), &[on_card]);
    tlv::push(&mut out, Tag(0xc2), &[off_card]);
    if off_card > 0 {
        tlv::push(&mut out, Tag(0xf3), b"http://keys.example.test/history");
    }
    tlv::push(&mut out, Tag(0xfe), &[]);
    out
}

/// The card capability container's content (Part 1, 3.1.1 and Appendix A, Table 8). The card identifier is random after the
/// GSC-RID and the card type of a Java card.
pub(crate) fn ccc(card_id: &[u8; 14]) -> Vec<u8> {
    let mut identifier = vec![0xa0, 0x00, 0x00, 0x01, 0x16, 0xff, 0x02];
    identifier.extend_from_slice(card_id);
    let mut out = tlv::encode(Tag(0xf0), &identifier);
    for (tag, value) in [(0xf1, &[0x21][..]), (0xf2, &[0x21]), (0xf3, &[]), (0xf4, &[0x00]), (0xf5, &[0x10])] {
        tlv::push(&mut out, Tag(tag), value);
    }
    for tag in [0xf6, 0xf7, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe] {
        tlv::push(&mut out, Tag(tag), &[]);
    }
    out
}

/// Printed information (Part 1, Appendix A, Table 13) of nobody in particular.
pub(crate) fn printed_information() -> Vec<u8> {
    let mut out = Vec::new();
    for (tag, value) in [
        (0x01, &b"ALICE EXAMPLE"[..]),
        (0x02, b"EMPLOYEE"),
        (0x04, b"2036JAN01"),
        (0x05, b"0000000001"),
        (0x06, b"EXAMPLE00000001"),
        (0xfe, b""),
    ] {
        tlv::push(&mut out, Tag(tag), value);
    }
    out
}

/// How a certificate lies in its object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateStorage {
    /// As it is, CertInfo 00.
    #[default]
    Plain,
    /// Compressed with gzip (RFC 1952), CertInfo 01.
    Gzip,
}

/// A certificate object's content: 70 certificate, 71 CertInfo, FE (Part 1, Appendix A, Table 10).
pub(crate) fn certificate(der: &[u8], storage: CertificateStorage) -> Vec<u8> {
    let (stored, info) = match storage {
        CertificateStorage::Plain => (der.to_vec(), 0x00),
        CertificateStorage::Gzip => (storage::gzip(der), 0x01),
    };
    let mut out = tlv::encode(Tag(0x70), &stored);
    tlv::push(&mut out, Tag(0x71), &[info]);
    tlv::push(&mut out, Tag(0xfe), &[]);
    out
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn discovery_and_key_history_have_the_bytes_of_the_standard() {
        assert_eq!(hex::encode(wrap(DISCOVERY, &discovery(0x4000))), "7e124f0ba0000003080000100001005f2f024000");
        assert_eq!(hex::encode(wrap(KEY_HISTORY, &key_history(0, 0))), "5308c10100c20100fe00");
    }

    #[test]
    fn a_compressed_certificate_says_so_and_is_gzip() {
        let content = certificate(&[7; 1000], CertificateStorage::Gzip);
        assert_eq!(tlv::find(&content, Tag(0x71)).unwrap(), Some(&[1][..]));
        let stored = tlv::find(&content, Tag(0x70)).unwrap().unwrap();
        let mut der = Vec::new();
        flate2::read::GzDecoder::new(stored).read_to_end(&mut der).unwrap();
        assert_eq!(der, [7; 1000]);
    }

    #[test]
    fn access_rules_cover_the_standard_and_nothing_else() {
        assert_eq!(read_access(Tag(0x5fc105)), Some(ReadAccess::Always));
        assert_eq!(read_access(Tag(0x5fc109)), Some(ReadAccess::Pin));
        assert_eq!(read_access(Tag(0x5fc120)), Some(ReadAccess::Always));
        for tag in [0x5fc104, 0x5fc124, 0x5fff00, 0x7f, 0x53] {
            assert_eq!(read_access(Tag(tag)), None, "{tag:X}");
        }
    }
}
