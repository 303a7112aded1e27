//! The key that a sign-on is sealed with, and where it is kept.
//!
//! | place | lives | keeps it from |
//! |---|---|---|
//! | keychain | until it is removed | whoever has the disk or a copy of the files, and other programs until the user lets them |
//! | kernel keyring | until the computer restarts, or nobody used it for some days | whoever has the disk or a copy of the files |
//! | file | until it is removed | nobody who can read the sealed file; it lies beside that |
//!
//! None of them keeps it from a program that runs as the user, except the keychain, and from root. The kernel's is the
//! user's persistent keyring (persistent-keyring(7)); its time is /proc/sys/kernel/keys/persistent_keyring_expiry, three
//! days unless configured.

use std::fmt;

use keyring_core::Entry;
use keyring_core::api::CredentialStoreApi as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::SignOnError;
use crate::Error;
use crate::state_dir::{LockedStateDir, StateDir};

/// The length of the key in bytes: AES-256.
const KEY_LEN: usize = 32;
/// The file with the key, where the operating system keeps none.
const FILE: &str = "sign-on-key";
/// The name of the service in the operating system's store; the account is the id of the key.
const SERVICE: &str = "pivkit-sign-on";

/// Where the key is kept that a sign-on is sealed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum KeyPlace {
    /// The login keychain of a Mac.
    Keychain,
    /// The user's persistent keyring in the Linux kernel.
    KernelKeyring,
    /// A file in the state directory, mode 0600.
    File,
}

impl KeyPlace {
    /// The operating system's own, where this program knows one.
    #[must_use]
    pub fn of_system() -> Option<Self> {
        os_store::PLACE
    }

    /// What it means to have the key there, in a sentence without its full stop.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Keychain => "the key is in the login keychain, which keeps it from whoever has the disk",
            Self::KernelKeyring => {
                "the key is in the kernel's keyring, which keeps it from whoever has the disk, and forgets it when the \
                 computer restarts or nobody used it for some days"
            }
            Self::File => {
                "the key is in a file beside the sealed data: whoever can read one can read the other, so this protects \
                 only a copy of the sealed file alone"
            }
        }
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Keychain => "keychain",
            Self::KernelKeyring => "kernel keyring",
            Self::File => "file",
        })
    }
}

/// Where a new key is to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyChoice {
    /// In the operating system's store where it works, else in a file.
    #[default]
    Automatic,
    /// In the operating system's store, or not at all.
    System,
    /// In a file.
    File,
}

/// The key. `Debug` shows nothing of it.
pub(crate) struct SealingKey(Zeroizing<[u8; KEY_LEN]>);

impl SealingKey {
    fn generate() -> Result<Self, Error> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        crate::random::fill(key.as_mut_slice())?;
        Ok(Self(key))
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        <[u8; KEY_LEN]>::try_from(bytes).ok().map(|key| Self(Zeroizing::new(key)))
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SealingKey(..)")
    }
}

/// Which key: its place, and its name there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyReference {
    pub(crate) place: KeyPlace,
    /// A random UUID.
    pub(crate) id: String,
}

impl KeyReference {
    /// Makes a key and keeps it where `choice` says.
    pub(crate) fn create(dir: &LockedStateDir<'_>, choice: KeyChoice) -> Result<(Self, SealingKey), Error> {
        let key = SealingKey::generate()?;
        let id = crate::random::uuid()?;
        if choice != KeyChoice::File {
            match keep_in_system(&id, &key) {
                Ok(place) => return Ok((Self { place, id }, key)),
                Err(error) if choice == KeyChoice::System => return Err(error.into()),
                Err(error) => tracing::debug!(%error, "no_system_key_store"),
            }
        }
        dir.write(FILE, key.bytes())?;
        Ok((Self { place: KeyPlace::File, id }, key))
    }

    /// The key.
    pub(crate) fn fetch(&self, dir: &StateDir) -> Result<SealingKey, Error> {
        let gone = || Error::from(SignOnError::KeyGone { place: self.place });
        let bytes = match self.place {
            KeyPlace::File => dir.read(FILE, "key", KEY_LEN)?.ok_or_else(gone)?,
            place => match system_entry(place, &self.id)?.get_secret() {
                Ok(bytes) => Zeroizing::new(bytes),
                Err(error) if is_missing(&error) => return Err(gone()),
                Err(source) => return Err(SignOnError::KeyStore { place, source: source.into() }.into()),
            },
        };
        SealingKey::from_bytes(&bytes).ok_or_else(|| SignOnError::Damaged { why: "its key has another length" }.into())
    }

    /// Removes the key; that it is gone already is no error.
    pub(crate) fn forget(&self, dir: &LockedStateDir<'_>) -> Result<(), Error> {
        match self.place {
            KeyPlace::File => remove_file(dir).map(drop),
            // That of another system, from where the directory came: it is not here.
            place if os_store::PLACE != Some(place) => Ok(()),
            place => match system_entry(place, &self.id)?.delete_credential() {
                Ok(()) => Ok(()),
                Err(error) if is_missing(&error) => Ok(()),
                Err(source) => Err(SignOnError::KeyStore { place, source: source.into() }.into()),
            },
        }
    }
}

/// Removes the file that may hold a key.
pub(super) fn remove_file(dir: &LockedStateDir<'_>) -> Result<bool, Error> {
    dir.remove(FILE)
}

/// Keeps the key in the operating system's store, and reads it back: a store that forgets at once is none.
fn keep_in_system(id: &str, key: &SealingKey) -> Result<KeyPlace, SignOnError> {
    let place = os_store::PLACE.ok_or(SignOnError::NoKeyStore)?;
    let failed = |source: keyring_core::Error| SignOnError::KeyStore { place, source: source.into() };
    let entry = system_entry(place, id)?;
    entry.set_secret(key.bytes()).map_err(failed)?;
    let back = system_entry(place, id)?.get_secret().map(Zeroizing::new).map_err(failed)?;
    if back.as_slice() == key.bytes() { Ok(place) } else { Err(SignOnError::NoKeyStore) }
}

/// The entry in this system's store; `place` may be that of another system, where the state directory came from.
fn system_entry(place: KeyPlace, id: &str) -> Result<Entry, SignOnError> {
    if os_store::PLACE != Some(place) {
        return Err(SignOnError::KeyGone { place });
    }
    os_store::entry(SERVICE, id).map_err(|source| SignOnError::KeyStore { place, source: source.into() })
}

/// Whether there is no such key, as opposed to a store that fails.
fn is_missing(error: &keyring_core::Error) -> bool {
    matches!(error, keyring_core::Error::NoEntry)
}

/// The login keychain. What follows here, down to the end of this module, is all that differs between systems.
#[cfg(target_os = "macos")]
mod os_store {
    use super::*;

    pub(super) const PLACE: Option<KeyPlace> = Some(KeyPlace::Keychain);

    pub(super) fn entry(service: &str, id: &str) -> keyring_core::Result<Entry> {
        apple_native_keyring_store::keychain::Store::new()?.build(service, id, None)
    }
}

/// The persistent keyring of the user. Where there is none, what is kept in the session's keyring alone would be gone with
/// the terminal.
#[cfg(target_os = "linux")]
mod os_store {
    use linux_keyutils_keyring_store::{Cred, Store};

    use super::*;

    pub(super) const PLACE: Option<KeyPlace> = Some(KeyPlace::KernelKeyring);

    pub(super) fn entry(service: &str, id: &str) -> keyring_core::Result<Entry> {
        let store = Store::new()?;
        // A process that shares the session keyring of its user gets one of its own when the persistent keyring is linked
        // to it (keyctl_get_persistent(3)). The store has looked up the old one before; the second time it finds the new.
        store.build(service, id, None)?;
        let entry = store.build(service, id, None)?;
        match entry.as_any().downcast_ref::<Cred>() {
            Some(key) if key.persistent.is_some() => Ok(entry),
            _ => Err(keyring_core::Error::NoStorageAccess("there is no persistent keyring".into())),
        }
    }
}

/// Other systems have stores as well; none is known to this program.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod os_store {
    use super::*;

    pub(super) const PLACE: Option<KeyPlace> = None;

    pub(super) fn entry(_service: &str, _id: &str) -> keyring_core::Result<Entry> {
        Err(keyring_core::Error::NoDefaultStore)
    }
}
