//! Tag, length, value with one-byte tags and lengths up to 65,535 (ISO/IEC 7816-4, 5.2.2): all that the objects here need.
//!
//! Written in the shortest form, read strictly: a length beyond the data or an unfinished item is an error.

/// One item.
pub(crate) fn encode(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    let mut bytes = match length {
        0..=0x7f => vec![tag, low],
        0x80..=0xff => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    bytes.extend_from_slice(value.get(..usize::from(length)).unwrap_or(value));
    bytes
}

/// The items of `bytes` in their order; `None` if they are not well formed.
pub(crate) fn items(mut bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut items = Vec::new();
    while let [tag, rest @ ..] = bytes {
        let (length, rest) = match rest {
            [length @ 0..=0x7f, rest @ ..] => (usize::from(*length), rest),
            [0x81, length, rest @ ..] => (usize::from(*length), rest),
            [0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            _ => return None,
        };
        items.push((*tag, rest.get(..length)?));
        bytes = rest.get(length..)?;
    }
    Some(items)
}

/// The value of the first item with this tag.
pub(crate) fn find(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    items(bytes)?.into_iter().find(|item| item.0 == tag).map(|item| item.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_read_back_at_every_length() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 3000] {
            let value = vec![7; length];
            let bytes = [encode(0x53, &value), encode(0xfe, &[])].concat();
            assert_eq!(items(&bytes), Some(vec![(0x53, &value[..]), (0xfe, &[][..])]), "{length}");
        }
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        for bytes in
            [&[0x53][..], &[0x53, 1], &[0x53, 0x81], &[0x53, 0x82, 1], &[0x53, 0x80, 1], &[0x53, 0x83, 0, 0, 0]]
        {
            assert_eq!(items(bytes), None, "{bytes:02x?}");
        }
    }
}
