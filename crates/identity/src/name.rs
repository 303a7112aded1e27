//! Distinguished names as text (RFC 4514).

use std::fmt::Write;

use x509_parser::asn1_rs::{Any, Tag, ToDer};
use x509_parser::x509::X509Name;

/// Writes a name in the form of RFC 4514: the last attribute of the certificate first
/// (`CN=Alice,OU=Staff,O=Example,C=US`), separators escaped, control characters as `\0A`.
/// An attribute type without a short name is written as its object identifier with the value in
/// hexadecimal.
pub(crate) fn rfc4514(name: &X509Name<'_>) -> String {
    let mut text = String::new();
    let sets: Vec<_> = name.iter_rdn().collect();
    for (position, set) in sets.iter().rev().enumerate() {
        if position > 0 {
            text.push(',');
        }
        let attributes: Vec<_> = set.iter().collect();
        for (position, attribute) in attributes.iter().rev().enumerate() {
            if position > 0 {
                text.push('+');
            }
            let oid = attribute.attr_type().to_id_string();
            let value = attribute.attr_value();
            match (short_name(&oid), string(value)) {
                (Some(short), Some(decoded)) => {
                    text.push_str(short);
                    text.push('=');
                    escape_into(&mut text, &decoded);
                }
                (short, _) => {
                    text.push_str(short.unwrap_or(&oid));
                    text.push_str("=#");
                    hex_into(&mut text, value);
                }
            }
        }
    }
    text
}

/// All values of one attribute type, in the order of the certificate.
pub(crate) fn values(name: &X509Name<'_>, oid: &str) -> Vec<String> {
    name.iter_attributes()
        .filter(|attribute| attribute.attr_type().to_id_string() == oid)
        .filter_map(|attribute| string(attribute.attr_value()))
        .collect()
}

/// An attribute of a subject that names something about its holder (RFC 5280 appendix A.1, RFC 4519).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubjectAttribute {
    /// commonName.
    CommonName,
    /// organizationName.
    Organization,
    /// organizationalUnitName.
    OrganizationalUnit,
    /// countryName.
    Country,
    /// serialNumber: a number of the holder, not that of the certificate.
    SerialNumber,
    /// userId (RFC 4519 2.39).
    UserId,
}

impl SubjectAttribute {
    pub(crate) fn oid(self) -> &'static str {
        match self {
            SubjectAttribute::CommonName => COMMON_NAME,
            SubjectAttribute::Organization => "2.5.4.10",
            SubjectAttribute::OrganizationalUnit => "2.5.4.11",
            SubjectAttribute::Country => "2.5.4.6",
            SubjectAttribute::SerialNumber => "2.5.4.5",
            SubjectAttribute::UserId => "0.9.2342.19200300.100.1.1",
        }
    }
}

/// commonName (RFC 5280 appendix A.1).
pub(crate) const COMMON_NAME: &str = "2.5.4.3";
/// emailAddress (RFC 2985 5.2.1).
pub(crate) const EMAIL_ADDRESS: &str = "1.2.840.113549.1.9.1";

/// Short names: RFC 4514 section 3 and RFC 4519, then those OpenSSL uses.
fn short_name(oid: &str) -> Option<&'static str> {
    Some(match oid {
        COMMON_NAME => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.42" => "GN",
        "2.5.4.43" => "initials",
        "2.5.4.44" => "generationQualifier",
        "2.5.4.46" => "dnQualifier",
        "2.5.4.65" => "pseudonym",
        "2.5.4.97" => "organizationIdentifier",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        EMAIL_ADDRESS => "emailAddress",
        _ => return None,
    })
}

/// Decodes any of the string types of X.680. TeletexString is read as Latin-1, as everyone does.
fn string(value: &Any<'_>) -> Option<String> {
    let bytes = value.data;
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            std::str::from_utf8(bytes).ok().map(str::to_owned)
        }
        Tag::T61String => Some(bytes.iter().map(|&byte| char::from(byte)).collect()),
        Tag::BmpString => {
            let (pairs, rest) = bytes.as_chunks::<2>();
            let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            String::from_utf16(&units).ok().filter(|_| rest.is_empty())
        }
        Tag::UniversalString => {
            let (fours, rest) = bytes.as_chunks::<4>();
            let text = fours.iter().map(|four| char::from_u32(u32::from_be_bytes(*four))).collect();
            if rest.is_empty() { text } else { None }
        }
        _ => None,
    }
}

/// RFC 4514 section 2.4.
fn escape_into(text: &mut String, value: &str) {
    let last = value.chars().count().saturating_sub(1);
    for (position, character) in value.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => {
                text.push('\\');
                text.push(character);
            }
            ' ' if position == 0 || position == last => text.push_str("\\ "),
            '#' if position == 0 => text.push_str("\\#"),
            '\0'..='\u{1f}' | '\u{7f}' => {
                let _ = write!(text, "\\{:02X}", u32::from(character));
            }
            other => text.push(other),
        }
    }
}

/// The value as `#` and the hexadecimal digits of its DER (RFC 4514 section 2.4).
fn hex_into(text: &mut String, value: &Any<'_>) {
    let encoded = value.to_der_vec().ok();
    text.push_str(&hex::encode_upper(encoded.as_deref().unwrap_or(value.data)));
}
