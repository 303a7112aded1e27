//! The two keys of the device, kept in a state directory.
//!
//! ```text
//! STATE/                            0700, owned by the user who runs this
//! STATE/device-signing-key.pem      0600, P-256, PKCS#8: signs login requests
//! STATE/device-encryption-key.pem   0600, P-256, PKCS#8: login responses are encrypted to it
//! ```
//! On a Mac these keys live in the Secure Enclave; here they are files, so their modes are checked every time. They are
//! made together, under a lock on the directory: of two processes that make keys at once, both end with the same pair.
//! Where one of the two is missing and the device was registered or signed in, nothing is made, because the other one is
//! registered; without either, a process was killed between the two, and the missing one is made. A key is written to a temporary
//! file and then linked to its name, so no half-written key is ever read.

use std::io::ErrorKind;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::{EcPrivateKey, PublicKey};
use serde::Serialize;

use crate::kid::key_id;
use crate::state_dir::{LockedStateDir, StateDir, state};
use crate::{Error, Registrations, SignOnStore};

const SIGNING: &str = "device-signing-key.pem";
const ENCRYPTION: &str = "device-encryption-key.pem";
/// A PEM file with a P-256 key has about 240 bytes.
const MAX_KEY_FILE_LEN: usize = 16 * 1024;

/// The device signing key and the device encryption key.
#[derive(Debug)]
pub struct DeviceKeys {
    signing: EcPrivateKey,
    encryption: EcPrivateKey,
}

/// A public device key in the two forms in which registrations name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DevicePublicKey {
    /// The X9.63 point, 65 bytes, as base64.
    pub x963: String,
    /// The key id ([`key_id`]).
    pub kid: String,
}

impl DeviceKeys {
    /// Opens the keys in a state directory, and makes the directory and the keys on first use.
    ///
    /// # Errors
    /// [`Error::State`] when the directory or a file cannot be made or read, is a symbolic link, belongs to somebody
    /// else or is open to others; [`Error::HalfDevice`] when one of the two keys is missing and the device is in use;
    /// [`Error::Crypto`] without random bytes.
    pub fn open_or_create(dir: &Path) -> Result<Self, Error> {
        let state_dir = StateDir::open_or_create(dir)?;
        // One of two may be there because another process is just making them.
        if !matches!(are_there(&state_dir), Ok(true)) {
            let locked = state_dir.lock()?;
            let is_new = !Registrations::is_there(&state_dir) && !SignOnStore::new(state_dir.clone()).is_there();
            if is_new || !are_there(&state_dir)? {
                for name in [SIGNING, ENCRYPTION] {
                    if !state_dir.has(name) {
                        create(&locked, name, "device key")?;
                    }
                }
            }
        }
        Self::read(&state_dir)
    }

    /// Opens the keys in a state directory.
    ///
    /// # Errors
    /// [`Error::State`] as for [`open_or_create`](Self::open_or_create), and when there are no keys;
    /// [`Error::HalfDevice`] when one of the two is missing.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let none = || state(dir, "there are no device keys yet", std::io::Error::from(ErrorKind::NotFound));
        Self::find(&StateDir::open(dir)?)?.ok_or_else(none)
    }

    /// The keys in a state directory, if there are any.
    ///
    /// # Errors
    /// [`Error::State`] as for [`open_or_create`](Self::open_or_create); [`Error::HalfDevice`] when one of the two is
    /// missing.
    pub fn find(dir: &StateDir) -> Result<Option<Self>, Error> {
        if are_there(dir)? { Self::read(dir).map(Some) } else { Ok(None) }
    }

    fn read(dir: &StateDir) -> Result<Self, Error> {
        Ok(Self { signing: read(dir, SIGNING, "device key")?, encryption: read(dir, ENCRYPTION, "device key")? })
    }

    /// Removes both keys; whether there was one. The device that is registered with them is gone then.
    pub(crate) fn remove(dir: &LockedStateDir<'_>) -> Result<bool, Error> {
        Ok(dir.remove(SIGNING)? | dir.remove(ENCRYPTION)?)
    }

    /// The key that signs login requests.
    #[must_use]
    pub fn signing(&self) -> &EcPrivateKey {
        &self.signing
    }

    /// The key that login responses are encrypted to.
    #[must_use]
    pub fn encryption(&self) -> &EcPrivateKey {
        &self.encryption
    }

    /// The public half of the signing key.
    #[must_use]
    pub fn signing_public(&self) -> DevicePublicKey {
        public(&self.signing.public())
    }

    /// The public half of the encryption key.
    #[must_use]
    pub fn encryption_public(&self) -> DevicePublicKey {
        public(&self.encryption.public())
    }
}

pub(crate) fn public(key: &PublicKey) -> DevicePublicKey {
    DevicePublicKey { x963: STANDARD.encode(key.x963().unwrap_or_default()), kid: key_id(key) }
}

/// Whether both keys have a file, of whatever kind. With only one, neither making nor using keys is right.
fn are_there(dir: &StateDir) -> Result<bool, Error> {
    let half = |name| Err(Error::HalfDevice { missing: dir.path().join(name) });
    match (dir.has(SIGNING), dir.has(ENCRYPTION)) {
        (true, true) => Ok(true),
        (false, false) => Ok(false),
        (false, true) => half(SIGNING),
        (true, false) => half(ENCRYPTION),
    }
}

/// Reads a key file; `what` names it: `device key`.
pub(crate) fn read(dir: &StateDir, name: &str, what: &str) -> Result<EcPrivateKey, Error> {
    let path = dir.path().join(name);
    let pem = dir.read(name, what, MAX_KEY_FILE_LEN)?.ok_or_else(|| {
        state(&path, &format!("there is no such {what} yet"), std::io::Error::from(ErrorKind::NotFound))
    })?;
    let pem = std::str::from_utf8(&pem).ok().and_then(|pem| EcPrivateKey::from_pem(pem).ok());
    pem.ok_or_else(|| state(&path, "is not a P-256 private key in PEM", None))
}

/// Makes a key and gives it its name.
pub(crate) fn create(dir: &LockedStateDir<'_>, name: &str, what: &str) -> Result<(), Error> {
    let key = EcPrivateKey::generate().map_err(|error| Error::crypto(format!("no {what} could be made"), error))?;
    let pem = key.to_pkcs8_pem().map_err(|error| Error::crypto(format!("the {what} cannot be encoded"), error))?;
    dir.write_new(name, pem.as_bytes())?;
    tracing::info!(file = %dir.dir().path().join(name).display(), "key_created");
    Ok(())
}

#[cfg(test)]
mod tests;
