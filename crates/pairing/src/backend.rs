//! What every way of pairing can do.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use identity::{Certificate, PairingHash};

use crate::plan::Removal;
use crate::{Account, AccountName, AccountTable, Applied, Error, Key, PairedKey, Plan, Request, Selection, Undo};

/// One way in which a system keeps which key opens which account.
///
/// Plans are made without changing anything and can be shown to a person first. Applying one
/// looks at the account again, under a lock, so two programs cannot lose each other's change.
///
/// Several accounts can be worked on by several threads at once.
pub trait Backend: Send + Sync {
    /// The name of the backend, such as `pam_p11`.
    fn name(&self) -> &'static str;

    /// Whether the pairings of all accounts stand in one file. Then many changes are best made together, with
    /// [`apply_many`](Backend::apply_many), and several threads would only wait for each other.
    fn keeps_one_file(&self) -> bool {
        false
    }

    /// Whether accounts must be changed one after the other, in the order in which they were named.
    fn one_at_a_time(&self) -> bool {
        false
    }

    /// Whether [`apply`](Backend::apply) reads back through tools that may fail when they are asked once more. Then a later look
    /// that fails says nothing about the change.
    fn reads_back(&self) -> bool {
        false
    }

    /// The accounts that the certificate opens by something that counts before these pairings; `None` if there is no such thing.
    ///
    /// # Errors
    ///
    /// Whatever looking for it gave.
    fn decided_elsewhere(&self, certificate: &Certificate) -> Result<Option<Vec<AccountName>>, Error> {
        let _ = certificate;
        Ok(None)
    }

    /// The service that reads the pairings only when it starts, so that a change counts after it was restarted; `None` when
    /// every change counts at once.
    fn reader_at_start(&self) -> Option<&'static str> {
        None
    }

    /// Why the login module cannot use this identity, as half a sentence; `None` when nothing stands in
    /// the way. `slot` is the slot of the card, such as `9a`, where it is known.
    fn obstacle(&self, slot: Option<&str>, certificate: &Certificate) -> Option<String> {
        let _ = (slot, certificate);
        None
    }

    /// What the account is paired with. An account without a home directory has no pairings.
    ///
    /// # Errors
    ///
    /// [`Error::NotPermitted`], [`Error::Unsafe`] or [`Error::Io`] when it cannot be read.
    fn pairings(&self, account: &Account) -> Result<Pairings, Error>;

    /// The accounts, where the backend has a directory of its own and does not go by those of a
    /// [`System`](crate::System).
    ///
    /// # Errors
    ///
    /// Whatever reading the directory gave.
    fn account_table(&self) -> Result<Option<AccountTable>, Error> {
        Ok(None)
    }

    /// Whether one of these pairings lets the holder of the certificate's key in. What [may open](Pairings::may_hold_more)
    /// the account beside them does not count.
    fn opens(&self, pairings: &Pairings, certificate: &Certificate) -> bool {
        pairings.open_for(certificate)
    }

    /// Every account that has a pairing, or whose pairings could not be read; the latter does not
    /// hide the others.
    ///
    /// # Errors
    ///
    /// Those of [`System::accounts`](crate::System::accounts).
    fn accounts_with_pairings(&self) -> Result<Vec<AccountPairings>, Error>;

    /// Plans what is wanted of an account. The plan is [unchanged](Plan::is_unchanged) when everything is so already.
    ///
    /// - Pairing: also when the account is paired with this key by another certificate for it, where the backend
    ///   compares keys.
    /// - Unpairing: all includes what cannot be read and may be a pairing; whatever the plan leaves that may open the
    ///   account is among its [notes](Plan::notes).
    /// - Replacing: the old pairing goes only when the new one is there.
    ///
    /// # Errors
    ///
    /// [`Error::NeedsCertificate`] for a key of which only the hash is known, where the backend keeps more;
    /// [`Error::UnusableCertificate`] when the login module cannot use the certificate; [`Error::SeveralPairings`] when
    /// it is not clear which one is to be replaced; [`Error::NoHome`]; [`Error::Unsafe`] also for the home directory
    /// `/`; and those of [`pairings`](Backend::pairings).
    fn plan(&self, account: &Account, request: &Request) -> Result<Plan, Error>;

    /// Plans one after the other, each as [`plan`](Backend::plan) does. A backend that keeps all accounts in one file reads it
    /// once, and each plan takes the ones before it as carried out.
    ///
    /// A request is taken when its turn comes, and its plan handed to `planned` before the next one is taken: neither all the
    /// requests nor all the plans need to be in memory.
    fn plan_each(
        &self,
        requests: &mut dyn Iterator<Item = (Account, Request)>,
        planned: &mut dyn FnMut(Result<Plan, Error>),
    ) {
        requests.for_each(|(account, request)| planned(self.plan(&account, &request)));
    }

    /// Plans many at once: [`plan_each`](Backend::plan_each), gathered.
    fn plan_many(&self, requests: &[(Account, Request)]) -> Vec<Result<Plan, Error>> {
        let mut plans = Vec::with_capacity(requests.len());
        self.plan_each(&mut requests.iter().cloned(), &mut |plan| plans.push(plan));
        plans
    }

    /// Plans to pair the key of `certificate`.
    ///
    /// # Errors
    ///
    /// Those of [`plan`](Backend::plan).
    fn plan_pair(&self, account: &Account, certificate: &Certificate) -> Result<Plan, Error> {
        self.plan(account, &Request::Pair(Key::from(certificate)))
    }

    /// Plans to remove one pairing, or all.
    ///
    /// # Errors
    ///
    /// Those of [`plan`](Backend::plan).
    fn plan_unpair(&self, account: &Account, hash: Option<&PairingHash>) -> Result<Plan, Error> {
        self.plan(account, &Request::Unpair(Selection::of(hash)))
    }

    /// Asks whether this process can carry the plan out: permissions, a file system that can be
    /// written to. Changes nothing and is cheap, so it can be asked before a PIN is.
    ///
    /// # Errors
    ///
    /// [`Error::NotPermitted`], [`Error::Io`] for a read-only file system, and those of
    /// [`pairings`](Backend::pairings).
    fn check_access(&self, plan: &Plan) -> Result<(), Error>;

    /// Does what the plan says and reads it back.
    ///
    /// When the account was changed since the plan was made, both changes are kept: the plan is
    /// made anew on what is there. Only a plan to remove all pairings is refused when there are
    /// others now than those it names.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] when the lock was not free in time; [`Error::Changed`] for a plan that no
    /// longer fits, and when what was read back is not what was written (only then something was
    /// changed); [`Error::NotPermitted`], [`Error::Unsafe`], [`Error::NoHome`], [`Error::Io`].
    fn apply(&self, plan: &Plan) -> Result<Applied, Error> {
        self.apply_witnessed(plan, &mut |_| Ok(()))
    }

    /// As [`apply`](Backend::apply), with a witness: it is told how to undo the change, under the lock, right before the
    /// change is made, and nothing is changed if it fails. What it is told also fits when the change was only made in
    /// part or not at all.
    ///
    /// # Errors
    ///
    /// Those of `apply`, and [`Error::Witness`].
    fn apply_witnessed(&self, plan: &Plan, witness: Witness<'_>) -> Result<Applied, Error>;

    /// Applies many plans, each as [`apply`](Backend::apply) does, in the same order. A backend that keeps all accounts in
    /// one file locks and writes it once. The witness is told of all that are about to be changed together: the index of
    /// each plan, and its undo.
    fn apply_many(&self, plans: &[Plan], witness: WitnessOfMany<'_>) -> Vec<Result<Applied, Error>> {
        let one =
            |(index, plan): (usize, &Plan)| self.apply_witnessed(plan, &mut |undo| witness(&[(index, undo.clone())]));
        plans.iter().enumerate().map(one).collect()
    }

    /// Restores what was there before, byte for byte where it is a file, as long as nobody changed it since. Does nothing
    /// when it is so already.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`] when it is neither what [`apply`](Backend::apply) left nor what was there before, and those of
    /// `apply`.
    fn undo(&self, account: &Account, undo: &Undo) -> Result<(), Error>;

    /// Undoes many, the last one first; the results are in the order of `undos`.
    fn undo_many(&self, undos: &[(Account, Undo)]) -> Vec<Result<(), Error>> {
        let mut results: Vec<_> = undos.iter().rev().map(|(account, undo)| self.undo(account, undo)).collect();
        results.reverse();
        results
    }
}

/// Is told how to undo a change right before it is made; see [`Backend::apply_witnessed`].
pub type Witness<'a> = &'a mut dyn FnMut(&Undo) -> io::Result<()>;

/// The same for changes that are made together; see [`Backend::apply_many`].
pub type WitnessOfMany<'a> = &'a mut dyn FnMut(&[(usize, Undo)]) -> io::Result<()>;

/// One pairing of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairing {
    /// What is kept of the key.
    pub key: PairedKey,
    /// Whether the login module is sure to come to see it; `false` when it stands behind something
    /// damaged, or is written in a way that not every version reads.
    pub effective: bool,
}

impl Pairing {
    /// The pairing hash of the key, where it is known.
    pub fn hash(&self) -> Option<PairingHash> {
        self.key.hash()
    }
}

/// Everything that opens an account through this way of pairing, or may open it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairings {
    /// The pairings in the order in which they are kept; one key can stand there twice.
    pub entries: Vec<Pairing>,
    /// What is not understood; the first 20 of it.
    pub unreadable: Vec<Unreadable>,
    /// How many unreadable parts there are beside those.
    pub unreadable_more: usize,
    /// Keys that the login module finds in other files, which are only read here.
    pub elsewhere: Vec<Elsewhere>,
    /// What could not be read of those files.
    pub unknown: Vec<Unknown>,
    /// How many unreadable parts may be pairings.
    pub(crate) suspects: usize,
}

impl Pairings {
    /// Whether the key with this hash opens the account, be it through another file.
    pub fn contains(&self, hash: &PairingHash) -> bool {
        self.is_listed(hash) || self.elsewhere.iter().any(|key| key.hash == *hash)
    }

    /// Whether the certificate opens the account, be it through another file, as far as can be said without asking the
    /// backend; see [`Backend::opens`].
    pub(crate) fn open_for(&self, certificate: &Certificate) -> bool {
        let kept = self.entries.iter().any(|pairing| pairing.effective && pairing.key.is_of(certificate));
        kept || self.elsewhere.iter().any(|key| key.hash == certificate.pairing_hash())
    }

    /// Whether the key opens the account through the list that is kept here.
    pub(crate) fn is_listed(&self, hash: &PairingHash) -> bool {
        self.entries.iter().any(|pairing| pairing.effective && pairing.hash().as_ref() == Some(hash))
    }

    /// Whether there is something that could not be read and may open the account for any key: as
    /// long as this is so, nobody can say of a key that it does not open it.
    pub fn may_hold_more(&self) -> bool {
        self.suspects > 0 || !self.unknown.is_empty()
    }

    /// The hashes of all keys that are kept here and whose hash is known, each once.
    pub fn hashes(&self) -> Vec<PairingHash> {
        let mut seen = BTreeSet::new();
        self.entries.iter().filter_map(Pairing::hash).filter(|hash| seen.insert(*hash)).collect()
    }

    /// What goes when a key takes the place of the only other one.
    pub(crate) fn only_other(&self, account: &Account, new: &PairingHash) -> Result<Removal, Error> {
        match self.hashes().into_iter().filter(|hash| hash != new).collect::<Vec<_>>().as_slice() {
            [] => Ok(Removal::None),
            [one] => Ok(Removal::One(*one)),
            several => Err(Error::SeveralPairings { name: account.name.to_string(), hashes: several.to_vec() }),
        }
    }

    /// Whether nothing at all was found. That something [could not be read](Pairings::unknown) in
    /// other files does not count.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.unreadable.is_empty() && self.elsewhere.is_empty()
    }
}

/// A part of the list that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The line on which it begins, from 1.
    pub line: usize,
    /// Why it cannot be read; holds no text of the file.
    pub why: String,
    /// Whether login modules may read it as a pairing all the same.
    pub may_count: bool,
}

/// A key that opens the account through a file that is not managed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The pairing hash of the key.
    pub hash: PairingHash,
    /// The file, as a path of this machine.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

/// Something in another file, or all of it, that the login module may read and this crate cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The file, as a path of this machine.
    pub path: PathBuf,
    /// Why it is not known what stands there, such as "is a symbolic link".
    pub why: String,
}

/// An account and what it is paired with, or why that could not be read.
#[derive(Debug)]
pub struct AccountPairings {
    /// The account.
    pub account: Account,
    /// Its pairings.
    pub pairings: Result<Pairings, Error>,
}
