//! The local accounts and the backend that keeps their pairings.

use std::path::Path;

use identity::Identity;
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

    #[cfg(test)]
    pub(crate) fn with_backend(system: System, backend: Box<dyn Backend>) -> Self {
        Self { system, backend }
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        self.backend.as_ref()
    }

    /// Why the login module cannot use an identity.
    pub(crate) fn obstacle(&self, identity: &Identity) -> Option<String> {
        self.backend.obstacle(Some(&identity.slot), &identity.certificate)
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

pub(crate) fn account_report(user: String, pairings: &Pairings) -> AccountReport {
    let kept = pairings.entries.iter().map(|pairing| PairingReport {
        pairing_hash: pairing.hash().map(|hash| hash.to_string()),
        key: pairing.key.to_string(),
        subject: pairing.key.certificate().map(|certificate| certificate.subject().to_owned()),
        not_after: pairing.key.certificate().map(|certificate| crate::identities::rfc3339(certificate.not_after())),
        effective: pairing.effective,
        elsewhere: None,
    });
    let elsewhere = pairings.elsewhere.iter().map(|key| PairingReport {
        pairing_hash: Some(key.hash.to_string()),
        key: key.hash.to_string(),
        subject: None,
        not_after: None,
        effective: true,
        elsewhere: Some(format!("{} line {}", key.path.display(), key.line)),
    });
    AccountReport { user, pairings: kept.chain(elsewhere).collect(), problems: problems(pairings) }
}

/// What could not be read of an account's pairings.
fn problems(pairings: &Pairings) -> Vec<String> {
    let mut problems: Vec<String> = Vec::new();
    for part in &pairings.unreadable {
        let counts = if part.may_count { "may count as a pairing all the same" } else { "does not count" };
        problems.push(format!("line {}: {}; it {counts}, and what stands behind it may not", part.line, part.why));
    }
    if pairings.unreadable_more > 0 {
        problems.push(format!("{} more parts cannot be read", pairings.unreadable_more));
    }
    problems.extend(pairings.unknown.iter().map(|part| format!("{} {}", part.path.display(), part.why)));
    problems
}
