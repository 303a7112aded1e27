//! The state in its file: locked while a tool looks at it, replaced as a whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::mac::Mac;

/// The state of a Mac, locked against every other tool until this value is dropped.
pub(crate) struct Store {
    pub(crate) mac: Mac,
    path: PathBuf,
    _lock: File,
}

impl Store {
    /// Makes a state, unless there is one.
    pub(crate) fn create(path: &Path) -> Result<(), Error> {
        if path.exists() {
            return Ok(());
        }
        let lock = lock(path)?;
        Self { mac: Mac::new(), path: path.to_owned(), _lock: lock }.save()
    }

    /// Waits for the lock, and reads.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let lock = lock(path)?;
        let mac = plist::from_file(path).map_err(|source| Error::State { path: path.to_owned(), source })?;
        Ok(Self { mac, path: path.to_owned(), _lock: lock })
    }

    /// Writes, in one step: a tool that is killed leaves the old state or the new one.
    pub(crate) fn save(&self) -> Result<(), Error> {
        let new = beside(&self.path, "new");
        plist::to_file_xml(&new, &self.mac).map_err(|source| Error::State { path: new.clone(), source })?;
        fs::rename(&new, &self.path).map_err(Error::io(&self.path))
    }
}

fn lock(path: &Path) -> Result<File, Error> {
    let name = beside(path, "lock");
    let file = File::create(&name).map_err(Error::io(&name))?;
    file.lock().map_err(Error::io(&name))?;
    Ok(file)
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}
