//! A certification authority for one card: made, used and forgotten.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use der::flagset::FlagSet;
use der::{Decode, Encode};
use p256::ecdsa::{DerSignature, SigningKey};
use x509_cert::TbsCertificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};

use crate::keys::Material;
use crate::{Algorithm, Error, PrivateKey, Source};

/// A certification authority with a P-256 key that is never kept.
pub(crate) struct Authority {
    key: SigningKey,
    name: Name,
    certificate: Vec<u8>,
}

impl Authority {
    /// Makes one, with a certificate that it signs itself.
    pub(crate) fn generate() -> Result<Self, Error> {
        Self::generate_named("pivkit throw-away CA", 0)
    }

    /// The same by another name, with so many authorities below it at most.
    pub(crate) fn generate_named(name: &str, below: u8) -> Result<Self, Error> {
        let key = PrivateKey::generate(Algorithm::P256)?;
        let Material::P256(secret) = &key.material else { return Err(failed("the kind of key is another".into())) };
        let signing_key = SigningKey::from(secret);
        // A name of its own, so that two throw-away authorities can be trusted side by side.
        let distinction = hex::encode_upper(random::<4>()?);
        let name = Name::from_str(&format!("CN={name} {distinction}")).map_err(issue)?;
        let extensions = vec![
            extension(&BasicConstraints { ca: true, path_len_constraint: Some(below) })?,
            extension(&KeyUsage(FlagSet::from(KeyUsages::KeyCertSign) | KeyUsages::CRLSign))?,
        ];
        let certificate = certify(&signing_key, &name, &name, &key, extensions)?;
        Ok(Self { key: signing_key, name, certificate })
    }

    /// Makes a certificate for the public key of `key`, valid for a year from yesterday.
    pub(crate) fn certify(
        &self,
        subject: &str,
        key: &PrivateKey,
        extensions: Vec<Extension>,
    ) -> Result<Vec<u8>, Error> {
        let subject = Name::from_str(subject).map_err(issue)?;
        certify(&self.key, &self.name, &subject, key, extensions)
    }

    #[cfg(test)]
    pub(crate) fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Forgets the key, and gives the certificate in DER.
    pub(crate) fn into_certificate(self) -> Vec<u8> {
        self.certificate
    }
}

/// Makes a certificate after RFC 5280 for the public key of `key`, valid for a year from yesterday.
fn certify(
    signer: &SigningKey,
    issuer: &Name,
    subject: &Name,
    key: &PrivateKey,
    extensions: Vec<Extension>,
) -> Result<Vec<u8>, Error> {
    let now = SystemTime::now();
    let (yesterday, end) = (now.checked_sub(DAY), now.checked_add(DAY.saturating_mul(VALID_DAYS)));
    let (Some(yesterday), Some(end)) = (yesterday, end) else { return Err(failed("the clock is wrong".into())) };
    let validity = Validity::new(Time::try_from(yesterday).map_err(issue)?, Time::try_from(end).map_err(issue)?);
    let profile = Fixed { issuer: issuer.clone(), subject: subject.clone(), extensions };
    let builder = builder(profile, validity, key)?;
    builder.build::<_, DerSignature>(signer).map_err(issue)?.to_der().map_err(issue)
}

/// Makes a certificate below another one, valid as long as that.
///
/// # Errors
///
/// [`Error::Issue`], also for a signer that can sign no certificates.
pub(crate) fn certify_below(
    signer: &PrivateKey,
    issuer_certificate: &[u8],
    subject: &str,
    key: &PrivateKey,
    extensions: Vec<Extension>,
) -> Result<Vec<u8>, Error> {
    let issuer = x509_cert::Certificate::from_der(issuer_certificate).map_err(issue)?;
    let issuer = issuer.tbs_certificate();
    let subject = Name::from_str(subject).map_err(issue)?;
    let profile = Fixed { issuer: issuer.subject().clone(), subject, extensions };
    let builder = builder(profile, *issuer.validity(), key)?;
    let certificate = match &signer.material {
        Material::Rsa(key) => {
            let signer = rsa::pkcs1v15::SigningKey::<rsa::sha2::Sha256>::new((**key).clone());
            builder.build::<_, rsa::pkcs1v15::Signature>(&signer)
        }
        Material::P256(key) => builder.build::<_, DerSignature>(&SigningKey::from(key)),
        Material::P384(key) => builder.build::<_, p384::ecdsa::DerSignature>(&p384::ecdsa::SigningKey::from(key)),
        Material::Ed25519(_) | Material::X25519(_) => return Err(failed("such a key signs no certificates".into())),
    };
    certificate.map_err(issue)?.to_der().map_err(issue)
}

fn builder(profile: Fixed, validity: Validity, key: &PrivateKey) -> Result<CertificateBuilder<Fixed>, Error> {
    let mut serial = random::<16>()?;
    // Positive, and of full length (RFC 5280, 4.1.2.2).
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x3f) | 0x40;
    }
    let serial = SerialNumber::new(&serial).map_err(issue)?;
    let public_key = SubjectPublicKeyInfoOwned::from_der(&key.public_key_der()?).map_err(issue)?;
    CertificateBuilder::new(profile, serial, validity, public_key).map_err(issue)
}

/// The certificate's fields that the builder asks for.
struct Fixed {
    issuer: Name,
    subject: Name,
    extensions: Vec<Extension>,
}

impl BuilderProfile for Fixed {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        own: SubjectPublicKeyInfoRef<'_>,
        issuer: SubjectPublicKeyInfoRef<'_>,
        certificate: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let mut extensions = self.extensions.clone();
        let subject = certificate.subject();
        extensions.push((&SubjectKeyIdentifier::try_from(own)?).to_extension(subject, &extensions)?);
        extensions.push((&AuthorityKeyIdentifier::try_from(issuer)?).to_extension(subject, &extensions)?);
        Ok(extensions)
    }
}

/// An extension, in the form that it has where the subject's name is not empty.
pub(crate) fn extension<'a, E>(value: &'a E) -> Result<Extension, Error>
where
    &'a E: ToExtension<Error = der::Error>,
{
    value.to_extension(&Name::from_str("CN=card").map_err(issue)?, &[]).map_err(issue)
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(issue)?;
    Ok(bytes)
}

pub(crate) fn issue(source: impl Into<Source>) -> Error {
    failed(source.into())
}

fn failed(source: Source) -> Error {
    Error::Issue { what: "a certificate", source }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const VALID_DAYS: u32 = 365;
