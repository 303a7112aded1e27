//! The local accounts and the backend that keeps their pairings.

use std::path::Path;

use pairing::pam_p11::PamP11;
use pairing::{Account, AccountName, Backend, Pairings, System};

use crate::Error;
use crate::report::{AccountReport, PairingReport};

/// The accounts of a system, with the backend through which they are paired.
pub struct Accounts {
    system: System,
    backend: Box<dyn Backend>,
}

impl Accounts {
    /// Takes the backend `name`, or without a name the one that the system has. A directory tree is taken to be a system
    /// with pam_p11.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownBackend`], [`Error::NoBackend`].
    pub fn open(system: System, name: Option<&str>) -> Result<Self, Error> {
        match name {
            Some(PAM_P11) => {}
            Some(name) => return Err(Error::UnknownBackend { name: name.to_owned() }),
            None if system == System::live() && !has_pam_module("pam_p11.so") => return Err(Error::NoBackend),
            None => {}
        }
        let backend = Box::new(PamP11::new(system.clone()));
        Ok(Self { system, backend })
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        self.backend.as_ref()
    }

    pub(crate) fn account(&self, name: &AccountName) -> Result<Account, Error> {
        Ok(self.system.account(name)?)
    }
}

const PAM_P11: &str = "pam_p11";

/// Looks where distributions keep PAM modules: `security` below a library folder, or below one for each architecture.
fn has_pam_module(file: &str) -> bool {
    let libraries = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"].map(Path::new);
    libraries.into_iter().any(|library| {
        let by_architecture = std::fs::read_dir(library).into_iter().flatten().flatten().map(|entry| entry.path());
        let folders = std::iter::once(library.to_owned()).chain(by_architecture);
        folders.into_iter().any(|folder| folder.join("security").join(file).exists())
    })
}

pub(crate) fn hashes(pairings: &Pairings) -> Vec<String> {
    pairings.hashes().iter().map(ToString::to_string).collect()
}

pub(crate) fn account_report(user: String, pairings: &Pairings) -> AccountReport {
    let report = |pairing: &pairing::Pairing| PairingReport {
        pairing_hash: pairing.hash().to_string(),
        subject: Some(pairing.certificate.subject().to_owned()),
        not_after: Some(crate::identities::rfc3339(pairing.certificate.not_after())),
        effective: pairing.effective,
    };
    let problem =
        |part: &pairing::Unreadable| format!("line {}: {}; what stands behind it does not count", part.line, part.why);
    AccountReport {
        user,
        pairings: pairings.entries.iter().map(report).collect(),
        problems: pairings.unreadable.iter().map(problem).collect(),
    }
}
