//! Ready-made cards, with certificates of a certification authority that exists only for them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::ID_KP_CLIENT_AUTH;
use der::Any;
use der::asn1::{Ia5String, Utf8StringRef};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::{GeneralName, OtherName};
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName};

use crate::authority::{Authority, extension, issue};
use crate::{Algorithm, CertificateStorage, Content, Error, PrivateKey, Slot};

/// A card that can be made by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preset {
    /// 9A: RSA-2048, CN=alice, user principal name and e-mail address alice@example.test, for client authentication and
    /// smart card logon. 9D: P-256, for key agreement. Both valid for a year from yesterday. PIN 123456, PUK 12345678.
    Alice,
}

impl FromStr for Preset {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "alice" => Ok(Self::Alice),
            _ => Err(Error::UnknownPreset { name: name.to_owned() }),
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alice => "alice",
        })
    }
}

/// A new card with its certificates, for others to read.
pub struct Issued {
    /// What is on the card.
    pub content: Content,
    /// The certification authority's certificate, in DER. Its key is gone.
    pub ca_certificate: Vec<u8>,
    /// The certificates on the card, in DER.
    pub certificates: BTreeMap<Slot, Vec<u8>>,
}

impl Preset {
    /// The slots that the card has.
    #[must_use]
    pub fn slots(self) -> &'static [Slot] {
        match self {
            Self::Alice => &[Slot::AUTHENTICATION, Slot::KEY_MANAGEMENT],
        }
    }

    /// The preset's slots in which `content` has no key: none on a card that was made with it.
    #[must_use]
    pub fn missing(self, content: &Content) -> Vec<Slot> {
        self.slots().iter().copied().filter(|slot| !content.keys.contains_key(slot)).collect()
    }

    /// Makes the card: new keys, a new certification authority, a new GUID.
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] if a key or certificate cannot be made.
    pub fn issue(self) -> Result<Issued, Error> {
        let Self::Alice = self;
        let (name, upn) = ("CN=alice", "alice@example.test");
        let authority = Authority::generate()?;
        let mut content = Content::blank()?;
        let mut certificates = BTreeMap::new();
        let mut put = |slot: Slot, algorithm, usage: KeyUsages, purposes: &[ObjectIdentifier]| {
            let key = PrivateKey::generate(algorithm)?;
            let mut extensions = vec![extension(&KeyUsage(usage.into()))?, subject_alternative_name(upn)?];
            if !purposes.is_empty() {
                extensions.push(extension(&ExtendedKeyUsage(purposes.to_vec()))?);
            }
            let certificate = authority.certify(name, &key, extensions)?;
            content.load(slot, &certificate, key, CertificateStorage::Plain)?;
            certificates.insert(slot, certificate);
            Ok::<_, Error>(())
        };
        let logon = [ID_KP_CLIENT_AUTH, SMART_CARD_LOGON];
        put(Slot::AUTHENTICATION, Algorithm::Rsa2048, KeyUsages::DigitalSignature, &logon)?;
        put(Slot::KEY_MANAGEMENT, Algorithm::P256, KeyUsages::KeyAgreement, &[])?;
        Ok(Issued { content, ca_certificate: authority.into_certificate(), certificates })
    }
}

/// A user principal name and the same as an e-mail address.
fn subject_alternative_name(upn: &str) -> Result<Extension, Error> {
    let value = Any::encode_from(&Utf8StringRef::new(upn).map_err(issue)?).map_err(issue)?;
    extension(&SubjectAltName(vec![
        GeneralName::OtherName(OtherName { type_id: USER_PRINCIPAL_NAME, value }),
        GeneralName::Rfc822Name(Ia5String::new(upn).map_err(issue)?),
    ]))
}

/// Microsoft's extended key usage for smart card logon (szOID_KP_SMARTCARD_LOGON).
const SMART_CARD_LOGON: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.2");
/// Microsoft's otherName of a user principal name (szOID_NT_PRINCIPAL_NAME).
const USER_PRINCIPAL_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.3");

#[cfg(test)]
mod tests;
