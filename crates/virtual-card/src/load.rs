//! Certificates and keys from files: PEM (RFC 7468) or DER.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::SubjectPublicKeyInfo;
use zeroize::Zeroizing;

use crate::{CertificateStorage, Content, Error, PrivateKey, Slot};

/// A certificate and a key to be put into a slot: `SLOT=CERTIFICATE,KEY` on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadRequest {
    /// Where to.
    pub slot: Slot,
    /// The file with the certificate.
    pub certificate: PathBuf,
    /// The file with its private key, unencrypted.
    pub key: PathBuf,
}

impl FromStr for LoadRequest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || Error::MalformedLoad { text: text.to_owned() };
        let (slot, files) = text.split_once('=').ok_or_else(malformed)?;
        let (certificate, key) = files.split_once(',').ok_or_else(malformed)?;
        if certificate.is_empty() || key.is_empty() {
            return Err(malformed());
        }
        Ok(Self { slot: slot.parse()?, certificate: certificate.into(), key: key.into() })
    }
}

impl LoadRequest {
    /// Reads both files and puts them on the card, if the key is the certificate's. Gives the certificate, in DER.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`]; [`Error::Unusable`] for a file that is no certificate or no key; those of [`Content::load`].
    pub fn apply(&self, content: &mut Content) -> Result<Vec<u8>, Error> {
        let unusable = |path: &PathBuf, error| Error::Unusable { path: path.clone(), source: Box::new(error) };
        let certificate = read(&self.certificate)?;
        let certificate = certificate_der(&certificate).map_err(|error| unusable(&self.certificate, error))?;
        let key = private_key(&read(&self.key)?).map_err(|error| unusable(&self.key, error))?;
        content.load(self.slot, &certificate, key, CertificateStorage::Plain).map_err(|error| match error {
            Error::Certificate { .. } => unusable(&self.certificate, error),
            error => error,
        })?;
        Ok(certificate)
    }
}

/// True if `key` is the private key of the public key in the certificate.
///
/// # Errors
///
/// [`Error::Certificate`] if it is not an X.509 certificate.
pub(crate) fn belongs_to(key: &PrivateKey, certificate_der: &[u8]) -> Result<bool, Error> {
    let malformed = |reason: &dyn std::fmt::Display| Error::Certificate { reason: reason.to_string() };
    let (rest, certificate) = X509Certificate::from_der(certificate_der).map_err(|error| malformed(&error))?;
    if !rest.is_empty() {
        return Err(malformed(&"data follow it"));
    }
    let own = key.public_key_der()?;
    let (_, own) = SubjectPublicKeyInfo::from_der(&own).map_err(|error| malformed(&error))?;
    let theirs = certificate.public_key();
    // Not the whole structure: some issuers leave out the NULL parameters of RSA.
    Ok(theirs.algorithm.algorithm == own.algorithm.algorithm
        && theirs.subject_public_key.data == own.subject_public_key.data)
}

pub(crate) fn certificate_der(file: &[u8]) -> Result<Vec<u8>, Error> {
    match std::str::from_utf8(file).ok().and_then(|text| pem_block(text, &["CERTIFICATE"])) {
        Some(block) => decode(block).map_err(|error| Error::Certificate { reason: error.to_string() }),
        None => Ok(file.to_vec()),
    }
}

pub(crate) fn private_key(file: &[u8]) -> Result<PrivateKey, Error> {
    let Ok(text) = std::str::from_utf8(file) else { return PrivateKey::from_der(file) };
    if text.contains("ENCRYPTED") {
        return Err(Error::PrivateKey { reason: "it is encrypted; decrypt it first" });
    }
    let Some(block) = pem_block(text, &["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]) else {
        return Err(Error::PrivateKey { reason: "there is no PEM block of a private key in it" });
    };
    match decode(block) {
        Ok(der) => PrivateKey::from_der(&Zeroizing::new(der)),
        Err(_) => Err(Error::PrivateKey { reason: "its PEM block is malformed" }),
    }
}

/// Takes lines of any length: not every tool breaks them after 64 characters.
fn decode(block: &str) -> der::pem::Result<Vec<u8>> {
    let mut decoder = der::pem::Decoder::new_detect_wrap(block.as_bytes())?;
    let mut der = Vec::with_capacity(decoder.remaining_len());
    decoder.decode_to_end(&mut der)?;
    Ok(der)
}

/// The first PEM block with one of these labels, whatever stands around it.
fn pem_block<'a>(text: &'a str, labels: &[&str]) -> Option<&'a str> {
    let blocks = labels.iter().filter_map(|label| {
        let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
        let start = text.find(&begin)?;
        let from = text.get(start..)?;
        Some((start, from.get(..from.find(&end)?.checked_add(end.len())?)?))
    });
    blocks.min_by_key(|(start, _)| *start).map(|(_, block)| block)
}

pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
    let limit = MAX_FILE.saturating_add(1);
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_FILE) {
        Ok(bytes)
    } else {
        Err(unreadable(std::io::ErrorKind::FileTooLarge.into()))
    }
}

const MAX_FILE: u64 = 256 * 1024;

#[cfg(test)]
mod tests;
