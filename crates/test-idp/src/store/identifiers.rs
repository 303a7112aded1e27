//! What a client and this identity provider know each other by, and the keys that are the server's own.

use rusqlite::{OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::store::Store;

/// The names by which a client and this identity provider know each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identifiers {
    pub(super) schema_version: u32,
    /// `iss` and `client_id` of a login request, `aud` of an id_token.
    pub(crate) client_id: String,
    /// `aud` of an assertion.
    pub(crate) audience: String,
}

impl Identifiers {
    /// Names that nobody else has.
    pub(super) fn new() -> Self {
        let client_id = Uuid::new_v4().to_string();
        let audience = format!("urn:pivkit-idp:{}", Uuid::new_v4());
        Self { schema_version: 1, client_id, audience }
    }
}

/// Which key of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerKey {
    /// P-256 private key, PKCS#8 in PEM: encrypted passwords are for it.
    LoginRequestEncryption,
    /// 32 bytes: seals `key_context`.
    KeyContext,
}

impl ServerKey {
    fn name(self) -> &'static str {
        match self {
            Self::LoginRequestEncryption => "login_request_encryption",
            Self::KeyContext => "key_context",
        }
    }
}

impl Store {
    /// The identifiers, which every database has.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn identifiers(&self) -> Result<Identifiers, Error> {
        self.read(|connection| {
            connection.query_row("SELECT client_id, audience FROM identifiers", [], |row| {
                Ok(Identifiers { schema_version: 1, client_id: row.get(0)?, audience: row.get(1)? })
            })
        })
    }

    /// A key of the server, made by `make` when there is none yet.
    ///
    /// # Errors
    /// [`Error::Database`] and those of `make`.
    pub(crate) fn server_key(
        &self,
        key: ServerKey,
        make: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, Error>,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let sql = "SELECT secret FROM server_keys WHERE name = ?1";
        let known =
            self.read(|connection| connection.query_row(sql, [key.name()], |row| row.get::<_, Vec<u8>>(0)).optional())?;
        if let Some(known) = known {
            return Ok(Zeroizing::new(known));
        }
        let made = make()?;
        self.change(|transaction| {
            let sql = "INSERT INTO server_keys (name, secret) VALUES (?1, ?2)";
            transaction.execute(sql, params![key.name(), made.as_slice()])
        })?;
        Ok(made)
    }
}

pub(super) fn insert(transaction: &Transaction<'_>, identifiers: &Identifiers) -> rusqlite::Result<usize> {
    transaction.execute(
        "INSERT INTO identifiers (client_id, audience) VALUES (?1, ?2)",
        params![identifiers.client_id, identifiers.audience],
    )
}
