//! Which certificates may log in, and as whom (RFC 5280 sections 4.2 and 6.1).
//!
//! In this order: a chain to a configured certification authority, dates, no critical extension
//! that is not understood, extended key usage with client authentication, key usage (when there
//! is one) with digital signature, and the user principal name of the user (the otherName
//! 1.3.6.1.4.1.311.20.2.3 of the subject alternative name, written by Microsoft's logon
//! certificates).
//!
//! Not asked for: the extended key usage smart card logon (1.3.6.1.4.1.311.20.2.2), which belongs
//! to Windows. Not done: revocation and certificate policies.

pub(crate) mod chain;
mod signature;

use x509_parser::asn1_rs::{Any, Class, FromDer, Oid, Utf8String, oid};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry as known;
use x509_parser::x509::X509Version;

use crate::certificate::chain::TrustStore;
use crate::check::{Check, Refusal};
use crate::options::User;

/// Whom a certificate speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    /// User principal name, as written in the certificate.
    pub(crate) upn: String,
    /// Common name of the subject, when there is exactly one.
    pub(crate) common_name: Option<String>,
}

/// Parses one certificate of at most 32 KiB, with nothing behind it.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, &'static str> {
    if der.len() > MAX_CERTIFICATE {
        return Err("the certificate is larger than 32 KiB");
    }
    let Ok((rest, certificate)) = X509Certificate::from_der(der) else {
        return Err("the certificate is not an X.509 certificate");
    };
    if !rest.is_empty() {
        return Err("there is something behind the certificate");
    }
    if certificate.version() != X509Version::V3 {
        return Err("the certificate is not of version 3");
    }
    if certificate.extensions_map().is_err() {
        return Err("the certificate has an extension twice");
    }
    if certificate.extensions().iter().any(|extension| extension.parsed_extension().error().is_some()) {
        return Err("an extension of the certificate is malformed");
    }
    Ok(certificate)
}

/// Applies the policy of this module to the certificate that signed an assertion of `user`.
///
/// `now` is in seconds since 1970.
///
/// # Errors
/// The first check of the policy that does not hold.
pub(crate) fn check(
    certificate: &X509Certificate<'_>,
    trust: &TrustStore,
    user: &User,
    now: i64,
) -> Result<Holder, Refusal> {
    trust.verify(certificate, now).map_err(|problem| Check::CertificateChain.refuse(problem.to_string()))?;
    if !valid_at(certificate, now) {
        return Err(Check::CertificateValidity.refuse("the certificate is not valid at this time"));
    }
    if !critical_extensions_understood(certificate, &LEAF_EXTENSIONS) {
        return Err(Check::CertificateCriticalExtension
            .refuse("the certificate has a critical extension that is not understood"));
    }
    let client_auth = find(certificate, |extension| match extension {
        ParsedExtension::ExtendedKeyUsage(usage) => Some(usage.client_auth),
        _ => None,
    });
    if client_auth != Some(true) {
        return Err(Check::CertificateExtendedKeyUsage.refuse("the certificate is not for client authentication"));
    }
    let digital_signature = find(certificate, |extension| match extension {
        ParsedExtension::KeyUsage(usage) => Some(usage.digital_signature()),
        _ => None,
    });
    if digital_signature == Some(false) {
        return Err(Check::CertificateKeyUsage.refuse("the certificate is not for digital signatures"));
    }
    let upn = upn(certificate).map_err(|why| Check::CertificateUpn.refuse(why))?;
    if !user.is_bound_to(upn) {
        return Err(Check::CertificateUpn.refuse("the user principal name of the certificate belongs to somebody else"));
    }
    Ok(Holder { upn: upn.to_owned(), common_name: common_name(certificate) })
}

/// Whether `now` (seconds since 1970) is within the dates, both included.
fn valid_at(certificate: &X509Certificate<'_>, now: i64) -> bool {
    let validity = certificate.validity();
    (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now)
}

/// Whether every critical extension is one of `understood`.
fn critical_extensions_understood(certificate: &X509Certificate<'_>, understood: &[Oid<'_>]) -> bool {
    certificate.extensions().iter().all(|extension| !extension.critical || understood.contains(&extension.oid))
}

/// What `pick` makes of the first extension that it wants.
fn find<'a, T>(certificate: &'a X509Certificate<'_>, pick: impl Fn(&'a ParsedExtension<'_>) -> Option<T>) -> Option<T> {
    certificate.extensions().iter().find_map(|extension| pick(extension.parsed_extension()))
}

/// The one user principal name of a certificate.
fn upn<'a>(certificate: &'a X509Certificate<'_>) -> Result<&'a str, &'static str> {
    let names = find(certificate, |extension| match extension {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    })
    .ok_or("the certificate has no subject alternative name")?;
    let mut found = None;
    for name in names {
        let value = match name {
            GeneralName::OtherName(kind, value) if *kind == UPN => value,
            GeneralName::Invalid(..) => {
                return Err("a subject alternative name of the certificate is malformed");
            }
            _ => continue,
        };
        if found.is_some() {
            return Err("the certificate has several user principal names");
        }
        found = Some(utf8_in_explicit_0(value).ok_or("the user principal name is malformed")?);
    }
    found.ok_or("the certificate has no user principal name")
}

/// The text in `[0] EXPLICIT UTF8String`.
fn utf8_in_explicit_0(value: &[u8]) -> Option<&str> {
    let (rest, outer) = Any::from_der(value).ok()?;
    let explicit_0 = outer.class() == Class::ContextSpecific && outer.tag().0 == 0 && outer.header.constructed();
    if !rest.is_empty() || !explicit_0 {
        return None;
    }
    let (rest, _) = Utf8String::from_der(outer.data).ok()?;
    let (_, any) = Any::from_der(outer.data).ok()?;
    rest.is_empty().then(|| std::str::from_utf8(any.data).ok()).flatten()
}

/// The common name, when there is exactly one and it is text.
fn common_name(certificate: &X509Certificate<'_>) -> Option<String> {
    let mut names = certificate.subject().iter_common_name();
    let name = names.next()?.as_str().ok()?;
    names.next().is_none().then(|| name.to_owned())
}

/// Largest certificate that is looked at, in bytes.
pub(crate) const MAX_CERTIFICATE: usize = 32 * 1024;

/// User principal name, an otherName of Microsoft's logon certificates ([MS-WCCE] 2.2.2.7.7.4
/// names it szOID_NT_PRINCIPAL_NAME).
const UPN: Oid<'static> = oid!(1.3.6.1.4.1.311.20.2.3);

/// The extensions of a card's certificate that this module acts on, or that ask nothing of it.
const LEAF_EXTENSIONS: [Oid<'static>; 5] = [
    known::OID_X509_EXT_KEY_USAGE,
    known::OID_X509_EXT_EXTENDED_KEY_USAGE,
    known::OID_X509_EXT_BASIC_CONSTRAINTS,
    known::OID_X509_EXT_SUBJECT_ALT_NAME,
    known::OID_X509_EXT_CERTIFICATE_POLICIES,
];

#[cfg(test)]
mod tests;
