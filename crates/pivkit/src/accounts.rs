//! The local accounts and the backend that keeps their pairings.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use identity::Identity;
use macos::{CommandRunner, SystemRunner, Tool};
use pairing::macos::{Macos, Survey};
use pairing::macos_mapping::MacosMapping;
use pairing::pam_p11::PamP11;
use pairing::pam_pkcs11::PamPkcs11;
use pairing::sssd::Sssd;
use pairing::{Account, AccountName, AccountTable, Backend, LoginModule, PairedKey, Pairings, System};
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
    /// Takes the backend `name`, or without a name the one that the system has: a Mac's tools; else the login module that a
    /// PAM service asks (`pam_sss` only if SSSD asks for smart cards); else the one that is installed, pam_p11 before one with
    /// a configuration. A directory tree without any is taken to be a system with pam_p11.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownBackend`], [`Error::NoBackend`], [`Error::SeveralBackends`], [`Error::Input`]; [`Error::Pairing`] when
    /// a Mac's tools are missing, or the login module is not set up.
    pub fn open(system: System, name: Option<&str>, mac: &MacTools) -> Result<Self, Error> {
        let name = match name {
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
            Some(name) => name,
            None if is_of_mac(&system, mac) => {
                return Self::on_mac(system, mac);
            }
            None => found(&system)?,
        };
        let backend: Box<dyn Backend> = match name {
            PAM_P11 => Box::new(PamP11::new(system.clone())),
            PAM_PKCS11 => Box::new(PamPkcs11::find(system.clone())?),
            SSSD => Box::new(Sssd::open(system.clone())?),
            name => return Err(Error::UnknownBackend { name: name.to_owned() }),
        };
        Ok(Self { system, backend, mac: None })
    }

    /// The backend of attribute mapping that suits a Mac: by the installed SmartcardLogin.plist if it maps certificates, otherwise
    /// by the user principal name. `None` where this is no Mac.
    ///
    /// # Errors
    ///
    /// As [`Accounts::open`].
    pub fn mapping_backend(system: System, mac: &MacTools) -> Result<Option<&'static str>, Error> {
        if !is_of_mac(&system, mac) {
            return Ok(None);
        }
        let installed = Self::on_mac(system, mac)?.mac.map(MacosMapping::new);
        let maps = installed.is_some_and(|installed| installed.mapping().is_ok());
        Ok(Some(if maps { MACOS_MAPPING } else { MAPPING_BY_UPN }))
    }

    /// Has SSSD trust the authorities in these files, as far as certificates need them.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::Authorities`]; [`Error::Input`] for other backends.
    pub fn trusting(self, files: &[PathBuf]) -> Result<Self, Error> {
        if files.is_empty() {
            return Ok(self);
        }
        if self.backend.name() != SSSD {
            let what = format!("--ca goes with the backend sssd, and this is {}", self.backend.name());
            return Err(Error::Input { what });
        }
        let mut authorities = Vec::new();
        for path in files {
            for certificate in crate::files::certificates(path)? {
                let unreadable = |source| Error::Authorities { path: path.clone(), source };
                authorities.push(certificate.map_err(unreadable)?);
            }
        }
        let backend = Box::new(Sssd::open(self.system.clone())?.with_authorities(authorities));
        Ok(Self { backend, ..self })
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
        Ok(self.backend.account_table()?.map_or_else(|| self.system.account_table(), Ok)?)
    }

    pub(crate) fn account(&self, name: &AccountName) -> Result<Account, Error> {
        Ok(match &self.mac {
            Some(mac) => mac.account(name)?,
            None => self.system.account(name)?,
        })
    }

    /// As [`Accounts::account`], with the accounts as they were when `table` was made; a Mac is asked each time.
    pub(crate) fn account_in(&self, table: &AccountTable, name: &AccountName) -> Result<Account, pairing::Error> {
        match &self.mac {
            Some(mac) => mac.account(name),
            None => table.account(name),
        }
    }

    /// What a Mac says about itself; to be asked before a card is held, which the Mac looks at as well.
    pub(crate) fn survey(&self) -> Option<Survey> {
        self.mac.as_ref().map(Macos::survey)
    }
}

const MACOS: &str = "macos";
const MACOS_MAPPING: &str = "macos_mapping";
const MAPPING_BY_UPN: &str = "macos_mapping:upn";
const PAM_P11: &str = "pam_p11";
const PAM_PKCS11: &str = "pam_pkcs11";
const SSSD: &str = "sssd";

/// Whether accounts are a Mac's, of which the tools are here or in a folder.
fn is_of_mac(system: &System, mac: &MacTools) -> bool {
    mac.folder.is_some() || (*system == System::live() && is_mac(&SystemRunner::new()))
}

fn is_mac(runner: &SystemRunner) -> bool {
    runner.has(Tool::ScAuth) && runner.has(Tool::Dscl)
}

/// The backend of the login module that the system uses.
fn found(system: &System) -> Result<&'static str, Error> {
    let modules = pairing::login_modules(system)?;
    let asks_for_cards = || pairing::sssd::Configuration::read(system).is_ok_and(|sssd| sssd.asks_for_cards());
    let ready = |module: &&LoginModule| module.backend != SSSD || asks_for_cards();
    let used: Vec<_> = modules.iter().filter(|module| !module.uses.is_empty()).filter(ready).collect();
    let installed = modules.iter().filter(|module| module.installed).filter(ready);
    let set_up = installed.filter(|module| module.backend == PAM_P11 || module.configuration.is_some());
    let several = if used.is_empty() { set_up.collect() } else { used };
    match several.as_slice() {
        [one] => Ok(one.backend),
        [] if *system != System::live() => Ok(PAM_P11),
        [] => Err(Error::NoBackend),
        several => {
            let describe = |module: &&LoginModule| {
                let services: Vec<_> = module.uses.iter().map(|line| line.service.as_str()).collect();
                let by = if services.is_empty() {
                    "installed".to_owned()
                } else {
                    format!("asked by {}", services.join(", "))
                };
                format!("{} ({by})", module.backend)
            };
            Err(Error::SeveralBackends { found: several.iter().map(describe).collect() })
        }
    }
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
