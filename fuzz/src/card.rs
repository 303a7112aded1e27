//! What comes from cards: data objects and certificates.

use identity::{Certificate, Usage};
use piv::{AdminData, CertificateObject, Chuid, DiscoveryObject, KeyHistory, MAX_CERTIFICATE_LENGTH, Slot};
use smartcard::tlv::{self, Reader, Tag};

/// BER-TLV: objects lie one after the other, and are read the same after they were written again.
pub fn tlv(data: &[u8]) {
    let mut read = 0;
    let mut written = Vec::new();
    let mut objects = Vec::new();
    for object in Reader::new(data) {
        let Ok(object) = object else { break };
        read += object.value.len();
        objects.push((object.tag, object.value));
        tlv::push(&mut written, object.tag, object.value);
        let _ = tlv::single(object.value, object.tag);
    }
    assert!(read <= data.len());
    let again: Vec<_> =
        Reader::new(&written).map(|object| object.map(|object| (object.tag, object.value)).unwrap()).collect();
    assert_eq!(again, objects);
    for tag in [Tag(0x53), Tag(0x7f49), Tag(0x5f_c1_02)] {
        let found = tlv::find(data, tag);
        let first = objects.iter().find(|(other, _)| *other == tag).map(|(_, value)| *value);
        assert!(first.is_none() || found == Ok(first));
    }
}

/// The card holder unique identifier.
pub fn chuid(data: &[u8]) {
    if let Ok(Chuid { guid: Some(guid) }) = Chuid::parse(data) {
        let written = Chuid::encode(&guid, b"20300101");
        assert_eq!(Chuid::parse(&written).unwrap().guid, Some(guid));
    }
}

/// The other objects of a PIV card. The first byte chooses.
pub fn piv_objects(data: &[u8]) {
    let Some((which, contents)) = data.split_first() else { return };
    match which % 5 {
        0 => drop(DiscoveryObject::parse(contents)),
        1 => drop(KeyHistory::parse(contents)),
        2 => drop(AdminData::parse(contents)),
        3 => {
            if let Ok(Some(object)) = CertificateObject::parse(Slot::Authentication, contents) {
                assert!(!object.der.is_empty() && object.der.len() <= MAX_CERTIFICATE_LENGTH);
                let again = CertificateObject::parse(Slot::Authentication, &CertificateObject::encode(&object.der));
                assert!(again.is_ok());
            }
        }
        _ => drop(smartcard::Response::parse(contents.to_vec())),
    }
}

/// A certificate, and a file of several in any form.
pub fn certificate(data: &[u8]) {
    if let Ok(certificate) = Certificate::from_der(data) {
        assert_eq!(certificate.der(), data);
        let _ = (certificate.subject(), certificate.issuer(), certificate.common_name(), certificate.serial_number());
        let _ = (certificate.upns(), certificate.emails(), certificate.rfc822_names());
        let _ = (certificate.extended_key_usages(), certificate.key_usage(), certificate.pairing_hash());
        let _ = (certificate.problems_at(certificate.not_after()), certificate.problems_for(Usage::Authentication));
        let _ = certificate.is_issued_by(&certificate);
        let again = Certificate::from_der(certificate.der()).unwrap();
        assert_eq!(again, certificate);
        let mut files = identity::load::certificates(certificate.to_pem().as_bytes());
        assert_eq!(files.pop().unwrap().unwrap(), certificate);
    }
    for certificate in identity::load::certificates(data).into_iter().flatten() {
        let _ = certificate.usable_for();
    }
    let _ = identity::ssh::keys(data);
    let _ = jose::PublicKey::from_spki_der(data);
}
