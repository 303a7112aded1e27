//! What can go wrong with a bulk run as a whole. What goes wrong with a row is part of its outcome.

use std::io;
use std::path::{Path, PathBuf};

use identity::text::escape_control;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The plan file cannot be read.
    #[error("the plan {} cannot be read", shown(.path))]
    Plan {
        /// The plan file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The plan file is not what `bulk plan` writes.
    #[error("{} is not a plan: {why}", shown(.path))]
    PlanMalformed {
        /// The plan file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Some rows of the manifest have problems.
    #[error("{count} rows of the manifest have problems")]
    PlanHasProblems {
        /// How many.
        count: usize,
    },
    /// The plan was made for other accounts, or for another backend.
    #[error("the plan is for {planned}, and not for {asked}")]
    OtherSystem {
        /// What it was made for, such as "the tree /mnt" or "the backend pam_p11".
        planned: String,
        /// What was asked for.
        asked: String,
    },
    /// There is a journal already.
    #[error("the journal {} exists already", shown(.path))]
    JournalExists {
        /// The journal.
        path: PathBuf,
    },
    /// Another process works with the journal.
    #[error("the journal {} is in use by another process", shown(.path))]
    JournalBusy {
        /// The journal.
        path: PathBuf,
    },
    /// The journal is of another plan.
    #[error("the journal {} is of another plan", shown(.path))]
    OtherPlan {
        /// The journal.
        path: PathBuf,
    },
    /// Changes of the journal were undone, so it cannot be taken up again.
    #[error("changes of the journal {} were undone", shown(.path))]
    JournalUndone {
        /// The journal.
        path: PathBuf,
    },
    /// The journal cannot be believed.
    #[error("the journal {} {why}", shown(.path))]
    JournalUnsafe {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A line of the journal cannot be understood.
    #[error("line {line} of the journal {} {why}", shown(.path))]
    JournalMalformed {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The journal cannot be read or written. Nothing was done that it does not tell of.
    #[error("the journal {} cannot be read or written", shown(.path))]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A path that is safe to print.
fn shown(path: &Path) -> String {
    escape_control(&path.to_string_lossy()).into_owned()
}
