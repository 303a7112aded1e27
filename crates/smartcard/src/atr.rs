//! The answer to reset (ISO/IEC 7816-3:2006, 8.2): what its historical bytes say of the card.
//!
//! ```text
//! TS   T0 = Y1 K   [TA1 TB1 TC1 TD1 = Y2 T]   [TA2 ... TD2 = Y3 T] ...   K historical bytes   [TCK]
//!           Yi: which of TAi, TBi, TCi, TDi follow, one bit each from 10 up to 80
//! ```

/// True if the card capabilities among the historical bytes (ISO/IEC 7816-4:2020, 12.1.1.9) say that the card takes
/// extended Lc and Le fields.
pub(crate) fn names_extended_length(atr: &[u8]) -> bool {
    let capabilities = historical_bytes(atr).and_then(|bytes| compact_tlv(bytes, CARD_CAPABILITIES));
    // Its third byte: 80 command chaining, 40 extended Lc and Le fields.
    capabilities.and_then(|capabilities| capabilities.get(2)).is_some_and(|byte| byte & 0x40 != 0)
}

const CARD_CAPABILITIES: u8 = 0x7;

/// `None` if the bytes end before they should.
fn historical_bytes(atr: &[u8]) -> Option<&[u8]> {
    let format = *atr.get(1)?;
    let (mut present, mut position) = (format >> 4, 2_usize);
    while present != 0 {
        let count = usize::try_from(present.count_ones()).ok()?;
        let last = position.checked_add(count)?.checked_sub(1)?;
        let more = if present & 0x8 != 0 { *atr.get(last)? >> 4 } else { 0 };
        position = position.checked_add(count)?;
        present = more;
    }
    atr.get(position..position.checked_add(usize::from(format & 0x0f))?)
}

/// The value with this tag, where the historical bytes are COMPACT-TLV (category 80, or 00 with a status at the end).
fn compact_tlv(bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    let (0x80 | 0x00, mut rest) = bytes.split_first()? else { return None };
    while let Some((head, tail)) = rest.split_first() {
        let value = tail.get(..usize::from(head & 0x0f))?;
        if head >> 4 == wanted {
            return Some(value);
        }
        rest = tail.get(value.len()..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_of_known_cards() {
        for (atr, named) in [
            // YubiKey 5, YubiKey 4, and a card without historical bytes.
            ("3bfd1300008131fe158073c021c057597562694b657940", true),
            ("3bf81300008131fe15597562696b657934d4", false),
            ("3b80800101", false),
        ] {
            assert_eq!(names_extended_length(&hex::decode(atr).unwrap()), named, "{atr}");
        }
    }

    #[test]
    fn what_ends_too_early_names_nothing() {
        let whole = hex::decode("3bfd1300008131fe158073c021c057597562694b657940").unwrap();
        for length in 0..13 {
            assert!(!names_extended_length(&whole[..length]), "{length}");
        }
        assert!(!names_extended_length(&[0x3b, 0xff, 0xff, 0xff, 0xff, 0xff]));
    }
}
