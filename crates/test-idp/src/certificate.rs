//! Which certificates may log in, and as whom (RFC 5280 sections 4.2 and 6.1).
//!
//! In this order: a chain to a configured certification authority, dates, no critical extension
//! that is not understood, extended key usage with client authentication, key usage (when there
//! is one) with digital signature, revocation lists (when there are some), what binds the
//! certificate to the user, and that it is one of those registered for the user (when there are some).
//!
//! Not asked for: the extended key usage smart card logon (1.3.6.1.4.1.311.20.2.2), which belongs
//! to Windows. Not done: certificate policies, OCSP, fetching of revocation lists.

mod binding;
pub(crate) mod chain;
pub(crate) mod revocation;
mod signature;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use x509_parser::asn1_rs::{FromDer, Oid};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry as known;
use x509_parser::x509::X509Version;

use crate::certificate::chain::TrustStore;
use crate::certificate::revocation::RevocationLists;
use crate::check::{Check, Refusal};
use crate::options::User;
use crate::store::RegisteredCertificate;
use crate::trail::Trail;

/// Whom a certificate speaks for; empty for a login without one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Holder {
    /// User principal name, as written in the certificate, when there is exactly one.
    pub(crate) upn: Option<String>,
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

/// Whose certificates count.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    pub(crate) trust: TrustStore,
    /// Nothing when revocation is not asked about.
    pub(crate) revocation: Option<RevocationLists>,
}

/// Applies the policy of this module to the certificate that signed an assertion of `user`, or did at their login.
///
/// `pinned` are the certificates that were registered for the user; `now` is in seconds since 1970.
///
/// # Errors
/// The first check of the policy that does not hold.
pub(crate) fn check(
    trail: &mut Trail,
    certificate: &X509Certificate<'_>,
    der: &[u8],
    policy: &Policy,
    user: &User,
    pinned: &[RegisteredCertificate],
    now: i64,
) -> Result<Holder, Refusal> {
    let chain = policy.trust.verify(certificate, now).map_err(|problem| problem.to_string());
    let chain = trail.hold(Check::CertificateChain, chain)?;
    let valid = valid_at(certificate, now).then_some(()).ok_or("the certificate is not valid at this time");
    trail.hold(Check::CertificateValidity, valid)?;
    let understood = critical_extensions_understood(certificate, &LEAF_EXTENSIONS);
    let understood = understood.then_some(()).ok_or("the certificate has a critical extension that is not understood");
    trail.hold(Check::CertificateCriticalExtension, understood)?;
    let client_auth = find(certificate, |extension| match extension {
        ParsedExtension::ExtendedKeyUsage(usage) => Some(usage.client_auth),
        _ => None,
    });
    let client_auth =
        (client_auth == Some(true)).then_some(()).ok_or("the certificate is not for client authentication");
    trail.hold(Check::CertificateExtendedKeyUsage, client_auth)?;
    let digital_signature = find(certificate, |extension| match extension {
        ParsedExtension::KeyUsage(usage) => Some(usage.digital_signature()),
        _ => None,
    });
    let signs = (digital_signature != Some(false)).then_some(()).ok_or("the certificate is not for digital signatures");
    trail.hold(Check::CertificateKeyUsage, signs)?;
    if let Some(lists) = &policy.revocation {
        lists.check(trail, certificate, &chain, &policy.trust, now)?;
    }
    binding::check(trail, certificate, der, user, pinned)?;
    Ok(Holder { upn: binding::upn(certificate).ok().map(str::to_owned), common_name: common_name(certificate) })
}

/// What a log says of a certificate.
pub(crate) fn summary(certificate: &X509Certificate<'_>, der: &[u8]) -> Value {
    let cut = |text: String| text.chars().take(256).collect::<String>();
    json!({
        "subject": cut(certificate.subject().to_string()),
        "issuer": cut(certificate.issuer().to_string()),
        "serial": hex(binding::serial(certificate)),
        "not_before": certificate.validity().not_before.timestamp(),
        "not_after": certificate.validity().not_after.timestamp(),
        "upn": binding::upn(certificate).ok(),
        "sha256": hex(&Sha256::digest(der)),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(64).map(|byte| format!("{byte:02x}")).collect()
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

/// The common name, when there is exactly one and it is text.
fn common_name(certificate: &X509Certificate<'_>) -> Option<String> {
    let mut names = certificate.subject().iter_common_name();
    let name = names.next()?.as_str().ok()?;
    names.next().is_none().then(|| name.to_owned())
}

/// Largest certificate that is looked at, in bytes.
pub(crate) const MAX_CERTIFICATE: usize = 32 * 1024;

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
