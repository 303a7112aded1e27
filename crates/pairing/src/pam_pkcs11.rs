//! The backend `pam_pkcs11`: the mapping file of its digest mapper.
//!
//! The PAM module pam_pkcs11 (OpenSC project) asks its mappers whose certificate it has before it. The mapper `digest`
//! computes the digest of the certificate and looks it up in a file. So "paired" means here: the digest of this very
//! certificate is mapped to the account, by the first line that has it. A renewed certificate for the same key is another
//! certificate and has to be paired again. pam_pkcs11 compares digests and account names without regard to case.
//!
//! | what                        | how                                                        |
//! |-----------------------------|------------------------------------------------------------|
//! | configuration               | read, never changed; refused unless the card has to sign and the digest mapper is in use |
//! | new file                    | mode 0644, with a comment at its head; its directory must be there |
//! | new line                    | at the end, with a comment above it that names the key     |
//! | file that is there          | owner and mode kept; every byte that is not ours kept      |
//! | last line removed           | a comment stays: pam_pkcs11 crashes on an empty file       |
//! | many changes                | the file is read and written once                          |
//! | other mappers in use        | never changed; told of when they open the account for what is unpaired, or may |
//! | undo                        | by lines; the file as before, byte for byte, when nobody else changed it |
//! | lock                        | flock(2) on a file of its own beside it, 10 seconds at most |
//! | limit                       | 64 MiB                                                     |
//!
//! Refused as unsafe: links in the way, a file with several names, a directory or a file that belongs to others than root,
//! or that others can change.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use identity::Certificate;

use crate::plan::{Action, Removal, subject};
use crate::system_file::{SystemFile, SystemLock};
use crate::undo::Contents;
use crate::{
    Account, AccountPairings, Applied, Backend, Change, Error, LoginModule, Note, PairedKey, Pairing, Pairings, Plan,
    Remark, Request, Selection, System, Undo, Witness, WitnessOfMany, login_modules,
};

mod batch;
mod configuration;
mod explain;
mod map_file;
mod other_mappers;
pub(crate) mod scconf;

pub use configuration::{Configuration, DEFAULT_PATH, DigestAlgorithm, DigestMapper};
pub use explain::{Explanation, explain};
use map_file::{Edit, MapFile};

/// Keeps pairings in the file of pam_pkcs11's digest mapper.
#[derive(Debug, Clone)]
pub struct PamPkcs11 {
    system: System,
    configuration: Configuration,
    map_file: PathBuf,
    algorithm: DigestAlgorithm,
    lock_wait: Duration,
}

impl PamPkcs11 {
    /// The backend for a system, after the configuration that its PAM services name, or [`DEFAULT_PATH`].
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open); also [`Error::Configuration`] when services name different configurations, or set a
    /// cert_policy of their own.
    pub fn find(system: System) -> Result<Self, Error> {
        let modules = login_modules(&system)?;
        let uses = modules.iter().filter(|module| module.backend == NAME).flat_map(|module| &module.uses);
        let mut uses = uses.filter(|line| line.argument("cert_policy=").is_some());
        if let Some(line) = uses.next() {
            let service = system.path_of(Path::new("/etc/pam.d")).join(&line.service);
            let why = "has a cert_policy of its own: say it in the configuration of pam_pkcs11 instead";
            return Err(Error::configuration(&service, why));
        }
        let path = configuration_path(&system, &modules)?;
        Self::open(system, &path)
    }

    /// The backend for a system, after its configuration at `path` (normally [`DEFAULT_PATH`]).
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] when a pairing would be without effect, or would let in whoever has the certificate;
    /// [`Error::Missing`] when there is no configuration, and those of reading it.
    pub fn open(system: System, path: &Path) -> Result<Self, Error> {
        let configuration = read_configuration(&system, path)?;
        if !configuration.wants_signature() {
            let why = "has a cert_policy without `signature`: pam_pkcs11 would let in whoever shows the certificate, without \
                       asking the card to sign; add it to the pkcs11_module in use";
            return Err(Error::configuration(configuration.path(), why));
        }
        let mapper = configuration.digest_mapper()?;
        Ok(Self::with_mapper(system, configuration, mapper))
    }

    fn with_mapper(system: System, configuration: Configuration, mapper: DigestMapper) -> Self {
        let DigestMapper { algorithm, map_file } = mapper;
        PamPkcs11 { system, configuration, map_file, algorithm, lock_wait: LOCK_WAIT }
    }

    /// Waits this long for other processes that change the file, instead of 10 seconds.
    #[must_use]
    pub fn with_lock_wait(mut self, wait: Duration) -> Self {
        self.lock_wait = wait;
        self
    }

    /// The digest of a certificate as it stands in the mapping file.
    pub fn digest(&self, certificate: &Certificate) -> Vec<u8> {
        self.algorithm.of(certificate.der())
    }

    /// The names in the mapping file, each once.
    ///
    /// # Errors
    ///
    /// Those of reading it.
    pub fn mapped_users(&self) -> Result<BTreeSet<String>, Error> {
        Ok(self.read()?.1.users().map(str::to_owned).collect())
    }

    /// To whom a certificate is mapped.
    ///
    /// # Errors
    ///
    /// Those of reading the file.
    pub fn user_of(&self, certificate: &Certificate) -> Result<Option<String>, Error> {
        Ok(self.read()?.1.first(&self.digest(certificate)).map(|(_, entry)| entry.user.clone()))
    }

    fn file(&self) -> Result<SystemFile, Error> {
        SystemFile::open(&self.system, &self.map_file, MAX_FILE)
    }

    fn read(&self) -> Result<(Option<Contents>, MapFile), Error> {
        let place = self.file()?;
        let contents = place.read()?;
        let bytes = contents.as_ref().map(|contents| contents.bytes.clone()).unwrap_or_default();
        Ok((contents, MapFile::parse(bytes, self.algorithm, place.path())?))
    }

    fn lock(&self) -> Result<(SystemFile, SystemLock), Error> {
        let place = self.file()?;
        let lock = place.lock(Instant::now() + self.lock_wait)?;
        Ok((place, lock))
    }

    fn pairings_in(&self, file: &MapFile, user: &str) -> Pairings {
        let own = file.of_user(user).map(|(number, entry)| Pairing {
            key: PairedKey::Digest {
                digest: entry.digest.clone(),
                certificate: None,
                remark: entry.remark.clone().map(Box::new),
            },
            effective: file.first(&entry.digest).is_some_and(|(first, _)| first == number),
        });
        let entries: Vec<_> = own.collect();
        let suspects = entries.iter().filter(|pairing| pairing.effective && pairing.hash().is_none()).count();
        Pairings { entries, suspects, ..Pairings::default() }
    }

    /// What is wanted, in terms of this file.
    fn action(&self, file: &MapFile, account: &Account, request: &Request) -> Result<Action, Error> {
        let (add, remove) = request.parts();
        let mut new = None;
        if let Some(key) = add {
            let certificate = key.certificate().ok_or(Error::NeedsCertificate { backend: NAME })?;
            if let Some(why) = self.obstacle(None, certificate) {
                return Err(Error::UnusableCertificate { why });
            }
            new = Some(map_file::shown(&self.digest(certificate)));
        }
        let own = || file.of_user(account.name.as_str()).map(|(_, entry)| entry);
        let all = || -> BTreeSet<_> { own().map(|entry| map_file::shown(&entry.digest)).collect() };
        let remove = match remove {
            None => Removal::None,
            Some(Selection::Hash(hash)) => Removal::One(*hash),
            Some(Selection::Certificate(certificate)) => {
                let (digest, hash) = (self.digest(certificate), certificate.pairing_hash());
                let same = own().filter(|entry| entry.remark.as_ref().is_some_and(|remark| remark.hash == hash));
                let names = same.map(|entry| map_file::shown(&entry.digest)).chain([map_file::shown(&digest)]);
                Removal::Named { names: names.collect(), all: false }
            }
            Some(Selection::All) if add.is_none() => Removal::Named { names: all(), all: true },
            Some(Selection::All) => {
                let names: BTreeSet<_> = all().into_iter().filter(|name| Some(name) != new.as_ref()).collect();
                if names.len() > 1 {
                    let (name, keys) = (account.name.to_string(), names.into_iter().collect());
                    return Err(Error::SeveralKeys { name, keys });
                }
                Removal::Named { names, all: false }
            }
        };
        Ok(Action { add: add.cloned(), remove })
    }

    /// What an action means for the file as it is.
    fn step(&self, file: &MapFile, exists: bool, account: &Account, action: &Action) -> Result<Step, Error> {
        let (user, path) = (account.name.as_str(), self.system.path_of(&self.map_file));
        let mut step = Step::default();
        let certificate = action.certificate();
        let new = certificate.map(|certificate| self.digest(certificate));
        step.edit.remove = self.removed(file, account, &action.remove, new.as_deref())?;
        if let (Some(certificate), Some(digest)) = (certificate, new) {
            match file.first(&digest) {
                Some((_, entry)) if entry.user.eq_ignore_ascii_case(user) => (),
                Some((_, entry)) => return Err(Error::MappedToAnother { other: entry.user.clone() }),
                None => {
                    if !exists {
                        step.changes.push(Change::CreateSharedFile { path: path.clone() });
                    }
                    let (key, subject) = (map_file::shown(&digest), subject(certificate));
                    step.changes.push(Change::AddMapping { path: path.clone(), key, user: user.to_owned(), subject });
                    step.edit.add = Some((digest, user.to_owned(), Remark::of(certificate)));
                }
            }
        }
        let own = || file.of_user(user);
        for (_, entry) in own().filter(|(number, _)| step.edit.remove.contains(number)) {
            let (key, user) = (map_file::shown(&entry.digest), user.to_owned());
            step.changes.push(Change::RemoveMapping { path: path.clone(), key, user });
        }
        if let Removal::One(_) = action.remove {
            let unknown = own().filter(|(_, entry)| entry.remark.is_none());
            let note = |key| Note::UnknownKey { path: path.clone(), key };
            step.notes.extend(unknown.map(|(_, entry)| note(map_file::shown(&entry.digest))).take(MAX_NOTES));
        }
        Ok(step)
    }

    /// The numbers of the entries that go.
    fn removed(
        &self,
        file: &MapFile,
        account: &Account,
        removal: &Removal,
        new: Option<&[u8]>,
    ) -> Result<Vec<usize>, Error> {
        let own = || file.of_user(account.name.as_str()).filter(|(_, entry)| Some(entry.digest.as_slice()) != new);
        let chosen = |goes: &dyn Fn(&map_file::Entry) -> bool| {
            own().filter(|(_, entry)| goes(entry)).map(|(number, _)| number).collect::<Vec<_>>()
        };
        Ok(match removal {
            Removal::One(hash) => chosen(&|entry| entry.remark.as_ref().is_some_and(|remark| remark.hash == *hash)),
            Removal::Named { names, all } => {
                let named = chosen(&|entry| names.contains(&map_file::shown(&entry.digest)));
                if *all && named.len() < own().count() {
                    return Err(Error::Changed { path: self.system.path_of(&self.map_file) });
                }
                named
            }
            Removal::None | Removal::All(..) => Vec::new(),
        })
    }

    fn plan_in(
        &self,
        file: &MapFile,
        exists: bool,
        account: &Account,
        request: &Request,
    ) -> Result<(Plan, Edit), Error> {
        let action = self.action(file, account, request)?;
        let Step { changes, mut notes, edit } = self.step(file, exists, account, &action)?;
        notes.extend(self.other_mappers(account, request));
        Ok((Plan { account: account.clone(), action, changes, notes }, edit))
    }
}

/// What one action does.
#[derive(Debug, Default)]
struct Step {
    changes: Vec<Change>,
    notes: Vec<Note>,
    edit: Edit,
}

impl Backend for PamPkcs11 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn keeps_one_file(&self) -> bool {
        true
    }

    fn obstacle(&self, slot: Option<&str>, certificate: &Certificate) -> Option<String> {
        if slot.is_some_and(|slot| slot.eq_ignore_ascii_case("9e")) {
            return Some("its key signs without the PIN: it shows that the card is there, not who holds it".to_owned());
        }
        let why = certificate.encoding_problem()?;
        Some(format!("pam_pkcs11 cannot be relied on to read the certificate: {why}"))
    }

    fn pairings(&self, account: &Account) -> Result<Pairings, Error> {
        Ok(self.pairings_in(&self.read()?.1, account.name.as_str()))
    }

    fn accounts_with_pairings(&self) -> Result<Vec<AccountPairings>, Error> {
        let (_, file) = self.read()?;
        let users: BTreeMap<_, _> = file.users().map(|user| (user.to_ascii_lowercase(), user)).collect();
        // Names of nobody open nothing.
        let accounts = self.system.accounts()?;
        let known: HashMap<_, _> = accounts.into_iter().map(|account| (account.name.to_string(), account)).collect();
        let mut with_pairings = Vec::new();
        for user in users.into_values() {
            let account = match (known.get(user), user.parse()) {
                (Some(account), _) => Ok(account.clone()),
                (None, Ok(name)) => self.system.account(&name),
                (None, Err(error)) => Err(error),
            };
            if let Ok(account) = account {
                with_pairings.push(AccountPairings { account, pairings: Ok(self.pairings_in(&file, user)) });
            }
        }
        Ok(with_pairings)
    }

    fn plan(&self, account: &Account, request: &Request) -> Result<Plan, Error> {
        let (contents, file) = self.read()?;
        Ok(self.plan_in(&file, contents.is_some(), account, request)?.0)
    }

    fn plan_each(
        &self,
        requests: &mut dyn Iterator<Item = (Account, Request)>,
        planned: &mut dyn FnMut(Result<Plan, Error>),
    ) {
        let (mut exists, mut file) = match self.read() {
            Ok((contents, file)) => (contents.is_some(), file),
            Err(error) => return requests.for_each(|_| planned(Err(error.again()))),
        };
        requests.for_each(|(account, request)| {
            let plan = self.plan_in(&file, exists, &account, &request).map(|(plan, edit)| {
                exists |= edit.add.is_some();
                file.make(edit, &self.map_file, None);
                plan
            });
            planned(plan);
        });
    }

    fn check_access(&self, plan: &Plan) -> Result<(), Error> {
        if plan.is_unchanged() { Ok(()) } else { self.file()?.check_access() }
    }

    fn apply_witnessed(&self, plan: &Plan, witness: Witness<'_>) -> Result<Applied, Error> {
        let mut one = |undos: &[(usize, Undo)]| undos.iter().try_for_each(|(_, undo)| witness(undo));
        let mut results = self.apply_many(std::slice::from_ref(plan), &mut one);
        results.pop().unwrap_or_else(|| Err(Error::Changed { path: self.system.path_of(&self.map_file) }))
    }

    fn apply_many(&self, plans: &[Plan], witness: WitnessOfMany<'_>) -> Vec<Result<Applied, Error>> {
        let mut results = Vec::new();
        let done = self.apply_all(plans, witness, &mut results);
        if let Err(error) = done {
            // Nothing was changed for any of them. Those that were refused stay so.
            error.fails_all(&mut results, plans.len());
        }
        results
    }

    fn undo(&self, account: &Account, undo: &Undo) -> Result<(), Error> {
        let mut results = self.undo_many(&[(account.clone(), undo.clone())]);
        results.pop().unwrap_or(Ok(()))
    }

    fn undo_many(&self, undos: &[(Account, Undo)]) -> Vec<Result<(), Error>> {
        let mut results = Vec::new();
        if let Err(error) = self.undo_all(undos, &mut results) {
            error.fails_all(&mut results, undos.len());
        }
        results.reverse();
        results
    }
}

/// The configuration that the PAM services name, or [`DEFAULT_PATH`].
///
/// # Errors
///
/// [`Error::Configuration`] when services name different ones.
pub fn configuration_path(system: &System, modules: &[LoginModule]) -> Result<PathBuf, Error> {
    let uses = modules.iter().filter(|module| module.backend == NAME).flat_map(|module| &module.uses);
    let paths: BTreeSet<_> = uses.map(|line| line.argument("config_file=").unwrap_or(DEFAULT_PATH)).collect();
    if paths.len() > 1 {
        let why = "has services with different configurations of pam_pkcs11";
        return Err(Error::configuration(&system.path_of(Path::new("/etc/pam.d")), why));
    }
    Ok(paths.first().copied().unwrap_or(DEFAULT_PATH).into())
}

/// Reads the configuration of a system.
///
/// # Errors
///
/// [`Error::Missing`] when there is none, [`Error::Configuration`] when pam_pkcs11 could not read it, and those of reading a
/// file.
pub fn read_configuration(system: &System, path: &Path) -> Result<Configuration, Error> {
    let place = SystemFile::open(system, path, MAX_CONFIGURATION)?;
    let contents = place.read()?.ok_or_else(|| Error::Missing { path: place.path().to_owned() })?;
    let text = String::from_utf8(contents.bytes);
    let text = text.map_err(|_| Error::configuration(place.path(), "is not UTF-8"))?;
    Configuration::parse(place.path(), &text)
}

const NAME: &str = "pam_pkcs11";
/// The largest mapping file: some 400,000 certificates.
const MAX_FILE: u64 = 64 * 1024 * 1024;
const MAX_CONFIGURATION: u64 = 1024 * 1024;
/// How many lines are named one by one.
const MAX_NOTES: usize = 20;
const LOCK_WAIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
