//! `x5c`: the certificate in a header (RFC 7515 4.1.6).
//!
//! RFC 7515 and Apple's macOS 27 sample have an array of base64 DER, older samples of Apple a bare string. Both are
//! read; which one is written is configuration. Only the leaf is ever sent, and only the leaf is looked at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::PublicKey;
use serde_json::{Map, Value};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::config::X5cForm;

/// Writes a certificate for a header.
pub(crate) fn to_json(certificate: &[u8], form: X5cForm) -> Value {
    let text = Value::String(STANDARD.encode(certificate));
    match form {
        X5cForm::Array => Value::Array(vec![text]),
        X5cForm::String => text,
    }
}

/// Reads the leaf certificate's DER out of a header, if there is one.
pub(crate) fn leaf(header: &Map<String, Value>) -> Option<Result<Vec<u8>, &'static str>> {
    let text = match header.get("x5c")? {
        Value::String(text) => Some(text),
        Value::Array(list) => match list.first() {
            Some(Value::String(text)) => Some(text),
            _ => None,
        },
        _ => None,
    };
    let text = text.ok_or("neither a string nor an array of strings");
    Some(text.and_then(|text| STANDARD.decode(text).map_err(|_| "not base64")))
}

/// What is needed of a certificate: its key, and its names for people.
pub(crate) struct Leaf {
    pub(crate) key: PublicKey,
    pub(crate) subject: String,
    /// First and last second of validity, Unix time.
    pub(crate) validity: (i64, i64),
}

/// Reads a certificate (RFC 5280 4.1). Nothing in it is verified here: no chain, no time.
pub(crate) fn read(certificate: &[u8]) -> Result<Leaf, String> {
    if certificate.len() > MAX_CERTIFICATE_LEN {
        return Err(format!("larger than {MAX_CERTIFICATE_LEN} bytes"));
    }
    let (rest, parsed) = X509Certificate::from_der(certificate).map_err(|_| "not an X.509 certificate in DER")?;
    if !rest.is_empty() {
        return Err("bytes after its end".to_owned());
    }
    let key = PublicKey::from_spki_der(parsed.public_key().raw).map_err(|error| error.to_string())?;
    let validity = parsed.validity();
    Ok(Leaf {
        key,
        subject: crate::error::shown(&parsed.subject().to_string(), 200),
        validity: (validity.not_before.timestamp(), validity.not_after.timestamp()),
    })
}

/// The public key of a certificate.
pub(crate) fn public_key(certificate: &[u8]) -> Result<PublicKey, String> {
    read(certificate).map(|leaf| leaf.key)
}

/// No certificate of a card comes near it.
const MAX_CERTIFICATE_LEN: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::der;
    use serde_json::json;

    #[test]
    fn string_and_array_are_read() {
        let certificate = der(include_str!("../tests/data/p256.crt"));
        for form in [X5cForm::Array, X5cForm::String] {
            let mut header = Map::new();
            header.insert("x5c".into(), to_json(&certificate, form));
            assert_eq!(header["x5c"].is_array(), form == X5cForm::Array);
            assert_eq!(leaf(&header).unwrap().unwrap(), certificate);
        }
        assert!(leaf(&Map::new()).is_none());
        for bad in [json!(7), json!([]), json!([7]), json!({}), json!("%"), json!(["AA-_"])] {
            let mut header = Map::new();
            header.insert("x5c".into(), bad.clone());
            assert!(leaf(&header).unwrap().is_err(), "{bad}");
        }
    }

    #[test]
    fn certificates_are_read_whole_or_not_at_all() {
        let certificate = der(include_str!("../tests/data/p256.crt"));
        assert_eq!(read(&certificate).unwrap().subject, "CN=alice");
        let trailing = [&certificate[..], &[0]].concat();
        for bad in [&trailing[..], &certificate[..certificate.len() - 1], &[], &vec![0x30; 40 * 1024]] {
            assert!(read(bad).is_err());
        }
    }
}
