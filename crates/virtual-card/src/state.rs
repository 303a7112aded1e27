//! A directory that keeps a card between two runs.
//!
//! ```text
//! DIR/            0700
//!   lock          held while a card runs on this state
//!   card.json     profile, objects and keys, the management key among them
//!   pin.json      PIN, PUK, global PIN and the tries they have left; alone, because it is written twice with every VERIFY
//!   ca.pem, 9a.pem ...      certificates of a preset and of loaded slots, for others to read
//!   attestation-root.pem    what a YubiKey's attestations lead to
//! ```
//!
//! All of it belongs to the user who runs the card, and no link in it is followed. All files have mode 0600 and are
//! replaced as a whole (temporary file, fsync, rename, fsync of the directory): after a crash the old or the new one is
//! there. `card.json` is written last of a new card, so a card is there or it is not.

mod file;

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use der::pem::{self, LineEnding};
use serde::Serialize;
use zeroize::Zeroizing;

use self::file::{CardFile, PinFile, Version, Versioned};
use crate::pin::References;
use crate::private_directory::PrivateDirectory;
use crate::{Content, Error};

/// The state directory of one card, locked for this process.
pub struct StateDirectory {
    directory: PrivateDirectory,
    lock: File,
}

impl StateDirectory {
    /// Opens `path`, making the directory, though none above it, if there is none. It must belong to this user. An empty one that others can
    /// read is closed to them; one with something in it may be open on purpose, and is refused.
    ///
    /// # Errors
    ///
    /// [`Error::StateUntrusted`], [`Error::StateOpenToOthers`], [`Error::StateInUse`] or [`Error::State`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let directory = PrivateDirectory::open(path)?;
        let lock = directory.lock_file(LOCK_FILE)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { directory, lock }),
            Err(TryLockError::WouldBlock) => Err(Error::StateInUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(Error::State { path: path.to_owned(), source }),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The card that is kept here; `None` in a new directory. What an earlier version kept is read, too.
    ///
    /// # Errors
    ///
    /// [`Error::StateDamaged`] if the files are not what [`StateDirectory::write`] wrote; [`Error::StateUntrusted`] if
    /// they are links or another user's; or [`Error::State`].
    pub fn read(&self) -> Result<Option<Content>, Error> {
        let Some(card) = self.read_file(CARD_FILE)? else { return Ok(None) };
        let card: CardFile = self.parse(CARD_FILE, &card)?;
        let pins = self.read_file(PIN_FILE)?.ok_or_else(|| self.damaged(PIN_FILE, "no PIN in it"))?;
        let pins: PinFile = self.parse(PIN_FILE, &pins)?;
        let references = pins.into_references().map_err(|reason| self.damaged(PIN_FILE, reason))?;
        card.into_content(references).map(Some).map_err(|error| self.damaged(CARD_FILE, &error.to_string()))
    }

    /// True if a card is kept here, readable or not.
    pub(crate) fn has_card(&self) -> Result<bool, Error> {
        Ok(self.directory.read(CARD_FILE, 1)?.is_some())
    }

    /// Keeps a whole card.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if that fails; what was kept before is then still there.
    pub fn write(&self, content: &Content) -> Result<(), Error> {
        self.write_references(&content.references)?;
        self.write_card(content)
    }

    /// Keeps objects and keys, but no PIN.
    pub(crate) fn write_card(&self, content: &Content) -> Result<(), Error> {
        self.write_json(CARD_FILE, &CardFile::of(content)?)
    }

    /// Keeps PIN, PUK and their tries.
    pub(crate) fn write_references(&self, references: &References) -> Result<(), Error> {
        self.write_json(PIN_FILE, &PinFile::of(references))
    }

    /// Writes a certificate as `NAME.pem` beside the state.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if that fails.
    pub fn write_certificate(&self, name: &str, der: &[u8]) -> Result<(), Error> {
        let pem = pem::encode_string("CERTIFICATE", LineEnding::LF, der)
            .map_err(|source| Error::Issue { what: "a PEM file", source: source.into() })?;
        self.directory.replace(&format!("{name}.pem"), pem.as_bytes())
    }

    fn read_file(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        self.directory.read(name, MAX_FILE)
    }

    /// Reads the form that the file says it has. The parser's own message could quote what it read, and with it a PIN.
    fn parse<T: Versioned>(&self, name: &str, bytes: &[u8]) -> Result<T, Error> {
        let malformed = |error: serde_json::Error| {
            self.damaged(name, &format!("unexpected JSON in line {}, column {}", error.line(), error.column()))
        };
        let Version { schema_version } = serde_json::from_slice(bytes).map_err(malformed)?;
        T::parse(schema_version, bytes)
            .ok_or_else(|| self.damaged(name, "it was written by a later version"))?
            .map_err(malformed)
    }

    fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), Error> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024));
        let failed = |source: io::Error| Error::State { path: self.directory.path().join(name), source };
        serde_json::to_writer_pretty(&mut *bytes, value).map_err(|error| failed(error.into()))?;
        self.directory.replace(name, &bytes)
    }

    fn damaged(&self, name: &str, reason: &str) -> Error {
        Error::StateDamaged { path: self.directory.path().join(name), reason: reason.to_owned() }
    }
}

impl Drop for StateDirectory {
    fn drop(&mut self) {
        // Closing the file is not enough: a child process of ours that is just being started holds it, too.
        let _ = self.lock.unlock();
    }
}

const LOCK_FILE: &str = "lock";
const CARD_FILE: &str = "card.json";
const PIN_FILE: &str = "pin.json";
const MAX_FILE: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests;
