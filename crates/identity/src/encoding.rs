//! Whether a certificate is encoded so that every program can read it.
//!
//! Programs differ in what they forgive. One that reads a list of certificates, as pam_p11 does
//! with OpenSSL, may stop at the first that it cannot read, and then everybody behind it is
//! locked out. This check is at least as strict as OpenSSL: DER (X.690 section 10 and 11) in the
//! structure of RFC 5280 4.1, nothing missing and nothing left over.

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};

/// What is wrong with the encoding of a certificate, such as "a number in it is not in its
/// shortest form"; `None` when all is well.
pub(crate) fn problem(certificate: &[u8]) -> Option<&'static str> {
    check(certificate).err()
}

type Checked<T = ()> = Result<T, &'static str>;

/// Certificate, RFC 5280 4.1.
fn check(bytes: &[u8]) -> Checked {
    let mut outer = Fields::new(bytes)?;
    let mut certificate = outer.sequence()?;
    outer.end()?;
    let mut tbs = certificate.sequence()?;
    algorithm(&mut certificate)?;
    bit_string(certificate.expect(Tag::BitString)?)?;
    certificate.end()?;

    if let Some(version) = tbs.optional(context(true, 0))? {
        let mut version = Fields::new(version)?;
        integer(version.expect(Tag::Integer)?)?;
        version.end()?;
    }
    integer(tbs.expect(Tag::Integer)?)?;
    algorithm(&mut tbs)?;
    name(&mut tbs)?;
    let mut validity = tbs.sequence()?;
    time(&mut validity)?;
    time(&mut validity)?;
    validity.end()?;
    name(&mut tbs)?;
    let mut key = tbs.sequence()?;
    algorithm(&mut key)?;
    bit_string(key.expect(Tag::BitString)?)?;
    key.end()?;
    for unique_id in [1, 2] {
        if let Some(id) = tbs.optional(context(false, unique_id))? {
            bit_string(id)?;
        }
    }
    if let Some(extensions) = tbs.optional(context(true, 3))? {
        let mut explicit = Fields::new(extensions)?;
        let mut extensions = explicit.sequence()?;
        explicit.end()?;
        while !extensions.is_empty() {
            extension(extensions.sequence()?)?;
        }
    }
    tbs.end()
}

/// AlgorithmIdentifier: an object identifier and parameters of any kind.
fn algorithm(fields: &mut Fields<'_>) -> Checked {
    let mut algorithm = fields.sequence()?;
    object_identifier(algorithm.expect(Tag::ObjectIdentifier)?)?;
    if !algorithm.is_empty() {
        any(algorithm.any()?, 0)?;
    }
    algorithm.end()
}

/// Name: a SEQUENCE of SETs of an attribute type and a string each.
fn name(fields: &mut Fields<'_>) -> Checked {
    let mut name = fields.sequence()?;
    while !name.is_empty() {
        let mut set = Fields::new(name.expect(Tag::Set)?)?;
        loop {
            let mut attribute = set.sequence()?;
            object_identifier(attribute.expect(Tag::ObjectIdentifier)?)?;
            let value = attribute.any()?;
            attribute.end()?;
            match value.tag() {
                // x500UniqueIdentifier is one.
                Tag::BitString => bit_string(value.value())?,
                Tag::VisibleString => return Err("a name in it holds a string of a kind that does not belong there"),
                tag if is_string(tag) => string(tag, value.value())?,
                _ => return Err("a name in it holds something else than text"),
            }
            if set.is_empty() {
                break;
            }
        }
    }
    Ok(())
}

/// Extension: object identifier, critical, and contents that nobody has to understand.
fn extension(mut extension: Fields<'_>) -> Checked {
    object_identifier(extension.expect(Tag::ObjectIdentifier)?)?;
    if let Some(critical) = extension.optional(Tag::Boolean)? {
        boolean(critical)?;
    }
    extension.expect(Tag::OctetString)?;
    extension.end()
}

/// A value of any kind, with everything inside.
fn any(value: AnyRef<'_>, depth: usize) -> Checked {
    if depth > MAX_DEPTH {
        return Err("it is nested too deeply");
    }
    match value.tag() {
        Tag::Boolean => boolean(value.value()),
        Tag::Integer | Tag::Enumerated => integer(value.value()),
        Tag::BitString => bit_string(value.value()),
        Tag::ObjectIdentifier => object_identifier(value.value()),
        Tag::Null if !value.value().is_empty() => Err("a NULL in it is not empty"),
        tag if is_string(tag) => string(tag, value.value()),
        tag if tag.is_constructed() => {
            let mut fields = Fields::new(value.value())?;
            while !fields.is_empty() {
                any(fields.any()?, depth + 1)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn boolean(value: &[u8]) -> Checked {
    if matches!(value, [0x00 | 0xFF]) { Ok(()) } else { Err("a BOOLEAN in it is neither true nor false") }
}

/// X.690 8.3.2.
fn integer(value: &[u8]) -> Checked {
    match value {
        [] => Err("a number in it is empty"),
        [0x00, 0x00..=0x7F, ..] | [0xFF, 0x80..=0xFF, ..] => Err("a number in it is not in its shortest form"),
        _ => Ok(()),
    }
}

/// X.690 8.6.2: how many bits of the last octet are unused, then the octets.
fn bit_string(value: &[u8]) -> Checked {
    if matches!(value, [0] | [0..=7, _, ..]) { Ok(()) } else { Err("a BIT STRING in it is damaged") }
}

/// X.690 8.19.2: no number begins with padding, and the last one is complete.
fn object_identifier(value: &[u8]) -> Checked {
    let mut starts = true;
    for byte in value {
        if starts && *byte == 0x80 {
            return Err("an object identifier in it is damaged");
        }
        starts = byte & 0x80 == 0;
    }
    if starts && !value.is_empty() { Ok(()) } else { Err("an object identifier in it is damaged") }
}

fn is_string(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::Utf8String
            | Tag::NumericString
            | Tag::PrintableString
            | Tag::TeletexString
            | Tag::Ia5String
            | Tag::VisibleString
            | Tag::BmpString
    )
}

/// Which characters a PrintableString may hold is often disregarded and bothers nobody.
/// UniversalString, which nobody uses, is damage here.
fn string(tag: Tag, value: &[u8]) -> Checked {
    let sound = match tag {
        Tag::Utf8String => std::str::from_utf8(value).is_ok(),
        Tag::BmpString => {
            let (pairs, rest) = value.as_chunks::<2>();
            rest.is_empty() && pairs.iter().all(|pair| char::from_u32(u16::from_be_bytes(*pair).into()).is_some())
        }
        Tag::TeletexString => true,
        _ => value.is_ascii(),
    };
    if sound { Ok(()) } else { Err("a text in it is not in the character set it claims") }
}

/// Time, RFC 5280 4.1.2.5: with seconds, in UTC.
fn time(fields: &mut Fields<'_>) -> Checked {
    let value = fields.any()?;
    let length = match value.tag() {
        Tag::UtcTime => 12,
        Tag::GeneralizedTime => 14,
        _ => return Err("a date in it is not a date"),
    };
    match value.value().split_last() {
        Some((b'Z', digits)) if digits.len() == length && digits.iter().all(u8::is_ascii_digit) => Ok(()),
        _ => Err("a date in it is not in the prescribed form"),
    }
}

/// The fields of a constructed value.
struct Fields<'a>(SliceReader<'a>);

impl<'a> Fields<'a> {
    fn new(bytes: &'a [u8]) -> Checked<Self> {
        SliceReader::new(bytes).map(Fields).map_err(|_| DAMAGED)
    }

    fn is_empty(&self) -> bool {
        self.0.is_finished()
    }

    /// The next field; lengths must be definite and as short as they can be.
    fn any(&mut self) -> Checked<AnyRef<'a>> {
        AnyRef::decode(&mut self.0).map_err(|_| DAMAGED)
    }

    fn expect(&mut self, tag: Tag) -> Checked<&'a [u8]> {
        let field = self.any()?;
        if field.tag() == tag { Ok(field.value()) } else { Err(DAMAGED) }
    }

    fn optional(&mut self, tag: Tag) -> Checked<Option<&'a [u8]>> {
        let mut ahead = self.0.clone();
        match AnyRef::decode(&mut ahead) {
            Ok(field) if field.tag() == tag => {
                self.0 = ahead;
                Ok(Some(field.value()))
            }
            _ => Ok(None),
        }
    }

    fn sequence(&mut self) -> Checked<Fields<'a>> {
        Fields::new(self.expect(Tag::Sequence)?)
    }

    fn end(self) -> Checked {
        if self.is_empty() { Ok(()) } else { Err("it holds more than belongs into a certificate") }
    }
}

fn context(constructed: bool, number: u32) -> Tag {
    Tag::ContextSpecific { constructed, number: TagNumber(number) }
}

const DAMAGED: &str = "its structure is damaged";
const MAX_DEPTH: usize = 16;

#[cfg(test)]
mod tests;
