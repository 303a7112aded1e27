//! The last key that the key service made for a user on a device, sealed as its `key_context` is.

use rusqlite::{OptionalExtension, Transaction, params};

use crate::error::Error;
use crate::store::Store;

impl Store {
    /// The sealed key of a user on a device.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn provided_key(&self, user: &str, device: &str) -> Result<Option<Vec<u8>>, Error> {
        self.read(|connection| {
            let sql = "SELECT context FROM provided_keys WHERE user = ?1 AND device = ?2";
            connection.query_row(sql, [user, device], |row| row.get(0)).optional()
        })
    }
}

/// Keeps a sealed key in the place of the one before.
pub(crate) fn keep(
    transaction: &Transaction<'_>,
    user: &str,
    device: &str,
    context: &[u8],
    now: i64,
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO provided_keys (user, device, context, made) VALUES (?1, ?2, ?3, ?4)";
    transaction.execute(sql, params![user, device, context, now]).map(|_| ())
}
