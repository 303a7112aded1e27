//! The nonces of this server: 32 random bytes, once, for five minutes.
//!
//! A nonce that was asked for with a `client-request-id` can be used only with the same one. It is deleted in the
//! transaction that answers the request which carried it, so a restart does not bring it back. What expired is kept as
//! long again, to be told from what never was. At most 65,536 are remembered; one more drops the oldest.

use rusqlite::{OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::store::Store;

/// Why a nonce does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NonceProblem {
    /// Never given out, used before, or long expired: no way to tell, on purpose.
    #[error("the nonce was not given out by this server, or was used before")]
    Unknown,
    #[error("the nonce is older than it may be, usually five minutes")]
    Expired,
    #[error("the nonce was given out for another client-request-id")]
    OtherRequest,
}

impl Store {
    /// Remembers a nonce until `expires` (seconds since 1970), bound to `request_id` when there is one.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn add_nonce(&self, nonce: &str, request_id: Option<&str>, now: i64, expires: i64) -> Result<(), Error> {
        self.change(|transaction| {
            transaction
                .prepare_cached("INSERT INTO nonces (sha256, expires, request_id) VALUES (?1, ?2, ?3)")?
                .execute(params![hash(nonce), expires, request_id])?;
            let id = transaction.last_insert_rowid();
            if id % SWEEP == 0 {
                sweep(transaction, id, now)?;
            }
            Ok(())
        })
    }
}

/// Uses a nonce up, whatever the verdict.
pub(crate) fn take(
    transaction: &Transaction<'_>,
    nonce: &str,
    request_id: Option<&str>,
    now: i64,
) -> rusqlite::Result<Result<(), NonceProblem>> {
    let mut statement =
        transaction.prepare_cached("DELETE FROM nonces WHERE sha256 = ?1 RETURNING expires, request_id")?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?));
    let Some((expires, bound)) = statement.query_row([hash(nonce)], row).optional()? else {
        return Ok(Err(NonceProblem::Unknown));
    };
    if now >= expires {
        return Ok(Err(NonceProblem::Expired));
    }
    if bound.is_some() && bound.as_deref() != request_id {
        return Ok(Err(NonceProblem::OtherRequest));
    }
    Ok(Ok(()))
}

/// Drops the oldest nonces: those that expired long ago, and those for which there is no room. They are given out in the
/// order of their numbers, so the old ones come first.
fn sweep(transaction: &Transaction<'_>, newest: i64, now: i64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM nonces WHERE id IN (SELECT id FROM nonces ORDER BY id LIMIT ?1)
               AND (expires <= ?2 OR id <= ?3)";
    transaction.prepare_cached(sql)?.execute([2 * SWEEP, now - REMEMBERED, newest - CAPACITY])?;
    Ok(())
}

fn hash(nonce: &str) -> [u8; 32] {
    Sha256::digest(nonce).into()
}

/// How many nonces are remembered, and a few more between two sweeps.
const CAPACITY: i64 = 65_536;

/// How often the oldest are looked at; twice as many are, so the sweeps are faster than those who ask.
const SWEEP: i64 = 64;

/// How long an expired nonce is remembered, in seconds.
const REMEMBERED: i64 = 300;
