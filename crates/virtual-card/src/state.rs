//! A directory that keeps a card between two runs.
//!
//! ```text
//! DIR/            0700
//!   lock          held while a card runs on this state
//!   card.json     objects and keys
//!   pin.json      PIN, PUK and the tries they have left; alone, because it is written twice with every VERIFY
//!   ca.pem, 9a.pem ...   certificates of a preset and of loaded slots, for others to read
//! ```
//!
//! All of it belongs to the user who runs the card, and no link in it is followed. All files have mode 0600 and are
//! replaced as a whole (temporary file, fsync, rename, fsync of the directory): after a crash the old or the new one is
//! there. `card.json` is written last of a new card, so a card is there or it is not.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use der::pem::{self, LineEnding};
use serde::{Deserialize, Serialize};
use smartcard::tlv::Tag;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::pin::{Reference, References};
use crate::private_directory::PrivateDirectory;
use crate::{Content, Error, Slot, load};

/// The state directory of one card, locked for this process.
pub struct StateDirectory {
    directory: PrivateDirectory,
    lock: File,
}

impl StateDirectory {
    /// Opens `path`, making the directory if there is none. It must belong to this user. An empty one that others can
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

    /// The card that is kept here; `None` in a new directory.
    ///
    /// # Errors
    ///
    /// [`Error::StateDamaged`] if the files are not what [`StateDirectory::write`] wrote; [`Error::StateUntrusted`] if
    /// they are links or another user's; or [`Error::State`].
    pub fn read(&self) -> Result<Option<Content>, Error> {
        let Some(card) = self.read_json::<CardFile>(CARD_FILE)? else { return Ok(None) };
        let pins = self.read_json::<PinFile>(PIN_FILE)?;
        let references =
            pins.and_then(PinFile::into_references).ok_or_else(|| self.damaged(PIN_FILE, "no PIN in it"))?;
        let mut content = Content { objects: BTreeMap::new(), keys: BTreeMap::new(), references };
        for (slot, key) in &card.keys {
            let damaged = |error: Error| self.damaged(CARD_FILE, &error.to_string());
            content
                .put_key(slot.parse::<Slot>().map_err(damaged)?, load::private_key(key.0.as_bytes()).map_err(damaged)?);
        }
        for (tag, bytes) in &card.objects {
            let tag = u32::from_str_radix(tag, 16).map_err(|_| self.damaged(CARD_FILE, "a malformed tag"))?;
            let bytes = hex::decode(bytes).map_err(|_| self.damaged(CARD_FILE, "a malformed object"))?;
            content.put_object(Tag(tag), bytes).map_err(|error| self.damaged(CARD_FILE, &error.to_string()))?;
        }
        Ok(Some(content))
    }

    /// Keeps a whole card.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if that fails; what was kept before is then still there.
    pub fn write(&self, content: &Content) -> Result<(), Error> {
        self.write_references(&content.references)?;
        let mut keys = BTreeMap::new();
        for (slot, key) in &content.keys {
            keys.insert(slot.to_string(), SecretText(key.to_pkcs8_pem()?.as_str().to_owned()));
        }
        let objects = content.objects.iter().map(|(tag, bytes)| (tag.to_string(), hex::encode(bytes))).collect();
        self.write_json(CARD_FILE, &CardFile { schema_version: SchemaVersion, objects, keys })
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

    fn read_json<T: for<'a> Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, Error> {
        let Some(bytes) = self.directory.read(name, MAX_FILE)? else { return Ok(None) };
        // The parser's own message could quote what it read, and with it a PIN.
        serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            self.damaged(name, &format!("unexpected JSON in line {}, column {}", error.line(), error.column()))
        })
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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CardFile {
    schema_version: SchemaVersion,
    /// Tag to content, both in hexadecimal.
    objects: BTreeMap<String, String>,
    /// Slot to PKCS#8 in PEM.
    keys: BTreeMap<String, SecretText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PinFile {
    schema_version: SchemaVersion,
    pin: ReferenceFile,
    puk: ReferenceFile,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReferenceFile {
    value: SecretText,
    tries_left: u8,
    tries: u8,
}

impl PinFile {
    fn of(references: &References) -> Self {
        let file = |reference: &Reference| ReferenceFile {
            value: SecretText(reference.text().as_str().to_owned()),
            tries_left: reference.tries_left(),
            tries: reference.tries(),
        };
        Self { schema_version: SchemaVersion, pin: file(&references.pin), puk: file(&references.puk) }
    }

    fn into_references(self) -> Option<References> {
        let reference =
            |file: &ReferenceFile| Reference::restored(file.value.0.as_bytes(), file.tries_left, file.tries);
        Some(References { pin: reference(&self.pin)?, puk: reference(&self.puk)? })
    }
}

/// A text that is wiped after use.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct SecretText(String);

/// Version 1 of these files, and no other.
#[derive(Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
#[derive(Clone, Copy)]
struct SchemaVersion;

impl From<SchemaVersion> for u32 {
    fn from(_: SchemaVersion) -> Self {
        1
    }
}

impl TryFrom<u32> for SchemaVersion {
    type Error = &'static str;

    fn try_from(version: u32) -> Result<Self, &'static str> {
        if version == 1 { Ok(Self) } else { Err("unknown schema version") }
    }
}

const LOCK_FILE: &str = "lock";
const CARD_FILE: &str = "card.json";
const PIN_FILE: &str = "pin.json";
const MAX_FILE: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests;
