//! The backend `pam_p11`: `~/.eid/authorized_certificates`.
//!
//! The PAM module pam_p11 (OpenSC project) lets in whoever signs, with the PIN, with a key that
//! stands in this file of the account. It compares public keys; names, dates and issuers of the
//! certificates do not count. So "paired" means here: a certificate with the same public key is
//! in the file, at a place pam_p11 comes to read.
//!
//! | what                        | how                                                        |
//! |-----------------------------|------------------------------------------------------------|
//! | new directory, new file     | owner and group of the account, mode 0700 and 0600         |
//! | file that is there          | owner and mode kept; every byte that is not ours kept      |
//! | last certificate removed    | nothing or only blanks left: the file goes, the directory stays |
//! | undo                        | file as before, byte for byte; a directory made by apply goes when it is empty |
//! | lock                        | flock(2) on the home directory, 10 seconds at most         |
//! | limit                       | 1 MiB                                                      |
//!
//! Refused as unsafe: links in the way, a file with several names, a directory or a file that
//! belongs to somebody else than the account and root, or that somebody else can change. The lock
//! needs a file system with flock on directories, which some network file systems lack. Access
//! control lists and security labels of a replaced file are those of a new file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use identity::{Certificate, PairingHash};
use nix::unistd::UnlinkatFlags;

use crate::directory::{Attributes, Directory};
use crate::plan::{Action, Contents};
use crate::{
    Account, AccountPairings, Applied, Backend, Change, Error, Note, Pairings, Plan, System, authorized_certificates,
};

/// Keeps pairings where pam_p11 looks for them.
#[derive(Debug, Clone)]
pub struct PamP11 {
    system: System,
    lock_wait: Duration,
}

impl PamP11 {
    /// The backend for the accounts of `system`.
    pub fn new(system: System) -> Self {
        PamP11 { system, lock_wait: LOCK_WAIT }
    }

    /// Waits this long for other processes that change the same account, instead of 10 seconds.
    #[must_use]
    pub fn with_lock_wait(mut self, wait: Duration) -> Self {
        self.lock_wait = wait;
        self
    }

    fn file_path(&self, account: &Account) -> PathBuf {
        self.system.path_of(&account.home).join(DIRECTORY).join(FILE)
    }

    fn home(&self, account: &Account) -> Result<Directory, Error> {
        self.system
            .open_home(account)?
            .ok_or_else(|| Error::NoHome { name: account.name.to_string(), path: self.system.path_of(&account.home) })
    }

    fn found(&self, home: &Directory, account: &Account) -> Result<Found, Error> {
        home.check_owner(account.uid, account.gid)?;
        let Some(directory) = home.enter(DIRECTORY.as_ref())? else {
            return Ok(Found::default());
        };
        directory.check_owner(account.uid, account.gid)?;
        let mut file = None;
        if let Some(open) = directory.open_file(FILE)? {
            open.check_owner(account.uid, account.gid)?;
            let bytes = open.read(MAX_FILE)?;
            let too_large = || Error::unsafe_path(&self.file_path(account), "is larger than 1 MiB");
            file = Some(Contents { bytes: bytes.ok_or_else(too_large)?, attributes: open.attributes() });
        }
        Ok(Found { directory: Some(directory), file })
    }

    /// Makes the plan for what is there.
    fn plan(&self, account: &Account, action: Action, found: &Found) -> Plan {
        let path = self.file_path(account);
        let pairings = found.pairings();
        let mut changes = Vec::new();
        if let Some(after) = after(&action, found) {
            if found.directory.is_none() {
                changes.push(Change::CreateDirectory { path: parent(&path) });
            }
            if found.file.is_none() {
                changes.push(Change::CreateFile { path: path.clone() });
            }
            match &action {
                Action::Pair(certificate) => changes.push(Change::add(path.clone(), certificate)),
                Action::Unpair(_) | Action::UnpairAll(_) => {
                    let gone = pairings.entries.iter().filter(|pairing| action.removes(&pairing.hash()));
                    changes.extend(gone.map(|pairing| Change::remove(path.clone(), &pairing.certificate)));
                }
            }
            if after.is_none() {
                changes.push(Change::RemoveFile { path: path.clone() });
            }
        }
        let note = |unreadable: crate::Unreadable| Note::Unreadable {
            path: path.clone(),
            line: unreadable.line,
            why: unreadable.why,
        };
        let notes = pairings.unreadable.into_iter().map(note).collect();
        Plan { account: account.clone(), action, changes, notes }
    }

    /// Writes or removes the file. Under the lock.
    fn write(&self, home: &Directory, account: &Account, found: &Found, after: Option<&[u8]>) -> Result<(), Error> {
        let owner = |mode| Attributes { uid: account.uid, gid: account.gid, mode };
        let Some(bytes) = after else {
            let Some(directory) = &found.directory else { return Ok(()) };
            directory.remove(FILE, UnlinkatFlags::NoRemoveDir)?;
            return directory.sync().map_err(|error| Error::io(&self.file_path(account), error));
        };
        let attributes = found.file.as_ref().map_or(owner(0o600), |file| file.attributes);
        if let Some(directory) = &found.directory {
            return directory.replace(FILE, TEMPORARY, bytes, attributes);
        }
        let directory = home.create_directory(DIRECTORY, TEMPORARY_DIRECTORY, owner(0o700))?;
        let result = directory.replace(FILE, TEMPORARY, bytes, attributes);
        if result.is_err() {
            // Not empty when the file is already in its place: then it stays.
            let _ = home.remove(DIRECTORY, UnlinkatFlags::RemoveDir);
        }
        result
    }

    /// Makes sure that the file is what was written.
    fn read_back(&self, home: &Directory, account: &Account, expected: Option<&[u8]>) -> Result<(), Error> {
        let found = self.found(home, account)?;
        let bytes = found.file.as_ref().map(|file| file.bytes.as_slice());
        if bytes == expected { Ok(()) } else { Err(Error::Changed { path: self.file_path(account) }) }
    }
}

impl Backend for PamP11 {
    fn name(&self) -> &'static str {
        "pam_p11"
    }

    fn pairings(&self, account: &Account) -> Result<Pairings, Error> {
        match self.system.open_home(account)? {
            Some(home) => Ok(self.found(&home, account)?.pairings()),
            None => Ok(Pairings::default()),
        }
    }

    fn accounts_with_pairings(&self) -> Result<Vec<AccountPairings>, Error> {
        let mut with_pairings = Vec::new();
        for account in self.system.accounts()? {
            let pairings = self.listed(&account);
            if pairings.as_ref().map_or(true, |pairings| !pairings.is_empty()) {
                with_pairings.push(AccountPairings { account, pairings });
            }
        }
        Ok(with_pairings)
    }

    fn plan_pair(&self, account: &Account, certificate: &Certificate) -> Result<Plan, Error> {
        let found = self.found(&self.home(account)?, account)?;
        Ok(self.plan(account, Action::Pair(Box::new(certificate.clone())), &found))
    }

    fn plan_unpair(&self, account: &Account, hash: Option<&PairingHash>) -> Result<Plan, Error> {
        let found = match self.system.open_home(account)? {
            Some(home) => self.found(&home, account)?,
            None => Found::default(),
        };
        let action = match hash {
            Some(hash) => Action::Unpair(*hash),
            None => Action::UnpairAll(found.pairings().hashes()),
        };
        Ok(self.plan(account, action, &found))
    }

    fn apply(&self, plan: &Plan) -> Result<Applied, Error> {
        let account = &plan.account;
        let home = self.home(account)?;
        home.lock(self.lock_wait)?;
        let found = self.found(&home, account)?;
        if let Action::UnpairAll(known) = &plan.action
            && found.pairings().hashes().iter().any(|hash| !known.contains(hash))
        {
            return Err(Error::Changed { path: self.file_path(account) });
        }
        let now = self.plan(account, plan.action.clone(), &found);
        let before = found.file.clone();
        let after = match after(&plan.action, &found) {
            Some(after) => {
                self.write(&home, account, &found, after.as_deref())?;
                self.read_back(&home, account, after.as_deref())?;
                after
            }
            None => before.as_ref().map(|file| file.bytes.clone()),
        };
        tracing::info!(backend = self.name(), account = %account.name, changes = now.changes.len(), "pairing_applied");
        let created_directory = found.directory.is_none() && after.is_some();
        Ok(Applied { account: account.clone(), changes: now.changes, before, after, created_directory })
    }

    fn undo(&self, applied: &Applied) -> Result<(), Error> {
        if applied.changes.is_empty() {
            return Ok(());
        }
        let account = &applied.account;
        let home = self.home(account)?;
        home.lock(self.lock_wait)?;
        let found = self.found(&home, account)?;
        if found.file.as_ref().map(|file| &file.bytes) != applied.after.as_ref() {
            return Err(Error::Changed { path: self.file_path(account) });
        }
        let before = applied.before.as_ref();
        let target = Found { directory: found.directory, file: before.cloned() };
        let bytes = before.map(|file| file.bytes.as_slice());
        self.write(&home, account, &target, bytes)?;
        self.read_back(&home, account, bytes)?;
        if applied.created_directory {
            // Somebody else may have put something there; then it stays.
            let _ = home.remove(DIRECTORY, UnlinkatFlags::RemoveDir);
        }
        tracing::info!(backend = self.name(), account = %account.name, "pairing_undone");
        Ok(())
    }
}

impl PamP11 {
    /// As [`Backend::pairings`], but an account that has no directory for certificates has none,
    /// whoever owns its home directory: service accounts live in all kinds of places.
    fn listed(&self, account: &Account) -> Result<Pairings, Error> {
        let Some(home) = self.system.open_home(account)? else { return Ok(Pairings::default()) };
        match home.enter(DIRECTORY.as_ref())? {
            Some(_) => Ok(self.found(&home, account)?.pairings()),
            None => Ok(Pairings::default()),
        }
    }
}

/// What is there for an account.
#[derive(Debug, Default)]
struct Found {
    directory: Option<Directory>,
    file: Option<Contents>,
}

impl Found {
    fn pairings(&self) -> Pairings {
        self.file.as_ref().map(|file| authorized_certificates::read(&file.bytes)).unwrap_or_default()
    }
}

impl Action {
    fn removes(&self, hash: &PairingHash) -> bool {
        match self {
            Action::Pair(_) => false,
            Action::Unpair(one) => one == hash,
            Action::UnpairAll(all) => all.contains(hash),
        }
    }
}

/// The file after the action: `None` when nothing changes, `Some(None)` when it is to go.
fn after(action: &Action, found: &Found) -> Option<Option<Vec<u8>>> {
    let bytes = found.file.as_ref().map(|file| file.bytes.as_slice()).unwrap_or_default();
    let pairings = found.pairings();
    match action {
        Action::Pair(certificate) if pairings.contains(&certificate.pairing_hash()) => None,
        Action::Pair(certificate) => Some(Some(authorized_certificates::add(bytes, certificate))),
        Action::Unpair(_) | Action::UnpairAll(_) => {
            let hashes: Vec<_> = pairings.hashes().into_iter().filter(|hash| action.removes(hash)).collect();
            if hashes.is_empty() {
                return None;
            }
            let rest = authorized_certificates::remove(bytes, &hashes);
            Some(Some(rest).filter(|rest| !rest.trim_ascii().is_empty()))
        }
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

const DIRECTORY: &str = ".eid";
const FILE: &str = "authorized_certificates";
/// The new file until it takes its place; only the holder of the lock uses this name.
const TEMPORARY: &str = ".authorized_certificates.pivkit";
/// The new directory until it gets its name.
const TEMPORARY_DIRECTORY: &str = ".eid.pivkit";
const MAX_FILE: u64 = 1024 * 1024;
const LOCK_WAIT: Duration = Duration::from_secs(10);

#[cfg(test)]
pub(crate) mod tests;
