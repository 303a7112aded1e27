//! What a certificate says its key is for (RFC 5280 4.2.1.3 and 4.2.1.12), and the names in its
//! subject alternative name (4.2.1.6).

use std::fmt;

use der::asn1::Utf8StringRef;
use der::{Decode, Reader, SliceReader};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};

/// The key usage bits (RFC 5280 4.2.1.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyUsage {
    /// Bit 0 of the BIT STRING is bit 0 here.
    bits: u16,
}

impl KeyUsage {
    /// digitalSignature: signatures that authenticate.
    pub fn digital_signature(self) -> bool {
        self.has(0)
    }

    /// nonRepudiation, also called contentCommitment: signatures on documents.
    pub fn non_repudiation(self) -> bool {
        self.has(1)
    }

    /// keyEncipherment: RSA key transport.
    pub fn key_encipherment(self) -> bool {
        self.has(2)
    }

    /// keyAgreement: Diffie-Hellman.
    pub fn key_agreement(self) -> bool {
        self.has(4)
    }

    /// keyCertSign: the key of a certification authority.
    pub fn key_cert_sign(self) -> bool {
        self.has(5)
    }

    /// The names of all bits that are set, as RFC 5280 writes them.
    pub fn names(self) -> Vec<&'static str> {
        let names = KEY_USAGE_NAMES.iter().enumerate();
        names.filter(|(bit, _)| self.has(*bit)).map(|(_, name)| *name).collect()
    }

    fn has(self, bit: usize) -> bool {
        self.bits >> bit & 1 == 1
    }
}

impl fmt::Debug for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyUsage({})", self.names().join(" "))
    }
}

const KEY_USAGE_NAMES: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

/// One purpose out of the extended key usage extension. Prints as its usual name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtendedKeyUsage {
    /// anyExtendedKeyUsage.
    Any,
    /// id-kp-clientAuth.
    ClientAuth,
    /// id-kp-serverAuth.
    ServerAuth,
    /// id-kp-codeSigning.
    CodeSigning,
    /// id-kp-emailProtection.
    EmailProtection,
    /// id-kp-timeStamping.
    TimeStamping,
    /// id-kp-OCSPSigning.
    OcspSigning,
    /// Microsoft smart card logon.
    SmartcardLogon,
    /// id-pkinit-KPClientAuth (RFC 4556 3.2.2).
    PkinitClientAuth,
    /// id-kp-secureShellClient (RFC 6187 4).
    SecureShellClient,
    /// Microsoft document signing.
    DocumentSigning,
    /// id-PIV-cardAuth (FIPS 201-2 appendix B).
    PivCardAuth,
    /// id-PIV-content-signing (FIPS 201-2 appendix B).
    PivContentSigning,
    /// Any other: the object identifier in dotted form.
    Other(String),
}

const PURPOSES: [(ExtendedKeyUsage, &str, &str); 13] = [
    (ExtendedKeyUsage::Any, "2.5.29.37.0", "anyExtendedKeyUsage"),
    (ExtendedKeyUsage::ServerAuth, "1.3.6.1.5.5.7.3.1", "serverAuth"),
    (ExtendedKeyUsage::ClientAuth, "1.3.6.1.5.5.7.3.2", "clientAuth"),
    (ExtendedKeyUsage::CodeSigning, "1.3.6.1.5.5.7.3.3", "codeSigning"),
    (ExtendedKeyUsage::EmailProtection, "1.3.6.1.5.5.7.3.4", "emailProtection"),
    (ExtendedKeyUsage::TimeStamping, "1.3.6.1.5.5.7.3.8", "timeStamping"),
    (ExtendedKeyUsage::OcspSigning, "1.3.6.1.5.5.7.3.9", "OCSPSigning"),
    (ExtendedKeyUsage::SmartcardLogon, "1.3.6.1.4.1.311.20.2.2", "smartcardLogon"),
    (ExtendedKeyUsage::PkinitClientAuth, "1.3.6.1.5.2.3.4", "pkinitClientAuth"),
    (ExtendedKeyUsage::SecureShellClient, "1.3.6.1.5.5.7.3.21", "secureShellClient"),
    (ExtendedKeyUsage::DocumentSigning, "1.3.6.1.4.1.311.10.3.12", "documentSigning"),
    (ExtendedKeyUsage::PivCardAuth, "2.16.840.1.101.3.6.8", "pivCardAuth"),
    (ExtendedKeyUsage::PivContentSigning, "2.16.840.1.101.3.6.7", "pivContentSigning"),
];

impl ExtendedKeyUsage {
    /// The object identifier in dotted form.
    pub fn oid(&self) -> &str {
        match self {
            ExtendedKeyUsage::Other(oid) => oid,
            known => PURPOSES.iter().find(|row| row.0 == *known).map_or("", |row| row.1),
        }
    }

    fn from_oid(oid: String) -> Self {
        match PURPOSES.into_iter().find(|row| row.1 == oid) {
            Some((purpose, ..)) => purpose,
            None => ExtendedKeyUsage::Other(oid),
        }
    }
}

impl fmt::Display for ExtendedKeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExtendedKeyUsage::Other(oid) => f.pad(oid),
            known => f.pad(PURPOSES.iter().find(|row| row.0 == *known).map_or("", |row| row.2)),
        }
    }
}

/// What this crate takes from the extensions of a certificate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extensions {
    /// `cA` of the basic constraints; false where they are missing, twice there or unreadable.
    pub(crate) is_authority: bool,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) extended_key_usages: Option<Vec<ExtendedKeyUsage>>,
    pub(crate) user_principal_names: Vec<String>,
    pub(crate) emails: Vec<String>,
    /// Names of those extensions that stand twice or cannot be read. They then allow nothing.
    pub(crate) unreadable: Vec<&'static str>,
}

/// Extensions whose meaning matters here.
const KEY_USAGE: (&str, &str) = ("2.5.29.15", "keyUsage");
const EXTENDED_KEY_USAGE: (&str, &str) = ("2.5.29.37", "extKeyUsage");
const SUBJECT_ALT_NAME: (&str, &str) = ("2.5.29.17", "subjectAltName");
/// User principal name, a Microsoft otherName.
const USER_PRINCIPAL_NAME: &str = "1.3.6.1.4.1.311.20.2.3";

impl Extensions {
    pub(crate) fn read(certificate: &X509Certificate<'_>) -> Self {
        let is_authority = matches!(certificate.basic_constraints(), Ok(Some(constraints)) if constraints.value.ca);
        let mut read = Extensions { is_authority, ..Extensions::default() };
        for (oid, name) in [KEY_USAGE, EXTENDED_KEY_USAGE, SUBJECT_ALT_NAME] {
            let mut same = certificate.iter_extensions().filter(|e| e.oid.to_id_string() == oid);
            let Some(extension) = same.next() else { continue };
            let parsed = extension.parsed_extension();
            if same.next().is_some() || !read.take(parsed) {
                read.unreadable.push(name);
                match name {
                    "keyUsage" => read.key_usage = Some(KeyUsage { bits: 0 }),
                    "extKeyUsage" => read.extended_key_usages = Some(Vec::new()),
                    _ => (),
                }
            }
        }
        read
    }

    /// Returns whether the extension could be read.
    fn take(&mut self, parsed: &ParsedExtension<'_>) -> bool {
        match parsed {
            ParsedExtension::KeyUsage(usage) => self.key_usage = Some(KeyUsage { bits: usage.flags }),
            ParsedExtension::ExtendedKeyUsage(usage) => {
                let known = [
                    (usage.any, ExtendedKeyUsage::Any),
                    (usage.client_auth, ExtendedKeyUsage::ClientAuth),
                    (usage.server_auth, ExtendedKeyUsage::ServerAuth),
                    (usage.code_signing, ExtendedKeyUsage::CodeSigning),
                    (usage.email_protection, ExtendedKeyUsage::EmailProtection),
                    (usage.time_stamping, ExtendedKeyUsage::TimeStamping),
                    (usage.ocsp_signing, ExtendedKeyUsage::OcspSigning),
                ];
                let known = known.into_iter().filter(|(set, _)| *set).map(|(_, purpose)| purpose);
                let other = usage.other.iter().map(|oid| ExtendedKeyUsage::from_oid(oid.to_id_string()));
                self.extended_key_usages = Some(known.chain(other).collect());
            }
            ParsedExtension::SubjectAlternativeName(names) => {
                for name in &names.general_names {
                    match name {
                        GeneralName::RFC822Name(email) => self.emails.push((*email).to_owned()),
                        GeneralName::OtherName(oid, value) if oid.to_id_string() == USER_PRINCIPAL_NAME => {
                            self.user_principal_names.extend(utf8_other_name(value));
                        }
                        _ => (),
                    }
                }
            }
            _ => return false,
        }
        true
    }
}

/// The value of an otherName: `[0] EXPLICIT UTF8String`, and nothing behind it.
fn utf8_other_name(value: &[u8]) -> Option<String> {
    let mut reader = SliceReader::new(value).ok()?;
    let explicit = der::asn1::AnyRef::decode(&mut reader).ok()?;
    let context_0 = der::Tag::ContextSpecific { constructed: true, number: der::TagNumber(0) };
    if der::Tagged::tag(&explicit) != context_0 || !reader.is_finished() {
        return None;
    }
    let text = Utf8StringRef::from_der(explicit.value()).ok()?;
    Some(text.as_str().to_owned()).filter(|text| !text.is_empty())
}
