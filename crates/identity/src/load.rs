//! Certificates out of a file: PEM, DER, or a PKCS#7 bundle.
//!
//! | form    | recognised by                        | certificates                               |
//! |---------|--------------------------------------|--------------------------------------------|
//! | PEM     | a line that starts `-----BEGIN `     | every `CERTIFICATE` and `PKCS7` block; other blocks are skipped |
//! | PKCS#7  | SEQUENCE that begins with the object identifier of signedData | all of its certificates (RFC 5652 5.1) |
//! | DER     | anything else                        | one                                        |

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};

use crate::{Certificate, Error, pem};

/// The largest file that is read, in bytes.
pub const MAX_FILE: usize = 1024 * 1024;

/// Reads every certificate in `bytes`, in the order in which they stand.
///
/// The list is never empty: a certificate that cannot be read takes its place as an error and does
/// not hide the others, and input without any certificate gives one error.
///
/// The errors are [`Error::TooLarge`] above [`MAX_FILE`] bytes, [`Error::NoCertificate`], and
/// those of [`Certificate::from_der`].
pub fn certificates(bytes: &[u8]) -> Vec<Result<Certificate, Error>> {
    if bytes.len() > MAX_FILE {
        return vec![Err(Error::TooLarge { what: "the file", limit: MAX_FILE })];
    }
    let found = if let Some(bundle) = signed_data(bytes) {
        bundle_certificates(bundle)
    } else if pem::is_pem(bytes) {
        pem_certificates(bytes)
    } else {
        // The first byte tells "no certificate at all" from "a broken one".
        if bytes.first() != Some(&0x30) {
            return vec![Err(Error::NoCertificate)];
        }
        vec![Certificate::from_der(bytes)]
    };
    if found.is_empty() { vec![Err(Error::NoCertificate)] } else { found }
}

fn pem_certificates(bytes: &[u8]) -> Vec<Result<Certificate, Error>> {
    let mut found = Vec::new();
    for block in pem::blocks(bytes) {
        let bundle = matches!(block.label, "PKCS7" | "CMS");
        if !bundle && !block.is_certificate() {
            continue;
        }
        match block.contents {
            Ok(der) if bundle => match signed_data(&der) {
                Some(contents) => found.extend(bundle_certificates(contents)),
                None => found.push(Err(Error::malformed(BUNDLE, "it is not signed data in DER"))),
            },
            Ok(der) => found.push(Certificate::from_der(&der)),
            Err(error) => found.push(Err(Error::Malformed {
                what: "a PEM block",
                reason: "its lines are damaged",
                source: Some(Box::new(error)),
            })),
        }
    }
    found
}

/// The contents of SignedData, when `bytes` is a ContentInfo that holds one (RFC 5652 section 3).
fn signed_data(bytes: &[u8]) -> Option<&[u8]> {
    let info = AnyRef::from_der(bytes).ok().filter(|any| any.tag() == Tag::Sequence)?;
    let mut reader = SliceReader::new(info.value()).ok()?;
    if ObjectIdentifier::decode(&mut reader).ok()? != SIGNED_DATA {
        return None;
    }
    let explicit = AnyRef::decode(&mut reader).ok().filter(|any| any.tag() == CONTEXT_0)?;
    let data = AnyRef::from_der(explicit.value()).ok().filter(|any| any.tag() == Tag::Sequence)?;
    Some(data.value())
}

/// The certificates of SignedData: field `[0]`, after version, digest algorithms and content
/// (RFC 5652 5.1). Signatures, if there are any, are not looked at.
fn bundle_certificates(signed_data: &[u8]) -> Vec<Result<Certificate, Error>> {
    let damaged = || vec![Err(Error::malformed(BUNDLE, "its structure is damaged"))];
    let Ok(mut fields) = SliceReader::new(signed_data) else { return damaged() };
    let mut set = None;
    while set.is_none() && !fields.is_finished() {
        match AnyRef::decode(&mut fields) {
            Ok(field) if field.tag() == CONTEXT_0 => set = Some(field.value()),
            Ok(_) => (),
            Err(_) => return damaged(),
        }
    }
    let Some(Ok(mut members)) = set.map(SliceReader::new) else { return Vec::new() };
    let mut found = Vec::new();
    while !members.is_finished() {
        match members.tlv_bytes() {
            // Other tags are other kinds of certificates (RFC 5652 10.2.2).
            Ok(member) if member.first() == Some(&0x30) => found.push(Certificate::from_der(member)),
            Ok(_) => (),
            Err(_) => {
                found.extend(damaged());
                break;
            }
        }
    }
    found
}

/// id-signedData (RFC 5652 5.1).
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTEXT_0: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
const BUNDLE: &str = "the PKCS#7 bundle";
