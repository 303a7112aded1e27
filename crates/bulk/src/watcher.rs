//! Who looks on while a run works, and where accounts come from.

use pairing::{Account, AccountName};

use crate::{Outcome, Undone};

/// Looks on while rows are worked on, by several threads at once, and says when to stop.
pub trait Watcher: Sync {
    /// The work begins: so many rows or changes.
    fn begin(&self, total: usize) {
        let _ = total;
    }

    /// A row has its outcome, which is in the journal.
    fn row(&self, outcome: &Outcome) {
        let _ = outcome;
    }

    /// A change was undone or left, which is in the journal.
    fn undone(&self, undone: &Undone) {
        let _ = undone;
    }

    /// Whether to stop after what is in hand.
    fn stop(&self) -> bool {
        false
    }

    /// What a person can do about an error; goes into the journal with it.
    fn next(&self, error: &pairing::Error) -> Option<String> {
        let _ = error;
        None
    }
}

/// Looks an account up.
pub type Lookup<'a> = &'a (dyn Fn(&AccountName) -> Result<Account, pairing::Error> + Sync);
