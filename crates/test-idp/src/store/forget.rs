//! Registrations that are taken away.

use rusqlite::Transaction;

use crate::error::Error;
use crate::store::Store;

/// What is to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forget {
    /// A user: the certificates that pin cards, keys, sessions, and the devices that nobody else uses.
    User(String),
    /// The device with this key identifier of its signing key, in any spelling of base64: for all its users, with their keys
    /// and sessions on it. Certificates belong to no device, and stay.
    Device(String),
}

/// How much was forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forgotten {
    /// Devices; of a user also those that only the user has left.
    pub devices: usize,
    /// Keys of the Secure Enclave method.
    pub keys: usize,
    /// Certificates that pinned cards.
    pub certificates: usize,
    /// Sessions, live ones and others.
    pub sessions: usize,
}

impl Store {
    /// Forgets, all of it or nothing.
    ///
    /// # Errors
    /// [`Error::Database`]; nothing has changed then.
    pub(crate) fn forget(&self, what: &Forget) -> Result<Forgotten, Error> {
        self.change(|transaction| match what {
            Forget::User(name) => user(transaction, name),
            Forget::Device(kid) => device(transaction, kid),
        })
    }
}

fn user(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<Forgotten> {
    let delete = |sql| transaction.execute(sql, [name]);
    let certificates = delete("DELETE FROM user_certificates WHERE user = ?1")?;
    let keys = delete("DELETE FROM user_keys WHERE user = ?1")?;
    let sessions = delete("DELETE FROM families WHERE user = ?1")?;
    delete("DELETE FROM provided_keys WHERE user = ?1")?;
    let alone = delete(
        "DELETE FROM devices WHERE kid IN (SELECT device FROM device_users WHERE user = ?1)
         AND kid NOT IN (SELECT device FROM device_users WHERE user <> ?1)",
    )?;
    let shared = delete("DELETE FROM device_users WHERE user = ?1")?;
    Ok(Forgotten { devices: alone + shared, keys, certificates, sessions })
}

fn device(transaction: &Transaction<'_>, kid: &str) -> rusqlite::Result<Forgotten> {
    let delete = |sql| transaction.execute(sql, [kid]);
    let keys = delete("DELETE FROM user_keys WHERE device = ?1")?;
    let sessions = delete("DELETE FROM families WHERE device = ?1")?;
    let devices = delete("DELETE FROM devices WHERE kid = ?1")?;
    Ok(Forgotten { devices, keys, certificates: 0, sessions })
}
