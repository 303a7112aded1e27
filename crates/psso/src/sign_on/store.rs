//! The sign-on in its state directory.

use std::cell::RefCell;

use super::key::KeyReference;
use super::sealed::{MAX_FILE_LEN, SealedFile};
use super::{KeyChoice, KeyPlace, SignOn, SignOnError, SignOnHeader, check_provider};
use crate::state_dir::{LockedStateDir, Room, StateDir};
use crate::{Config, DeviceKeys, Error, Registrations, UserKey};

const FILE: &str = "sign-on.json";

/// Where the sign-on of a device is kept.
///
/// ```
/// use psso::{Error, SignOnError, SignOnStore, StateDir};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("state");
/// let store = SignOnStore::new(StateDir::open_or_create(&path)?);
/// assert!(store.load()?.is_none());
///
/// // From reading the refresh token to writing the new one, no other process works with it.
/// let locked = store.lock()?;
/// assert!(matches!(locked.load(None), Err(Error::SignOn(SignOnError::Missing))));
/// // A token that a full disk has no room for would be lost.
/// locked.reserve()?;
/// // ... Client::refresh, SignOn::refreshed, and then locked.save(&sign_on, KeyChoice::Automatic).
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SignOnStore {
    dir: StateDir,
}

impl SignOnStore {
    /// The store in a state directory. Nothing is read yet.
    #[must_use]
    pub fn new(dir: StateDir) -> Self {
        Self { dir }
    }

    /// The state directory.
    #[must_use]
    pub fn dir(&self) -> &StateDir {
        &self.dir
    }

    /// What can be said without the key; nothing when nobody is signed in.
    ///
    /// # Errors
    /// [`Error::State`] when the file cannot be read or is open to others; [`Error::SignOn`] when it is damaged or of a
    /// later version.
    pub fn header(&self) -> Result<Option<SignOnHeader>, Error> {
        Ok(self.file()?.map(|file| file.header))
    }

    /// The sign-on; nothing when nobody is signed in.
    ///
    /// # Errors
    /// As [`header`](Self::header); [`Error::SignOn`] when its key is gone or does not open it.
    pub fn load(&self) -> Result<Option<SignOn>, Error> {
        let Some(file) = self.file()? else { return Ok(None) };
        let key = file.header.key().fetch(&self.dir)?;
        Ok(Some(file.unseal(&key)?))
    }

    /// Whether there is a sign-on, of whatever kind.
    pub(crate) fn is_there(&self) -> bool {
        self.dir.has(FILE)
    }

    /// Refuses a configuration of another identity provider than that of the sign-on, if there is one.
    ///
    /// # Errors
    /// As [`header`](Self::header); [`SignOnError::OtherProvider`].
    pub fn check_provider(&self, config: &Config) -> Result<(), Error> {
        match self.header()? {
            Some(header) => Ok(check_provider(header.issuer(), header.client_id(), config)?),
            None => Ok(()),
        }
    }

    /// Waits until no other process works with the sign-on, and keeps others waiting until the value is dropped.
    ///
    /// # Errors
    /// [`Error::State`] when another process keeps it for longer than three minutes.
    pub fn lock(&self) -> Result<LockedSignOn<'_>, Error> {
        Ok(LockedSignOn { store: self, dir: self.dir.lock()?, room: RefCell::default() })
    }

    fn file(&self) -> Result<Option<SealedFile>, Error> {
        let bytes = self.dir.read(FILE, "sign-on", MAX_FILE_LEN)?;
        Ok(bytes.map(|bytes| SealedFile::parse(&bytes)).transpose()?)
    }
}

/// The sign-on, with which this process alone works.
#[derive(Debug)]
pub struct LockedSignOn<'a> {
    store: &'a SignOnStore,
    dir: LockedStateDir<'a>,
    room: RefCell<Option<Room>>,
}

impl LockedSignOn<'_> {
    /// Takes the room on the disk that the next [`save`](Self::save) needs, however large the sign-on will be. To be
    /// called before a token is spent for another one.
    ///
    /// # Errors
    /// [`Error::State`] when there is no room, or nothing can be written.
    pub fn reserve(&self) -> Result<(), Error> {
        self.room.replace(Some(self.dir.room(MAX_FILE_LEN)?));
        Ok(())
    }

    /// The sign-on, which must be of this identity provider where one is given.
    ///
    /// # Errors
    /// As [`SignOnStore::load`]; [`SignOnError::Missing`] when nobody is signed in; [`SignOnError::OtherProvider`].
    pub fn load(&self, config: Option<&Config>) -> Result<SignOn, Error> {
        let sign_on = self.store.load()?.ok_or(SignOnError::Missing)?;
        config.map_or(Ok(()), |config| sign_on.check_provider(config))?;
        Ok(sign_on)
    }

    /// Seals and writes the sign-on, in place of the one that may be there. Its key stays, unless it is gone or `choice`
    /// wants it elsewhere. Where the writing fails the old one is still there. Tells where the key is.
    ///
    /// # Errors
    /// [`Error::State`] when it cannot be written; [`Error::SignOn`] when the key store fails or it is too large;
    /// [`SignOnError::OtherProvider`] when the one that is there is of another identity provider.
    pub fn save(&self, sign_on: &SignOn, choice: KeyChoice) -> Result<KeyPlace, Error> {
        let old = self.store.header()?;
        if let Some(old) = &old
            && (old.issuer() != sign_on.issuer || old.client_id() != sign_on.client_id)
        {
            let found = format!("{} (client id {})", old.issuer(), old.client_id());
            let wanted = format!("{} (client id {})", sign_on.issuer, sign_on.client_id);
            return Err(SignOnError::OtherProvider { found, wanted }.into());
        }
        let old = old.map(|header| header.key().clone());
        let kept = match &old {
            Some(reference) if fits(reference.place, choice) => match reference.fetch(self.dir.dir()) {
                Ok(key) => Some((reference.clone(), key)),
                Err(Error::SignOn(SignOnError::KeyGone { .. } | SignOnError::Damaged { .. })) => None,
                Err(error) => return Err(error),
            },
            _ => None,
        };
        let is_new = kept.is_none();
        let (reference, key) = kept.map_or_else(|| KeyReference::create(&self.dir, choice), Ok)?;
        let header = SignOnHeader::new(&sign_on.issuer, &sign_on.client_id, reference.clone());
        let file = SealedFile::seal(sign_on, header, &key)?;
        let bytes = file.to_bytes()?;
        let written = match self.room.take() {
            Some(room) => self.dir.write_into(room, FILE, &bytes),
            None => self.dir.write(FILE, &bytes),
        };
        // A key that seals nothing is not left behind: the new one where the writing failed, else the old one.
        let unused = if written.is_err() { Some(&reference) } else { old.as_ref() };
        if let Some(unused) = unused.filter(|unused| is_new && (written.is_err() || unused.place != reference.place)) {
            let _ = unused.forget(&self.dir);
        }
        written.map(|()| reference.place)
    }

    /// Removes the sign-on and its key; whether there was one. A sign-on that is damaged is removed as well.
    ///
    /// # Errors
    /// [`Error::State`] when a file cannot be removed; [`SignOnError::KeyStore`] when the key cannot be; the sign-on itself
    /// is gone by then.
    pub fn remove(&self) -> Result<bool, Error> {
        let header = self.store.header().ok().flatten();
        let removed = self.dir.remove(FILE)?;
        super::key::remove_file(&self.dir)?;
        if let Some(header) = header {
            header.key().forget(&self.dir)?;
        }
        Ok(removed)
    }

    /// Removes the device's keys, the user key and the note of registrations. What is registered with those keys is of no
    /// use any more, and the identity provider does not learn of it.
    ///
    /// # Errors
    /// [`Error::State`] when a file cannot be removed.
    pub fn forget_device(&self) -> Result<ForgottenDevice, Error> {
        Ok(ForgottenDevice {
            device_keys: DeviceKeys::remove(&self.dir)?,
            user_key: UserKey::remove(&self.dir)?,
            registrations: Registrations::remove(&self.dir)?,
        })
    }
}

/// What was there and is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForgottenDevice {
    /// The device signing key and the device encryption key.
    pub device_keys: bool,
    /// The key that stands in for the Secure Enclave's.
    pub user_key: bool,
    /// The note of where the device is registered.
    pub registrations: bool,
}

/// Whether a key that is there already is where `choice` wants it.
fn fits(place: KeyPlace, choice: KeyChoice) -> bool {
    match choice {
        KeyChoice::Automatic => true,
        KeyChoice::System => place != KeyPlace::File,
        KeyChoice::File => place == KeyPlace::File,
    }
}
