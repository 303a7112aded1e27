//! The two keys of the device, kept in a state directory.
//!
//! ```text
//! STATE/                            0700, owned by the user who runs this
//! STATE/device-signing-key.pem      0600, P-256, PKCS#8: signs login requests
//! STATE/device-encryption-key.pem   0600, P-256, PKCS#8: login responses are encrypted to it
//! ```
//! On a Mac these keys live in the Secure Enclave; here they are files, so their modes are checked every time. They are
//! made together, under a lock on the directory: of two processes that make keys at once, both end with the same pair.
//! Where one of the two is missing nothing is made, because the other may be registered. A key is written to a temporary
//! file and then linked to its name, so no half-written key is ever read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::{EcPrivateKey, PublicKey};
use nix::fcntl::OFlag;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::Error;
use crate::kid::key_id;

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
    /// else or is open to others, and when one of the two keys is missing; [`Error::Crypto`] without random bytes.
    pub fn open_or_create(dir: &Path) -> Result<Self, Error> {
        DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(dir)
            .map_err(|source| state(dir, "the state directory cannot be made", source))?;
        check_directory(dir)?;
        let lock = File::open(dir).and_then(|directory| directory.lock().map(|()| directory));
        let lock = lock.map_err(|source| state(dir, "the state directory cannot be locked", source))?;
        if !are_there(dir)? {
            for name in [SIGNING, ENCRYPTION] {
                create(dir, &dir.join(name))?;
            }
        }
        drop(lock);
        Self::open(dir)
    }

    /// Opens the keys in a state directory.
    ///
    /// # Errors
    /// [`Error::State`] as for [`open_or_create`](Self::open_or_create), and when there are no keys.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        check_directory(dir)?;
        if !are_there(dir)? {
            return Err(state(dir, "there are no device keys yet", std::io::Error::from(ErrorKind::NotFound)));
        }
        Ok(Self { signing: read(&dir.join(SIGNING))?, encryption: read(&dir.join(ENCRYPTION))? })
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

fn public(key: &PublicKey) -> DevicePublicKey {
    DevicePublicKey { x963: STANDARD.encode(key.x963().unwrap_or_default()), kid: key_id(key) }
}

fn state(path: &Path, why: &str, source: impl Into<Option<std::io::Error>>) -> Error {
    Error::State { path: path.to_owned(), why: why.to_owned(), source: source.into() }
}

/// Whether both keys have a file, of whatever kind. With only one, neither making nor using keys is right.
fn are_there(dir: &Path) -> Result<bool, Error> {
    let is_missing = |name| {
        fs::symlink_metadata(dir.join(name)).is_err_and(|error: std::io::Error| error.kind() == ErrorKind::NotFound)
    };
    let half = |name| {
        let why = "this device key is missing, and the other one is there";
        Err(state(&dir.join(name), why, None))
    };
    match (is_missing(SIGNING), is_missing(ENCRYPTION)) {
        (false, false) => Ok(true),
        (true, true) => Ok(false),
        (true, false) => half(SIGNING),
        (false, true) => half(ENCRYPTION),
    }
}

fn check_directory(dir: &Path) -> Result<(), Error> {
    let metadata = fs::symlink_metadata(dir).map_err(|source| match source.kind() {
        ErrorKind::NotFound => state(dir, "there is no such state directory", source),
        _ => state(dir, "the state directory cannot be read", source),
    })?;
    if metadata.is_symlink() {
        return Err(state(dir, "is a symbolic link, and a state directory must not be one", None));
    }
    if !metadata.is_dir() {
        return Err(state(dir, "is not a directory", None));
    }
    check_access(dir, &metadata, "0700")
}

/// Only the owner may have any access, and the owner is the user who runs this.
fn check_access(path: &Path, metadata: &fs::Metadata, wanted: &str) -> Result<(), Error> {
    if metadata.uid() != nix::unistd::geteuid().as_raw() {
        return Err(state(path, "belongs to another user", None));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(state(path, &format!("is open to other users (mode {mode:04o}); it must be {wanted}"), None));
    }
    Ok(())
}

/// Reads a key file, whose mode is judged on the open file so that it cannot be exchanged in between.
fn read(path: &Path) -> Result<EcPrivateKey, Error> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).bits())
        .open(path)
        .map_err(|source| match source.raw_os_error().map(nix::errno::Errno::from_raw) {
            Some(nix::errno::Errno::ENOENT) => state(path, "there is no such device key yet", source),
            Some(nix::errno::Errno::ELOOP | nix::errno::Errno::EMLINK) => {
                state(path, "is a symbolic link, and a device key must not be one", source)
            }
            _ => state(path, "the device key cannot be read", source),
        })?;
    let unreadable = |source| state(path, "the device key cannot be read", source);
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(state(path, "is not a regular file", None));
    }
    check_access(path, &metadata, "0600")?;

    let mut pem = Zeroizing::new(String::with_capacity(MAX_KEY_FILE_LEN + 1));
    let limit = u64::try_from(MAX_KEY_FILE_LEN + 1).unwrap_or(u64::MAX);
    file.take(limit).read_to_string(&mut pem).map_err(unreadable)?;
    if pem.len() > MAX_KEY_FILE_LEN {
        return Err(state(path, "is too large for a device key", None));
    }
    EcPrivateKey::from_pem(&pem).map_err(|_| state(path, "is not a P-256 private key in PEM", None))
}

/// Makes a key and gives it its name.
fn create(dir: &Path, path: &Path) -> Result<(), Error> {
    let key = EcPrivateKey::generate().map_err(|error| Error::crypto("no device key could be made", error))?;
    let pem = key.to_pkcs8_pem().map_err(|error| Error::crypto("the device key cannot be encoded", error))?;
    let temporary = Temporary(dir.join(format!(".new-{}.pem", crate::random::uuid()?)));
    let written = write(&temporary.0, pem.as_bytes());
    written.map_err(|source| state(&temporary.0, "the device key cannot be written", source))?;
    fs::hard_link(&temporary.0, path)
        .map_err(|source| state(path, "the device key cannot be given its name", source))?;
    tracing::info!(file = %path.display(), "device_key_created");
    // The name itself must outlive a power cut: a registered key that is gone is a device that is gone.
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| state(dir, "cannot be written to disk", source))
}

fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A temporary file, removed whatever happens.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests;
