//! The file that is installed.

use std::path::PathBuf;

use ::macos::smartcard_login::{AttributeMapping, Installed, PATH, Severity, SmartcardLogin, place};
use ::macos::{CertificateTrust, SmartcardPreferences};

use super::MacosMapping;
use crate::Error;

impl MacosMapping {
    /// How the installed file maps certificates.
    ///
    /// # Errors
    ///
    /// [`Error::NoMapping`] if there is none that macOS would use; [`Error::Mac`].
    pub fn mapping(&self) -> Result<AttributeMapping, Error> {
        let wanted = self.wanted.as_ref().map(|(_, mapping)| mapping);
        match (wanted, self.is_installed()?) {
            (Some(wanted), false) => Ok(wanted.clone()),
            (None, _) => self.installed(),
            (Some(wanted), true) => {
                let found = self.installed()?;
                if found == *wanted {
                    return Ok(found);
                }
                let why = format!("maps certificates in another way: {} instead of {}", found.format, wanted.format);
                Err(Error::NoMapping { path: self.path(), why })
            }
        }
    }

    /// Whether there is a file, whatever it says.
    pub(super) fn is_installed(&self) -> Result<bool, Error> {
        Ok(Installed::below(self.mac.files())?.is_some())
    }

    /// Puts the file with the wanted mapping in its place, unless there is one.
    pub(super) fn install(&self) -> Result<(), Error> {
        let Some((_, mapping)) = &self.wanted else { return Ok(()) };
        let login = SmartcardLogin { attribute_mapping: Some(mapping.clone()), ..SmartcardLogin::default() };
        let placed = place(&self.path(), &login.to_xml()?, false)?;
        tracing::info!(?placed, "mapping_installed");
        Ok(())
    }

    fn installed(&self) -> Result<AttributeMapping, Error> {
        let root = self.mac.files();
        let refused = |why: String| Error::NoMapping { path: self.path(), why };
        let installed = Installed::below(root)?.ok_or_else(|| refused("is not there".to_owned()))?;
        let (login, findings) = self.mac.as_root(installed).lint(None);
        if let Some(worst) = findings.into_iter().find(|finding| finding.severity == Severity::Error) {
            return Err(refused(format!("is not used by macOS: {}", worst.message)));
        }
        let mapping = login.and_then(|login| login.attribute_mapping);
        mapping.ok_or_else(|| refused("has no AttributeMapping".to_owned()))
    }

    /// Where the file is.
    pub fn path(&self) -> PathBuf {
        self.mac.files().join(PATH.trim_start_matches('/'))
    }

    /// Whether certificates of cards are not checked; `None` if nobody knows.
    pub(super) fn is_unchecked(&self) -> Option<bool> {
        let preferences = SmartcardPreferences::read(self.mac.runner()).ok()?;
        Some(preferences.check_certificate_trust.unwrap_or(CertificateTrust::Off) == CertificateTrust::Off)
    }
}
