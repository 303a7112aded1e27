//! BER-TLV data objects (ISO/IEC 7816-4:2020, 6.3; ISO/IEC 8825-1), as smart cards use them.
//!
//! ```text
//! tag     1 to 3 bytes   first byte xxx11111: more tag bytes follow, the last one without bit 8
//! length  1 to 4 bytes   00..7F, 81 xx, 82 xx xx, 83 xx xx xx; bytes
//! value   `length` bytes
//! ```
//!
//! Strict where a mistake could be used against us: no indefinite length, no length beyond the data, no tag of more than
//! three bytes. A length written in a longer form than needed is accepted, as ISO/IEC 7816-4 allows it and cards do it.
//! Nothing is copied, and nesting is only followed where the caller asks, so hostile data cost no stack.

use std::fmt;

/// A tag: its bytes, big-endian in one number (`5FC102`, `53`, `7F49`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub u32);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}", self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

/// One data object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The tag.
    pub tag: Tag,
    /// The value, without tag and length.
    pub value: &'a [u8],
}

/// Data that are not BER-TLV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed data at byte {offset}: {reason}")]
pub struct TlvError {
    /// Where the data object at fault begins, in bytes from the start of what was read.
    pub offset: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Reads data objects one after the other. Stops for good after the first error.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }

    /// What was not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn read(&mut self) -> Result<Tlv<'a>, &'static str> {
        let mut bytes = self.rest;
        let tag = read_tag(&mut bytes)?;
        let length = read_length(&mut bytes)?;
        let (value, rest) = bytes.split_at_checked(length).ok_or("its length goes beyond the data")?;
        self.offset += self.rest.len() - rest.len();
        self.rest = rest;
        Ok(Tlv { tag, value })
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Tlv<'a>, TlvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let offset = self.offset;
        Some(self.read().map_err(|reason| {
            self.rest = &[];
            TlvError { offset, reason }
        }))
    }
}

/// The value of the first data object with `tag` in `bytes`, on the first level only.
///
/// # Errors
///
/// [`TlvError`] if the data are malformed before it is found.
pub fn find(bytes: &[u8], tag: Tag) -> Result<Option<&[u8]>, TlvError> {
    for tlv in Reader::new(bytes) {
        let tlv = tlv?;
        if tlv.tag == tag {
            return Ok(Some(tlv.value));
        }
    }
    Ok(None)
}

/// The value of the one data object that `bytes` consist of.
///
/// # Errors
///
/// [`TlvError`] if the data are malformed, begin with another tag, or go on after it.
pub fn single(bytes: &[u8], tag: Tag) -> Result<&[u8], TlvError> {
    let mut reader = Reader::new(bytes);
    match reader.next().transpose()? {
        Some(tlv) if tlv.tag != tag => Err(TlvError { offset: 0, reason: "another tag was expected" }),
        Some(_) if !reader.rest().is_empty() => {
            Err(TlvError { offset: reader.offset, reason: "data follow the data object" })
        }
        Some(tlv) => Ok(tlv.value),
        None => Err(TlvError { offset: 0, reason: "there are no data" }),
    }
}

/// Appends one data object to `out`, with the shortest length form.
///
/// Values of 16 MiB and more do not exist on cards; of those only the part that a length can name is written.
pub fn push(out: &mut Vec<u8>, tag: Tag, value: &[u8]) {
    let value = value.get(..MAX_LENGTH).unwrap_or(value);
    push_significant(out, tag.0, 1);
    let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
    match length {
        0..=0x7f => {}
        0x80..=0xff => out.push(0x81),
        0x100..=0xffff => out.push(0x82),
        _ => out.push(0x83),
    }
    push_significant(out, length, 1);
    out.extend_from_slice(value);
}

/// One data object as bytes; see [`push`].
#[must_use]
pub fn encode(tag: Tag, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 8);
    push(&mut out, tag, value);
    out
}

const MAX_LENGTH: usize = 0xff_ffff;

fn push_significant(out: &mut Vec<u8>, number: u32, at_least: usize) {
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count().min(bytes.len() - at_least);
    out.extend(bytes.iter().skip(zeros));
}

fn take_byte(bytes: &mut &[u8], reason: &'static str) -> Result<u8, &'static str> {
    let (first, rest) = bytes.split_first().ok_or(reason)?;
    *bytes = rest;
    Ok(*first)
}

fn read_tag(bytes: &mut &[u8]) -> Result<Tag, &'static str> {
    const CUT: &str = "it ends within a tag";
    let first = take_byte(bytes, CUT)?;
    let mut tag = u32::from(first);
    if first & 0x1f != 0x1f {
        return Ok(Tag(tag));
    }
    for _ in 0..2 {
        let next = take_byte(bytes, CUT)?;
        tag = tag << 8 | u32::from(next);
        if next & 0x80 == 0 {
            return Ok(Tag(tag));
        }
    }
    Err("its tag is longer than three bytes")
}

fn read_length(bytes: &mut &[u8]) -> Result<usize, &'static str> {
    const CUT: &str = "it ends within a length";
    let first = take_byte(bytes, CUT)?;
    let count = match first {
        0..=0x7f => return Ok(usize::from(first)),
        0x81..=0x83 => first & 0x0f,
        0x80 => return Err("its length is indefinite"),
        _ => return Err("its length is longer than four bytes"),
    };
    let mut length = 0;
    for _ in 0..count {
        length = length << 8 | usize::from(take_byte(bytes, CUT)?);
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tags(bytes: &[u8]) -> Vec<u32> {
        Reader::new(bytes).map(|tlv| tlv.unwrap().tag.0).collect()
    }

    #[test]
    fn reads_tags_of_one_two_and_three_bytes() {
        let bytes = hex::decode("5301aa7f4901bb5fc10202ccdd7e00").unwrap();
        assert_eq!(tags(&bytes), [0x53, 0x7f49, 0x5fc102, 0x7e]);
        assert_eq!(find(&bytes, Tag(0x5fc102)).unwrap(), Some(&[0xcc, 0xdd][..]));
        assert_eq!(find(&bytes, Tag(0x70)).unwrap(), None);
    }

    #[test]
    fn accepts_longer_length_forms_than_needed() {
        for form in ["5303010203", "538103010203", "53820003010203", "5383000003010203"] {
            assert_eq!(single(&hex::decode(form).unwrap(), Tag(0x53)).unwrap(), [1, 2, 3]);
        }
    }

    #[test]
    fn names_the_place_and_the_reason_of_malformed_data() {
        let cases = [
            ("53", 0, "it ends within a length"),
            ("5f", 0, "it ends within a tag"),
            ("5fc181020100", 0, "its tag is longer than three bytes"),
            ("5380010000", 0, "its length is indefinite"),
            ("538400000001aa", 0, "its length is longer than four bytes"),
            ("5302aa", 0, "its length goes beyond the data"),
            ("5301aa7082ffff", 3, "its length goes beyond the data"),
        ];
        for (bytes, offset, reason) in cases {
            let error = Reader::new(&hex::decode(bytes).unwrap()).find_map(Result::err);
            assert_eq!(error, Some(TlvError { offset, reason }), "{bytes}");
        }
    }

    #[test]
    fn nothing_is_read_after_an_error() {
        let mut reader = Reader::new(&[0x53, 0x05, 0x00]);
        assert!(reader.next().unwrap().is_err());
        assert!(reader.next().is_none());
    }

    #[test]
    fn a_single_object_has_nothing_behind_it() {
        assert_eq!(single(&[0x53, 0], Tag(0x53)).unwrap(), []);
        assert!(single(&[0x53, 0, 0x00], Tag(0x53)).is_err());
        assert!(single(&[0x54, 0], Tag(0x53)).is_err());
        assert!(single(&[], Tag(0x53)).is_err());
    }

    #[test]
    fn lengths_change_form_at_their_borders() {
        for (length, head) in
            [(0x7f, "537f"), (0x80, "538180"), (0xff, "5381ff"), (0x100, "53820100"), (0x1_0000, "5383010000")]
        {
            let bytes = encode(Tag(0x53), &vec![0; length]);
            assert_eq!(hex::encode(&bytes[..bytes.len() - length]), head);
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            Reader::new(&bytes).for_each(drop);
        }

        #[test]
        fn what_is_written_is_read_back(value in proptest::collection::vec(any::<u8>(), 0..70_000), tag in prop_oneof![Just(0x53_u32), Just(0x7f49), Just(0x5fc10b)]) {
            let bytes = encode(Tag(tag), &value);
            prop_assert_eq!(single(&bytes, Tag(tag)).unwrap(), &value[..]);
        }
    }
}
