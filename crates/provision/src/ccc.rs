//! The contents of the card capability container (SP 800-73-4 Part 1, 3.1.1 and table 8), as Yubico's tools write them.

use crate::{Error, tlv};

/// A new container with a random card identifier: 51 bytes.
///
/// # Errors
///
/// [`Error::Random`].
pub fn fresh() -> Result<Vec<u8>, Error> {
    let mut card = [0; 14];
    getrandom::fill(&mut card).map_err(|error| Error::Random(error.into()))?;
    // GSC-IS RID, a manufacturer that is none, and the card type "Java card".
    let identifier = [&[0xa0, 0x00, 0x00, 0x01, 0x16, 0xff, 0x02], &card[..]].concat();
    let mut contents = tlv::encode(0xf0, &identifier);
    for (tag, value) in FIELDS {
        contents.extend(tlv::encode(tag, value));
    }
    Ok(contents)
}

/// Versions of the container and of its grammar, the registered data model 10, and fields that stay empty.
const FIELDS: [(u8, &[u8]); 12] = [
    (0xf1, &[0x21]),
    (0xf2, &[0x21]),
    (0xf3, &[]),
    (0xf4, &[0x00]),
    (0xf5, &[0x10]),
    (0xf6, &[]),
    (0xf7, &[]),
    (0xfa, &[]),
    (0xfb, &[]),
    (0xfc, &[]),
    (0xfd, &[]),
    (0xfe, &[]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_yubicos_tools_write() {
        let contents = fresh().unwrap();
        assert_eq!(hex::encode(&contents[..9]), "f015a000000116ff02");
        assert_eq!(hex::encode(&contents[23..]), "f10121f20121f300f40100f50110f600f700fa00fb00fc00fd00fe00");
        assert_ne!(contents, fresh().unwrap());
    }
}
