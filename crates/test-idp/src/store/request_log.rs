//! The log of requests: who asked for what, what was checked, and what came of it. Of those that a known device signed the
//! last 10,000 are kept, at most 64 MiB; of the others, which anybody can send, the last 1,000, apart from them.
//!
//! No token, password or key is in it: what is decoded of a request goes through [`redact`](crate::redact) first.

use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde_json::Value;

use crate::error::Error;
use crate::store::Store;
use crate::visible::visible;

/// One check that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckMade {
    /// The name of the [`Check`](crate::Check).
    pub(crate) check: String,
    pub(crate) held: bool,
    /// Why it did not hold.
    pub(crate) reason: Option<String>,
}

/// A request to be written into the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewRequest {
    /// `login`, `refresh`, `key_request`, `key_exchange`, `registration`, or `unknown` when it could not be told.
    pub(crate) kind: &'static str,
    /// A device that we know has signed it, or it carried our registration token.
    pub(crate) signed: bool,
    /// `smart-card`, `secure-enclave-key`, `password`, `encrypted-password`.
    pub(crate) method: Option<&'static str>,
    /// As the request says; whether it is true, the checks say.
    pub(crate) user: Option<String>,
    /// Key identifier of the device signing key.
    pub(crate) device: Option<String>,
    /// The header `client-request-id`.
    pub(crate) request_id: Option<String>,
    /// The check that refused it, and why.
    pub(crate) refused: Option<(&'static str, String)>,
    pub(crate) header: Option<Value>,
    pub(crate) claims: Option<Value>,
    pub(crate) assertion_header: Option<Value>,
    pub(crate) assertion_claims: Option<Value>,
    /// What the certificate of the assertion says.
    pub(crate) certificate: Option<Value>,
    /// The checks that held, in order.
    pub(crate) held: Vec<&'static str>,
}

/// A request in the log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LoggedRequest {
    /// Greater than that of every request before.
    pub(crate) id: i64,
    /// Seconds since 1970.
    pub(crate) time: i64,
    pub(crate) kind: String,
    pub(crate) method: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) device: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) accepted: bool,
    /// The check that refused it.
    pub(crate) check: Option<String>,
    /// Why that check did not hold.
    pub(crate) reason: Option<String>,
    pub(crate) header: Option<Value>,
    pub(crate) claims: Option<Value>,
    pub(crate) assertion_header: Option<Value>,
    pub(crate) assertion_claims: Option<Value>,
    pub(crate) certificate: Option<Value>,
    /// In the order in which they were made; the last one is the one that refused, if one did.
    pub(crate) checks: Vec<CheckMade>,
}

impl Store {
    /// The last `n` requests, the newest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn recent(&self, n: usize) -> Result<Vec<LoggedRequest>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!("{SELECT} ORDER BY id DESC LIMIT ?1"))?;
            statement.query_map([i64::try_from(n).unwrap_or(i64::MAX)], logged)?.collect()
        })
    }

    /// The request with this id.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn request(&self, id: i64) -> Result<Option<LoggedRequest>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?;
            statement.query_row([id], logged).optional()
        })
    }

    /// Writes a request into the log, alone.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn log(&self, request: &NewRequest, now: i64) -> Result<(), Error> {
        self.change(|transaction| insert(transaction, request, now))
    }
}

/// Writes a request into the log, and drops the oldest when there are too many.
pub(crate) fn insert(transaction: &Transaction<'_>, request: &NewRequest, now: i64) -> rusqlite::Result<()> {
    let texts =
        [&request.header, &request.claims, &request.assertion_header, &request.assertion_claims, &request.certificate]
            .map(|value| value.as_ref().map(Value::to_string));
    let size = ROW + texts.iter().flatten().map(String::len).sum::<usize>();
    let [header, claims, assertion_header, assertion_claims, certificate] = texts;
    let (check, reason) = match &request.refused {
        Some((check, reason)) => (Some(*check), Some(reason.as_str())),
        None => (None, None),
    };
    transaction
        .prepare_cached(
            "INSERT INTO requests (time, kind, method, user, device, request_id, outcome, \"check\", reason, header,
             claims, assertion_header, assertion_claims, certificate, held, signed, size)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?
        .execute(params![
            now,
            request.kind,
            request.method,
            // Anybody may have sent it, and it is printed to terminals.
            request.user.as_deref().map(visible),
            request.device,
            request.request_id,
            if check.is_none() { "accepted" } else { "refused" },
            check,
            reason,
            header,
            claims,
            assertion_header,
            assertion_claims,
            certificate,
            request.held.join(" "),
            request.signed,
            i64::try_from(size).unwrap_or(i64::MAX),
        ])?;
    if transaction.last_insert_rowid() % SWEEP == 0 {
        sweep(transaction, true, KEPT, KEPT_BYTES)?;
        sweep(transaction, false, KEPT_UNSIGNED, KEPT_BYTES)?;
    }
    Ok(())
}

/// Drops the oldest, among those that are signed or those that are not: what is more than `rows`, or more than `bytes`.
fn sweep(transaction: &Transaction<'_>, signed: bool, rows: i64, bytes: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM requests WHERE signed = ?1 AND id <=
             (SELECT id FROM requests WHERE signed = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute(params![signed, rows])?;
    let total: i64 = transaction
        .prepare_cached("SELECT coalesce(sum(size), 0) FROM requests WHERE signed = ?1")?
        .query_row([signed], |row| row.get(0))?;
    if total > bytes {
        transaction
            .prepare_cached(
                "DELETE FROM requests WHERE signed = ?1 AND id <= (SELECT max(id) FROM
                 (SELECT id, sum(size) OVER (ORDER BY id DESC) AS total FROM requests WHERE signed = ?1)
                 WHERE total > ?2)",
            )?
            .execute(params![signed, bytes])?;
    }
    Ok(())
}

fn logged(row: &Row<'_>) -> rusqlite::Result<LoggedRequest> {
    let json = |index: usize| -> rusqlite::Result<Option<Value>> {
        let text: Option<String> = row.get(index)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    };
    let held: String = row.get(15)?;
    let held = held.split_whitespace().map(|check| CheckMade { check: check.to_owned(), held: true, reason: None });
    let (check, reason): (Option<String>, Option<String>) = (row.get(8)?, row.get(9)?);
    let refused = check.clone().map(|check| CheckMade { check, held: false, reason: reason.clone() });
    Ok(LoggedRequest {
        id: row.get(0)?,
        time: row.get(1)?,
        kind: row.get(2)?,
        method: row.get(3)?,
        user: row.get(4)?,
        device: row.get(5)?,
        request_id: row.get(6)?,
        accepted: row.get::<_, String>(7)? == "accepted",
        check,
        reason,
        header: json(10)?,
        claims: json(11)?,
        assertion_header: json(12)?,
        assertion_claims: json(13)?,
        certificate: json(14)?,
        checks: held.chain(refused).collect(),
    })
}

const SELECT: &str =
    "SELECT id, time, kind, method, user, device, request_id, outcome, \"check\", reason, header, claims,
     assertion_header, assertion_claims, certificate, held FROM requests";

/// How many requests that a known device signed are kept, and a few more between two sweeps.
const KEPT: i64 = 10_000;

/// How many of the others.
const KEPT_UNSIGNED: i64 = 1000;

/// The bytes of their texts, of either.
const KEPT_BYTES: i64 = 64 << 20;

/// What a row takes without the texts that are counted, in bytes; some more than it is.
const ROW: usize = 1024;

/// How often the oldest are dropped.
const SWEEP: i64 = 64;
