//! What can go wrong with a bulk run as a whole. What is wrong with a row is a note in its plan, and what goes wrong with it a
//! part of its outcome.

use std::io;
use std::path::{Path, PathBuf};

use identity::text::escape_control;

use crate::HostName;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The manifest cannot be read.
    #[error("the manifest {} cannot be read", shown(.path))]
    ManifestFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The manifest is no CSV with a header of which the columns can be told.
    #[error("the manifest {} {why}", shown(.path))]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, such as "has no column user".
        why: String,
    },
    /// The folder with certificates cannot be read.
    #[error("the folder {} cannot be read", shown(.path))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The text cannot be the name of a host.
    #[error("a host name {why}")]
    HostName {
        /// What is wrong, such as "must not be empty".
        why: &'static str,
    },
    /// The system has no usable name for this machine.
    #[error("this machine has no usable host name")]
    NoHostName,
    /// A short name is the beginning of several full ones, so nobody can say which host it is.
    #[error("the host {name} may be each of {}", .full.join(", "))]
    SeveralHosts {
        /// The short name.
        name: String,
        /// The full names of the manifest that begin with it.
        full: Vec<String>,
    },
    /// A manifest that names no host cannot be split by host.
    #[error("the manifest {} names no hosts", shown(.path))]
    NoHosts {
        /// The file.
        path: PathBuf,
    },
    /// The accounts of the system cannot be read.
    #[error("the accounts cannot be read")]
    Accounts(#[source] pairing::Error),
    /// A folder that is to be filled holds something already.
    #[error("the folder {} is not empty", shown(.path))]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A file or folder cannot be written.
    #[error("{} cannot be written", shown(.path))]
    NotWritten {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
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
    /// The plan was made for another host.
    #[error("the plan is for the host {planned}, and this is {asked}")]
    OtherHost {
        /// The host of the plan.
        planned: HostName,
        /// This machine, or what was asked for.
        asked: HostName,
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

impl Error {
    pub(crate) fn several_hosts(name: &HostName, full: &[&HostName]) -> Self {
        let full = full.iter().map(ToString::to_string).collect();
        Error::SeveralHosts { name: name.to_string(), full }
    }
}

/// A path that is safe to print.
pub(crate) fn shown(path: &Path) -> String {
    escape_control(&path.to_string_lossy()).into_owned()
}
