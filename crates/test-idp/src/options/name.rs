//! The name of an issuer as people write it: `CN=Example CA,O=Example\, Inc.` (RFC 4514).

use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// A distinguished name: relative names in order, each with its attributes. Types are object identifiers in dotted form;
/// values are in lower case as far as they are ASCII; the attributes of one relative name are sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DistinguishedName {
    text: String,
    names: Vec<Relative>,
}

type Relative = Vec<(String, String)>;

impl DistinguishedName {
    /// Reads a name; nothing for what is none: a type that is not known, a character that must be escaped and is not, or a
    /// value in hexadecimal (`#04..`), which is not supported.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let names = split(text, ',')?.into_iter().map(|relative| {
            let attributes = split(relative, '+')?.into_iter().map(attribute);
            sorted(attributes.collect::<Option<Vec<_>>>()?)
        });
        Some(Self { text: text.to_owned(), names: names.collect::<Option<_>>()? })
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether this is the name, in the order of the certificate or in the opposite one (RFC 4514 section 2.1).
    pub(crate) fn is(&self, name: &X509Name<'_>) -> bool {
        let relative = name.iter_rdn().map(|relative| {
            let attributes = relative.iter().map(|attribute| {
                let value = value_of(attribute)?.to_ascii_lowercase();
                Some((attribute.attr_type().to_id_string(), value))
            });
            sorted(attributes.collect::<Option<Vec<_>>>()?)
        });
        let Some(mut names) = relative.collect::<Option<Vec<_>>>() else { return false };
        let same = names == self.names;
        names.reverse();
        same || names == self.names
    }
}

fn sorted(mut attributes: Relative) -> Option<Relative> {
    attributes.sort_unstable();
    Some(attributes)
}

/// The text of a value; nothing for one that is not text.
fn value_of(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    if let Ok(text) = attribute.as_str() {
        return Some(text.to_owned());
    }
    let value = attribute.attr_value();
    let units = value.data.chunks_exact(2).map(|unit| unit.iter().fold(0, |high, low| high << 8 | u16::from(*low)));
    let bmp_string = value.tag() == x509_parser::asn1_rs::Tag::BmpString && value.data.len() % 2 == 0;
    if bmp_string { char::decode_utf16(units).collect::<Result<_, _>>().ok() } else { None }
}

/// The parts of a text between separators that are not escaped.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let mut begin = 0;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == separator => {
                parts.push(text.get(begin..at)?);
                begin = at + character.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text.get(begin..)?);
    Some(parts)
}

/// `CN=Example CA`, with spaces around it or not.
fn attribute(text: &str) -> Option<(String, String)> {
    let (kind, value) = text.split_once('=')?;
    let kind = kind.trim();
    let known = TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind)).map(|(_, id)| (*id).to_owned());
    let dotted = || {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        (kind.contains('.') && kind.split('.').all(digits)).then(|| kind.to_owned())
    };
    let mut value = unescaped(value.trim_start())?;
    value.make_ascii_lowercase();
    Some((known.or_else(dotted)?, value))
}

/// A value without its escapes, and without the spaces behind it that are not escaped.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    // The value ends here at the earliest.
    let mut kept = 0;
    let mut rest = text.bytes();
    if text.starts_with('#') {
        return None;
    }
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => {
                let first = rest.next()?;
                match char::from(first).to_digit(16) {
                    Some(high) => {
                        let low = char::from(rest.next()?).to_digit(16)?;
                        bytes.push(u8::try_from(high * 16 + low).ok()?);
                    }
                    None if b" \"#+,;<=>\\".contains(&first) => bytes.push(first),
                    None => return None,
                }
                kept = bytes.len();
            }
            b'"' | b';' | b'<' | b'>' | 0 => return None,
            _ => {
                bytes.push(byte);
                kept = if byte == b' ' { kept } else { bytes.len() };
            }
        }
    }
    bytes.truncate(kept);
    if bytes.is_empty() { None } else { String::from_utf8(bytes).ok() }
}

/// Types by name: those of RFC 4514 section 3, and others that programs write.
const TYPES: [(&str, &str); 19] = [
    ("CN", "2.5.4.3"),
    ("SN", "2.5.4.4"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("S", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("T", "2.5.4.12"),
    ("title", "2.5.4.12"),
    ("GN", "2.5.4.42"),
    ("organizationIdentifier", "2.5.4.97"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("E", "1.2.840.113549.1.9.1"),
    ("Email", "1.2.840.113549.1.9.1"),
    ("emailAddress", "1.2.840.113549.1.9.1"),
];

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};
    use x509_parser::certificate::X509Certificate;
    use x509_parser::prelude::FromDer;

    use super::*;

    /// Whether a certificate with these attributes is named so.
    fn is(attributes: &[(DnType, &str)], text: &str) -> bool {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (_, certificate) = X509Certificate::from_der(certificate.der()).unwrap();
        DistinguishedName::parse(text).unwrap().is(certificate.subject())
    }

    #[test]
    fn names_are_compared_part_by_part() {
        use DnType::{CommonName as CN, OrganizationName as O};
        let inc = [(CN, "Example CA"), (O, "Example, Inc.")];
        for text in [
            "CN=Example CA,O=Example\\, Inc.",
            "o = example\\2c inc. , cn=EXAMPLE CA ",
            "2.5.4.3=Example CA, 2.5.4.10=Example\\, Inc.",
        ] {
            assert!(is(&inc, text), "{text}");
        }
        for text in
            ["CN=Example CA", "CN=Example CA,O=Example", "CN=Example CA+O=Example\\, Inc.", "CN=Example\\, Inc."]
        {
            assert!(!is(&inc, text), "{text}");
        }
        // One part whose text looks like two is not two, nor the other way round.
        let one = [(CN, "a,O=b")];
        assert!(!is(&one, "CN=a,O=b") && !is(&one, "O=b,CN=a") && is(&one, "CN=a\\,O\\=b"));
        assert!(!is(&[(CN, "a"), (O, "b")], "CN=a\\,O=b"));
        assert!(is(&[(CN, " M\u{fc}ller ")], "CN=\\ M\\C3\\BCller\\ "));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "CN",
            "CN=",
            "CN=a,",
            "X=a",
            "CN=a\\",
            "CN=a\\x",
            "CN=\"a\"",
            "CN=#0c0161",
            "CN=\\ff",
            "CN=a;O=b",
            "1.=a",
        ] {
            assert_eq!(DistinguishedName::parse(text), None, "{text}");
        }
    }
}
