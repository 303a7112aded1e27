//! What the certificates in 9A and 9D say (RFC 5280), whether the card signs them itself or a certification authority
//! will (RFC 2986).
//!
//! | | 9A | 9D |
//! |---|---|---|
//! | key usage (critical) | digitalSignature | keyEncipherment (RSA), keyAgreement (curves) |
//! | extended key usage | clientAuth, smartcardLogon | none |
//! | basic constraints (critical) | no authority | no authority |
//! | alternative names | UPN, e-mail | UPN, e-mail |
//!
//! A self-signed certificate also has a subject key identifier and a random serial number of 16 bytes.

use der::Decode;
use der::asn1::{Any, Ia5String, ObjectIdentifier, Utf8StringRef};
use time::OffsetDateTime;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::ext::pkix::name::{GeneralName, OtherName};
use x509_cert::ext::pkix::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::request::RequestBuilder;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use x509_cert::time::Time;

use crate::unsigned::{CardKey, Form};
use crate::{Error, KeyAlgorithm, KeySlot, Subject, Unsigned};

/// What a person's certificates say about that person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateTemplate {
    /// The subject.
    pub subject: Subject,
    /// The user principal name, for Active Directory and Entra ID.
    pub upn: Option<String>,
    /// The e-mail address, in ASCII.
    pub email: Option<String>,
}

/// From when until when a certificate is valid; whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub not_before: OffsetDateTime,
    /// The last moment.
    pub not_after: OffsetDateTime,
}

impl CertificateTemplate {
    /// A certificate for `public_key` (SubjectPublicKeyInfo, DER) that the key itself is to sign.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if a name or a date cannot stand in a certificate; [`Error::NotSupported`] or
    /// [`Error::Malformed`] for the key; [`Error::Random`]; [`Error::Certificate`].
    pub fn self_signed(&self, slot: KeySlot, public_key: &[u8], validity: Validity) -> Result<Unsigned, Error> {
        let algorithm = KeyAlgorithm::of(public_key)?;
        let key = SubjectPublicKeyInfoOwned::from_der(public_key).map_err(Error::certificate)?;
        let mut extensions = self.extensions(slot, algorithm)?;
        let identifier = SubjectKeyIdentifier::try_from(der::referenced::OwnedToRef::owned_to_ref(&key));
        extensions.push(self.extension(&identifier.map_err(Error::certificate)?)?);
        let validity = x509_cert::time::Validity::new(moment(validity.not_before)?, moment(validity.not_after)?);
        let profile = Fixed { subject: self.subject.name().clone(), extensions };
        let builder = CertificateBuilder::new(profile, serial_number()?, validity, key).map_err(Error::certificate)?;
        to_be_signed(builder, Form::Certificate, public_key, algorithm)
    }

    /// A request for a certificate for `public_key` (SubjectPublicKeyInfo, DER), which the key itself is to sign.
    ///
    /// # Errors
    ///
    /// As [`self_signed`](Self::self_signed).
    pub fn request(&self, slot: KeySlot, public_key: &[u8]) -> Result<Unsigned, Error> {
        let algorithm = KeyAlgorithm::of(public_key)?;
        let mut builder = RequestBuilder::new(self.subject.name().clone()).map_err(Error::certificate)?;
        for extension in self.extensions(slot, algorithm)? {
            builder.add_extension(extension).map_err(Error::certificate)?;
        }
        to_be_signed(builder, Form::Request, public_key, algorithm)
    }

    fn extensions(&self, slot: KeySlot, algorithm: KeyAlgorithm) -> Result<Vec<Extension>, Error> {
        let usage = match slot {
            KeySlot::Authentication => KeyUsages::DigitalSignature,
            KeySlot::KeyManagement if algorithm.is_elliptic_curve() => KeyUsages::KeyAgreement,
            KeySlot::KeyManagement => KeyUsages::KeyEncipherment,
        };
        let mut extensions = vec![
            self.extension(&BasicConstraints { ca: false, path_len_constraint: None })?,
            self.extension(&KeyUsage(usage.into()))?,
        ];
        if slot == KeySlot::Authentication {
            extensions.push(self.extension(&ExtendedKeyUsage(vec![CLIENT_AUTH, SMARTCARD_LOGON]))?);
        }
        let names = self.alternative_names()?;
        if !names.is_empty() {
            extensions.push(self.extension(&SubjectAltName(names))?);
        }
        Ok(extensions)
    }

    /// RFC 5280, 4.2.1.6; the UPN is an otherName with a UTF8String.
    fn alternative_names(&self) -> Result<Vec<GeneralName>, Error> {
        let mut names = Vec::new();
        if let Some(upn) = &self.upn {
            let upn = Utf8StringRef::new(address("the UPN", upn)?).map_err(Error::certificate)?;
            let value = Any::encode_from(&upn).map_err(Error::certificate)?;
            names.push(GeneralName::OtherName(OtherName { type_id: USER_PRINCIPAL_NAME, value }));
        }
        if let Some(email) = &self.email {
            let email = Ia5String::new(address("the e-mail address", email)?);
            let email = email.map_err(|_| Error::input("the e-mail address", "it has letters that are not ASCII"))?;
            names.push(GeneralName::Rfc822Name(email));
        }
        Ok(names)
    }

    fn extension<'a, E>(&self, value: &'a E) -> Result<Extension, Error>
    where
        &'a E: ToExtension<Error = der::Error>,
    {
        value.to_extension(self.subject.name(), &[]).map_err(Error::certificate)
    }
}

/// `name@domain`, without what would deceive whoever reads it.
fn address<'a>(what: &'static str, text: &'a str) -> Result<&'a str, Error> {
    let text = text.trim();
    let parts = text.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty());
    if !parts || text.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return Err(Error::input(what, "it has the form name@example.com"));
    }
    Ok(text)
}

fn moment(time: OffsetDateTime) -> Result<Time, Error> {
    let unfit = || Error::input("the validity", "it is before 1970 or after 9999");
    let seconds = u64::try_from(time.unix_timestamp()).map_err(|_| unfit())?;
    let time = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds)).ok_or_else(unfit)?;
    Time::try_from(time).map_err(|_| unfit())
}

/// Random, positive and of full length (RFC 5280, 4.1.2.2).
fn serial_number() -> Result<SerialNumber, Error> {
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(|error| Error::Random(error.into()))?;
    serial[0] = (serial[0] & 0x3f) | 0x40;
    SerialNumber::new(&serial).map_err(Error::certificate)
}

fn to_be_signed(
    mut builder: impl Builder,
    form: Form,
    public_key: &[u8],
    algorithm: KeyAlgorithm,
) -> Result<Unsigned, Error> {
    let message = builder.finalize(&CardKey::new(public_key, algorithm)?).map_err(Error::certificate)?;
    Ok(Unsigned::new(form, message, algorithm))
}

/// Subject and extensions as they are; the issuer is the subject.
struct Fixed {
    subject: Name,
    extensions: Vec<Extension>,
}

impl BuilderProfile for Fixed {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _own: SubjectPublicKeyInfoRef<'_>,
        _issuer: SubjectPublicKeyInfoRef<'_>,
        _certificate: &x509_cert::TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        Ok(self.extensions.clone())
    }
}

/// id-kp-clientAuth (RFC 5280, 4.2.1.12), and Microsoft's smart card logon and user principal name.
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
const SMARTCARD_LOGON: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.2");
const USER_PRINCIPAL_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.3");
