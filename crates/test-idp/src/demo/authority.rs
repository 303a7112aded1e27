//! A certification authority for the card of a demonstration (RFC 5280).

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, OtherNameValue, SanType,
};
use time::{Duration, OffsetDateTime};

use crate::error::Error;

/// An authority with a P-256 key.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    now: OffsetDateTime,
}

impl Authority {
    /// Makes one, with a certificate that it signs itself.
    pub(super) fn generate(name: &str, now: OffsetDateTime) -> Result<Self, Error> {
        let mut params = params(name, now);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)?, now })
    }

    /// A certificate to log in with, and its key, both in PEM.
    pub(super) fn issue(&self, name: &str, upn: &str) -> Result<(String, String), Error> {
        let mut params = params(name, self.now);
        params.subject_alt_names = vec![SanType::OtherName((UPN.to_vec(), OtherNameValue::Utf8String(upn.to_owned())))];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::Other(SMART_CARD_LOGON.to_vec())];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &self.issuer)?.pem(), key.serialize_pem()))
    }

    pub(super) fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    pub(super) fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }
}

/// A subject, for a year from yesterday.
fn params(name: &str, now: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now - Duration::DAY;
    params.not_after = now + 365 * Duration::DAY;
    params
}

/// User principal name, an otherName of Microsoft's (szOID_NT_PRINCIPAL_NAME).
const UPN: [u64; 10] = [1, 3, 6, 1, 4, 1, 311, 20, 2, 3];
/// Microsoft's extended key usage (szOID_KP_SMARTCARD_LOGON).
const SMART_CARD_LOGON: [u64; 10] = [1, 3, 6, 1, 4, 1, 311, 20, 2, 2];
