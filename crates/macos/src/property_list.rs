//! Property lists as tools print them.

use plist::{Dictionary, Value};

use crate::Error;

/// The property list within what a tool printed; what stands before and behind it is passed over. `None` if there is none.
///
/// # Errors
///
/// [`Error::Malformed`] if there is one that cannot be read.
pub(crate) fn within(output: &[u8], tool: &str) -> Result<Option<Value>, Error> {
    let find = |needle: &[u8]| output.windows(needle.len()).position(|window| window == needle);
    let Some(start) = find(b"<?xml").or_else(|| find(b"<plist")) else { return Ok(None) };
    let end = find(b"</plist>").map(|end| end + b"</plist>".len()).filter(|end| *end > start);
    let text = output.get(start..end.unwrap_or(output.len())).unwrap_or_default();
    if !is_shallow(text) {
        return Err(Error::malformed(format!("the property list of {tool}"), "it is nested deeper than any real one"));
    }
    let value = Value::from_reader_xml(text);
    value.map(Some).map_err(|error| Error::malformed(format!("the property list of {tool}"), error.to_string()))
}

/// The values of an attribute: an array of texts, or one text. Keys carry a prefix such as `dsAttrTypeStandard:`. What is no
/// text is passed over.
pub(crate) fn texts(record: &Dictionary, attribute: &str) -> Vec<String> {
    let matching = record.iter().filter(|(key, _)| key.rsplit(':').next() == Some(attribute));
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        _ => None,
    };
    matching
        .flat_map(|(_, value)| match value {
            Value::Array(values) => values.iter().filter_map(text).collect(),
            value => text(value).into_iter().collect::<Vec<_>>(),
        })
        .collect()
}

/// Whether dictionaries and arrays are nested no deeper than [`MAX_DEPTH`]: the crate `plist` builds them by recursion. Comments and
/// CDATA, in which tags do not count, are never printed by a tool.
fn is_shallow(xml: &[u8]) -> bool {
    let mut depth = 0_usize;
    let mut rest = xml;
    while let Some(start) = rest.iter().position(|byte| *byte == b'<') {
        rest = rest.get(start + 1..).unwrap_or_default();
        let opens = rest.starts_with(b"dict") || rest.starts_with(b"array");
        let closes = rest.starts_with(b"/dict") || rest.starts_with(b"/array");
        let hidden = rest.starts_with(b"!--") || rest.starts_with(b"![CDATA[");
        let closes_itself = opens && (rest.starts_with(b"dict/>") || rest.starts_with(b"array/>"));
        depth = if closes { depth.saturating_sub(1) } else { depth + usize::from(opens && !closes_itself) };
        if hidden || depth > MAX_DEPTH {
            return false;
        }
    }
    true
}

/// Those of dscl and defaults have three.
const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Option<Value>, Error> {
        within(format!("noise\n<?xml version=\"1.0\"?><plist version=\"1.0\">{body}</plist>\nnoise").as_bytes(), "dscl")
    }

    #[test]
    fn the_list_is_found_within_other_text() {
        let list =
            read("<dict><key>dsAttrTypeStandard:A</key><array><string>x</string><integer>7</integer></array></dict>");
        let Some(Value::Dictionary(list)) = list.unwrap() else { unreachable!("no dictionary") };
        assert_eq!((texts(&list, "A"), texts(&list, "B")), (vec!["x".to_owned(), "7".to_owned()], vec![]));
        assert_eq!(within(b"No such key: A\n", "dscl").unwrap(), None);
        assert!(read(&format!("<array>{}</array>", "<dict/><dict></dict>".repeat(100_000))).is_ok());
    }

    #[test]
    fn a_tower_of_lists_is_refused() {
        for body in ["<array>".repeat(100_000), "<dict><key>a</key>".repeat(40), "<!-- </array> -->".to_owned()] {
            assert!(matches!(read(&body), Err(Error::Malformed { .. })));
        }
    }
}
