//! What can go wrong between a plan and a changed account.

use std::io;
use std::path::{Path, PathBuf};

use identity::PairingHash;
use identity::text::escape_control;

/// An error of this crate. Nothing was changed, with some exceptions: [`Error::Changed`] out of the
/// read-back, and [`Error::Io`] when the new file is in its place but the disk does not confirm it. On a Mac, where tools make the
/// change, a part of it may have been made with [`Error::InDoubt`], [`Error::OldStays`], [`Error::FileVaultKeeps`] and [`Error::RestoredInPart`], and with [`Error::Mac`] and
/// [`Error::NotReadBack`] some of the values may be removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text cannot be the name of an account.
    #[error("an account name {why}")]
    InvalidAccountName {
        /// What is wrong, such as "must not be empty".
        why: &'static str,
    },
    /// The system knows no account of this name.
    #[error("there is no account {name}")]
    AccountNotFound {
        /// The name.
        name: String,
    },
    /// The account has no home directory, so nothing can be kept there.
    #[error("the account {name} has no home directory {}", shown(.path))]
    NoHome {
        /// The name of the account.
        name: String,
        /// Where the home directory should be.
        path: PathBuf,
    },
    /// The system does not let this process do it; root may.
    #[error("not permitted: {}", shown(.path))]
    NotPermitted {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process is changing the same account and did not finish in time.
    #[error("{} is locked by another process", shown(.path))]
    Busy {
        /// The locked directory.
        path: PathBuf,
    },
    /// What stands in the file system is not what this program wants to write through, such as a
    /// symbolic link or a file that others may change.
    #[error("{} {why}", shown(.path))]
    Unsafe {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it, such as "is a symbolic link".
        why: String,
    },
    /// The certificate cannot be put on the list: login modules could not read it, or not use its
    /// key, and it could lock out everybody behind it.
    #[error("the certificate cannot be paired: {why}")]
    UnusableCertificate {
        /// What is wrong with it.
        why: String,
    },
    /// Only the hash of the key is known, and the backend keeps more than that.
    #[error("{backend} keeps certificates, and only the pairing hash of the key is given")]
    NeedsCertificate {
        /// The backend.
        backend: &'static str,
    },
    /// It is not clear which pairing is to be replaced.
    #[error("the account {name} has several other pairings: {}", .hashes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    SeveralPairings {
        /// The name of the account.
        name: String,
        /// The pairings.
        hashes: Vec<PairingHash>,
    },
    /// The same where the backend does not know the keys themselves.
    #[error("the account {name} has several other pairings: {}", .keys.join(", "))]
    SeveralKeys {
        /// The name of the account.
        name: String,
        /// The pairings as the backend names them.
        keys: Vec<String>,
    },
    /// The certificate opens another account already, and the login module takes the first that it finds.
    #[error("the certificate is mapped to account {} already", escape_control(.other))]
    MappedToAnother {
        /// The other account.
        other: String,
    },
    /// The login module is not set up, or set up in a way in which a pairing would be without effect or without protection.
    #[error("{} {why}", shown(.path))]
    Configuration {
        /// The file of its configuration.
        path: PathBuf,
        /// What is wrong with it, and what it should be.
        why: String,
    },
    /// The change could not be written down before it was made, so it was not made.
    #[error("the change could not be written down")]
    Witness(#[source] io::Error),
    /// The account is not one of this Mac, but of a directory service.
    #[error("the account {name} is not a local one")]
    NotLocal {
        /// The name of the account.
        name: String,
    },
    /// The user is not logged in at the screen of the Mac, where pairing has to ask.
    #[error("{name} is not logged in at the screen of this Mac")]
    NoSession {
        /// The name of the account.
        name: String,
    },
    /// Smart cards are enforced, and after this nobody could log in any more.
    #[error("smart cards are enforced on this Mac, and without this pairing of {name} nobody could log in any more")]
    WouldLockOut {
        /// The name of the account.
        name: String,
    },
    /// Smart cards are enforced, and with this `SmartcardLogin.plist` nobody could log in any more.
    #[error("smart cards are enforced on this Mac, and with this SmartcardLogin.plist nobody could log in any more")]
    FileWouldLockOut,
    /// FileVault keeps a key that was to be forgotten. The record of the account still holds it.
    #[error("FileVault did not forget {hash}, so the account {name} still has it")]
    FileVaultKeeps {
        /// The name of the account.
        name: String,
        /// The key.
        hash: PairingHash,
        /// What the tool said.
        source: Box<::macos::Error>,
    },
    /// The Mac's tool reported success, and the record of the account says otherwise.
    #[error("the account {name} is not as it should be: {}", escape_control(.what))]
    NotReadBack {
        /// The name of the account.
        name: String,
        /// What is there, or is not.
        what: String,
    },
    /// The Mac's tool was told to pair the key, and failed without a reason, or the record could not be read afterwards.
    #[error("the Mac did not finish pairing {hash} with {name}, or did not say so; the pairing may be there")]
    InDoubt {
        /// The name of the account.
        name: String,
        /// The key.
        hash: PairingHash,
        /// What happened.
        source: Box<Error>,
    },
    /// The new key is paired, and the old pairing that it replaces was not removed, or whether it was is not known.
    #[error("the new key is paired with {name}, and it is not certain that the old pairing is gone")]
    OldStays {
        /// The name of the account.
        name: String,
        /// Why.
        source: Box<Error>,
    },
    /// The change was to be undone, and that failed when a part of it was done, or may have been.
    #[error("the account {name} may be restored in part only")]
    RestoredInPart {
        /// The name of the account.
        name: String,
        /// Why.
        source: Box<Error>,
    },
    /// Only root can make this change; nothing was changed.
    #[error("only root can remove {} from a record", escape_control(.what))]
    NeedsRoot {
        /// What is to be removed.
        what: String,
    },
    /// What was written down of a change is nothing that this program does.
    #[error("what is written down of the change of {name} cannot be: {}", escape_control(.what))]
    NoSuchChange {
        /// The name of the account.
        name: String,
        /// What stands there.
        what: String,
    },
    /// The Mac has no file that tells how certificates lead to accounts, or none that macOS uses.
    #[error("{} {}", shown(.path), escape_control(.why))]
    NoMapping {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, such as "is not there".
        why: String,
    },
    /// It cannot be said which value the certificate leads to.
    #[error(transparent)]
    Unmapped(::macos::smartcard_login::Unmapped),
    /// The attribute that the mapping looks at means something of its own, so nothing is written there.
    #[error("the mapping looks at {}, which is not there to be written for a login", escape_control(.attribute))]
    NotForMapping {
        /// The attribute.
        attribute: String,
    },
    /// Another account has the value that the certificate leads to, so the card would fit both.
    #[error("{} belongs to {} already", escape_control(.value), .accounts.join(", "))]
    ValueTaken {
        /// The value.
        value: String,
        /// The other accounts.
        accounts: Vec<String>,
    },
    /// It is not clear which value is to be replaced.
    #[error("the account {name} has several other values: {}", escape_control(&.values.join(", ")))]
    SeveralValues {
        /// The name of the account.
        name: String,
        /// The values.
        values: Vec<String>,
    },
    /// A tool or a file of the Mac failed.
    #[error(transparent)]
    Mac(::macos::Error),
    /// A directory or file that must be there is missing.
    #[error("{} is not there", shown(.path))]
    Missing {
        /// The directory or file.
        path: PathBuf,
    },
    /// The file is not what it was when this was planned or applied.
    #[error("{} was changed by someone else in the meantime", shown(.path))]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A system file cannot be understood.
    #[error("{} {why}", shown(.path))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The system failed otherwise.
    #[error("{}", shown(.path))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl From<::macos::Error> for Error {
    fn from(error: ::macos::Error) -> Self {
        Error::Mac(error)
    }
}

impl Error {
    /// Sorts an error of the system by what the caller can do about it.
    pub(crate) fn io(path: &Path, source: impl Into<io::Error>) -> Self {
        let (path, source) = (path.to_owned(), source.into());
        match source.kind() {
            io::ErrorKind::PermissionDenied => Error::NotPermitted { path, source },
            _ => Error::Io { path, source },
        }
    }

    pub(crate) fn configuration(path: &Path, why: impl Into<String>) -> Self {
        Error::Configuration { path: path.to_owned(), why: escape_control(&why.into()).into_owned() }
    }

    /// Makes `count` results of those that there are, none of which is a success: what was to be written together failed.
    pub(crate) fn fails_all<T>(&self, results: &mut Vec<Result<T, Error>>, count: usize) {
        results.resize_with(count, || Err(self.again()));
        results.iter_mut().filter(|result| result.is_ok()).for_each(|result| *result = Err(self.again()));
    }

    /// The same error for another of several changes that are made together.
    pub(crate) fn again(&self) -> Self {
        let copy = |source: &io::Error| match source.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(source.kind(), source.to_string()),
        };
        match self {
            Error::Busy { path } => Error::Busy { path: path.clone() },
            Error::Changed { path } => Error::Changed { path: path.clone() },
            Error::Missing { path } => Error::Missing { path: path.clone() },
            Error::Unsafe { path, why } => Error::Unsafe { path: path.clone(), why: why.clone() },
            Error::Configuration { path, why } => Error::Configuration { path: path.clone(), why: why.clone() },
            Error::NotPermitted { path, source } => Error::NotPermitted { path: path.clone(), source: copy(source) },
            Error::Io { path, source } => Error::Io { path: path.clone(), source: copy(source) },
            Error::Witness(source) => Error::Witness(copy(source)),
            other => Error::Io { path: PathBuf::new(), source: io::Error::other(other.to_string()) },
        }
    }

    pub(crate) fn unsafe_path(path: &Path, why: impl Into<String>) -> Self {
        Error::Unsafe { path: path.to_owned(), why: why.into() }
    }
}

/// A path that is safe to print: a home directory can be called anything.
pub(crate) fn shown(path: &Path) -> String {
    escape_control(&path.to_string_lossy()).into_owned()
}
