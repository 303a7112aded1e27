//! The user's key of the Secure Enclave method, in a file that stands in for the Secure Enclave.
//!
//! ```text
//! STATE/user-key-software.pem       0600, P-256, PKCS#8: signs the embedded assertion
//! ```
//! On a Mac this key is made in the Secure Enclave, never leaves it, and is used only after Touch ID or the password of
//! the account. None of that holds for a file: whoever can read it can sign in as the user from this device. Its name
//! says so, and so does `pivkit psso status`.

use std::path::Path;

use jose::EcPrivateKey;

use crate::device_keys::{create, public, read};
use crate::state_dir::{LockedStateDir, StateDir, state};
use crate::{DevicePublicKey, Error};

/// The file's name.
const FILE: &str = "user-key-software.pem";
const WHAT: &str = "user key";

/// A P-256 key in software in place of the Secure Enclave's. It signs as a [`jose::Signer`], by [`signer`](Self::signer).
#[derive(Debug)]
pub struct UserKey(EcPrivateKey);

impl UserKey {
    /// Opens the key in a state directory, and makes directory and key on first use.
    ///
    /// # Errors
    /// [`Error::State`] when the directory or the file cannot be made or read, is a symbolic link, belongs to somebody
    /// else or is open to others; [`Error::Crypto`] without random bytes.
    pub fn open_or_create(dir: &Path) -> Result<Self, Error> {
        let dir = StateDir::open_or_create(dir)?;
        if !dir.has(FILE) {
            let locked = dir.lock()?;
            if !dir.has(FILE) {
                create(&locked, FILE, WHAT)?;
            }
        }
        read(&dir, FILE, WHAT).map(Self)
    }

    /// Opens the key in a state directory.
    ///
    /// # Errors
    /// [`Error::State`] as for [`open_or_create`](Self::open_or_create), and when there is no key.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let none = || {
            let why = "there is no user key yet, which stands in for the Secure Enclave's";
            state(&dir.join(FILE), why, std::io::Error::from(std::io::ErrorKind::NotFound))
        };
        Self::find(&StateDir::open(dir)?)?.ok_or_else(none)
    }

    /// The key in a state directory, if there is one.
    ///
    /// # Errors
    /// [`Error::State`] as for [`open_or_create`](Self::open_or_create).
    pub fn find(dir: &StateDir) -> Result<Option<Self>, Error> {
        if dir.has(FILE) { read(dir, FILE, WHAT).map(|key| Some(Self(key))) } else { Ok(None) }
    }

    /// The file's name within the state directory.
    #[must_use]
    pub fn file_name() -> &'static str {
        FILE
    }

    /// The key as a signer of embedded assertions.
    pub fn signer(&mut self) -> &mut EcPrivateKey {
        &mut self.0
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> jose::PublicKey {
        self.0.public()
    }

    /// The public half, as registrations name it.
    #[must_use]
    pub fn registered_public(&self) -> DevicePublicKey {
        public(&self.0.public())
    }

    /// Removes the key; whether there was one.
    pub(crate) fn remove(dir: &LockedStateDir<'_>) -> Result<bool, Error> {
        dir.remove(FILE)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn one_key_that_stays_and_is_private() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("state");
        let made = UserKey::open_or_create(&dir).unwrap();
        let file = dir.join("user-key-software.pem");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(UserKey::open(&dir).unwrap().registered_public(), made.registered_public());
        assert_eq!(UserKey::open_or_create(&dir).unwrap().registered_public(), made.registered_public());
        assert!(!format!("{made:?}").contains("PRIVATE"));

        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        assert!(UserKey::open(&dir).unwrap_err().to_string().contains("must be 0600"));
        fs::remove_file(&file).unwrap();
        assert!(UserKey::open(&dir).unwrap_err().to_string().contains("no user key yet"));
        assert!(UserKey::find(&StateDir::open(&dir).unwrap()).unwrap().is_none());
    }
}
