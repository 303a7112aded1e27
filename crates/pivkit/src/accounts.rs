//! The local accounts and the backend that keeps their pairings.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use identity::Identity;
use macos::{CommandRunner, SystemRunner, Tool};
use pairing::macos::{Macos, Survey};
use pairing::macos_mapping::MacosMapping;
use pairing::pam_p11::PamP11;
use pairing::pam_pkcs11::{self, PamPkcs11};
use pairing::{Account, AccountName, AccountTable, Backend, PairedKey, Pairings, System};
use time::Time;

use crate::Error;
use crate::mapping::Preset;
use crate::report::{AccountReport, PairingReport};

/// The accounts of a system, with the backend through which they are paired.
pub struct Accounts {
    system: System,
    backend: Box<dyn Backend>,
    /// The same backend, if it is a Mac.
    mac: Option<Macos>,
}

/// Where a Mac's tools are, and what they may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MacTools {
    /// A folder with stand-ins for them; `None` for the Mac's own.
    pub folder: Option<PathBuf>,
    /// When a tool is stopped that does not end; `None` for what suits each.
    pub time_limit: Option<Duration>,
    /// Whether to carry out also what leaves nobody who can log in.
    pub accept_lock_out: bool,
}

impl MacTools {
    pub(crate) fn runner(&self) -> Result<SystemRunner, macos::Error> {
        let runner = match &self.folder {
            Some(folder) => SystemRunner::with_tool_dir(folder)?,
            None => SystemRunner::new(),
        };
        Ok(match self.time_limit {
            Some(limit) => runner.within(limit),
            None => runner,
        })
    }
}

impl Accounts {
    /// Takes the backend `name`, or without a name the one that the system has. A directory tree is taken to be a system
    /// with pam_p11, unless a folder with a Mac's tools is given.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownBackend`], [`Error::NoBackend`], [`Error::Input`]; [`Error::Pairing`] when a Mac's tools are missing.
    pub fn open(system: System, name: Option<&str>, mac: &MacTools) -> Result<Self, Error> {
        match name {
            Some(MACOS) => return Self::on_mac(system, mac),
            Some(name) if name.split(':').next() == Some(MACOS_MAPPING) => {
                let of_preset = Preset::backends().into_iter().find(|(_, backend)| *backend == name);
                let wanted = match of_preset {
                    Some((preset, backend)) => preset.mapping()?.map(|mapping| (backend, mapping)),
                    None if name == MACOS_MAPPING => None,
                    None => return Err(Error::UnknownBackend { name: name.to_owned() }),
                };
                let on_mac = Self::on_mac(system, mac)?;
                let with = |mac| match wanted {
                    Some((backend, mapping)) => MacosMapping::installing(mac, backend, mapping),
                    None => MacosMapping::new(mac),
                };
                let mapping = on_mac.mac.clone().map(|mac| Box::new(with(mac)) as Box<dyn Backend>);
                return Ok(Self { backend: mapping.unwrap_or(on_mac.backend), ..on_mac });
            }
            Some(PAM_P11) => {}
            Some(PAM_PKCS11) => {
                let backend = Box::new(PamPkcs11::open(system.clone(), Path::new(pam_pkcs11::DEFAULT_PATH))?);
                return Ok(Self { system, backend, mac: None });
            }
            Some(name) => return Err(Error::UnknownBackend { name: name.to_owned() }),
            None if mac.folder.is_some() || (system == System::live() && is_mac(&SystemRunner::new())) => {
                return Self::on_mac(system, mac);
            }
            None if system == System::live() && !has_pam_module("pam_p11.so") => return Err(Error::NoBackend),
            None => {}
        }
        let backend = Box::new(PamP11::new(system.clone()));
        Ok(Self { system, backend, mac: None })
    }

    fn on_mac(system: System, tools: &MacTools) -> Result<Self, Error> {
        let runner = tools.runner().map_err(pairing::Error::from)?;
        let missing = [Tool::ScAuth, Tool::Dscl].into_iter().find(|tool| !runner.has(*tool));
        if let Some(tool) = missing {
            let program = runner.program(tool);
            return Err(pairing::Error::from(macos::Error::ToolMissing { program }).into());
        }
        if system.tree().is_some() && tools.folder.is_none() {
            let what = "the backend macos works on the Mac itself, not on a folder; --root goes with --tool-dir here";
            return Err(Error::Input { what: what.to_owned() });
        }
        let files = system.tree().unwrap_or(Path::new("/")).to_owned();
        let mac = Macos::new(Arc::new(runner)).with_files_below(files).accepting_lock_out(tools.accept_lock_out);
        Ok(Self { system, backend: Box::new(mac.clone()), mac: Some(mac) })
    }

    pub(crate) fn system(&self) -> &System {
        &self.system
    }

    #[cfg(test)]
    pub(crate) fn with_backend(system: System, backend: Box<dyn Backend>) -> Self {
        Self { system, backend, mac: None }
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        self.backend.as_ref()
    }

    /// Why the login module cannot use an identity.
    pub(crate) fn obstacle(&self, identity: &Identity) -> Option<String> {
        self.backend.obstacle(Some(&identity.slot), &identity.certificate)
    }

    /// The directory tree that stands for `/`; `None` for the live system.
    pub(crate) fn tree(&self) -> Option<&Path> {
        self.system.tree()
    }

    /// The accounts as they are now, for looking up many.
    pub(crate) fn table(&self) -> Result<AccountTable, Error> {
        let own = self.backend.account_table()?;
        Ok(own.map_or_else(|| self.system.account_table(), Ok)?)
    }

    pub(crate) fn account(&self, name: &AccountName) -> Result<Account, Error> {
        Ok(match &self.mac {
            Some(mac) => mac.account(name)?,
            None => self.system.account(name)?,
        })
    }

    /// What a Mac says about itself; to be asked before a card is held, which the Mac looks at as well.
    pub(crate) fn survey(&self) -> Option<Survey> {
        self.mac.as_ref().map(Macos::survey)
    }
}

const MACOS: &str = "macos";
const MACOS_MAPPING: &str = "macos_mapping";
const PAM_P11: &str = "pam_p11";
const PAM_PKCS11: &str = "pam_pkcs11";

fn is_mac(runner: &SystemRunner) -> bool {
    runner.has(Tool::ScAuth) && runner.has(Tool::Dscl)
}

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
        subject: subject(&pairing.key),
        not_after: not_after(&pairing.key),
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

fn subject(key: &PairedKey) -> Option<String> {
    let certificate = key.certificate().map(|certificate| certificate.subject().to_owned());
    certificate.or_else(|| key.remark().map(|remark| remark.subject.clone()))
}

fn not_after(key: &PairedKey) -> Option<String> {
    let certificate = key.certificate().map(|certificate| certificate.not_after());
    // Only the day was written down.
    let end = certificate.or_else(|| Some(key.remark()?.until.with_time(Time::MIDNIGHT).assume_utc()));
    end.map(crate::identities::rfc3339)
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
