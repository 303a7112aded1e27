//! Certificate objects as some cards have them: compressed in one way or another, with parts missing, turned or added.

use std::io::Write;

use flate2::write::{GzEncoder, ZlibEncoder};
use smartcard::tlv::{self, Tag};

use crate::behaviour::{CertificateHabits, Compression};

/// A certificate object's content as a card with these habits tells it. What is no certificate object stays as it is.
pub(crate) fn presented(object: &[u8], habits: &CertificateHabits) -> Vec<u8> {
    let (Ok(Some(stored)), Ok(info)) = (tlv::find(object, CERTIFICATE), tlv::find(object, CERT_INFO)) else {
        return object.to_vec();
    };
    let info = info.unwrap_or(&[0]);
    let (stored, info) = match habits.compression.filter(|_| info == [0]) {
        None => (stored.to_vec(), info.to_vec()),
        Some(Compression::Zlib) => (zlib(stored), vec![0x01]),
        Some(Compression::Gzip) => (gzip(stored), vec![0x01]),
        Some(Compression::Gzip80) => (gzip(stored), vec![0x80]),
    };
    let mut parts = vec![tlv::encode(CERTIFICATE, &stored), tlv::encode(CERT_INFO, &info)];
    if !habits.without_fe {
        parts.push(tlv::encode(Tag(0xfe), &[]));
    }
    if habits.backwards {
        parts.reverse();
    }
    if habits.trailing {
        // A data object of no known tag, and the beginning of another.
        parts.push(vec![0x00, 0x00, 0x5f]);
    }
    parts.concat()
}

const CERTIFICATE: Tag = Tag(0x70);
const CERT_INFO: Tag = Tag(0x71);

/// RFC 1952.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// RFC 1950.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::objects::{self, CertificateStorage};

    fn presented_with(habits: CertificateHabits) -> Vec<u8> {
        presented(&objects::certificate(&[7; 1000], CertificateStorage::Plain), &habits)
    }

    fn tags(object: &[u8]) -> Vec<u32> {
        tlv::Reader::new(object).map_while(Result::ok).map(|tlv| tlv.tag.0).collect()
    }

    #[test]
    fn without_habits_it_is_as_it_was() {
        let object = objects::certificate(&[7; 1000], CertificateStorage::Gzip);
        assert_eq!(presented(&object, &CertificateHabits::default()), object);
        assert_eq!(presented(b"noise", &CertificateHabits { trailing: true, ..Default::default() }), b"noise");
    }

    #[test]
    fn compressed_ones_unpack_and_say_how() {
        for (compression, info) in [(Compression::Zlib, 0x01), (Compression::Gzip, 0x01), (Compression::Gzip80, 0x80)] {
            let object = presented_with(CertificateHabits { compression: Some(compression), ..Default::default() });
            assert_eq!(tlv::find(&object, CERT_INFO).unwrap(), Some(&[info][..]));
            let (stored, mut der) = (tlv::find(&object, CERTIFICATE).unwrap().unwrap(), Vec::new());
            if compression == Compression::Zlib {
                flate2::read::ZlibDecoder::new(stored).read_to_end(&mut der).unwrap();
            } else {
                flate2::read::GzDecoder::new(stored).read_to_end(&mut der).unwrap();
            }
            assert_eq!(der, [7; 1000]);
        }
    }

    #[test]
    fn parts_are_left_out_turned_and_added() {
        let habits = CertificateHabits::default();
        assert_eq!(tags(&presented_with(CertificateHabits { without_fe: true, ..habits })), [0x70, 0x71]);
        assert_eq!(tags(&presented_with(CertificateHabits { backwards: true, ..habits })), [0xfe, 0x71, 0x70]);
        let trailing = presented_with(CertificateHabits { trailing: true, ..habits });
        assert_eq!(tags(&trailing), [0x70, 0x71, 0xfe, 0x00]);
        assert!(tlv::Reader::new(&trailing).any(|tlv| tlv.is_err()));
    }
}
