//! The tables, version by version. `PRAGMA user_version` says how many of the steps a database has seen.

use rusqlite::{Connection, TransactionBehavior};

/// Brings a database up to date. Returns its version when that is one of the future; nothing has changed then.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<Option<usize>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    if version > STEPS.len() {
        return Ok(Some(version));
    }
    if version < STEPS.len() {
        for step in STEPS.iter().skip(version) {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "user_version", i64::try_from(STEPS.len()).unwrap_or(i64::MAX))?;
    }
    transaction.commit()?;
    Ok(None)
}

/// Each step once, in order; a step that was released is never changed. Times are seconds since 1970.
pub(super) const STEPS: &[&str] = &[
    "
CREATE TABLE identifiers (
    client_id TEXT NOT NULL,
    audience  TEXT NOT NULL
) STRICT;

CREATE TABLE signing_keys (
    id      INTEGER PRIMARY KEY,
    kid     TEXT NOT NULL UNIQUE,
    x963    BLOB NOT NULL,
    pkcs8   TEXT,              -- gone once the key is retired
    made    INTEGER NOT NULL,
    retired INTEGER
) STRICT;

CREATE TABLE server_keys (
    name   TEXT PRIMARY KEY,
    secret BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
    kid        TEXT PRIMARY KEY,
    signing    BLOB NOT NULL,
    encryption BLOB NOT NULL,
    registered INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE device_users (
    device     TEXT NOT NULL REFERENCES devices (kid) ON DELETE CASCADE,
    user       TEXT NOT NULL,
    registered INTEGER NOT NULL,
    PRIMARY KEY (device, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_keys (
    user       TEXT NOT NULL,
    kid        TEXT NOT NULL,
    x963       BLOB NOT NULL,
    device     TEXT NOT NULL REFERENCES devices (kid) ON DELETE CASCADE,
    registered INTEGER NOT NULL,
    PRIMARY KEY (user, kid)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_certificates (
    user       TEXT NOT NULL,
    sha256     BLOB NOT NULL,
    der        BLOB NOT NULL,
    kid        TEXT,           -- of an elliptic curve key
    registered INTEGER NOT NULL,
    PRIMARY KEY (user, sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE nonces (
    id         INTEGER PRIMARY KEY,
    sha256     BLOB NOT NULL UNIQUE,
    expires    INTEGER NOT NULL,
    request_id TEXT
) STRICT;

CREATE TABLE families (
    id          INTEGER PRIMARY KEY,
    user        TEXT NOT NULL,
    device      TEXT NOT NULL REFERENCES devices (kid) ON DELETE CASCADE,
    method      TEXT NOT NULL,
    upn         TEXT,
    common_name TEXT,
    certificate BLOB,          -- DER, of a login with a card
    started     INTEGER NOT NULL,
    revoked     INTEGER
) STRICT;
CREATE INDEX families_by_owner ON families (user, device, id);

CREATE TABLE refresh_tokens (
    sha256  BLOB PRIMARY KEY,
    family  INTEGER NOT NULL REFERENCES families (id) ON DELETE CASCADE,
    issued  INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    used    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family);

CREATE TABLE provided_keys (
    user    TEXT NOT NULL,
    device  TEXT NOT NULL REFERENCES devices (kid) ON DELETE CASCADE,
    context BLOB NOT NULL,
    made    INTEGER NOT NULL,
    PRIMARY KEY (user, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
    id               INTEGER PRIMARY KEY,
    time             INTEGER NOT NULL,
    kind             TEXT NOT NULL,
    method           TEXT,
    user             TEXT,
    device           TEXT,
    request_id       TEXT,
    outcome          TEXT NOT NULL,
    \"check\"          TEXT,
    reason           TEXT,
    header           TEXT,
    claims           TEXT,
    assertion_header TEXT,
    assertion_claims TEXT,
    certificate      TEXT,
    held             TEXT NOT NULL -- names of the checks that held, in order, separated by spaces
) STRICT;
",
    "
ALTER TABLE families ADD COLUMN handle BLOB; -- SHA-256 of the handle in its tokens; null of an earlier version
CREATE UNIQUE INDEX families_by_handle ON families (handle);
",
    "
-- Whether a device that we know signed it, or a registration had our token; and the bytes of its texts.
ALTER TABLE requests ADD COLUMN signed INTEGER NOT NULL DEFAULT 1;
ALTER TABLE requests ADD COLUMN size   INTEGER NOT NULL DEFAULT 2048;
CREATE INDEX requests_by_age ON requests (signed, id, size);
",
    "
ALTER TABLE signing_keys ADD COLUMN algorithm TEXT NOT NULL DEFAULT 'ES256';
ALTER TABLE signing_keys ADD COLUMN spki      BLOB; -- of RS256, whose x963 is empty
",
];
