//! Yubico's extensions, read strictly: each stands once and has exactly its form.

use std::fmt;

use der::Decode;
use x509_parser::certificate::X509Certificate;

use super::AttestationError;

/// When a key wants the PIN. Prints as `never`, `once`, `always` ...
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PinPolicy {
    /// Never.
    Never,
    /// Once in each session.
    Once,
    /// Before each use.
    Always,
    /// A matching fingerprint once in each session, else the PIN (YubiKey Bio).
    MatchOnce,
    /// A matching fingerprint before each use, else the PIN (YubiKey Bio).
    MatchAlways,
}

impl fmt::Display for PinPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            PinPolicy::Never => "never",
            PinPolicy::Once => "once",
            PinPolicy::Always => "always",
            PinPolicy::MatchOnce => "match once",
            PinPolicy::MatchAlways => "match always",
        })
    }
}

/// When a key wants somebody to touch the card. Prints as `never`, `always`, `cached`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TouchPolicy {
    /// Never.
    Never,
    /// Before each use.
    Always,
    /// Before a use, unless the last touch was less than 15 seconds ago.
    Cached,
}

impl fmt::Display for TouchPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            TouchPolicy::Never => "never",
            TouchPolicy::Always => "always",
            TouchPolicy::Cached => "cached",
        })
    }
}

/// The form of a YubiKey: the byte as it stands. Prints as `USB-C keychain (FIPS)` or such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FormFactor(u8);

impl FormFactor {
    /// The byte as it stands.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Whether it is of the FIPS series.
    pub fn is_fips(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// Whether it is of the CSPN series.
    pub fn is_cspn(self) -> bool {
        self.0 & 0x40 != 0
    }
}

impl fmt::Display for FormFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 & 0x3f {
            0x01 => f.write_str("USB-A keychain")?,
            0x02 => f.write_str("USB-A nano")?,
            0x03 => f.write_str("USB-C keychain")?,
            0x04 => f.write_str("USB-C nano")?,
            0x05 => f.write_str("USB-C and Lightning keychain")?,
            0x06 => f.write_str("USB-A with fingerprint reader")?,
            0x07 => f.write_str("USB-C with fingerprint reader")?,
            other => write!(f, "form {other}")?,
        }
        match (self.is_fips(), self.is_cspn()) {
            (true, _) => f.write_str(" (FIPS)"),
            (_, true) => f.write_str(" (CSPN)"),
            _ => Ok(()),
        }
    }
}

pub(super) fn firmware(certificate: &X509Certificate<'_>) -> Result<(u8, u8, u8), AttestationError> {
    match value(certificate, FIRMWARE, "firmware")? {
        Some(&[major, minor, patch]) => Ok((major, minor, patch)),
        _ => Err(AttestationError::Extension { what: "firmware" }),
    }
}

pub(super) fn serial(certificate: &X509Certificate<'_>) -> Result<Option<u32>, AttestationError> {
    let serial = value(certificate, SERIAL, "serial number")?.map(u32::from_der).transpose();
    serial.map_err(|_| AttestationError::Extension { what: "serial number" })
}

pub(super) fn policies(certificate: &X509Certificate<'_>) -> Result<(PinPolicy, TouchPolicy), AttestationError> {
    let what = "PIN and touch policy";
    let Some(&[pin, touch]) = value(certificate, POLICIES, what)? else {
        return Err(AttestationError::Extension { what });
    };
    let pin = match pin {
        1 => PinPolicy::Never,
        2 => PinPolicy::Once,
        3 => PinPolicy::Always,
        4 => PinPolicy::MatchOnce,
        5 => PinPolicy::MatchAlways,
        _ => return Err(AttestationError::Extension { what }),
    };
    let touch = match touch {
        1 => TouchPolicy::Never,
        2 => TouchPolicy::Always,
        3 => TouchPolicy::Cached,
        _ => return Err(AttestationError::Extension { what }),
    };
    Ok((pin, touch))
}

pub(super) fn form_factor(certificate: &X509Certificate<'_>) -> Result<Option<FormFactor>, AttestationError> {
    match value(certificate, FORM_FACTOR, "form factor")? {
        None => Ok(None),
        Some(&[form]) => Ok(Some(FormFactor(form))),
        Some(_) => Err(AttestationError::Extension { what: "form factor" }),
    }
}

/// The content of an extension that stands at most once.
fn value<'a>(
    certificate: &'a X509Certificate<'_>,
    oid: &str,
    what: &'static str,
) -> Result<Option<&'a [u8]>, AttestationError> {
    let mut found = certificate.iter_extensions().filter(|extension| extension.oid.to_id_string() == oid);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(AttestationError::Extension { what }),
        (only, None) => Ok(only.map(|extension| extension.value)),
    }
}

const FIRMWARE: &str = "1.3.6.1.4.1.41482.3.3";
const SERIAL: &str = "1.3.6.1.4.1.41482.3.7";
const POLICIES: &str = "1.3.6.1.4.1.41482.3.8";
const FORM_FACTOR: &str = "1.3.6.1.4.1.41482.3.9";
