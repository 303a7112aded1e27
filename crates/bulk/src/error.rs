//! What can go wrong with a run as a whole. What is wrong with a row is a note in its plan.

use std::io;
use std::path::{Path, PathBuf};

use identity::text::escape_control;

use crate::HostName;

/// An error of this crate. No account was changed.
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

/// An error and its causes in one line, each cause once.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| cause.source()) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
