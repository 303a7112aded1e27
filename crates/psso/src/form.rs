//! Forms (application/x-www-form-urlencoded, WHATWG URL section 5).

pub(crate) const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// Encodes fields in their order. The buffer never grows, so nothing of a token stays behind in a smaller one.
pub(crate) fn encode(fields: &[(&str, &str)]) -> Vec<u8> {
    // A byte becomes at most three; each field has one = and at most one &.
    let longest = fields.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let mut form = url::form_urlencoded::Serializer::new(String::with_capacity(longest));
    for (name, value) in fields {
        form.append_pair(name, value);
    }
    form.finish().into_bytes()
}
