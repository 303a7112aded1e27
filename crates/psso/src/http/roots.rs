//! The certificates of the authorities that an identity provider's server is trusted by.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use ureq::tls::{Certificate, RootCerts};
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;

use crate::Error;
use crate::error::shown;

/// Certificates of authorities (RFC 5280), at least one. They take the place of the system's, so that nothing else is
/// trusted.
///
/// A Mac trusts the system's alone for this protocol (AUTHPROC); this is for test installations.
#[derive(Clone)]
pub struct Roots(Vec<Certificate<'static>>);

impl Roots {
    /// Reads PEM with one certificate or more (RFC 7468 5).
    ///
    /// # Errors
    /// [`Error::Config`] when there is something else in it, or nothing.
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        let mut certificates = Vec::new();
        for block in Pem::iter_from_buffer(text.as_bytes()) {
            let block = block.map_err(|_| Error::config("malformed PEM"))?;
            if block.label != "CERTIFICATE" {
                return Err(Error::config(format!("PEM with \"{}\" is no certificate", shown(&block.label, 40))));
            }
            match X509Certificate::from_der(&block.contents) {
                Ok(([], _)) => certificates.push(Certificate::from_der(&block.contents).to_owned()),
                _ => return Err(Error::config("what is in the PEM is not an X.509 certificate")),
            }
        }
        if certificates.is_empty() {
            return Err(Error::config("there is no certificate in PEM"));
        }
        Ok(Self(certificates))
    }

    /// Reads a file with certificates in PEM, at most 1 MiB.
    ///
    /// # Errors
    /// [`Error::Config`] with the file's name when it cannot be read or is larger, and as [`from_pem`](Self::from_pem).
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = read(path).map_err(|source| Error::Config {
            why: format!("the certificates {} cannot be read", path.display()),
            source: Some(source.into()),
        })?;
        Self::from_pem(&text).map_err(|error| match error {
            Error::Config { why, source } => Error::Config { why: format!("{}: {why}", path.display()), source },
            other => other,
        })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn certificates(&self) -> RootCerts {
        RootCerts::new_with_certs(&self.0)
    }
}

/// The text of a file, all of it.
fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_LEN + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_LEN {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text"))
}

impl fmt::Debug for Roots {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Roots({})", self.0.len())
    }
}

const MAX_FILE_LEN: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_and_nothing_else() {
        let certificate = include_str!("../../tests/data/p384.crt");
        let key = include_str!("../../tests/data/p384.key");
        assert_eq!(Roots::from_pem(certificate).unwrap().count(), 1);
        assert_eq!(Roots::from_pem(&format!("# ours\n{certificate}{certificate}")).unwrap().count(), 2);
        for (bad, part) in [
            (String::new(), "no certificate"),
            ("hello".to_owned(), "no certificate"),
            (key.to_owned(), "PRIVATE KEY"),
            (format!("{certificate}{key}"), "PRIVATE KEY"),
            (certificate.replace("-----END", "----END"), "malformed"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(), "not an X.509"),
        ] {
            let why = Roots::from_pem(&bad).unwrap_err().to_string();
            assert!(why.contains(part), "{why}");
        }
        let missing = Roots::load(Path::new("/nonexistent/ca.pem")).unwrap_err();
        assert!(missing.to_string().contains("/nonexistent/ca.pem"));
        // Cut off, it would be good.
        let large = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(large.path(), format!("{certificate}{}", "#\n".repeat(1 << 20))).unwrap();
        let error = Roots::load(large.path()).unwrap_err();
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("larger than 1 MiB"), "{error:?}");
    }
}
