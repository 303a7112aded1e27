//! The registered devices, by the key identifier of their signing key.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::device::{Device, DeviceKey};
use crate::error::Error;
use crate::store::users::{self, RegisteredCertificate};
use crate::store::{Store, database};

/// What a registration changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registered {
    /// A device, a user of it, a key or a certificate that was not there before.
    New,
    /// All of it was there.
    Already,
}

/// Why a device is not registered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegisterError {
    #[error("this signing key is registered with another encryption key")]
    OtherEncryptionKey,
    #[error("this user key is registered for another device or another user")]
    OtherDevice,
    #[error("there is no room for more devices, users, keys or certificates")]
    Full,
    #[error("the registration cannot be stored")]
    Store(#[from] Error),
}

/// A device with everything that is registered along with it.
#[derive(Debug)]
pub(crate) struct Registration<'a> {
    pub(crate) signing: &'a DeviceKey,
    pub(crate) encryption: &'a DeviceKey,
    pub(crate) user: &'a str,
    /// The key of the Secure Enclave method.
    pub(crate) user_key: Option<&'a DeviceKey>,
    /// A card's certificate.
    pub(crate) user_certificate: Option<&'a RegisteredCertificate>,
}

/// The outcome of the transaction, before it is an error: it must be rolled back or not.
enum Verdict {
    Done(Registered),
    Refused(RegisterError),
}

impl Store {
    /// The device with this signing key.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn device(&self, kid: &str) -> Result<Option<Device>, Error> {
        self.read(|connection| find(connection, kid))
    }

    /// The newest devices, the newest first, and how many there are in all.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn devices(&self, most: u32) -> Result<(Vec<Device>, u32), Error> {
        self.read(|connection| {
            let sql = "SELECT kid FROM devices ORDER BY registered DESC, kid LIMIT ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let kids = statement.query_map([most], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
            let devices = kids.iter().filter_map(|kid| find(connection, kid).transpose());
            let devices = devices.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok((devices, connection.query_row("SELECT count(*) FROM devices", [], |row| row.get(0))?))
        })
    }

    /// How many devices each user has, of those who have some.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) fn devices_of_users(&self) -> Result<HashMap<String, u32>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT user, count(*) FROM device_users GROUP BY user")?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }

    /// Registers a device for a user, and what comes with it.
    ///
    /// # Errors
    /// Why it is not; nothing has changed then.
    pub(crate) fn register(&self, registration: &Registration<'_>, now: i64) -> Result<Registered, RegisterError> {
        let mut connection = self.lock();
        let failed = |error| RegisterError::Store(database(&self.path, error));
        let transaction = connection.transaction().map_err(failed)?;
        match register(&transaction, registration, now).map_err(failed)? {
            Verdict::Done(registered) => {
                transaction.commit().map_err(failed)?;
                Ok(registered)
            }
            Verdict::Refused(error) => Err(error),
        }
    }
}

fn register(transaction: &Transaction<'_>, new: &Registration<'_>, now: i64) -> rusqlite::Result<Verdict> {
    let kid = &new.signing.kid;
    let mut changed = 0;
    match find(transaction, kid)? {
        Some(known) if known.encryption != *new.encryption => {
            return Ok(Verdict::Refused(RegisterError::OtherEncryptionKey));
        }
        Some(_) => {}
        None if count(transaction, "SELECT count(*) FROM devices", "")? >= MAX_DEVICES => {
            return Ok(Verdict::Refused(RegisterError::Full));
        }
        None => {
            changed += transaction.execute(
                "INSERT INTO devices (kid, signing, encryption, registered) VALUES (?1, ?2, ?3, ?4)",
                params![kid, new.signing.x963, new.encryption.x963, now],
            )?;
        }
    }
    changed += transaction.execute(
        "INSERT OR IGNORE INTO device_users (device, user, registered) VALUES (?1, ?2, ?3)",
        params![kid, new.user, now],
    )?;
    if count(transaction, "SELECT count(*) FROM device_users WHERE device = ?1", kid)? > MAX_USERS {
        return Ok(Verdict::Refused(RegisterError::Full));
    }
    if let Some(key) = new.user_key {
        match users::register_key(transaction, new.user, key, kid, now)? {
            Some(added) => changed += added,
            None => return Ok(Verdict::Refused(RegisterError::OtherDevice)),
        }
        if count(transaction, "SELECT count(*) FROM user_keys WHERE user = ?1", new.user)? > MAX_KEYS {
            return Ok(Verdict::Refused(RegisterError::Full));
        }
    }
    if let Some(certificate) = new.user_certificate {
        changed += users::register_certificate(transaction, new.user, certificate, now)?;
        if count(transaction, "SELECT count(*) FROM user_certificates WHERE user = ?1", new.user)? > MAX_CERTIFICATES {
            return Ok(Verdict::Refused(RegisterError::Full));
        }
    }
    Ok(Verdict::Done(if changed > 0 { Registered::New } else { Registered::Already }))
}

fn find(connection: &Connection, kid: &str) -> rusqlite::Result<Option<Device>> {
    let mut statement =
        connection.prepare_cached("SELECT signing, encryption, registered FROM devices WHERE kid = ?1")?;
    let keys = statement
        .query_row([kid], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, i64>(2)?)))
        .optional()?;
    let Some((signing, encryption, registered)) = keys else { return Ok(None) };
    // A key that is none was not written by this program; such a device is as good as absent.
    let (Some(signing), Some(encryption)) = (DeviceKey::from_x963(signing), DeviceKey::from_x963(encryption)) else {
        return Ok(None);
    };
    let mut statement =
        connection.prepare_cached("SELECT user FROM device_users WHERE device = ?1 ORDER BY registered, user")?;
    let users = statement.query_map([kid], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(Some(Device { signing, encryption, users, registered }))
}

/// A count; `about` fills the parameter of the statement, when it has one.
fn count(transaction: &Transaction<'_>, sql: &str, about: &str) -> rusqlite::Result<i64> {
    let mut statement = transaction.prepare_cached(sql)?;
    if statement.parameter_count() == 0 {
        statement.query_row([], |row| row.get(0))
    } else {
        statement.query_row([about], |row| row.get(0))
    }
}

/// Most devices.
const MAX_DEVICES: i64 = 4096;
/// Most users of one device.
const MAX_USERS: i64 = 64;
/// Most Secure Enclave keys of one user.
const MAX_KEYS: i64 = 1024;
/// Most certificates of one user.
const MAX_CERTIFICATES: i64 = 16;
