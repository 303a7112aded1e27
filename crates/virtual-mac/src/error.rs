//! What can go wrong with the stand-ins themselves. What a tool of a Mac would complain of is an [`Outcome`](crate::Outcome).

use std::io;
use std::path::PathBuf;

/// Why a stand-in cannot play its part, or its state cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{path}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is no state of a Mac")]
    State { path: PathBuf, source: plist::Error },
    #[error("{path} does not tell where the state is; `pivkit-vmac install` makes such a folder")]
    NotInstalled { path: PathBuf },
    #[error("{path} is no certificate")]
    Certificate { path: PathBuf },
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// For `map_err`: an error of this file.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::Io { path, source }
    }
}
