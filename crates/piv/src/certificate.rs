//! Certificate objects (SP 800-73-4 Part 1, 3.1.3 and table 10; Appendix A of its earlier editions for gzip).
//!
//! ```text
//! 70 certificate (DER, or gzip of it)   71 CertInfo (1 byte)   72 MSCUID   FE error detection code (empty)
//! ```

use std::io::Read;

use flate2::read::{GzDecoder, ZlibDecoder};
use smartcard::tlv::{self, Reader, Tag};

use crate::{Error, ObjectId, Slot};

/// The certificate of a slot, and what is wrong with the object around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateObject {
    /// The certificate, uncompressed; at most [`MAX_CERTIFICATE_LENGTH`] bytes. Whether it is a certificate is not
    /// checked here.
    pub der: Vec<u8>,
    /// Deviations from the standard that did not keep the certificate from being read, each a sentence.
    pub problems: Vec<&'static str>,
}

/// The longest certificate that is read, in bytes after decompression.
pub const MAX_CERTIFICATE_LENGTH: usize = 32 * 1024;

impl CertificateObject {
    /// The contents of an object with this certificate, uncompressed: what tag 53 holds.
    #[must_use]
    pub fn encode(der: &[u8]) -> Vec<u8> {
        let mut contents = tlv::encode(CERTIFICATE, der);
        tlv::push(&mut contents, CERT_INFO, &[0]);
        tlv::push(&mut contents, ERROR_DETECTION_CODE, &[]);
        contents
    }

    /// Reads the contents of the object (what tag 53 holds). `None` if they hold no certificate, as an emptied slot does.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the data are not BER-TLV up to the certificate, if decompression fails, or if the
    /// certificate exceeds [`MAX_CERTIFICATE_LENGTH`].
    pub fn parse(slot: Slot, contents: &[u8]) -> Result<Option<Self>, Error> {
        Self::parse_object(ObjectId::Certificate(slot), contents)
    }

    pub(crate) fn parse_object(object: ObjectId, contents: &[u8]) -> Result<Option<Self>, Error> {
        let mut problems = Vec::new();
        let (mut certificate, mut info, mut has_end) = (None, None, false);
        for tlv in Reader::new(contents) {
            match tlv {
                Ok(tlv) if tlv.tag == CERTIFICATE && certificate.is_none() => certificate = Some(tlv.value),
                Ok(tlv) if tlv.tag == CERT_INFO => info = tlv.value.first().copied(),
                Ok(tlv) if tlv.tag == ERROR_DETECTION_CODE => has_end = true,
                Ok(_) => {}
                Err(_) if certificate.is_some() => {
                    problems.push("bytes that are no data object follow the certificate")
                }
                Err(error) => return Err(malformed(object, error)),
            }
        }
        let Some(certificate) = certificate.filter(|certificate| !certificate.is_empty()) else {
            return Ok(None);
        };
        if !has_end {
            problems.push("the error detection code (FE) is missing");
        }
        if info.is_none() {
            problems.push("CertInfo (71) is missing");
        }
        let said = info.is_some_and(|info| info & (GZIP | GZIP_OLD) != 0);
        let compressed = looks_compressed(certificate).unwrap_or(said);
        if compressed && !said {
            problems.push("the certificate is compressed, and CertInfo (71) does not say so");
        } else if said && !compressed {
            problems.push("CertInfo (71) says that the certificate is compressed, and it is not");
        }
        let der = if compressed { decompress(object, certificate)? } else { certificate.to_vec() };
        if der.len() > MAX_CERTIFICATE_LENGTH {
            return Err(malformed(object, tlv::TlvError { offset: 0, reason: TOO_LONG }));
        }
        Ok(Some(Self { der, problems }))
    }
}

const CERTIFICATE: Tag = Tag(0x70);
const CERT_INFO: Tag = Tag(0x71);
const ERROR_DETECTION_CODE: Tag = Tag(0xfe);
/// CertInfo bit 1: the certificate is compressed.
const GZIP: u8 = 0x01;
/// The same in an early reading of the standard that counted bits from the other end.
const GZIP_OLD: u8 = 0x80;
const TOO_LONG: &str = "the certificate is longer than 32 KiB";

/// What the first bytes tell, whatever CertInfo says; `None` if they are of neither form. A certificate is a SEQUENCE of more
/// than 127 bytes, gzip begins with its magic number, and zlib with the header of a deflate stream, which is a multiple of 31.
fn looks_compressed(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [0x30, 0x81..=0x83, ..] => Some(false),
        [0x1f, 0x8b, ..] => Some(true),
        [0x78, flags, ..] if (0x7800 | u16::from(*flags)) % 31 == 0 => Some(true),
        _ => None,
    }
}

fn malformed(object: ObjectId, error: tlv::TlvError) -> Error {
    Error::malformed(object, error)
}

/// Inflates gzip, or zlib which some cards hold instead, up to one byte more than the limit.
fn decompress(object: ObjectId, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let limit = u64::try_from(MAX_CERTIFICATE_LENGTH + 1).unwrap_or(u64::MAX);
    let mut der = Vec::new();
    let result = if bytes.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(bytes).take(limit).read_to_end(&mut der)
    } else {
        ZlibDecoder::new(bytes).take(limit).read_to_end(&mut der)
    };
    match result {
        Ok(_) => Ok(der),
        Err(_) => {
            Err(malformed(object, tlv::TlvError { offset: 0, reason: "the compressed certificate cannot be unpacked" }))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write};

    use super::*;

    const SLOT: Slot = Slot::Authentication;

    fn object(certificate: &[u8], info: u8) -> Vec<u8> {
        [tlv::encode(CERTIFICATE, certificate), vec![0x71, 1, info, 0xfe, 0]].concat()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = write::GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = write::ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_gzip_and_zlib_give_the_same_certificate() {
        let der = b"a certificate".repeat(50);
        for (bytes, info) in [(der.clone(), 0), (gzip(&der), 1), (gzip(&der), 0x80), (zlib(&der), 1)] {
            let parsed = CertificateObject::parse(SLOT, &object(&bytes, info)).unwrap().unwrap();
            assert_eq!(parsed, CertificateObject { der: der.clone(), problems: vec![] });
        }
    }

    #[test]
    fn a_gzip_bomb_is_refused_at_the_limit() {
        let bomb = gzip(&vec![0; 50_000_000]);
        let error = CertificateObject::parse(SLOT, &object(&bomb, 1)).unwrap_err();
        assert!(error.to_string().contains("32 KiB"), "{error}");
    }

    #[test]
    fn garbage_that_claims_to_be_compressed_is_refused() {
        for bytes in [&b"garbage"[..], &gzip(b"certificate")[..12]] {
            assert!(matches!(CertificateObject::parse(SLOT, &object(bytes, 1)), Err(Error::Malformed { .. })));
        }
    }

    #[test]
    fn an_emptied_slot_holds_no_certificate() {
        for contents in ["", "7000710100fe00", "fe00"] {
            assert_eq!(CertificateObject::parse(SLOT, &hex::decode(contents).unwrap()).unwrap(), None, "{contents}");
        }
    }

    #[test]
    fn a_wrong_cert_info_does_not_hide_the_certificate() {
        let der = [&[0x30, 0x82, 0x02, 0x00][..], &[0x05; 512]].concat();
        for (bytes, info) in [(gzip(&der), 0), (zlib(&der), 0), (der.clone(), 1), (der.clone(), 0x80)] {
            let parsed = CertificateObject::parse(SLOT, &object(&bytes, info)).unwrap().unwrap();
            assert_eq!((parsed.der, parsed.problems.len()), (der.clone(), 1), "{info}");
        }
        let without_info = tlv::encode(CERTIFICATE, &gzip(&der));
        let parsed = CertificateObject::parse(SLOT, &without_info).unwrap().unwrap();
        assert_eq!((parsed.der, parsed.problems.len()), (der, 3), "no FE, no CertInfo, compressed");
    }

    #[test]
    fn what_is_written_is_read_back_without_a_problem() {
        let der = [&[0x30, 0x82, 0x02, 0x00][..], &[0x05; 512]].concat();
        let parsed = CertificateObject::parse(SLOT, &CertificateObject::encode(&der)).unwrap().unwrap();
        assert_eq!(parsed, CertificateObject { der, problems: vec![] });
    }

    #[test]
    fn a_certificate_of_32_kib_is_read_and_a_longer_one_refused() {
        for (length, fits) in [(MAX_CERTIFICATE_LENGTH, true), (MAX_CERTIFICATE_LENGTH + 1, false)] {
            for bytes in [vec![0x30; length], gzip(&vec![0x30; length])] {
                let info = u8::from(bytes.starts_with(&[0x1f]));
                let parsed = CertificateObject::parse(SLOT, &object(&bytes, info));
                assert_eq!(parsed.is_ok_and(|parsed| parsed.is_some()), fits, "{length}");
            }
        }
    }

    #[test]
    fn deviations_are_named_and_the_certificate_is_read() {
        for (contents, problems) in
            [("7001aa710100", 1), ("7001aa", 2), ("fe007101007001aa", 0), ("7001aa710100fe005305", 1)]
        {
            let parsed = CertificateObject::parse(SLOT, &hex::decode(contents).unwrap()).unwrap().unwrap();
            assert_eq!((parsed.der, parsed.problems.len()), (vec![0xaa], problems), "{contents}");
        }
    }
}
