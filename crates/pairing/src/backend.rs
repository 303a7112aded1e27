//! What every way of pairing can do.

use std::collections::BTreeSet;
use std::path::PathBuf;

use identity::{Certificate, PairingHash};

use crate::{Account, Applied, Error, Plan};

/// One way in which a system keeps which key opens which account.
///
/// Plans are made without changing anything and can be shown to a person first. Applying one
/// looks at the account again, under a lock, so two programs cannot lose each other's change.
pub trait Backend {
    /// The name of the backend, such as `pam_p11`.
    fn name(&self) -> &'static str;

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

    /// Every account that has a pairing, or whose pairings could not be read; the latter does not
    /// hide the others.
    ///
    /// # Errors
    ///
    /// Those of [`System::accounts`](crate::System::accounts).
    fn accounts_with_pairings(&self) -> Result<Vec<AccountPairings>, Error>;

    /// Plans to pair the key of `certificate`. The plan is
    /// [unchanged](Plan::is_unchanged) when the account is paired with this key already, be it
    /// with another certificate for it.
    ///
    /// # Errors
    ///
    /// [`Error::UnusableCertificate`] when the certificate could not be read back by everyone;
    /// [`Error::NoHome`]; [`Error::Unsafe`] also for the home directory `/`; and those of
    /// [`pairings`](Backend::pairings).
    fn plan_pair(&self, account: &Account, certificate: &Certificate) -> Result<Plan, Error>;

    /// Plans to remove one pairing, or all. All includes what cannot be read and may be a pairing;
    /// whatever the plan leaves that may open the account is among its
    /// [notes](Plan::notes). The plan is [unchanged](Plan::is_unchanged) when there
    /// is nothing to remove.
    ///
    /// # Errors
    ///
    /// Those of [`pairings`](Backend::pairings).
    fn plan_unpair(&self, account: &Account, hash: Option<&PairingHash>) -> Result<Plan, Error>;

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
    fn apply(&self, plan: &Plan) -> Result<Applied, Error>;

    /// Restores byte for byte what was there before, as long as nobody changed it since.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`] when it is not what [`apply`](Backend::apply) left, and those of `apply`.
    fn undo(&self, applied: &Applied) -> Result<(), Error>;
}

/// One pairing of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairing {
    /// The certificate that is kept. Only its public key counts.
    pub certificate: Certificate,
    /// Whether the login module is sure to come to see it; `false` when it stands behind something
    /// damaged, or is written in a way that not every version reads.
    pub effective: bool,
}

impl Pairing {
    /// The pairing hash of the key.
    pub fn hash(&self) -> PairingHash {
        self.certificate.pairing_hash()
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

    /// Whether the key opens the account through the list that is kept here.
    pub(crate) fn is_listed(&self, hash: &PairingHash) -> bool {
        self.entries.iter().any(|pairing| pairing.effective && pairing.hash() == *hash)
    }

    /// Whether there is something that could not be read and may open the account for any key: as
    /// long as this is so, nobody can say of a key that it does not open it.
    pub fn may_hold_more(&self) -> bool {
        self.suspects > 0 || !self.unknown.is_empty()
    }

    /// The hashes of all keys that are kept here, each once.
    pub fn hashes(&self) -> Vec<PairingHash> {
        let mut seen = BTreeSet::new();
        self.entries.iter().map(Pairing::hash).filter(|hash| seen.insert(*hash)).collect()
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
