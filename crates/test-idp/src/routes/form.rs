//! `application/x-www-form-urlencoded`, with every field at most once.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};

/// The fields of a form.
#[derive(Debug)]
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a body whose headers say that it is a form.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, &'static str> {
        if media_type(headers).as_deref() != Some("application/x-www-form-urlencoded") {
            return Err("The body must be application/x-www-form-urlencoded.");
        }
        let mut fields = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            if fields.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err("A field of the form occurs twice.");
            }
        }
        Ok(Self(fields))
    }

    /// The value of a field.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// The media type in lower case, without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(|kind| kind.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, content_type.parse().unwrap())])
    }

    #[test]
    fn forms_are_decoded_once_and_strictly() {
        let form = headers("Application/X-WWW-Form-Urlencoded; charset=utf-8");
        let fields = Form::parse(&form, b"a=1%2B1+%26&b=").unwrap();
        assert_eq!((fields.field("a"), fields.field("b"), fields.field("c")), (Some("1+1 &"), Some(""), None));
        assert!(Form::parse(&form, b"a=1&%61=2").is_err());
        assert!(Form::parse(&headers("application/json"), b"a=1").is_err());
        assert!(Form::parse(&HeaderMap::new(), b"a=1").is_err());
    }
}
