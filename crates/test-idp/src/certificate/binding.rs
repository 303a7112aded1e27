//! What ties a certificate to a user: a name in it, its subject key identifier, its issuer and serial number, or itself.

use sha2::{Digest, Sha256};
use x509_parser::asn1_rs::{Any, Class, FromDer, Oid, Utf8String, oid};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};

use crate::certificate::find;
use crate::check::{Check, Refusal};
use crate::options::{Binding, User};
use crate::store::RegisteredCertificate;
use crate::trail::Trail;

/// Checks that a certificate belongs to a user, and that it is one of the registered ones when there are some.
///
/// # Errors
/// The check that does not hold; which one is made, the user's binding says.
pub(super) fn check(
    trail: &mut Trail,
    certificate: &X509Certificate<'_>,
    der: &[u8],
    user: &User,
    registered: &[RegisteredCertificate],
) -> Result<(), Refusal> {
    let sha256: [u8; 32] = Sha256::digest(der).into();
    let (check, bound) = match user.binding() {
        Binding::LocalPart(_) | Binding::Upn(_) => {
            let other = "the user principal name of the certificate belongs to somebody else";
            (Check::CertificateUpn, upn(certificate).and_then(|upn| user.is_bound_to(upn).then_some(()).ok_or(other)))
        }
        Binding::Email(bound) => (Check::CertificateEmail, email(certificate, bound)),
        Binding::Ski(bound) => {
            let found = find(certificate, |extension| match extension {
                ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0),
                _ => None,
            });
            let same = found.is_some_and(|found| found == bound.as_slice());
            (
                Check::CertificateSki,
                same.then_some(()).ok_or("the certificate has another subject key identifier, or none"),
            )
        }
        Binding::IssuerSerial { issuer, serial: bound } => {
            let same = serial(certificate) == bound.as_slice() && issuer.is(certificate.issuer());
            let other = "the certificate has another issuer or serial number";
            (Check::CertificateIssuerSerial, same.then_some(()).ok_or(other))
        }
        Binding::Pinned(bound) => {
            (Check::CertificatePinned, (sha256 == *bound).then_some(()).ok_or("the certificate is not the pinned one"))
        }
    };
    trail.hold(check, bound)?;
    if registered.is_empty() {
        return Ok(());
    }
    let known = registered.iter().any(|registered| registered.sha256 == sha256);
    let known = known.then_some(()).ok_or("the certificate is none of those that were registered for the user");
    trail.hold(Check::CertificatePinned, known)
}

/// The serial number, big-endian, without leading zeros.
pub(super) fn serial<'a>(certificate: &'a X509Certificate<'_>) -> &'a [u8] {
    let raw = certificate.raw_serial();
    let zeros = raw.iter().take_while(|byte| **byte == 0).count();
    raw.get(zeros..).unwrap_or_default()
}

/// The e-mail address, among those of the certificate.
fn email(certificate: &X509Certificate<'_>, bound: &str) -> Result<(), &'static str> {
    let names = alternative_names(certificate)?;
    let same =
        |name: &GeneralName<'_>| matches!(name, GeneralName::RFC822Name(found) if found.eq_ignore_ascii_case(bound));
    names.iter().any(same).then_some(()).ok_or("the certificate does not have the e-mail address of the user")
}

fn alternative_names<'a>(certificate: &'a X509Certificate<'_>) -> Result<&'a [GeneralName<'a>], &'static str> {
    let names = find(certificate, |extension| match extension {
        ParsedExtension::SubjectAlternativeName(names) => Some(names.general_names.as_slice()),
        _ => None,
    })
    .ok_or("the certificate has no subject alternative name")?;
    if names.iter().any(|name| matches!(name, GeneralName::Invalid(..))) {
        return Err("a subject alternative name of the certificate is malformed");
    }
    Ok(names)
}

/// The one user principal name of a certificate (the otherName 1.3.6.1.4.1.311.20.2.3 of the subject alternative name,
/// written by Microsoft's logon certificates).
pub(super) fn upn<'a>(certificate: &'a X509Certificate<'_>) -> Result<&'a str, &'static str> {
    let mut found = None;
    for name in alternative_names(certificate)? {
        let value = match name {
            GeneralName::OtherName(kind, value) if *kind == UPN => value,
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
pub(super) fn utf8_in_explicit_0(value: &[u8]) -> Option<&str> {
    let (rest, outer) = Any::from_der(value).ok()?;
    let explicit_0 = outer.class() == Class::ContextSpecific && outer.tag().0 == 0 && outer.header.constructed();
    if !rest.is_empty() || !explicit_0 {
        return None;
    }
    let (rest, _) = Utf8String::from_der(outer.data).ok()?;
    let (_, any) = Any::from_der(outer.data).ok()?;
    rest.is_empty().then(|| std::str::from_utf8(any.data).ok()).flatten()
}

/// User principal name, an otherName of Microsoft's logon certificates ([MS-WCCE] 2.2.2.7.7.4
/// names it szOID_NT_PRINCIPAL_NAME).
const UPN: Oid<'static> = oid!(1.3.6.1.4.1.311.20.2.3);
