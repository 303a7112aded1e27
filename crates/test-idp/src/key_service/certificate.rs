//! The certificate of a key of the key service (RFC 5280): self-signed, since a client reads the key from it and nothing
//! else, valid for a year from an hour ago, for key agreement.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use der::{Decode, Encode};
use jose::EcPrivateKey;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::DecodePrivateKey;
use x509_cert::TbsCertificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{self, Builder, CertificateBuilder};
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};

use crate::error::Error;

/// Makes the certificate of a key, in DER.
///
/// # Errors
/// [`Error::Certificate`] when the builder fails, [`Error::Random`] without a serial number.
pub(super) fn for_key(key: &EcPrivateKey) -> Result<Vec<u8>, Error> {
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(Error::Random)?;
    // Positive, and of full length (RFC 5280 section 4.1.2.2).
    serial[0] = (serial[0] & 0x3f) | 0x40;
    build(key, &serial).map_err(|error| Error::Certificate(error.to_string()))
}

fn build(key: &EcPrivateKey, serial: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let signer = SigningKey::from_pkcs8_pem(&key.to_pkcs8_pem()?)?;
    let public = SubjectPublicKeyInfoOwned::from_der(&key.public().spki_der()?)?;
    let now = SystemTime::now();
    let start = now.checked_sub(HOUR).ok_or("the clock is wrong")?;
    let end = now.checked_add(YEAR).ok_or("the clock is wrong")?;
    let validity = Validity::new(Time::try_from(start)?, Time::try_from(end)?);
    let profile = KeyAgreement(Name::from_str("CN=Platform SSO key,O=pivkit-idp")?);
    let certificate = CertificateBuilder::new(profile, SerialNumber::new(serial)?, validity, public)?;
    Ok(certificate.build::<_, DerSignature>(&signer)?.to_der()?)
}

/// The fields that the builder asks for: one name, twice.
struct KeyAgreement(Name);

impl BuilderProfile for KeyAgreement {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.0.clone()
    }

    fn get_subject(&self) -> Name {
        self.0.clone()
    }

    fn build_extensions(
        &self,
        _key: SubjectPublicKeyInfoRef<'_>,
        _issuer_key: SubjectPublicKeyInfoRef<'_>,
        certificate: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        let usage = KeyUsage(KeyUsages::KeyAgreement.into());
        Ok(vec![(&usage).to_extension(certificate.subject(), &[])?])
    }
}

const HOUR: Duration = Duration::from_secs(3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
