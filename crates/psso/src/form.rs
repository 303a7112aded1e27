//! Forms (application/x-www-form-urlencoded, WHATWG URL section 5).

pub(crate) const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// Encodes fields in their order.
pub(crate) fn encode(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        form.append_pair(name, value);
    }
    form.finish().into_bytes()
}
