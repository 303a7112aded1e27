//! What sssd.conf says, as far as pairing depends on it.

use std::path::{Path, PathBuf};

use super::ini::Ini;
use crate::system_file::SystemFile;
use crate::undo::Attributes;
use crate::{Error, System, pam_stack};

/// SSSD's configuration.
#[derive(Debug, Clone)]
pub struct Configuration {
    path: PathBuf,
    ini: Ini,
    attributes: Attributes,
    /// The sections of rules that are not ours.
    others: Vec<String>,
}

/// The domain of local accounts, whose rules SSSD reads from its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalDomain {
    /// Its name.
    pub name: String,
    /// Its provider: `files` (up to SSSD 2.9) or `proxy` (from SSSD 2.9 on).
    pub provider: String,
}

impl Configuration {
    /// Reads sssd.conf and the files of conf.d, in the order in which SSSD reads them.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when there is no sssd.conf, [`Error::Configuration`] when SSSD would not read it, and those of
    /// reading a file.
    pub fn read(system: &System) -> Result<Self, Error> {
        let place = SystemFile::open(system, Path::new(SSSD_CONF), MAX_FILE)?;
        let missing = || Error::Missing { path: place.path().to_owned() };
        let contents = place.read()?.ok_or_else(missing)?;
        if contents.attributes.mode & 0o007 != 0 {
            let why = "can be read by others than its owner, and SSSD refuses to start with it: chmod 600";
            return Err(Error::configuration(place.path(), why));
        }
        let mut ini = Ini::default();
        ini.read(&String::from_utf8_lossy(&contents.bytes));
        for name in names(system)? {
            let snippet = SystemFile::open(system, &Path::new(CONF_D).join(&name), super::MAX_RULES)?;
            if let Some(contents) = snippet.read()? {
                ini.read(&String::from_utf8_lossy(&contents.bytes));
            }
        }
        let is_other = |section: &&str| section.starts_with("certmap/") && !section.contains("/pivkit-");
        let others = ini.sections().filter(is_other).map(str::to_owned).collect();
        Ok(Configuration { path: place.path().to_owned(), ini, attributes: contents.attributes, others })
    }

    /// sssd.conf, as a path of this machine.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Owner and mode of sssd.conf, which other files of SSSD's have to have as well.
    pub(super) fn attributes(&self) -> Attributes {
        self.attributes
    }

    /// Whether smart cards are asked for at all.
    pub fn asks_for_cards(&self) -> bool {
        self.ini.is_true("pam", "pam_cert_auth")
    }

    /// Whether a certificate that is itself in the file of authorities is trusted without its issuer.
    pub fn trusts_certificates_themselves(&self) -> bool {
        let sections = [("pam", "pam_cert_verification"), ("sssd", "certificate_verification")];
        let given = sections.into_iter().find(|(section, key)| self.ini.value(section, key).is_some());
        given.is_some_and(|(section, key)| self.ini.list(section, key).any(|word| word == "partial_chain"))
    }

    /// The file of trusted authorities.
    pub fn authorities(&self) -> PathBuf {
        self.ini.value("pam", "pam_cert_db_path").unwrap_or(AUTHORITIES).into()
    }

    /// The domain of local accounts.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] when there is none, or when it is set up in a way in which rules are without effect or a
    /// password could let in anybody.
    pub fn local_domain(&self, system: &System) -> Result<LocalDomain, Error> {
        let refused = |why: String| Err(Error::configuration(&self.path, why));
        if !self.asks_for_cards() {
            return refused("does not ask for smart cards: set pam_cert_auth = True in [pam]".to_owned());
        }
        let provider = |name: &&str| self.ini.value(&format!("domain/{name}"), "id_provider").unwrap_or_default();
        let local = self.ini.list("sssd", "domains").find(|name| matches!(provider(name), "files" | "proxy"));
        let Some(name) = local else {
            return refused(
                "has no domain for local accounts: add one with id_provider = files (up to SSSD 2.9) or proxy (from 2.9 on); \
                 in other domains the directory says whose a certificate is"
                    .to_owned(),
            );
        };
        let provider = provider(&name).to_owned();
        let section = format!("domain/{name}");
        if provider == "proxy" {
            let policy = self.ini.value(&section, "local_auth_policy").unwrap_or("match");
            if policy != "only" && !policy.contains("enable:smartcard") {
                return refused(format!(
                    "has local_auth_policy = {policy} for the domain {name}: with the provider proxy SSSD asks for a card only \
                     with `only` or `enable:smartcard` (SSSD 2.9)"
                ));
            }
        }
        if let Some(target) = self.ini.value(&section, "proxy_pam_target")
            && let Some(why) = danger_of(system, target)
        {
            return refused(format!("has proxy_pam_target = {target} for the domain {name}, and {why}"));
        }
        Ok(LocalDomain { name: name.to_owned(), provider })
    }

    /// The rules that map a certificate to this account, in words: names of sections that are not ours.
    pub(super) fn other_rules<'a>(&'a self, domain: &LocalDomain, user: &'a str) -> impl Iterator<Item = &'a str> {
        let prefix = format!("certmap/{}/", domain.name);
        self.others.iter().map(String::as_str).filter(move |section| {
            let Some(name) = section.strip_prefix(&prefix).filter(|name| !name.starts_with("pivkit-")) else {
                return false;
            };
            match self.ini.value(section, "maprule") {
                None => name == user,
                // A template may name anybody.
                Some(rule) => rule == format!("({user})") || rule.contains('{'),
            }
        })
    }
}

/// The files of conf.d that SSSD reads, in its order.
fn names(system: &System) -> Result<Vec<String>, Error> {
    let Some(directory) = system.open(Path::new(CONF_D))? else { return Ok(Vec::new()) };
    let mut names = directory.names()?;
    names.retain(|name| name.ends_with(".conf") && !name.starts_with('.'));
    names.sort();
    Ok(names)
}

/// Why a PAM service cannot be left to check passwords.
fn danger_of(system: &System, service: &str) -> Option<String> {
    match pam_stack::accepts_any_password(system, service) {
        Ok(false) => None,
        Ok(true) => Some("that PAM service can let anybody in with any password".to_owned()),
        Err(error) => Some(format!("what that PAM service does cannot be said: {error}")),
    }
}

/// The configuration itself.
pub(crate) const SSSD_CONF: &str = "/etc/sssd/sssd.conf";
const CONF_D: &str = "/etc/sssd/conf.d";
/// pam_cert_db_path, unless it is set.
const AUTHORITIES: &str = "/etc/sssd/pki/sssd_auth_ca_db.pem";
/// The largest file of the configuration.
pub(super) const MAX_FILE: u64 = 4 * 1024 * 1024;
