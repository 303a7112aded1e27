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

/// The largest number of certificates that is read from one file.
pub const MAX_CERTIFICATES: usize = 1000;

/// Reads every certificate in `bytes`, in the order in which they stand.
///
/// The list is never empty: a certificate that cannot be read takes its place as an error and does
/// not hide the others, and input without any certificate gives one error.
///
/// The errors are [`Error::TooLarge`] above [`MAX_FILE`] bytes, [`Error::TooMany`] in the place of
/// what comes behind [`MAX_CERTIFICATES`] members, [`Error::NoCertificate`], [`Error::Malformed`]
/// for forms that are known but not read, and those of [`Certificate::from_der`].
pub fn certificates(bytes: &[u8]) -> Vec<Result<Certificate, Error>> {
    if bytes.len() > MAX_FILE {
        return vec![Err(Error::TooLarge { what: "the file", limit: MAX_FILE })];
    }
    let mut found = Vec::new();
    if let Some(bundle) = signed_data(bytes) {
        bundle_certificates(bundle, &mut found);
    } else if pem::is_pem(bytes) {
        pem_certificates(bytes, &mut found);
    } else {
        found.push(other_form(bytes));
    }
    if found.is_empty() { vec![Err(Error::NoCertificate)] } else { found }
}

type Found = Vec<Result<Certificate, Error>>;

/// Puts one more on the list, unless it is full. Returns whether there was room.
fn push(found: &mut Found, one: Result<Certificate, Error>) -> bool {
    match found.len() {
        ..MAX_CERTIFICATES => found.push(one),
        MAX_CERTIFICATES => found.push(Err(Error::TooMany { limit: MAX_CERTIFICATES })),
        _ => return false,
    }
    true
}

/// One certificate in DER, or what stands there instead, in words that help.
fn other_form(bytes: &[u8]) -> Result<Certificate, Error> {
    let contains = |words: &[u8]| bytes.windows(words.len()).any(|window| window == words);
    let utf16: Vec<u8> = b"-----BEGIN".iter().flat_map(|byte| [0, *byte]).skip(1).collect();
    if contains(b"-----BEGIN ") {
        return Err(Error::malformed(
            "the PEM text",
            "the BEGIN and the END line must stand alone, each at the start of a line of its own",
        ));
    }
    if contains(&utf16) {
        return Err(Error::malformed("the file", "it is text in UTF-16; save it as UTF-8 or ASCII"));
    }
    if bytes.starts_with(BER_SIGNED_DATA) {
        return Err(Error::malformed(BUNDLE, BER));
    }
    if is_pkcs12(bytes) {
        return Err(Error::malformed(
            "the file",
            "it is a PKCS#12 container; `openssl pkcs12 -in FILE -nokeys` writes its certificates as PEM",
        ));
    }
    // The first byte tells "no certificate at all" from "a broken one".
    if bytes.first() == Some(&0x30) { Certificate::from_der(bytes) } else { Err(Error::NoCertificate) }
}

/// PFX ::= SEQUENCE { version 3, SEQUENCE { data or signedData ... (RFC 7292 section 4), also in BER.
fn is_pkcs12(bytes: &[u8]) -> bool {
    let Some(rest) = without_header(bytes, 0x30).and_then(|rest| rest.strip_prefix(&[0x02, 0x01, 0x03])) else {
        return false;
    };
    let Some(content) = without_header(rest, 0x30) else { return false };
    content.starts_with(PKCS7_PREFIX)
}

/// What follows a tag and a length of any form.
fn without_header(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    match bytes.strip_prefix(&[tag])? {
        [0..=0x80, rest @ ..] => Some(rest),
        [long, rest @ ..] => rest.get(usize::from(long & 0x7F)..),
        [] => None,
    }
}

fn pem_certificates(bytes: &[u8], found: &mut Found) {
    for block in pem::sections(bytes) {
        let bundle = matches!(block.label, "PKCS7" | "CMS");
        let one = match block.contents {
            _ if block.label == "TRUSTED CERTIFICATE" => Err(Error::malformed(
                "a PEM block",
                "it is in OpenSSL's own form TRUSTED CERTIFICATE; `openssl x509 -in FILE` writes the usual one",
            )),
            _ if !bundle && !block.is_certificate() => continue,
            Ok(der) if bundle => match signed_data(&der) {
                Some(contents) => {
                    bundle_certificates(contents, found);
                    continue;
                }
                None if der.starts_with(BER_SIGNED_DATA) => Err(Error::malformed(BUNDLE, BER)),
                None => Err(Error::malformed(BUNDLE, "it is not signed data in DER")),
            },
            Ok(der) => Certificate::from_der(&der),
            Err(error) => Err(Error::Malformed {
                what: "a PEM block",
                reason: "its lines are damaged",
                source: Some(Box::new(error)),
            }),
        };
        if !push(found, one) {
            break;
        }
    }
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
fn bundle_certificates(signed_data: &[u8], found: &mut Found) {
    let damaged = || Err(Error::malformed(BUNDLE, "its structure is damaged"));
    let mut set = None;
    if let Ok(mut fields) = SliceReader::new(signed_data) {
        while set.is_none() && !fields.is_finished() {
            match AnyRef::decode(&mut fields) {
                Ok(field) if field.tag() == CONTEXT_0 => set = Some(field.value()),
                Ok(_) => (),
                Err(_) => {
                    push(found, damaged());
                    return;
                }
            }
        }
    }
    let Some(Ok(mut members)) = set.map(SliceReader::new) else { return };
    let mut room = true;
    while room && !members.is_finished() {
        match members.tlv_bytes() {
            // Other tags are other kinds of certificates (RFC 5652 10.2.2).
            Ok(member) if member.first() == Some(&0x30) => room = push(found, Certificate::from_der(member)),
            Ok(_) => (),
            Err(_) => {
                push(found, damaged());
                return;
            }
        }
    }
}

/// id-signedData (RFC 5652 5.1).
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTEXT_0: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
/// 1.2.840.113549.1.7 with its tag, a length of 9 and one more octet to come.
const PKCS7_PREFIX: &[u8] = &[0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07];
/// A SEQUENCE of indefinite length that begins with id-signedData.
const BER_SIGNED_DATA: &[u8] = &[0x30, 0x80, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
const BUNDLE: &str = "the PKCS#7 bundle";
const BER: &str = "it is in BER (lengths are left open), not in DER; `openssl pkcs7 -in FILE -print_certs` \
                   (with -inform DER unless it is PEM) writes its certificates as PEM";
