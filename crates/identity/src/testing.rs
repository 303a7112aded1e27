//! Certificates made for unit tests.

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};

use crate::{Certificate, Identity};

/// A self-signed P-256 certificate that is valid from 2000 to 2100, and its key.
pub(crate) fn certificate(
    common_name: &str,
    key_usages: &[KeyUsagePurpose],
    purposes: &[ExtendedKeyUsagePurpose],
) -> (Certificate, KeyPair) {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = rcgen::date_time_ymd(2000, 1, 1);
    params.not_after = rcgen::date_time_ymd(2100, 1, 1);
    params.serial_number = Some(vec![0x11; 20].into());
    params.key_usages = key_usages.to_vec();
    params.extended_key_usages = purposes.to_vec();
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (Certificate::from_der(certificate.der()).unwrap(), key)
}

/// An identity with such a certificate.
pub(crate) fn identity(slot: &str, common_name: &str) -> Identity {
    let (certificate, _) = certificate(common_name, &[], &[]);
    Identity { slot: slot.to_owned(), certificate, token_id: None }
}
