//! `pivkit doctor`: what speaks against logging in with a card here, and what the login modules make of a certificate.

use std::path::{Path, PathBuf};

use identity::Certificate;
use pairing::pam_pkcs11::{self, Explanation};
use pairing::{Account, AccountName, Backend, System};

use crate::report::{DoctorReport, ExplanationReport, FindingReport, SCHEMA_VERSION};
use crate::{Error, files};

/// What `pivkit doctor` was asked.
#[derive(Clone, Debug)]
pub struct DoctorRequest {
    /// The system.
    pub system: System,
    /// A file with the certificate to be explained.
    pub certificate: Option<PathBuf>,
    /// The account that it is to open.
    pub user: Option<AccountName>,
}

/// Looks at the login modules of a Linux system, and asks them about a certificate. Changes nothing.
///
/// # Errors
///
/// [`Error::File`] and [`Error::Input`] for the certificate; [`Error::Pairing`] when the account is unknown or the services of
/// PAM cannot be read. What is wrong with a module is a finding, not an error.
pub fn doctor(request: &DoctorRequest) -> Result<DoctorReport, Error> {
    let system = &request.system;
    let account = request.user.as_ref().map(|user| system.account(user)).transpose()?;
    let certificate = request.certificate.as_deref().map(read).transpose()?;
    let findings = pairing::examine(system)?.into_iter().map(|finding| FindingReport {
        backend: finding.backend.to_owned(),
        problem: finding.is_problem,
        text: finding.text,
    });
    let findings = findings.collect();
    let explanations = certificate.map(|certificate| explain(system, &certificate, account.as_ref()));
    Ok(DoctorReport { schema_version: SCHEMA_VERSION, findings, explanations: explanations.unwrap_or_default() })
}

fn read(path: &Path) -> Result<Certificate, Error> {
    let unusable = |why: &str| Error::Input { what: format!("{}: {why}", path.display()) };
    match files::certificates(path)?.into_iter().next() {
        Some(Ok(certificate)) => Ok(certificate),
        Some(Err(error)) => Err(unusable(&error.to_string())),
        None => Err(unusable("holds no certificate")),
    }
}

fn explain(system: &System, certificate: &Certificate, account: Option<&Account>) -> Vec<ExplanationReport> {
    let mut explanations = vec![by_backend(&pairing::pam_p11::PamP11::new(system.clone()), certificate, account)];
    let path = pairing::login_modules(system).and_then(|modules| pam_pkcs11::configuration_path(system, &modules));
    if let Ok(configuration) = path.and_then(|path| pam_pkcs11::read_configuration(system, &path)) {
        let mappers = pam_pkcs11::explain(system, &configuration, certificate, account);
        explanations.extend(mappers.into_iter().map(|Explanation { mapper, opens, text }| ExplanationReport {
            module: format!("pam_pkcs11, mapper {mapper}"),
            opens,
            text,
        }));
    }
    if let Ok(sssd) = pairing::sssd::Sssd::open(system.clone()) {
        explanations.push(by_backend(&sssd, certificate, account));
        let (opens, text) = match sssd.is_trusted(certificate) {
            Ok(true) => (None, "trusts the issuer of the certificate".to_owned()),
            Ok(false) => {
                (Some(false), "does not trust the issuer of the certificate; `pair --ca FILE` adds it".to_owned())
            }
            Err(error) => (None, error.to_string()),
        };
        explanations.push(ExplanationReport { module: "sssd".to_owned(), opens, text });
    }
    explanations
}

/// What a backend says itself.
fn by_backend(backend: &dyn Backend, certificate: &Certificate, account: Option<&Account>) -> ExplanationReport {
    let module = backend.name().to_owned();
    if let Some(why) = backend.obstacle(None, certificate) {
        return ExplanationReport { module, opens: Some(false), text: format!("cannot use the certificate: {why}") };
    }
    let Some(account) = account else {
        return ExplanationReport { module, opens: None, text: "can use the certificate".to_owned() };
    };
    match backend.pairings(account) {
        Ok(pairings) if backend.opens(&pairings, certificate) => {
            let text = format!("account {} is paired with it", account.name);
            ExplanationReport { module, opens: Some(true), text }
        }
        Ok(pairings) => {
            let opens = if pairings.may_hold_more() { None } else { Some(false) };
            let more = if opens.is_none() { ", as far as can be read" } else { "" };
            let text = format!("account {} is not paired with it{more}", account.name);
            ExplanationReport { module, opens, text }
        }
        Err(error) => ExplanationReport { module, opens: None, text: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// /dev/zero has no end.
    #[test]
    fn a_certificate_file_without_an_end_is_refused() {
        let refused = read(Path::new("/dev/zero")).unwrap_err();
        assert!(matches!(refused, Error::Input { .. }), "{refused}");
        let missing = read(Path::new("/nonexistent/x.pem")).unwrap_err();
        assert!(matches!(missing, Error::File { source, .. } if source.kind() == io::ErrorKind::NotFound));
    }
}
