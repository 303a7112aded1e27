//! Property lists of strangers. The crate `plist` builds them by recursion and lets one object of a binary list stand in many
//! places, so a small file could take all of the stack, or all of the memory. Such files are refused before they are read.

use plist::Value;

/// Reads a property list, XML or binary.
///
/// # Errors
///
/// Why it cannot be read, half a sentence.
pub(crate) fn property_list(bytes: &[u8]) -> Result<Value, String> {
    let binary = bytes.starts_with(b"bplist0");
    let bounded = if binary { walk(bytes).is_some() } else { containers(bytes) <= MAX_CONTAINERS };
    if !bounded {
        return Err("it is damaged, or nested deeper than any real one".to_owned());
    }
    let value = if binary { Value::from_reader(std::io::Cursor::new(bytes)) } else { Value::from_reader_xml(bytes) };
    value.map_err(|error| format!("it is no property list in XML or binary form ({error})"))
}

/// How many dictionaries and lists are opened: no fewer than the levels there are.
fn containers(xml: &[u8]) -> usize {
    let opens = |at: &[u8]| at.starts_with(b"<dict") || at.starts_with(b"<array");
    (0..xml.len()).filter(|start| xml.get(*start..).is_some_and(opens)).count()
}

/// Goes through a binary list (CFBinaryPList.c) as often as its objects are referred to; `None` as soon as that is too often,
/// too deep, or beyond its end.
///
/// ```text
/// "bplist00" | objects | offset table | trailer, 32 bytes: ... sizes of offsets and references at 6 and 7,
///                                       number of objects at 8, the first one at 16, offset table at 24
/// ```
fn walk(bytes: &[u8]) -> Option<()> {
    let trailer = bytes.get(bytes.len().checked_sub(32)?..)?;
    let (offset_size, reference_size) = (usize::from(*trailer.get(6)?), usize::from(*trailer.get(7)?));
    let table = number(trailer.get(24..32)?)?;
    let mut next = vec![(number(trailer.get(16..24)?)?, 0)];
    let (mut left, mut room) = (MAX_OBJECTS, MAX_BYTES);
    while let Some((object, depth)) = next.pop() {
        left = left.checked_sub(1)?;
        let entry = table.checked_add(object.checked_mul(offset_size)?)?;
        let offset = number(bytes.get(entry..entry.checked_add(offset_size)?)?)?;
        let (marker, rest) = bytes.get(offset..)?.split_first()?;
        let kind = marker >> 4;
        let (count, rest) = match marker & 0xF {
            0xF => {
                let (size, rest) = rest.split_first()?;
                let size = 1_usize << (size & 0xF).min(4);
                (number(rest.get(..size)?)?, rest.get(size..)?)
            }
            count => (usize::from(count), rest),
        };
        let per_entry = match kind {
            // Data, text in ASCII, text in UTF-16: copied each time that something refers to it.
            0x4..=0x6 => {
                room = room.checked_sub(count.checked_mul(if kind == 0x6 { 2 } else { 1 })?)?;
                continue;
            }
            0xA..=0xC => 1,
            0xD => 2,
            _ => continue,
        };
        let references = rest.get(..count.checked_mul(per_entry)?.checked_mul(reference_size)?)?;
        if depth == MAX_DEPTH || references.len() > left.checked_mul(reference_size)? || reference_size == 0 {
            return None;
        }
        for reference in references.chunks(reference_size) {
            next.push((number(reference)?, depth + 1));
        }
    }
    Some(())
}

/// Big-endian, at most eight bytes that matter.
fn number(bytes: &[u8]) -> Option<usize> {
    bytes.iter().try_fold(0_usize, |number, byte| number.checked_mul(256)?.checked_add(usize::from(*byte)))
}

const MAX_CONTAINERS: usize = 1000;
const MAX_OBJECTS: usize = 100_000;
const MAX_DEPTH: usize = 200;
/// Of data and texts together.
const MAX_BYTES: usize = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// A binary list of arrays, each of which has the next one `times` times; the last one is empty.
    fn tower(levels: u8, times: u8) -> Vec<u8> {
        let mut bytes = b"bplist00".to_vec();
        let mut offsets = Vec::new();
        for level in 0..levels {
            offsets.push(u16::try_from(bytes.len()).unwrap());
            let last = level + 1 == levels;
            bytes.push(0xA0 | if last { 0 } else { times });
            bytes.extend(vec![level + 1; usize::from(if last { 0 } else { times })]);
        }
        let table = u64::try_from(bytes.len()).unwrap();
        offsets.iter().for_each(|offset| bytes.extend(offset.to_be_bytes()));
        bytes.extend([0, 0, 0, 0, 0, 0, 2, 1]);
        for number in [u64::from(levels), 0, table] {
            bytes.extend(number.to_be_bytes());
        }
        bytes
    }

    #[test]
    fn what_would_take_all_of_the_stack_or_the_memory_is_refused() {
        assert!(property_list(&tower(3, 2)).is_ok() && property_list(&tower(190, 1)).is_ok());
        for bytes in [tower(60, 2), tower(30, 3), tower(250, 1)] {
            assert!(property_list(&bytes).unwrap_err().contains("nested"));
        }
        let mut circle = tower(2, 1);
        circle[9] = 0;
        assert!(property_list(&circle).is_err());
    }

    #[test]
    fn data_that_would_be_copied_too_often_is_refused() {
        let list = |times: usize| {
            let data = Value::Data(vec![7; 100_000]);
            let mut bytes = Vec::new();
            Value::Array(vec![data; times]).to_writer_binary(&mut bytes).unwrap();
            bytes
        };
        // The writer keeps equal data once.
        assert!(list(600).len() < 200_000 && property_list(&list(600)).is_ok());
        assert!(property_list(&list(700)).unwrap_err().contains("damaged"));
    }

    #[test]
    fn what_others_wrote_is_read() {
        let mut dictionary = plist::Dictionary::new();
        let many = (0..400).map(|number| Value::String(format!("entry {number}"))).collect();
        dictionary.insert("many".to_owned(), Value::Array(many));
        dictionary.insert("nothing".to_owned(), Value::Dictionary(plist::Dictionary::new()));
        let value = Value::Dictionary(dictionary);
        let mut binary = Vec::new();
        value.to_writer_binary(&mut binary).unwrap();
        assert_eq!(property_list(&binary), Ok(value.clone()));
        let mut xml = Vec::new();
        value.to_writer_xml(&mut xml).unwrap();
        assert_eq!(property_list(&xml), Ok(value));
        for end in 0..binary.len() {
            assert!(property_list(&binary[..end]).is_err());
        }
    }
}
