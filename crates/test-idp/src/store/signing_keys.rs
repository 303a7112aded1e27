//! The keys of the id_tokens: one signs, retired ones stay published for a day, so that whoever holds an id_token of an
//! hour ago can still verify it. The private half of a retired key is gone.

use jose::{EcPrivateKey, PublicKey};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::party_info::key_id;
use crate::store::Store;

/// The key that signs.
#[derive(Debug, Clone)]
pub(crate) struct SigningKey {
    pub(crate) kid: String,
    pub(crate) key: EcPrivateKey,
}

impl SigningKey {
    /// A key with its identifier.
    pub(crate) fn new(key: EcPrivateKey) -> Self {
        Self { kid: key_id(&key.public().x963().unwrap_or_default()), key }
    }
}

/// A key whose public half is in the JWK Set.
#[derive(Debug, Clone)]
pub(crate) struct PublishedKey {
    pub(crate) kid: String,
    pub(crate) public: PublicKey,
}

impl Store {
    /// The key that signs now.
    ///
    /// # Errors
    /// [`Error::Database`]; [`Error::StateContent`] when the database has none that can be read.
    pub(crate) fn signing_key(&self) -> Result<SigningKey, Error> {
        let pkcs8 = self.read(|connection| {
            let sql = "SELECT pkcs8 FROM signing_keys WHERE retired IS NULL ORDER BY id DESC LIMIT 1";
            connection.query_row(sql, [], |row| row.get::<_, Option<String>>(0)).optional()
        })?;
        let key = pkcs8.flatten().map(Zeroizing::new).and_then(|pem| EcPrivateKey::from_pem(&pem).ok());
        let content = || Error::StateContent { path: self.path.clone(), why: "it has no signing key".to_owned() };
        key.map(SigningKey::new).ok_or_else(content)
    }

    /// The keys that an id_token may be signed with, the one that signs now first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn published_keys(&self, now: i64) -> Result<Vec<PublishedKey>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT kid, x963 FROM signing_keys WHERE retired IS NULL OR retired > ?1 ORDER BY id DESC",
            )?;
            let key = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?));
            let keys = statement.query_map([now - PUBLISHED], key)?.collect::<rusqlite::Result<Vec<_>>>()?;
            let published = |(kid, x963): (String, Vec<u8>)| {
                PublicKey::from_x963(&x963).ok().map(|public| PublishedKey { kid, public })
            };
            Ok(keys.into_iter().filter_map(published).collect())
        })
    }

    /// Puts a key in the place of the one that signs.
    ///
    /// # Errors
    /// [`Error::Database`] and [`Error::Crypto`]; nothing has changed then.
    pub(crate) fn rotate_signing_key(&self, key: &SigningKey, now: i64) -> Result<(), Error> {
        let pem = key.key.to_pkcs8_pem()?;
        self.change(|transaction| {
            let retire = "UPDATE signing_keys SET retired = ?1, pkcs8 = NULL WHERE retired IS NULL";
            transaction.execute(retire, [now])?;
            transaction.execute("DELETE FROM signing_keys WHERE retired <= ?1", [now - PUBLISHED])?;
            insert(transaction, key, &pem, now)
        })
    }
}

/// The identifier of the key that signs now.
pub(crate) fn current_kid(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT kid FROM signing_keys WHERE retired IS NULL ORDER BY id DESC LIMIT 1";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()
}

pub(super) fn insert(
    transaction: &Transaction<'_>,
    key: &SigningKey,
    pem: &Zeroizing<String>,
    now: i64,
) -> rusqlite::Result<()> {
    let x963 = key.key.public().x963().unwrap_or_default();
    let sql = "INSERT INTO signing_keys (kid, x963, pkcs8, made) VALUES (?1, ?2, ?3, ?4)";
    transaction.execute(sql, params![key.kid, x963, pem.as_str(), now])?;
    Ok(())
}

/// How long a retired key stays published, in seconds: a day; an id_token lives an hour.
pub(crate) const PUBLISHED: i64 = 24 * 3600;
