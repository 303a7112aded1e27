//! The backend `macos`: what `sc_auth pair` does, and what stands in the user record afterwards.
//!
//! A Mac keeps a pairing as a value `;tokenidentity;HASH` of `AuthenticationAuthority` in the record of a local account; old systems
//! wrote `;pubkeyhash;HASH`. Attribute mapping leaves `;amidentity;HASH`, which opens FileVault and the keychain and is taken away
//! with the pairing. The record is always read as a property list, through `dscl`; what `sc_auth` says is not believed.
//!
//! | what        | how                                                                                        |
//! |-------------|--------------------------------------------------------------------------------------------|
//! | pair        | `sc_auth pair -u USER -h HASH`; by root within the session of the user (`launchctl asuser`) |
//! | unpair      | `sc_auth unpair` for a pairing, `dscl -delete` for any other value, `sc_auth filevault -o disable` |
//! | replace     | the new key is paired and read back; only then the old one goes                             |
//! | lock        | none: single values are added and removed, and the directory does that one after the other  |
//! | undo        | a pairing that was made is removed; a value that was removed is put back with `dscl -append` |
//!
//! Pairing also makes the login keychain openable with the card's key in 9D, for which the Mac asks at the screen. So it needs a
//! person who is logged in there, and the card in the reader. What undo cannot put back is this key of the keychain: an account whose
//! pairing was removed and put back opens with the card again, and the Mac asks for the keychain's password once more. What FileVault
//! knew of the card is not put back either.
//!
//! Only the Mac's own accounts can be paired. Accounts of a directory service are out of reach of `sc_auth`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ::macos::{CommandRunner, KeyHash, RecordName, dscl, session};
use identity::{Certificate, PairingHash};

use crate::macos_mapping::names;
use crate::plan::{Action, Removal};
use crate::{
    Account, AccountName, AccountPairings, AccountTable, Applied, Backend, Change, Error, Note, Pairings, Plan,
    Request, Selection, Undo, Witness, WitnessOfMany,
};

pub(crate) mod enforcement;
mod finding;
mod preflight;
mod record;
mod steps;

pub use finding::Finding;
pub use preflight::{Candidate, KeyManagement, Survey};
use record::Bound;
pub(crate) use record::account_pairings;

/// Keeps pairings where a Mac keeps them.
#[derive(Clone)]
pub struct Macos {
    runner: Arc<dyn CommandRunner>,
    files: PathBuf,
    accept_lock_out: bool,
    /// To whom the files must belong.
    pub(crate) owner: u32,
    /// Held while something is removed; see [`Macos::one_removal`].
    removal: Arc<Mutex<()>>,
}

impl Macos {
    /// The backend for the Mac whose tools `runner` runs.
    pub fn new(runner: Arc<dyn CommandRunner>) -> Self {
        Macos { runner, files: PathBuf::from("/"), accept_lock_out: false, owner: 0, removal: Arc::default() }
    }

    /// Looks below this folder for the files of the Mac (`etc/SmartcardLogin.plist`, `Library/...`), instead of below `/`.
    #[must_use]
    pub fn with_files_below(self, folder: impl Into<PathBuf>) -> Self {
        Self { files: folder.into(), ..self }
    }

    /// Also carries out what leaves nobody who can log in.
    #[must_use]
    pub fn accepting_lock_out(self, accept_lock_out: bool) -> Self {
        Self { accept_lock_out, ..self }
    }

    /// Looks a local account up.
    ///
    /// # Errors
    ///
    /// [`Error::AccountNotFound`]; [`Error::NotLocal`]; [`Error::Mac`].
    pub fn account(&self, name: &AccountName) -> Result<Account, Error> {
        let record_name = record_name(name)?;
        match dscl::user(self.runner(), &record_name) {
            Ok(record) => record::account(&record),
            Err(::macos::Error::NoSuchUser { name }) => {
                Err(match dscl::is_known_elsewhere(self.runner(), &record_name) {
                    true => Error::NotLocal { name },
                    false => Error::AccountNotFound { name },
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn files(&self) -> &std::path::Path {
        &self.files
    }

    pub(crate) fn runner(&self) -> &dyn CommandRunner {
        self.runner.as_ref()
    }

    fn bound(&self, account: &Account) -> Result<Bound, Error> {
        let record = dscl::user(self.runner(), &record_name(&account.name)?).map_err(|error| match error {
            ::macos::Error::NoSuchUser { name } => Error::AccountNotFound { name },
            error => error.into(),
        })?;
        Ok(Bound::of(&record))
    }

    /// The pairings, none of which counts while names are mapped.
    fn looked_at(&self, mut pairings: Pairings) -> Pairings {
        if self.mapping_in_force().is_ok_and(|mapping| mapping.is_some()) {
            pairings.entries.iter_mut().for_each(|pairing| pairing.effective = false);
        }
        pairings
    }

    fn plan_for(&self, account: &Account, action: Action, bound: &Bound) -> Result<Plan, Error> {
        let adds = bound.adds(&action);
        let removed = bound.removed_by(&action);
        let mut notes = Vec::new();
        if !removed.is_empty() {
            // A key that takes the place of another one locks nobody out.
            if adds.is_none() {
                let gone: Vec<String> = removed.iter().map(|value| value.text.clone()).collect();
                notes.extend(self.check_lock_out(account, &gone, &[])?);
            }
        }
        if let Some(hash) = &adds {
            notes.extend(self.account_findings(account, hash, bound)?.into_iter().map(Note::Mac));
            let certificate = action.add.as_ref().and_then(|key| key.certificate());
            let led_to = certificate.map(|found| self.decided_elsewhere(found)).transpose()?.flatten();
            let elsewhere = led_to.filter(|accounts| *accounts != [account.name.clone()]);
            notes.extend(elsewhere.map(|accounts| Note::Mac(Finding::MappingLeadsTo { accounts })));
        }
        let pair = adds.map(|hash| Change::PairOnMac { user: account.name.clone(), hash });
        let remove = removed.iter().map(|value| Change::RemoveAuthority { value: value.text.clone() });
        let changes = pair.into_iter().chain(remove).collect();
        Ok(Plan { account: account.clone(), action, changes, notes })
    }
}

impl Backend for Macos {
    fn name(&self) -> &'static str {
        NAME
    }

    fn obstacle(&self, slot: Option<&str>, certificate: &Certificate) -> Option<String> {
        let slot = slot.unwrap_or("9a");
        if !["9a", "9c"].iter().any(|login| slot.eq_ignore_ascii_case(login)) {
            return Some("macOS logs in with the key in slot 9a".to_owned());
        }
        let kind = certificate.public_key().algorithm();
        (!kind.is_supported()).then(|| format!("it is not known that macOS logs in with a key of the kind {kind}"))
    }

    fn account_table(&self) -> Result<Option<AccountTable>, Error> {
        let records = dscl::users(self.runner())?;
        // A damaged record is nobody that can be paired.
        let accounts = records.iter().filter_map(|record| record::account(record).ok());
        Ok(Some(AccountTable::of(accounts)))
    }

    fn one_at_a_time(&self) -> bool {
        true
    }

    fn reads_back(&self) -> bool {
        true
    }

    fn decided_elsewhere(&self, certificate: &Certificate) -> Result<Option<Vec<AccountName>>, Error> {
        let Some(mapping) = self.mapping_in_force()? else { return Ok(None) };
        let Ok(value) = mapping.value(&names(certificate)) else { return Ok(Some(Vec::new())) };
        let users = dscl::users_with(self.runner(), &[mapping.attribute.as_str()])?;
        Ok(Some(enforcement::led_to(&users, &mapping, &value)))
    }

    fn pairings(&self, account: &Account) -> Result<Pairings, Error> {
        Ok(self.looked_at(self.bound(account)?.pairings()))
    }

    fn accounts_with_pairings(&self) -> Result<Vec<AccountPairings>, Error> {
        let mut with_pairings = Vec::new();
        for record in dscl::users(self.runner())? {
            let pairings = self.looked_at(Bound::of(&record).pairings());
            if !pairings.is_empty() {
                with_pairings.extend(record::account_pairings(&record, pairings));
            }
        }
        Ok(with_pairings)
    }

    fn plan(&self, account: &Account, request: &Request) -> Result<Plan, Error> {
        let (add, remove) = request.parts();
        if let Some(why) = add.and_then(|key| key.certificate()).and_then(|found| self.obstacle(None, found)) {
            return Err(Error::UnusableCertificate { why });
        }
        let bound = self.bound(account)?;
        let pairings = bound.pairings();
        let remove = match (remove, add) {
            (None, _) => Removal::None,
            (Some(Selection::Hash(hash)), _) => Removal::One(*hash),
            (Some(Selection::Certificate(certificate)), _) => Removal::One(certificate.pairing_hash()),
            (Some(Selection::All), None) => Removal::All(bound.hashes(), 0),
            (Some(Selection::All), Some(new)) => pairings.only_other(account, &new.hash())?,
        };
        self.plan_for(account, Action { add: add.cloned(), remove }, &bound)
    }

    fn check_access(&self, plan: &Plan) -> Result<(), Error> {
        if plan.is_unchanged() {
            return Ok(());
        }
        let account = &plan.account;
        let uid = session::effective_uid(self.runner())?;
        if uid != 0 && uid != account.uid {
            let message = "only the user and root can change the pairings of an account".to_owned();
            let program = self.runner().program(::macos::Tool::ScAuth);
            return Err(::macos::Error::NotPermitted { program, message }.into());
        }
        // `sc_auth` takes only its own pairings out of a record, and `dscl` lets nobody else but root.
        let of_others = plan.changes.iter().find_map(|change| match change {
            Change::RemoveAuthority { value } if !record::is_of_sc_auth(value) => Some(value.clone()),
            _ => None,
        });
        if let Some(what) = of_others.filter(|_| uid != 0) {
            return Err(Error::NeedsRoot { what });
        }
        let pairs = plan.changes.iter().any(|change| matches!(change, Change::PairOnMac { .. }));
        if pairs && !session::has_gui_session(self.runner(), account.uid) {
            return Err(Error::NoSession { name: account.name.to_string() });
        }
        Ok(())
    }

    fn apply_witnessed(&self, plan: &Plan, witness: Witness<'_>) -> Result<Applied, Error> {
        self.carry_out(plan, witness)
    }

    /// Each is asked first whether it can be done now: among many there are always some who are not logged in, and the tool would
    /// be run for nothing.
    fn apply_many(&self, plans: &[Plan], witness: WitnessOfMany<'_>) -> Vec<Result<Applied, Error>> {
        let one = |(index, plan): (usize, &Plan)| {
            self.check_access(plan)?;
            self.apply_witnessed(plan, &mut |undo| witness(&[(index, undo.clone())]))
        };
        plans.iter().enumerate().map(one).collect()
    }

    fn undo(&self, account: &Account, undo: &Undo) -> Result<(), Error> {
        match undo {
            Undo::Nothing => Ok(()),
            Undo::AuthenticationAuthority(undo) => self.put_back(account, undo),
            _ => Err(Error::Changed { path: PathBuf::from(account.name.to_string()) }),
        }
    }
}

impl std::fmt::Debug for Macos {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Macos").field("files", &self.files).field("accept_lock_out", &self.accept_lock_out).finish()
    }
}

pub(crate) fn record_name(name: &AccountName) -> Result<RecordName, Error> {
    Ok(name.as_str().parse::<RecordName>()?)
}

fn key_hash(hash: &PairingHash) -> KeyHash {
    KeyHash::from(*hash.as_bytes())
}

const NAME: &str = "macos";

#[cfg(test)]
mod tests;
