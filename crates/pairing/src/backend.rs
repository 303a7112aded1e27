//! What every way of pairing can do.

use identity::{Certificate, PairingHash};

use crate::{Account, Applied, Error, Plan};

/// One way in which a system keeps which key opens which account.
///
/// Plans are made without changing anything and can be shown to a person first. Applying one
/// looks at the account again, under a lock, so two programs cannot lose each other's change.
pub trait Backend {
    /// The name of the backend, such as `pam_p11`.
    fn name(&self) -> &'static str;

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
    /// [`Error::NoHome`], and those of [`pairings`](Backend::pairings).
    fn plan_pair(&self, account: &Account, certificate: &Certificate) -> Result<Plan, Error>;

    /// Plans to remove one pairing, or all. The plan is [unchanged](Plan::is_unchanged) when there
    /// is nothing to remove.
    ///
    /// # Errors
    ///
    /// Those of [`pairings`](Backend::pairings).
    fn plan_unpair(&self, account: &Account, hash: Option<&PairingHash>) -> Result<Plan, Error>;

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

/// Everything that is kept for an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairings {
    /// The pairings in the order in which they are kept; one key can stand there twice.
    pub entries: Vec<Pairing>,
    /// What is neither understood nor touched.
    pub unreadable: Vec<Unreadable>,
}

impl Pairings {
    /// Whether the key with this hash opens the account.
    pub fn contains(&self, hash: &PairingHash) -> bool {
        self.entries.iter().any(|pairing| pairing.effective && pairing.hash() == *hash)
    }

    /// The hashes of all keys, each once.
    pub fn hashes(&self) -> Vec<PairingHash> {
        let mut hashes = Vec::new();
        for pairing in &self.entries {
            if !hashes.contains(&pairing.hash()) {
                hashes.push(pairing.hash());
            }
        }
        hashes
    }

    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.unreadable.is_empty()
    }
}

/// A part of the list that cannot be read; it is kept as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The line on which it begins, from 1.
    pub line: usize,
    /// Why it cannot be read; holds no text of the file.
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
