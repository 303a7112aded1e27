//! The keys of the id_tokens: one signs, retired ones stay published for a day, so that whoever holds an id_token of an
//! hour ago can still verify it. The private half of a retired key is gone.

use jose::PublicKey;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::id_token_key::IdTokenKey;
use crate::options::IdTokenAlgorithm;
use crate::party_info::key_id;
use crate::store::Store;

/// The key that signs.
#[derive(Debug)]
pub(crate) struct SigningKey {
    pub(crate) kid: String,
    pub(crate) public: PublicKey,
    pub(crate) key: IdTokenKey,
}

impl SigningKey {
    /// A key with its identifier.
    ///
    /// # Errors
    /// [`Error::Crypto`] for a key that nobody may use.
    pub(crate) fn new(key: IdTokenKey) -> Result<Self, Error> {
        let public = key.public()?;
        let encoded = public.x963().or_else(|| public.pkcs1_der()).unwrap_or_default();
        Ok(Self { kid: key_id(&encoded), public, key })
    }

    /// A new key.
    ///
    /// # Errors
    /// [`Error::Random`] and [`Error::Crypto`] when the system gives no random numbers.
    pub(crate) fn generate(algorithm: IdTokenAlgorithm) -> Result<Self, Error> {
        Self::new(IdTokenKey::generate(algorithm)?)
    }

    /// What it signs with.
    pub(crate) fn algorithm(&self) -> IdTokenAlgorithm {
        self.key.algorithm()
    }
}

/// A key whose public half is in the JWK Set.
#[derive(Debug, Clone)]
pub(crate) struct PublishedKey {
    pub(crate) kid: String,
    pub(crate) algorithm: IdTokenAlgorithm,
    pub(crate) public: PublicKey,
}

impl Store {
    /// The key that signs now.
    ///
    /// # Errors
    /// [`Error::Database`]; [`Error::StateContent`] when the database has none that can be read.
    pub(crate) fn signing_key(&self) -> Result<SigningKey, Error> {
        let found = self.read(|connection| {
            let sql = "SELECT algorithm, pkcs8 FROM signing_keys WHERE retired IS NULL ORDER BY id DESC LIMIT 1";
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?));
            connection.query_row(sql, [], row).optional()
        })?;
        let key = found.and_then(|(algorithm, pem)| {
            let pem = Zeroizing::new(pem?);
            let key = IdTokenKey::from_pem(IdTokenAlgorithm::named(&algorithm)?, &pem).ok()?;
            SigningKey::new(key).ok()
        });
        key.ok_or_else(|| self.not_understood("it has no signing key"))
    }

    /// The key that signs from now on, with this algorithm: the one that does already, or a new one in its place.
    ///
    /// # Errors
    /// Those of [`signing_key`](Self::signing_key) and [`replace_signing_key`](Self::replace_signing_key), and
    /// [`Error::Random`] and [`Error::Crypto`] when the system gives no random numbers.
    pub(crate) fn sign_with(&self, algorithm: IdTokenAlgorithm, now: i64) -> Result<SigningKey, Error> {
        let current = self.signing_key()?;
        if current.algorithm() == algorithm {
            return Ok(current);
        }
        let key = SigningKey::generate(algorithm)?;
        self.replace_signing_key(current.algorithm(), &key, now)?;
        // Another process may have rotated it since.
        self.signing_key()
    }

    /// The keys that an id_token may be signed with, the one that signs now first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn published_keys(&self, now: i64) -> Result<Vec<PublishedKey>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT kid, algorithm, x963, spki FROM signing_keys
                 WHERE retired IS NULL OR retired > ?1 ORDER BY id DESC",
            )?;
            let key = |row: &rusqlite::Row<'_>| {
                let (kid, algorithm): (_, String) = (row.get(0)?, row.get(1)?);
                let (x963, spki): (Vec<u8>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
                let public = match spki {
                    Some(spki) => PublicKey::from_spki_der(&spki),
                    None => PublicKey::from_x963(&x963),
                };
                let algorithm = IdTokenAlgorithm::named(&algorithm);
                Ok(algorithm.zip(public.ok()).map(|(algorithm, public)| PublishedKey { kid, algorithm, public }))
            };
            statement.query_map([now - PUBLISHED], key)?.filter_map(Result::transpose).collect()
        })
    }

    /// Puts a key in the place of the one that signs, if that is one of algorithm `of`. Whether it did.
    ///
    /// # Errors
    /// [`Error::Database`] and [`Error::Crypto`]; nothing has changed then.
    pub(crate) fn replace_signing_key(&self, of: IdTokenAlgorithm, key: &SigningKey, now: i64) -> Result<bool, Error> {
        let row = NewRow::of(key)?;
        // Else a private half would stay where it was, in a part of the file that is free.
        self.read(|connection| connection.pragma_update(None, "secure_delete", true))?;
        let replaced = self.change(|transaction| {
            let retire = "UPDATE signing_keys SET retired = ?1, pkcs8 = NULL WHERE retired IS NULL AND algorithm = ?2";
            if transaction.execute(retire, params![now, of.name()])? == 0 {
                return Ok(false);
            }
            transaction.execute("DELETE FROM signing_keys WHERE retired <= ?1", [now - PUBLISHED])?;
            row.insert(transaction, now)?;
            Ok(true)
        });
        // And what is in the write-ahead log has to come into the file. The change stands whether or not that succeeds: when
        // somebody else is reading just now, it comes there later.
        let _ = self.read(|connection| {
            connection.pragma_update(None, "secure_delete", false)?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        });
        replaced
    }
}

/// The identifier of the key that signs now.
pub(crate) fn current_kid(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT kid FROM signing_keys WHERE retired IS NULL ORDER BY id DESC LIMIT 1";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()
}

/// A key as it is written down.
pub(super) struct NewRow<'a> {
    kid: &'a str,
    algorithm: IdTokenAlgorithm,
    /// Empty for RSA.
    x963: Vec<u8>,
    /// Of RSA alone.
    spki: Option<Vec<u8>>,
    pkcs8: Zeroizing<String>,
}

impl<'a> NewRow<'a> {
    /// # Errors
    /// [`Error::Crypto`] if an encoder fails, which no valid key brings about.
    pub(super) fn of(key: &'a SigningKey) -> Result<Self, Error> {
        let (x963, spki) = match key.public.x963() {
            Some(x963) => (x963, None),
            None => (Vec::new(), Some(key.public.spki_der()?)),
        };
        Ok(Self { kid: &key.kid, algorithm: key.algorithm(), x963, spki, pkcs8: key.key.to_pkcs8_pem()? })
    }

    pub(super) fn insert(&self, transaction: &Transaction<'_>, now: i64) -> rusqlite::Result<()> {
        let Self { kid, algorithm, x963, spki, pkcs8 } = self;
        let sql = "INSERT INTO signing_keys (kid, algorithm, x963, spki, pkcs8, made) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        transaction.execute(sql, params![kid, algorithm.name(), x963, spki, pkcs8.as_str(), now])?;
        Ok(())
    }
}

/// How long a retired key stays published, in seconds: a day; an id_token lives an hour.
pub(crate) const PUBLISHED: i64 = 24 * 3600;
