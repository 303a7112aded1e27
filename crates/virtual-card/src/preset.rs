//! Ready-made cards, with certificates of a certification authority that exists only for them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::ID_KP_CLIENT_AUTH;
use der::Any;
use der::asn1::{Ia5String, Utf8StringRef};
use der::flagset::FlagSet;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::{GeneralName, OtherName};
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName};

use crate::authority::{Authority, extension, issue};
use crate::{Algorithm, CertificateStorage, Content, Error, PrivateKey, Profile, Slot};

/// A card that can be made by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preset {
    /// 9A: RSA-2048, CN=alice, user principal name and e-mail address alice@example.test, for client authentication and
    /// smart card logon. 9D: P-256, for key agreement. Both valid for a year from yesterday. PIN 123456, PUK 12345678.
    Alice,
    /// The same person with everything that a card of its kind carries: 9A RSA-2048, 9C P-256, 9D RSA-2048, 9E P-256,
    /// and one retired RSA-2048 key in 82.
    Reference,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 2] = [Self::Alice, Self::Reference];

    /// Its name, as `--preset` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alice => "alice",
            Self::Reference => "reference",
        }
    }

    /// What it is, in one line.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Alice => "certificates of CN=alice: 9a RSA-2048 for logon, 9d P-256",
            Self::Reference => "certificates of CN=alice: 9a RSA-2048, 9c P-256, 9d RSA-2048, 9e P-256, 82 RSA-2048",
        }
    }
}

impl FromStr for Preset {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let preset = Self::ALL.into_iter().find(|preset| preset.name() == name);
        preset.ok_or_else(|| Error::UnknownPreset { name: name.to_owned() })
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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
    pub fn slots(self) -> Vec<Slot> {
        self.keys().into_iter().map(|key| key.slot).collect()
    }

    /// The preset's slots in which `content` has no key: none on a card that was made with it.
    #[must_use]
    pub fn missing(self, content: &Content) -> Vec<Slot> {
        self.slots().into_iter().filter(|slot| !content.keys.contains_key(slot)).collect()
    }

    /// Makes the card: new keys, a new certification authority, a new GUID.
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] if a key or certificate cannot be made.
    pub fn issue(self) -> Result<Issued, Error> {
        self.issue_for(Profile::Plain)
    }

    /// The same, on a card of this profile.
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] if a key or certificate cannot be made.
    pub fn issue_for(self, profile: Profile) -> Result<Issued, Error> {
        let (name, upn) = ("CN=alice", "alice@example.test");
        let authority = Authority::generate()?;
        let mut content = Content::factory(profile)?;
        content.identify()?;
        let mut certificates = BTreeMap::new();
        for planned in self.keys() {
            let key = PrivateKey::generate(planned.algorithm)?;
            let mut extensions = vec![extension(&KeyUsage(planned.usage))?, subject_alternative_name(upn)?];
            if !planned.purposes.is_empty() {
                extensions.push(extension(&ExtendedKeyUsage(planned.purposes.to_vec()))?);
            }
            let certificate = authority.certify(name, &key, extensions)?;
            content.load(planned.slot, &certificate, key, CertificateStorage::Plain)?;
            certificates.insert(planned.slot, certificate);
        }
        Ok(Issued { content, ca_certificate: authority.into_certificate(), certificates })
    }

    fn keys(self) -> Vec<Planned> {
        let planned =
            |slot, algorithm, usage: FlagSet<KeyUsages>, purposes| Planned { slot, algorithm, usage, purposes };
        let signature = FlagSet::from(KeyUsages::DigitalSignature);
        let authentication = planned(Slot::AUTHENTICATION, Algorithm::Rsa2048, signature, LOGON);
        match self {
            Self::Alice => vec![
                authentication,
                planned(Slot::KEY_MANAGEMENT, Algorithm::P256, KeyUsages::KeyAgreement.into(), &[]),
            ],
            Self::Reference => {
                let mut keys = vec![
                    authentication,
                    planned(Slot::SIGNATURE, Algorithm::P256, signature | KeyUsages::NonRepudiation, &[]),
                    planned(Slot::KEY_MANAGEMENT, Algorithm::Rsa2048, KeyUsages::KeyEncipherment.into(), &[]),
                    planned(Slot::CARD_AUTHENTICATION, Algorithm::P256, signature, &[]),
                ];
                let retired = Slot::retired().take(1);
                keys.extend(
                    retired.map(|slot| planned(slot, Algorithm::Rsa2048, KeyUsages::KeyEncipherment.into(), &[])),
                );
                keys
            }
        }
    }
}

/// A key that a preset has, and what its certificate says of it.
struct Planned {
    slot: Slot,
    algorithm: Algorithm,
    usage: FlagSet<KeyUsages>,
    purposes: &'static [ObjectIdentifier],
}

const LOGON: &[ObjectIdentifier] = &[ID_KP_CLIENT_AUTH, SMART_CARD_LOGON];

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
