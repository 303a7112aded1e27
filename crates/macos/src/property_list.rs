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
