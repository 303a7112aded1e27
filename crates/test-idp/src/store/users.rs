//! What was registered for users: Secure Enclave keys, and certificates of cards.

use jose::PublicKey;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};

use crate::certificate;
use crate::device::DeviceKey;
use crate::error::Error;
use crate::party_info::key_id;
use crate::store::Store;

/// A key of the Secure Enclave method, as registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegisteredUserKey {
    pub(crate) user: String,
    pub(crate) key: DeviceKey,
    /// The device that it was registered with, and works on.
    pub(crate) device: String,
    /// Seconds since 1970.
    pub(crate) registered: i64,
}

/// A certificate that pins a user's card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegisteredCertificate {
    pub(crate) der: Vec<u8>,
    pub(crate) sha256: [u8; 32],
    /// Key identifier of its key, as without `x5c` an assertion names it.
    pub(crate) kid: Option<String>,
}

impl RegisteredCertificate {
    /// A certificate with this key.
    pub(crate) fn new(der: Vec<u8>, key: &PublicKey) -> Self {
        let sha256 = Sha256::digest(&der).into();
        Self { sha256, kid: kid_of(key), der }
    }

    /// The key identifier, for one that was registered by a version that knew none for RSA keys.
    fn computed_kid(der: &[u8]) -> Option<String> {
        let certificate = certificate::parse(der).ok()?;
        kid_of(&PublicKey::from_spki_der(certificate.public_key().raw).ok()?)
    }
}

impl Store {
    /// The key with this identifier that is registered for a user.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn user_key(&self, user: &str, kid: &str) -> Result<Option<RegisteredUserKey>, Error> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT user, x963, device, registered FROM user_keys WHERE user = ?1 AND kid = ?2")?;
            Ok(statement.query_row([user, kid], user_key).optional()?.flatten())
        })
    }

    /// Every registered Secure Enclave key, by user.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn user_keys(&self) -> Result<Vec<RegisteredUserKey>, Error> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT user, x963, device, registered FROM user_keys ORDER BY user, registered")?;
            let keys = statement.query_map([], user_key)?.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(keys.into_iter().flatten().collect())
        })
    }

    /// The certificates that are registered for a user.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn user_certificates(&self, user: &str) -> Result<Vec<RegisteredCertificate>, Error> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT der, sha256, kid FROM user_certificates WHERE user = ?1 ORDER BY registered")?;
            let certificate = |row: &Row<'_>| {
                let (der, kid): (Vec<u8>, Option<String>) = (row.get(0)?, row.get(2)?);
                let kid = kid.or_else(|| RegisteredCertificate::computed_kid(&der));
                Ok(RegisteredCertificate { der, sha256: row.get(1)?, kid })
            };
            statement.query_map([user], certificate)?.collect()
        })
    }
}

/// Adds a key, and says how many rows that made; nothing when it belongs to another device or another user.
pub(super) fn register_key(
    transaction: &Transaction<'_>,
    user: &str,
    key: &DeviceKey,
    device: &str,
    now: i64,
) -> rusqlite::Result<Option<usize>> {
    let mut statement =
        transaction.prepare_cached("SELECT count(*) FROM user_keys WHERE kid = ?1 AND (user <> ?2 OR device <> ?3)")?;
    if statement.query_row(params![key.kid, user, device], |row| row.get::<_, i64>(0))? > 0 {
        return Ok(None);
    }
    let sql = "INSERT OR IGNORE INTO user_keys (user, kid, x963, device, registered) VALUES (?1, ?2, ?3, ?4, ?5)";
    transaction.execute(sql, params![user, key.kid, key.x963, device, now]).map(Some)
}

/// Adds a certificate, and says how many rows that made.
pub(super) fn register_certificate(
    transaction: &Transaction<'_>,
    user: &str,
    certificate: &RegisteredCertificate,
    now: i64,
) -> rusqlite::Result<usize> {
    transaction.execute(
        "INSERT OR IGNORE INTO user_certificates (user, sha256, der, kid, registered) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![user, certificate.sha256, certificate.der, certificate.kid, now],
    )
}

/// The key identifier: of the point, or of the RSAPublicKey.
fn kid_of(key: &PublicKey) -> Option<String> {
    key.x963().or_else(|| key.pkcs1_der()).map(|bytes| key_id(&bytes))
}

fn user_key(row: &Row<'_>) -> rusqlite::Result<Option<RegisteredUserKey>> {
    let (user, x963, device, registered) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
    Ok(DeviceKey::from_x963(x963).map(|key| RegisteredUserKey { user, key, device, registered }))
}
