//! The backend `pam_p11`: `~/.eid/authorized_certificates`.
//!
//! The PAM module pam_p11 (OpenSC project) lets in whoever signs, with the PIN, with a key that
//! stands in this file of the account. It compares public keys; names, dates and issuers of the
//! certificates do not count. So "paired" means here: a certificate with the same public key is
//! in the file, at a place pam_p11 comes to read. It also takes the RSA and ECDSA keys of
//! `~/.ssh/authorized_keys`; these are read and reported, never changed.
//!
//! | what                        | how                                                        |
//! |-----------------------------|------------------------------------------------------------|
//! | new directory, new file     | owner and group of the account, mode 0700 and 0600         |
//! | file that is there          | owner and mode kept; every byte that is not ours kept      |
//! | last certificate removed    | nothing or only blanks left: the file goes, the directory stays |
//! | undo                        | file as before, byte for byte; a directory made by apply goes when it is empty |
//! | lock                        | flock(2) on `.eid`, 10 seconds at most                     |
//! | limit                       | 1 MiB                                                      |
//!
//! Refused as unsafe: links in the way, a file with several names, a directory or a file that
//! belongs to somebody else than the account and root, or that somebody else can change. The lock
//! needs a file system with flock on directories, which some network file systems lack. Access
//! control lists and security labels of a replaced file are those of a new file.
//!
//! Nobody may keep a key in the list by holding the lock. Whoever can open `.eid` can hold it: the
//! account's own user always, everybody when others may read the directory. In these cases, when
//! the time is up, the work is done without the lock: the file is compared with what was read,
//! replaced and read back. Programs that release the lock in time never lose a change.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use identity::{Certificate, KeyAlgorithm, PairingHash};
use nix::unistd::{UnlinkatFlags, geteuid};

use crate::authorized_certificates::{self, List};
use crate::directory::Directory;
use crate::plan::{Action, Removal};
use crate::undo::{Attributes, Contents, FileDigest, FileUndo};
use crate::{
    Account, AccountPairings, Applied, Backend, Change, Error, Key, Note, Pairing, Pairings, Plan, Request, Selection,
    System, Undo, Witness,
};

mod elsewhere;

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
        self.system.open_home(account)?.ok_or_else(|| self.no_home(account))
    }

    fn no_home(&self, account: &Account) -> Error {
        Error::NoHome { name: account.name.to_string(), path: self.system.path_of(&account.home) }
    }

    /// Whether the key can be put on the account's list at all.
    fn check_key(&self, account: &Account, key: &Key) -> Result<(), Error> {
        let certificate = key.certificate().ok_or(Error::NeedsCertificate { backend: NAME })?;
        if let Some(why) = self.obstacle(None, certificate) {
            return Err(Error::UnusableCertificate { why });
        }
        if account.home.parent().is_none() {
            let why = "is the home directory of the account, and what is kept there counts for others as well";
            return Err(Error::unsafe_path(&self.system.path_of(&account.home), why));
        }
        Ok(())
    }

    /// Everything that is there for the account.
    fn found(&self, home: &Directory, account: &Account) -> Result<Found, Error> {
        home.check_owner(account, &self.system)?;
        let mut found = match home.enter(DIRECTORY.as_ref())? {
            Some(directory) => self.found_in(&directory, account)?,
            None => Found::default(),
        };
        elsewhere::read(home, &mut found.pairings);
        Ok(found)
    }

    /// What is in the directory.
    fn found_in(&self, directory: &Directory, account: &Account) -> Result<Found, Error> {
        let file = self.contents(directory, account)?;
        let list = List::read(file.as_ref().map(|file| file.bytes.as_slice()).unwrap_or_default());
        Ok(Found { has_directory: true, file, pairings: list.pairings(), list })
    }

    fn contents(&self, directory: &Directory, account: &Account) -> Result<Option<Contents>, Error> {
        directory.check_owner(account, &self.system)?;
        let Some(open) = directory.open_file(FILE)? else { return Ok(None) };
        open.check_owner(account, &self.system)?;
        let too_large = || Error::unsafe_path(&self.file_path(account), "is larger than 1 MiB");
        Ok(Some(Contents { bytes: open.read(MAX_FILE)?.ok_or_else(too_large)?, attributes: open.attributes() }))
    }

    /// Makes the plan for what is there.
    fn plan_for(&self, account: &Account, action: Action, found: &Found) -> Result<Plan, Error> {
        let path = self.file_path(account);
        let mut changes = Vec::new();
        if let Some(after) = after(&action, found) {
            if !found.has_directory {
                changes.push(Change::CreateDirectory { path: parent(&path) });
            }
            if found.file.is_none() {
                changes.push(Change::CreateFile { path: path.clone() });
            }
            if let Some(certificate) = action.adds(&found.pairings) {
                changes.push(Change::add(path.clone(), certificate));
            }
            let gone = found.pairings.entries.iter().filter(|pairing| action.removes(pairing));
            let gone = gone.filter_map(|pairing| pairing.key.certificate());
            changes.extend(gone.map(|certificate| Change::remove(path.clone(), certificate)));
            if action.removes_suspects() {
                let mut lines = found.list.suspects();
                let first = lines.by_ref().take(authorized_certificates::MAX_UNREADABLE);
                changes.extend(first.map(|line| Change::RemoveUnreadable { path: path.clone(), line }));
                let count = lines.count();
                changes.extend((count > 0).then(|| Change::RemoveUnreadableMore { path: path.clone(), count }));
            }
            if after.is_none() {
                changes.push(Change::RemoveFile { path: path.clone() });
            }
        }
        let notes = self.notes(account, &action, &found.pairings)?;
        Ok(Plan { account: account.clone(), action, changes, notes })
    }

    fn notes(&self, account: &Account, action: &Action, pairings: &Pairings) -> Result<Vec<Note>, Error> {
        let path = self.file_path(account);
        let mut notes = Vec::new();
        for part in pairings.unreadable.iter().filter(|part| !(part.may_count && action.removes_suspects())) {
            let (line, why, may_count) = (part.line, part.why.clone(), part.may_count);
            notes.push(Note::Unreadable { path: path.clone(), line, why, may_count });
        }
        if pairings.unreadable_more > 0 && !action.removes_suspects() {
            notes.push(Note::UnreadableMore { path: path.clone(), count: pairings.unreadable_more });
        }
        if action.remove != Removal::None {
            let stays = |hash: &PairingHash| action.removes_suspects() || action.removes_hash(hash);
            let mut keys = pairings.elsewhere.iter().filter(|key| stays(&key.hash));
            notes.extend(keys.by_ref().take(MAX_NOTES).cloned().map(Note::Elsewhere));
            let count = keys.count();
            notes.extend((count > 0).then_some(Note::ElsewhereMore { count }));
            notes.extend(pairings.unknown.iter().cloned().map(Note::Unknown));
        }
        let accounts = self.system.sharing_home(account)?;
        if !accounts.is_empty() {
            notes.push(Note::SharedHome { path: self.system.path_of(&account.home), accounts });
        }
        if let Some(certificate) = action.certificate()
            && let KeyAlgorithm::Rsa { bits: bits @ 4096.. } = *certificate.public_key().algorithm()
        {
            notes.push(Note::LongRsaKey { bits });
        }
        Ok(notes)
    }

    /// Takes the lock of the account's directory, which is made for it if so asked; `None` when
    /// there is none.
    fn lock(&self, home: &Directory, account: &Account, create: bool) -> Result<Option<Locked>, Error> {
        home.check_owner(account, &self.system)?;
        let end = Instant::now() + self.lock_wait;
        let go_on = |directory: &Directory| Ok(can_be_kept(account, directory.attributes()?));
        for _ in 0..MAX_ATTEMPTS {
            if let Some(directory) = home.enter(DIRECTORY.as_ref())? {
                directory.check_owner(account, &self.system)?;
                let locked = directory.lock(end)?;
                if !locked && !go_on(&directory)? {
                    return Err(Error::Busy { path: directory.path().to_owned() });
                }
                // Whoever held the lock may have removed the directory.
                if home.still_names(DIRECTORY, &directory)? {
                    return Ok(Some(Locked { directory, locked, created: false }));
                }
            } else if create {
                let owner = Attributes { uid: account.uid, gid: account.gid, mode: 0o700 };
                let made = home.create_directory(DIRECTORY, TEMPORARY_DIRECTORY, owner, end, go_on)?;
                if let Some(directory) = made {
                    return Ok(Some(Locked { directory, locked: true, created: true }));
                }
            } else {
                return Ok(None);
            }
        }
        Err(Error::Changed { path: parent(&self.file_path(account)) })
    }

    /// Tells the witness of a directory that is about to be made: the lock is in it, so it is made before anything else is.
    /// What it is told is what becomes of the account if nobody else gets in between.
    fn announce_directory(&self, home: &Directory, plan: &Plan, witness: Witness<'_>) -> Result<Option<Undo>, Error> {
        home.check_owner(&plan.account, &self.system)?;
        if plan.action.add.is_none() || home.enter(DIRECTORY.as_ref())?.is_some() {
            return Ok(None);
        }
        let bytes = after(&plan.action, &Found::default()).flatten();
        let after = bytes.map(|bytes| FileDigest::of(&bytes));
        let undo = Undo::File(FileUndo { before: None, after, created_directory: true });
        witness(&undo).map_err(Error::Witness)?;
        Ok(Some(undo))
    }

    /// Writes or removes the file, which must still be what was found, and reads it back.
    fn write(&self, locked: &Locked, account: &Account, found: &Found, after: Option<&Contents>) -> Result<(), Error> {
        let (directory, path) = (&locked.directory, self.file_path(account));
        let changed = || Error::Changed { path: path.clone() };
        if self.contents(directory, account)? != found.file {
            return Err(changed());
        }
        match after {
            None => {
                directory.remove(FILE, UnlinkatFlags::NoRemoveDir)?;
                directory.sync().map_err(|error| Error::io(&path, error))?;
            }
            Some(Contents { bytes, attributes }) if locked.locked => {
                directory.replace(FILE, TEMPORARY, bytes, *attributes)?;
            }
            Some(Contents { bytes, attributes }) => {
                // The usual name belongs to whoever holds the lock.
                let temporary = format!("{TEMPORARY}.{}", std::process::id());
                directory.replace(FILE, &temporary, bytes, *attributes)?;
            }
        }
        let now = self.contents(directory, account)?;
        let same = now.map(|file| file.bytes) == after.map(|file| file.bytes.clone());
        if same { Ok(()) } else { Err(changed()) }
    }

    /// As [`pairings`](Backend::pairings), for an account that nobody asked about: what has no
    /// file is not looked at further, whoever owns its home directory. Service accounts live in
    /// all kinds of places.
    fn listed(&self, account: &Account) -> Result<Pairings, Error> {
        let Some(home) = self.system.open_home(account)? else { return Ok(Pairings::default()) };
        if home.enter(DIRECTORY.as_ref())?.is_some() {
            return Ok(self.found(&home, account)?.pairings);
        }
        let mut pairings = Pairings::default();
        elsewhere::read(&home, &mut pairings);
        Ok(pairings)
    }
}

impl Backend for PamP11 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn obstacle(&self, slot: Option<&str>, certificate: &Certificate) -> Option<String> {
        let slot = slot.unwrap_or_default();
        if slot.eq_ignore_ascii_case("9c") {
            return Some("its key wants the PIN before every signature, and pam_p11 presents it only once".to_owned());
        }
        if slot.eq_ignore_ascii_case("9e") {
            return Some("its key signs without the PIN: it shows that the card is there, not who holds it".to_owned());
        }
        if let Some(why) = certificate.encoding_problem() {
            return Some(format!("pam_p11 cannot be relied on to read the certificate: {why}"));
        }
        let kind = certificate.public_key().algorithm();
        (!authorized_certificates::usable(certificate)).then(|| format!("pam_p11 cannot use a key of the kind {kind}"))
    }

    fn pairings(&self, account: &Account) -> Result<Pairings, Error> {
        match self.system.open_home(account)? {
            Some(home) => Ok(self.found(&home, account)?.pairings),
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

    fn plan(&self, account: &Account, request: &Request) -> Result<Plan, Error> {
        let (add, remove) = request.parts();
        if let Some(key) = add {
            self.check_key(account, key)?;
        }
        let found = match self.system.open_home(account)? {
            Some(home) => self.found(&home, account)?,
            None if add.is_none() => Found::default(),
            None => return Err(self.no_home(account)),
        };
        let pairings = &found.pairings;
        let remove = match (remove, add) {
            (None, _) => Removal::None,
            (Some(Selection::Hash(hash)), _) => Removal::One(*hash),
            (Some(Selection::Certificate(certificate)), _) => Removal::One(certificate.pairing_hash()),
            (Some(Selection::All), None) => Removal::All(pairings.hashes().into_iter().collect(), pairings.suspects),
            (Some(Selection::All), Some(new)) => pairings.only_other(account, &new.hash())?,
        };
        self.plan_for(account, Action { add: add.cloned(), remove }, &found)
    }

    fn check_access(&self, plan: &Plan) -> Result<(), Error> {
        if plan.is_unchanged() {
            return Ok(());
        }
        let account = &plan.account;
        let home = self.home(account)?;
        let (place, file) = match home.enter(DIRECTORY.as_ref())? {
            Some(directory) => {
                let file = directory.open_file(FILE)?.map(|file| file.attributes());
                (directory, file)
            }
            None => (home, None),
        };
        place.check_writable()?;
        // Only root may give files to others.
        let owner = file.map_or(account.uid, |file| file.uid);
        if geteuid().is_root() || owner == geteuid().as_raw() {
            return Ok(());
        }
        Err(Error::io(&self.file_path(account), nix::errno::Errno::EPERM))
    }

    fn apply_witnessed(&self, plan: &Plan, witness: Witness<'_>) -> Result<Applied, Error> {
        let account = &plan.account;
        let home = self.home(account)?;
        let announced = self.announce_directory(&home, plan, witness)?;
        let locked = self.lock(&home, account, plan.action.add.is_some())?;
        let mut found = match &locked {
            Some(locked) => self.found_in(&locked.directory, account)?,
            None => Found::default(),
        };
        elsewhere::read(&home, &mut found.pairings);
        let created_directory = locked.as_ref().is_some_and(|locked| locked.created);
        found.has_directory &= !created_directory;
        if let Removal::All(known, suspects) = &plan.action.remove
            && (found.pairings.suspects > *suspects || found.pairings.hashes().iter().any(|hash| !known.contains(hash)))
        {
            return Err(Error::Changed { path: self.file_path(account) });
        }
        let now = self.plan_for(account, plan.action.clone(), &found)?;
        let mut undo = Undo::Nothing;
        if let (Some(after), Some(locked)) = (after(&plan.action, &found), &locked) {
            let before = found.file.clone();
            let owner = Attributes { uid: account.uid, gid: account.gid, mode: 0o600 };
            let attributes = before.as_ref().map_or(owner, |file| file.attributes);
            let after = after.map(|bytes| Contents { bytes, attributes });
            let digest = after.as_ref().map(|file| FileDigest::of(&file.bytes));
            undo = Undo::File(FileUndo { before, after: digest, created_directory });
            let told = announced.as_ref() == Some(&undo);
            let result = if told { Ok(()) } else { witness(&undo).map_err(Error::Witness) };
            let result = result.and_then(|()| self.write(locked, account, &found, after.as_ref()));
            if result.is_err() && created_directory {
                // Not empty when the file is already in its place: then it stays.
                let _ = home.remove(DIRECTORY, UnlinkatFlags::RemoveDir);
            }
            result?;
        }
        tracing::info!(backend = NAME, account = %account.name, changes = now.changes.len(), "pairing_applied");
        Ok(Applied { account: account.clone(), changes: now.changes, notes: now.notes, undo })
    }

    fn undo(&self, account: &Account, undo: &Undo) -> Result<(), Error> {
        let undo = match undo {
            Undo::File(undo) => undo,
            Undo::Nothing => return Ok(()),
            _ => return Err(Error::Changed { path: self.file_path(account) }),
        };
        let home = self.home(account)?;
        let changed = || Error::Changed { path: self.file_path(account) };
        let Some(locked) = self.lock(&home, account, false)? else {
            if undo.created_directory {
                // Where making it was cut off; whoever is just making one begins again.
                let _ = home.remove(TEMPORARY_DIRECTORY, UnlinkatFlags::RemoveDir);
            }
            return if undo.before.is_none() { Ok(()) } else { Err(changed()) };
        };
        let found = self.found_in(&locked.directory, account)?;
        if found.file != undo.before {
            if found.file.as_ref().map(|file| FileDigest::of(&file.bytes)) != undo.after {
                return Err(changed());
            }
            self.write(&locked, account, &found, undo.before.as_ref())?;
        }
        if locked.locked {
            // Where writing was cut off; the name belongs to whoever holds the lock.
            let _ = locked.directory.remove(TEMPORARY, UnlinkatFlags::NoRemoveDir);
        }
        if undo.created_directory {
            // Somebody may have put something else there.
            let _ = home.remove(DIRECTORY, UnlinkatFlags::RemoveDir);
        }
        tracing::info!(backend = NAME, account = %account.name, "pairing_undone");
        Ok(())
    }
}

/// What is there for an account.
#[derive(Debug, Default)]
struct Found {
    has_directory: bool,
    file: Option<Contents>,
    list: List,
    pairings: Pairings,
}

/// The directory of the account, whose lock is held as long as this lives.
#[derive(Debug)]
struct Locked {
    directory: Directory,
    /// Whether it really is: see [`can_be_kept`].
    locked: bool,
    /// Whether it was made for this.
    created: bool,
}

/// Whether somebody could keep the lock of a directory for ever who has no business with it: any
/// user when others may open it, and the account's own user where root works on it.
fn can_be_kept(account: &Account, directory: Attributes) -> bool {
    directory.mode & 0o044 != 0 || (geteuid().is_root() && account.uid != 0)
}

impl Action {
    /// The certificate that is to be added to these.
    fn adds(&self, pairings: &Pairings) -> Option<&Certificate> {
        self.certificate().filter(|certificate| !pairings.is_listed(&certificate.pairing_hash()))
    }

    fn removes_hash(&self, hash: &PairingHash) -> bool {
        match &self.remove {
            Removal::None => false,
            Removal::One(one) => one == hash && self.add.as_ref().is_none_or(|new| new.hash() != *hash),
            Removal::All(all, _) => all.contains(hash),
            Removal::Named { .. } => false,
        }
    }

    fn removes(&self, pairing: &Pairing) -> bool {
        pairing.hash().is_some_and(|hash| self.removes_hash(&hash))
    }

    fn removes_suspects(&self) -> bool {
        matches!(self.remove, Removal::All(..))
    }
}

/// The file after the action: `None` when nothing changes, `Some(None)` when it is to go.
fn after(action: &Action, found: &Found) -> Option<Option<Vec<u8>>> {
    let file = found.file.as_ref().map(|file| file.bytes.as_slice()).unwrap_or_default();
    let gone: BTreeSet<_> = found.pairings.hashes().into_iter().filter(|hash| action.removes_hash(hash)).collect();
    let suspects = action.removes_suspects() && found.pairings.suspects > 0;
    let added = action.adds(&found.pairings).map(|certificate| found.list.add(file, certificate));
    if gone.is_empty() && !suspects {
        return added.map(Some);
    }
    let rest = match added {
        Some(added) => List::read(&added).remove(&added, &gone, suspects),
        None => found.list.remove(file, &gone, suspects),
    };
    Some(Some(rest).filter(|rest| !rest.trim_ascii().is_empty()))
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

const NAME: &str = "pam_p11";
const DIRECTORY: &str = ".eid";
const FILE: &str = "authorized_certificates";
/// The new file until it takes its place; only the holder of the lock uses this name.
const TEMPORARY: &str = ".authorized_certificates.pivkit";
/// The new directory until it gets its name.
const TEMPORARY_DIRECTORY: &str = ".eid.pivkit";
const MAX_FILE: u64 = 1024 * 1024;
/// How many lines of another file are named one by one.
const MAX_NOTES: usize = 20;
/// How often a directory may vanish between opening and locking it.
const MAX_ATTEMPTS: usize = 100;
const LOCK_WAIT: Duration = Duration::from_secs(10);

#[cfg(test)]
pub(crate) mod tests;
