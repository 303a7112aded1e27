//! The Card Capability Container (SP 800-73-4 Part 1, 3.1.1 and table 8; GSC-IS 2.1). Nobody reads its content any more, but
//! some programs, macOS among them, look whether it is there.

use smartcard::tlv::{self, Tag};

/// Makes the contents of a Card Capability Container.
#[derive(Clone, Copy, Debug)]
pub struct Ccc;

impl Ccc {
    /// The contents (what tag 53 holds) for a card with this random number: the card identifier of GSC-RID and JavaCard,
    /// versions 2.1, a PKCS#15 version of none, the data model of PIV (10), and the mandatory empty rest.
    #[must_use]
    pub fn encode(card_number: &[u8; 14]) -> Vec<u8> {
        let identifier = [&GSC_CARD[..], card_number].concat();
        let mut contents = tlv::encode(Tag(0xf0), &identifier);
        for (tag, value) in
            [(0xf1, &[0x21][..]), (0xf2, &[0x21]), (0xf3, &[]), (0xf4, &[0x00]), (0xf5, &[PIV_DATA_MODEL])]
        {
            tlv::push(&mut contents, Tag(tag), value);
        }
        for tag in [0xf6, 0xf7, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe] {
            tlv::push(&mut contents, Tag(tag), &[]);
        }
        contents
    }
}

/// GSC-RID, manufacturer, and card type JavaCard.
const GSC_CARD: [u8; 7] = [0xa0, 0x00, 0x00, 0x01, 0x16, 0xff, 0x02];
const PIV_DATA_MODEL: u8 = 0x10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_mandatory_objects_in_order() {
        let tags: Vec<u32> = tlv::Reader::new(&Ccc::encode(&[7; 14])).map(|object| object.unwrap().tag.0).collect();
        assert_eq!(tags, [0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe]);
    }
}
