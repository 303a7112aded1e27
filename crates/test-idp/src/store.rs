//! The database of the state directory, `idp.sqlite`, mode 0600: everything that outlives a restart.
//!
//! | table | what |
//! |---|---|
//! | `identifiers` | `client_id` and audience |
//! | `signing_keys` | the key of the id_tokens, ES256 or RS256, and retired ones that are still published |
//! | `server_keys` | the key that encrypted passwords are for, the key that seals `key_context` |
//! | `devices`, `device_users` | registered devices, and for whom |
//! | `user_keys`, `user_certificates` | what was registered for a user: Secure Enclave keys, certificates of cards |
//! | `nonces` | given out and not used yet, as hashes |
//! | `families`, `refresh_tokens` | one family a login; its live token, as a hash |
//! | `provided_keys` | keys of the key service, sealed |
//! | `requests` | the log of what was asked and answered |
//!
//! Write-ahead log with `synchronous=NORMAL`: a process that is killed loses nothing that it answered to; a machine that
//! loses its power may lose the last transactions. One connection, one lock: cryptography is done outside of it.

mod devices;
mod forget;
mod identifiers;
mod import;
pub(crate) mod nonces;
pub(crate) mod provided_keys;
pub(crate) mod refresh_tokens;
pub(crate) mod request_log;
mod schema;
pub(crate) mod signing_keys;
mod users;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::error::Error;
use crate::files;
use crate::options::IdTokenAlgorithm;

pub(crate) use devices::{RegisterError, Registered, Registration};
pub use forget::{Forget, Forgotten};
pub(crate) use identifiers::{Identifiers, ServerKey};
pub(crate) use refresh_tokens::{Family, NewFamily, Presented};
pub(crate) use request_log::NewRequest;
pub(crate) use signing_keys::{PUBLISHED, PublishedKey, SigningKey};
pub(crate) use users::RegisteredCertificate;

/// The open database.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens the database of a state directory, makes it when absent, and takes in what an earlier version kept in files.
    /// A new database has a signing key of this algorithm.
    ///
    /// # Errors
    /// [`Error::StateMode`], [`Error::StateIo`] and [`Error::StateContent`] as they say; [`Error::Crypto`] and
    /// [`Error::Random`] when a new key cannot be made.
    pub(crate) fn open(directory: &Path, algorithm: IdTokenAlgorithm) -> Result<Self, Error> {
        let path = directory.join(FILE);
        files::private_file(&path)?;
        let failed = |error| database(&path, error);
        let mut connection = connect(&path).map_err(failed)?;
        if let Some(version) = schema::migrate(&mut connection).map_err(failed)? {
            let why = format!("it is of version {version}, which a newer pivkit-idp wrote");
            return Err(Error::StateContent { path, why });
        }
        let store = Self { path, connection: Mutex::new(connection) };
        import::first_use(&store, directory, algorithm)?;
        Ok(store)
    }

    /// Opens the database of a state directory that has one already.
    ///
    /// # Errors
    /// [`Error::NoState`] when there is none, and those of [`open`](Self::open).
    pub(crate) fn open_existing(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(FILE);
        if let Err(source) = std::fs::symlink_metadata(&path) {
            return Err(match source.kind() {
                ErrorKind::NotFound => Error::NoState { path: directory.to_owned() },
                _ => Error::StateIo { path, source },
            });
        }
        Self::open(directory, IdTokenAlgorithm::default())
    }

    /// Reads.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        work(&self.lock()).map_err(|error| database(&self.path, error))
    }

    /// Changes several things at once, or none of them.
    ///
    /// # Errors
    /// [`Error::Database`]; nothing has changed then.
    pub(crate) fn change<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, Error> {
        let mut connection = self.lock();
        let changed = (|| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })();
        changed.map_err(|error| database(&self.path, error))
    }

    /// The error for content that this program did not write.
    pub(crate) fn not_understood(&self, why: &str) -> Error {
        Error::StateContent { path: self.path.clone(), why: why.to_owned() }
    }

    /// A thread that panicked has rolled its transaction back.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// An error of the database, as one of ours: what is no database at all is content that cannot be understood.
fn database(path: &Path, source: rusqlite::Error) -> Error {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            Error::StateContent { path, why: source.to_string() }
        }
        _ => Error::Database { path, source },
    }
}

/// Name of the database within the state directory.
const FILE: &str = "idp.sqlite";

/// How long to wait for another process, such as `pivkit-idp rotate-key`.
const BUSY: Duration = Duration::from_secs(5);

/// Pages in the write-ahead log before it is worked into the database: 16 MiB.
const CHECKPOINT: u32 = 4096;

#[cfg(test)]
mod tests;
