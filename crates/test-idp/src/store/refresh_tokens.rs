//! Refresh tokens, kept as hashes. A login begins a family; each refresh uses the family's live token up and puts the next
//! one in its place. A used token that comes again means that somebody has a copy: the whole family is revoked.
//!
//! Source: RFC 9700 section 4.14.2 (rotation and reuse detection). A token that is not live but has the handle of a family
//! was one of it, however long ago. The last eight families of a user on one device are kept.

use rusqlite::{OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};

use crate::certificate::Holder;
use crate::error::Error;
use crate::refresh_token::handle_hash;
use crate::store::Store;

/// A login, whose tokens belong together.
#[derive(Debug, Clone)]
pub(crate) struct Family {
    pub(crate) id: i64,
    pub(crate) user: String,
    pub(crate) device: String,
    pub(crate) method: String,
    pub(crate) holder: Holder,
    /// DER of the card's certificate, of a login with one.
    pub(crate) certificate: Option<Vec<u8>>,
}

/// A family that begins.
#[derive(Debug, Clone)]
pub(crate) struct NewFamily {
    pub(crate) user: String,
    pub(crate) device: String,
    pub(crate) method: &'static str,
    pub(crate) holder: Holder,
    pub(crate) certificate: Option<Vec<u8>>,
}

/// What a refresh token is, when it is presented.
#[derive(Debug, Clone)]
pub(crate) enum Presented {
    /// Never given out, or of a family that is forgotten.
    Unknown,
    /// Given out, and used before.
    Used(Family),
    /// Of a family that was revoked.
    Revoked(Family),
    Expired(Family),
    /// Good for one refresh.
    Live(Family),
}

impl Store {
    /// What a refresh token is. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn presented(&self, token: &str, now: i64) -> Result<Presented, Error> {
        self.read(|connection| {
            let row = |row: &rusqlite::Row<'_>| {
                let holder = Holder { upn: row.get(4)?, common_name: row.get(5)? };
                let family = Family {
                    id: row.get(0)?,
                    user: row.get(1)?,
                    device: row.get(2)?,
                    method: row.get(3)?,
                    holder,
                    certificate: row.get(6)?,
                };
                let (revoked, used): (Option<i64>, Option<i64>) = (row.get(7)?, row.get(8)?);
                let expires: i64 = row.get(9)?;
                Ok(match (revoked, used) {
                    (Some(_), _) => Presented::Revoked(family),
                    (None, Some(_)) => Presented::Used(family),
                    (None, None) if now >= expires => Presented::Expired(family),
                    (None, None) => Presented::Live(family),
                })
            };
            let find = |sql, key: [u8; 32]| connection.prepare_cached(sql)?.query_row([key], row).optional();
            let found = match (find(BY_TOKEN, hash(token))?, handle_hash(token)) {
                (None, Some(handle)) => find(BY_HANDLE, handle)?,
                (found, _) => found,
            };
            Ok(found.unwrap_or(Presented::Unknown))
        })
    }
}

/// Begins a family with its first token; both times are seconds since 1970.
pub(crate) fn begin(
    transaction: &Transaction<'_>,
    family: &NewFamily,
    token: &str,
    now: i64,
    expires: i64,
) -> rusqlite::Result<()> {
    let NewFamily { user, device, method, holder, certificate } = family;
    transaction
        .prepare_cached(
            "INSERT INTO families (user, device, method, upn, common_name, certificate, started, handle)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![user, device, method, holder.upn, holder.common_name, certificate, now, handle_hash(token)])?;
    let id = transaction.last_insert_rowid();
    add(transaction, id, token, now, expires)?;
    transaction
        .prepare_cached(
            "DELETE FROM families WHERE user = ?1 AND device = ?2 AND id <= (SELECT id FROM families
             WHERE user = ?1 AND device = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)",
        )?
        .execute(params![user, device, FAMILIES])?;
    Ok(())
}

/// What becomes of the token that a refresh presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Old {
    UsedUp,
    /// It counts until one of both is used: for an answer that a client may well refuse.
    StaysLive,
}

/// Puts the next token in the place of a live one. False when somebody was faster, or the family is revoked; nothing has
/// changed then.
pub(crate) fn rotate(
    transaction: &Transaction<'_>,
    family: i64,
    (old, fate): (&str, Old),
    new: &str,
    now: i64,
    expires: i64,
) -> rusqlite::Result<bool> {
    let mut statement = transaction.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM refresh_tokens JOIN families ON id = family
         WHERE sha256 = ?1 AND family = ?2 AND used IS NULL AND revoked IS NULL)",
    )?;
    if !statement.query_row(params![hash(old), family], |row| row.get::<_, bool>(0))? {
        return Ok(false);
    }
    let handle = handle_hash(new);
    let known = handle == handle_hash(old);
    if !known {
        transaction.execute("UPDATE families SET handle = ?2 WHERE id = ?1", params![family, handle])?;
    }
    // Another one is live only when an answer of before was one that a client may refuse.
    let sql = "DELETE FROM refresh_tokens WHERE family = ?1 AND used IS NULL AND (sha256 <> ?2 OR ?3)";
    let gone = fate == Old::UsedUp && known && handle.is_some();
    transaction.prepare_cached(sql)?.execute(params![family, hash(old), gone])?;
    if fate == Old::UsedUp && !gone {
        // Of an earlier version, without a handle: it is known by its hash alone.
        let sql = "UPDATE refresh_tokens SET used = ?2 WHERE sha256 = ?1";
        transaction.execute(sql, params![hash(old), now])?;
    }
    add(transaction, family, new, now, expires)?;
    Ok(true)
}

/// Whether a family is still there, and not revoked.
pub(crate) fn is_live(transaction: &Transaction<'_>, family: i64) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM families WHERE id = ?1 AND revoked IS NULL)";
    transaction.prepare_cached(sql)?.query_row([family], |row| row.get(0))
}

/// Revokes a family: none of its tokens counts any more.
pub(crate) fn revoke(transaction: &Transaction<'_>, family: i64, now: i64) -> rusqlite::Result<()> {
    let sql = "UPDATE families SET revoked = ?2 WHERE id = ?1 AND revoked IS NULL";
    transaction.prepare_cached(sql)?.execute([family, now])?;
    Ok(())
}

fn add(transaction: &Transaction<'_>, family: i64, token: &str, now: i64, expires: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT INTO refresh_tokens (sha256, family, issued, expires) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![hash(token), family, now, expires])?;
    Ok(())
}

/// The family of a token that is kept.
const BY_TOKEN: &str = "SELECT id, user, device, method, upn, common_name, certificate, revoked, used, expires
    FROM refresh_tokens JOIN families ON id = family WHERE sha256 = ?1";

/// The family of a token that is not: it was used, or never was.
const BY_HANDLE: &str = "SELECT id, user, device, method, upn, common_name, certificate, revoked, started, 0
    FROM families WHERE handle = ?1";

/// So many random bits need no salt and no slow hash.
fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Families of one user on one device that are kept; the offset of the first that is not.
const FAMILIES: i64 = 8;
