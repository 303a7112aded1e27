//! The facts of one X.509 certificate.

use std::fmt;

use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::extension::Extensions;
use crate::key::PublicKey;
use crate::{Error, ExtendedKeyUsage, KeyUsage, PairingHash, SubjectAttribute, name};

/// The largest certificate this crate reads, in bytes.
pub const MAX_CERTIFICATE: usize = 32 * 1024;

/// An X.509 certificate (RFC 5280) that could be read. Its signature and its issuer were not
/// checked: whatever it says is a claim.
///
/// Texts are returned as they stand in the certificate and may hold anything; see
/// [`text::escape_control`](crate::text::escape_control). Two certificates are equal when their
/// bytes are.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    spki_der: Vec<u8>,
    public_key: PublicKey,
    subject: String,
    issuer: String,
    common_name: Option<String>,
    serial_number: String,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    extensions: Extensions,
}

impl Certificate {
    /// Reads one certificate in DER.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] above [`MAX_CERTIFICATE`] bytes; [`Error::Malformed`] when it is not a
    /// certificate, when bytes follow it, or when its public key is not a whole number of octets.
    /// Extensions that cannot be read are not an error, but a
    /// [`Problem`](crate::Problem::UnreadableExtension).
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let (certificate, rest) = Self::from_der_prefix(der)?;
        match rest {
            [] => Ok(certificate),
            rest if rest.trim_ascii().is_empty() => {
                Err(Error::malformed(WHAT, "blanks or line ends follow it; DER ends with its last byte"))
            }
            _ => Err(Error::malformed(WHAT, "other bytes follow it")),
        }
    }

    /// Reads the certificate in DER at the start of `bytes`, and gives back what follows it, as
    /// OpenSSL reads a PEM block.
    ///
    /// # Errors
    ///
    /// Those of [`from_der`](Self::from_der), whose limit counts for all of `bytes`.
    pub fn from_der_prefix(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        if bytes.len() > MAX_CERTIFICATE {
            return Err(Error::TooLarge { what: WHAT, limit: MAX_CERTIFICATE });
        }
        // The parser's own words are meant for programmers.
        let parsed = X509Certificate::from_der(bytes);
        let (rest, parsed) = parsed.map_err(|_| Error::malformed(WHAT, "it is not an X.509 certificate in DER"))?;
        let der = bytes.get(..bytes.len().saturating_sub(rest.len())).unwrap_or_default();
        let key = parsed.public_key();
        if key.subject_public_key.unused_bits != 0 {
            return Err(Error::malformed(WHAT, "its public key is not a whole number of octets"));
        }
        let parameters = key.algorithm.parameters.as_ref();
        let curve = parameters.and_then(|any| any.as_oid().ok()).map(|oid| oid.to_id_string());
        let public_key = PublicKey::new(
            &key.algorithm.algorithm.to_id_string(),
            curve.as_deref(),
            key.subject_public_key.data.to_vec(),
        );
        let mut extensions = Extensions::read(&parsed);
        for email in name::values(parsed.subject(), name::EMAIL_ADDRESS) {
            if !extensions.emails.contains(&email) {
                extensions.emails.push(email);
            }
        }
        let certificate = Certificate {
            der: der.to_vec(),
            spki_der: key.raw.to_vec(),
            public_key,
            subject: name::rfc4514(parsed.subject()),
            issuer: name::rfc4514(parsed.issuer()),
            common_name: name::values(parsed.subject(), name::COMMON_NAME).pop(),
            serial_number: serial_number(parsed.raw_serial()),
            not_before: parsed.validity().not_before.to_datetime(),
            not_after: parsed.validity().not_after.to_datetime(),
            extensions,
        };
        Ok((certificate, rest))
    }

    /// What is wrong with the encoding, such as "a number in it is not in its shortest form";
    /// `None` when every program can read this certificate. Some, such as OpenSSL, forgive less
    /// than this crate.
    pub fn encoding_problem(&self) -> Option<&'static str> {
        crate::encoding::problem(&self.der)
    }

    /// The certificate as it was read, in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The SubjectPublicKeyInfo as it stands in the certificate, in DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// The subject in the form of RFC 4514 (`CN=Alice,O=Example,C=US`); empty when it has none.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The issuer in the form of RFC 4514.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The most specific commonName of the subject.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// All values of an attribute of the subject, in the order in which they stand in the certificate: the most general
    /// first, as issuers usually write them. Values that are no text are left out.
    pub fn subject_values(&self, attribute: SubjectAttribute) -> Vec<String> {
        self.parsed().map(|parsed| name::values(parsed.subject(), attribute.oid())).unwrap_or_default()
    }

    /// The serial number in lower-case hexadecimal digits, two per octet as in the certificate,
    /// without the zero octet that only keeps the number positive. A negative number, which some
    /// issuers make by mistake, is shown with `-` and its absolute value, as OpenSSL does.
    pub fn serial_number(&self) -> &str {
        &self.serial_number
    }

    /// The user principal name: the first otherName 1.3.6.1.4.1.311.20.2.3 of the subject
    /// alternative name that is a UTF8String and not empty.
    pub fn upn(&self) -> Option<&str> {
        self.extensions.user_principal_names.first().map(String::as_str)
    }

    /// All user principal names, in the order in which they stand.
    pub fn upns(&self) -> &[String] {
        &self.extensions.user_principal_names
    }

    /// E-mail addresses: those of the subject alternative name, then those of the subject that
    /// are not among them.
    pub fn emails(&self) -> &[String] {
        &self.extensions.emails
    }

    /// The e-mail addresses of the subject alternative name alone (rfc822Name), in the order in which they stand.
    pub fn rfc822_names(&self) -> Vec<String> {
        self.parsed().map(|parsed| Extensions::read(&parsed).emails).unwrap_or_default()
    }

    /// The first moment at which the certificate is valid.
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// The last moment at which the certificate is valid.
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// The extended key usages, or `None` when the certificate does not restrict them. An empty
    /// list comes from an extension that cannot be read and allows nothing.
    pub fn extended_key_usages(&self) -> Option<&[ExtendedKeyUsage]> {
        self.extensions.extended_key_usages.as_deref()
    }

    /// The key usage, or `None` when the certificate does not restrict it.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.extensions.key_usage
    }

    /// Whether its key may issue certificates (RFC 5280 4.2.1.3 and 4.2.1.9): the basic constraints say that it is an
    /// authority, and a key usage, where there is one, lists keyCertSign.
    pub fn may_issue(&self) -> bool {
        self.extensions.is_authority && self.extensions.key_usage.is_none_or(KeyUsage::key_cert_sign)
    }

    /// The public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The pairing hash of the public key. A renewed certificate for the same key has the same.
    pub fn pairing_hash(&self) -> PairingHash {
        self.public_key.pairing_hash()
    }

    /// The SHA-256 digest of the certificate in DER: its fingerprint.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.der).into()
    }

    /// The certificate as one PEM block, lines ended by LF.
    pub fn to_pem(&self) -> String {
        crate::pem::encode(crate::pem::CERTIFICATE, &self.der)
    }

    /// The certificate once more in parts, for what few ask. It was read before, so this does not fail.
    fn parsed(&self) -> Option<X509Certificate<'_>> {
        X509Certificate::from_der(&self.der).ok().map(|(_, parsed)| parsed)
    }

    pub(crate) fn unreadable_extensions(&self) -> &[&'static str] {
        &self.extensions.unreadable
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    /// Short and safe to show: subject (escaped), key and pairing hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject)
            .field("key", &self.public_key.algorithm().to_string())
            .field("pairing_hash", &self.pairing_hash())
            .finish_non_exhaustive()
    }
}

const WHAT: &str = "the certificate";

/// An INTEGER of DER (two's complement) in hexadecimal digits.
fn serial_number(number: &[u8]) -> String {
    match number {
        [0, rest @ ..] if !rest.is_empty() => hex::encode(rest),
        [0x80..=0xFF, ..] => {
            let mut magnitude: Vec<u8> = number.iter().map(|byte| !byte).collect();
            for byte in magnitude.iter_mut().rev() {
                *byte = byte.wrapping_add(1);
                if *byte != 0 {
                    break;
                }
            }
            let zeros = magnitude.iter().take_while(|&&byte| byte == 0).count();
            format!("-{}", hex::encode(magnitude.get(zeros..).unwrap_or_default()))
        }
        whole => hex::encode(whole),
    }
}
