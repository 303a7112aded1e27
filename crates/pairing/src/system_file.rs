//! A file of the system's configuration that many accounts share, changed under a lock and as a whole.
//!
//! Directory and file must belong to root, or to whoever runs this, and nobody else may write to them. The lock is a file of
//! its own beside it, `.NAME.pivkit`, which only its owner can open and which stays there: nobody else can hold it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::errno::Errno;
use nix::unistd::{UnlinkatFlags, geteuid};

use crate::directory::Directory;
use crate::undo::{Attributes, Contents};
use crate::{Error, System};

/// The place of a file, whose directory is there.
#[derive(Debug)]
pub(crate) struct SystemFile {
    directory: Directory,
    name: String,
    path: PathBuf,
    limit: u64,
}

/// Its lock, held as long as this lives.
#[derive(Debug)]
pub(crate) struct SystemLock {
    _file: File,
}

impl SystemFile {
    /// The place of `path`, as the system itself calls it; `limit` is the size in bytes from which on it is refused.
    pub(crate) fn open(system: &System, path: &Path, limit: u64) -> Result<Self, Error> {
        let shown = system.path_of(path);
        let missing = || Error::Missing { path: shown.clone() };
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(missing)?.to_owned();
        let parent = path.parent().ok_or_else(missing)?;
        let directory = system.open(parent)?.ok_or_else(|| Error::Missing { path: system.path_of(parent) })?;
        Ok(SystemFile { directory, name, path: shown, limit })
    }

    /// The file, as a path of this machine.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds; `None` when it is missing.
    pub(crate) fn read(&self) -> Result<Option<Contents>, Error> {
        self.directory.check_system()?;
        let Some(open) = self.directory.open_file(&self.name)? else { return Ok(None) };
        open.check_system()?;
        let too_large = || Error::unsafe_path(&self.path, format!("is larger than {} bytes", self.limit));
        Ok(Some(Contents { bytes: open.read(self.limit)?.ok_or_else(too_large)?, attributes: open.attributes() }))
    }

    /// Whether there is such a file.
    pub(crate) fn is_there(&self) -> bool {
        self.directory.open_file(&self.name).is_ok_and(|file| file.is_some())
    }

    /// Takes the lock.
    pub(crate) fn lock(&self, end: Instant) -> Result<SystemLock, Error> {
        self.directory.check_system()?;
        let file = self.directory.lock_file(&format!(".{}.pivkit", self.name), end)?;
        Ok(SystemLock { _file: file.ok_or_else(|| Error::Busy { path: self.path.clone() })? })
    }

    /// Asks whether this process can replace the file; changes nothing.
    pub(crate) fn check_access(&self) -> Result<(), Error> {
        self.directory.check_system()?;
        self.directory.check_writable()?;
        // Only root may give files to others.
        let owner = self.directory.open_file(&self.name)?.map(|file| file.attributes().uid);
        if geteuid().is_root() || owner.is_none_or(|owner| owner == geteuid().as_raw()) {
            return Ok(());
        }
        Err(Error::io(&self.path, Errno::EPERM))
    }

    /// Owner of what is made new: whoever runs this.
    pub(crate) fn new_attributes(mode: u32) -> Attributes {
        Attributes { uid: geteuid().as_raw(), gid: nix::unistd::getegid().as_raw(), mode }
    }

    /// Puts `after` in its place, or removes it, and reads it back. It must still be what it was `before`.
    pub(crate) fn replace(
        &self,
        _lock: &SystemLock,
        before: Option<&Contents>,
        after: Option<&Contents>,
    ) -> Result<(), Error> {
        let changed = || Error::Changed { path: self.path.clone() };
        if self.read()?.as_ref() != before {
            return Err(changed());
        }
        match after {
            Some(after) if u64::try_from(after.bytes.len()).is_ok_and(|length| length > self.limit) => {
                return Err(Error::unsafe_path(&self.path, format!("would be larger than {} bytes", self.limit)));
            }
            Some(after) => {
                let temporary = format!(".{}.pivkit-new", self.name);
                self.directory.replace(&self.name, &temporary, &after.bytes, after.attributes)?;
            }
            None => {
                self.directory.remove(&self.name, UnlinkatFlags::NoRemoveDir)?;
                self.directory.sync().map_err(|error| Error::io(&self.path, error))?;
            }
        }
        if self.read()?.as_ref() == after { Ok(()) } else { Err(changed()) }
    }
}
