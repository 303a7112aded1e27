//! From a card's certificate to a certification authority that the operator trusts
//! (RFC 5280 section 6.1, without name constraints, policies and revocation).
//!
//! The trust file holds self-signed authorities, where a chain ends, and others, which a chain may
//! pass through. Names are compared byte for byte. A chain has at most four authorities. An
//! authority must be within its dates, have basicConstraints with cA, allow what is below it by
//! its path length, have keyCertSign in its key usage and client authentication in its extended
//! key usage when it has these, and have no critical extension that is not understood.

use std::path::Path;

use x509_parser::asn1_rs::Oid;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry as known;
use x509_parser::pem::Pem;

use crate::certificate::signature::{SignatureProblem, is_signed_by};
use crate::certificate::{critical_extensions_understood, find, parse, valid_at};
use crate::error::Error;
use crate::files::read_at_most;

/// The certification authorities of the cards.
#[derive(Debug, Default)]
pub(crate) struct TrustStore {
    authorities: Vec<Authority>,
}

#[derive(Debug)]
struct Authority {
    der: Vec<u8>,
    /// Self-signed: a chain ends here.
    root: bool,
}

/// Why no chain was found; of several reasons the one that came furthest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(crate) enum ChainProblem {
    #[error("no certification authority in the trust file has the issuer's name")]
    UnknownIssuer,
    #[error("the issuer's key did not sign the certificate")]
    Signature,
    #[error("a certificate of the chain is signed with an algorithm that is not supported, such as SHA-1 or RSA-PSS")]
    SignatureAlgorithm,
    #[error("the key of an issuer is not supported: it is not on P-256 or P-384, nor RSA of 2048 to 8192 bits")]
    IssuerKey,
    #[error("the chain is too long, or longer than an issuer permits")]
    TooLong,
    #[error("an issuer is not a certification authority for such certificates")]
    NotAnAuthority,
    #[error("an issuer has name constraints, which are not supported")]
    NameConstraints,
    #[error("an issuer's certificate is not valid at this time")]
    NotValid,
}

impl TrustStore {
    /// Reads a trust file: PEM with one or more certificates, or one certificate in DER.
    ///
    /// # Errors
    /// [`Error::TrustFile`] when the file cannot be read, is larger than 1 MiB, holds anything but
    /// certificates, no self-signed one, or more than 64.
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        read_at_most(path, MAX_FILE)
            .map_err(|error| error.to_string())
            .and_then(|bytes| Self::from_bytes(&bytes))
            .map_err(|why| Error::TrustFile { path: path.to_owned(), why })
    }

    /// These authorities, and those of another file.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub(crate) fn and(mut self, path: &Path) -> Result<Self, Error> {
        self.authorities.extend(Self::load(path)?.authorities);
        Ok(self)
    }

    /// The certificates of a trust file.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let ders = if bytes.first() == Some(&DER_SEQUENCE) { vec![bytes.to_vec()] } else { pem_certificates(bytes)? };
        if ders.len() > MAX_AUTHORITIES {
            return Err(format!("it has more than {MAX_AUTHORITIES} certificates"));
        }
        let mut authorities = Vec::with_capacity(ders.len());
        let mut unsupported = None;
        for (index, der) in ders.into_iter().enumerate() {
            let certificate = parse(&der).map_err(|why| format!("certificate {}: {why}", index + 1))?;
            let root = if certificate.subject().as_raw() == certificate.issuer().as_raw() {
                let signed = is_signed_by(&certificate, &certificate);
                if let Err(SignatureProblem::Key | SignatureProblem::Algorithm) = signed {
                    unsupported.get_or_insert(index + 1);
                }
                signed.is_ok()
            } else {
                false
            };
            authorities.push(Authority { der, root });
        }
        if !authorities.iter().any(|authority| authority.root) {
            let none = "it has no self-signed certificate, so no chain could end";
            return Err(match unsupported {
                Some(number) => format!(
                    "{none}: the key or the algorithm of certificate {number} is not supported, which are P-256, P-384 and \
                     RSA of 2048 to 8192 bits, with SHA-256, SHA-384 and SHA-512"
                ),
                None => none.to_owned(),
            });
        }
        Ok(Self { authorities })
    }

    /// Looks for a chain from `certificate` to a self-signed authority: the numbers of its authorities, from the issuer
    /// up to the root.
    ///
    /// `now` is in seconds since 1970.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn verify(&self, certificate: &X509Certificate<'_>, now: i64) -> Result<Vec<usize>, ChainProblem> {
        self.verify_below(certificate, 0, now)
    }

    /// The certificate of an authority, in DER.
    pub(crate) fn authority(&self, number: usize) -> Option<&[u8]> {
        self.authorities.get(number).map(|authority| authority.der.as_slice())
    }

    /// The certificate of every authority, in DER.
    pub(super) fn authorities(&self) -> impl Iterator<Item = &[u8]> {
        self.authorities.iter().map(|authority| authority.der.as_slice())
    }

    /// As [`verify`](Self::verify), for a certificate with `below` authorities below its issuer.
    fn verify_below(
        &self,
        certificate: &X509Certificate<'_>,
        below: u32,
        now: i64,
    ) -> Result<Vec<usize>, ChainProblem> {
        if below >= MAX_DEPTH {
            return Err(ChainProblem::TooLong);
        }
        let mut problem = ChainProblem::UnknownIssuer;
        for (number, authority) in self.authorities.iter().enumerate() {
            let Ok(issuer) = parse(&authority.der) else {
                continue;
            };
            if issuer.subject().as_raw() != certificate.issuer().as_raw() {
                continue;
            }
            let above = may_issue(&issuer, certificate, below, now).and_then(|()| {
                if authority.root { Ok(Vec::new()) } else { self.verify_below(&issuer, below + 1, now) }
            });
            match above {
                Ok(above) => return Ok([vec![number], above].concat()),
                Err(found) => problem = problem.max(found),
            }
        }
        Err(problem)
    }
}

/// Whether `issuer` issued `certificate` and was entitled to.
fn may_issue(
    issuer: &X509Certificate<'_>,
    certificate: &X509Certificate<'_>,
    below: u32,
    now: i64,
) -> Result<(), ChainProblem> {
    is_signed_by(certificate, issuer).map_err(|problem| match problem {
        SignatureProblem::Wrong => ChainProblem::Signature,
        SignatureProblem::Algorithm => ChainProblem::SignatureAlgorithm,
        SignatureProblem::Key => ChainProblem::IssuerKey,
    })?;
    let constraints = find(issuer, |extension| match extension {
        ParsedExtension::BasicConstraints(constraints) => Some(constraints),
        _ => None,
    });
    let cert_sign = find(issuer, |extension| match extension {
        ParsedExtension::KeyUsage(usage) => Some(usage.key_cert_sign()),
        _ => None,
    });
    let client_auth = find(issuer, |extension| match extension {
        ParsedExtension::ExtendedKeyUsage(usage) => Some(usage.client_auth || usage.any),
        _ => None,
    });
    let constrains_names =
        find(issuer, |extension| matches!(extension, ParsedExtension::NameConstraints(_)).then_some(()));
    let Some(constraints) = constraints.filter(|constraints| constraints.ca) else {
        return Err(ChainProblem::NotAnAuthority);
    };
    if constrains_names.is_some() {
        return Err(ChainProblem::NameConstraints);
    }
    if cert_sign == Some(false)
        || client_auth == Some(false)
        || !critical_extensions_understood(issuer, &AUTHORITY_EXTENSIONS)
    {
        return Err(ChainProblem::NotAnAuthority);
    }
    if constraints.path_len_constraint.is_some_and(|most| below > most) {
        return Err(ChainProblem::TooLong);
    }
    if !valid_at(issuer, now) {
        return Err(ChainProblem::NotValid);
    }
    Ok(())
}

/// The certificates in a PEM file, in order.
fn pem_certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut ders = Vec::new();
    for block in Pem::iter_from_buffer(bytes) {
        let block = block.map_err(|error| format!("it is not PEM: {error}"))?;
        if block.label != "CERTIFICATE" {
            return Err("it has something else than certificates in it".to_owned());
        }
        ders.push(block.contents);
    }
    if ders.is_empty() {
        return Err("it has no certificate in it".to_owned());
    }
    Ok(ders)
}

/// First byte of a certificate in DER.
const DER_SEQUENCE: u8 = 0x30;

/// Largest trust file, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// Most certificates in a trust file.
const MAX_AUTHORITIES: usize = 64;

/// Most authorities in a chain.
const MAX_DEPTH: u32 = 4;

/// The extensions of an authority that this module acts on, or that ask nothing of it.
const AUTHORITY_EXTENSIONS: [Oid<'static>; 4] = [
    known::OID_X509_EXT_KEY_USAGE,
    known::OID_X509_EXT_EXTENDED_KEY_USAGE,
    known::OID_X509_EXT_BASIC_CONSTRAINTS,
    known::OID_X509_EXT_CERTIFICATE_POLICIES,
];
