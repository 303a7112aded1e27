//! The state directory of a device: private files, each there as a whole or not at all.
//!
//! ```text
//! STATE/                            0700, owned by the user who runs this
//! STATE/device-signing-key.pem      DeviceKeys
//! STATE/device-encryption-key.pem   DeviceKeys
//! STATE/user-key-software.pem       UserKey
//! STATE/registration.json           Registrations
//! STATE/sign-on.json                SignOn, sealed
//! STATE/sign-on-key                 the key that seals it, where the operating system keeps none
//! STATE/.new-*                      a file that is being written; one that stays behind is removed by the next writer
//! ```
//! Modes and owners are judged every time, on the open file. A file is written under another name, brought to the disk
//! and renamed, so nobody ever reads half of one. Writers hold a lock on the directory (flock(2)), which a process that
//! is killed cannot leave behind.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use zeroize::Zeroizing;

use crate::Error;

/// How long a writer waits for another: longer than the three exchanges of a refresh may take.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often it looks.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// What the names of unfinished files begin with.
const UNFINISHED: &str = ".new-";

/// A state directory that belongs to the user who runs this, and is open to nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir {
    path: PathBuf,
}

impl StateDir {
    /// Opens a state directory.
    ///
    /// # Errors
    /// [`Error::State`] when it is not there, is a symbolic link, belongs to somebody else or is open to others.
    pub fn open(path: &Path) -> Result<Self, Error> {
        check_directory(path)?;
        Ok(Self { path: path.to_owned() })
    }

    /// Opens a state directory, and makes it on first use.
    ///
    /// # Errors
    /// [`Error::State`] as for [`open`](Self::open), and when it cannot be made.
    pub fn open_or_create(path: &Path) -> Result<Self, Error> {
        DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(path)
            .map_err(|source| state(path, "the state directory cannot be made", source))?;
        Self::open(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until no other process writes, for three minutes at most, and keeps others waiting until the value is
    /// dropped. A process that holds it already must not ask for it again.
    ///
    /// # Errors
    /// [`Error::State`] when another process keeps it for longer, or the system has no locks there.
    pub(crate) fn lock(&self) -> Result<LockedStateDir<'_>, Error> {
        self.lock_within(PATIENCE)
    }

    pub(crate) fn lock_within(&self, patience: Duration) -> Result<LockedStateDir<'_>, Error> {
        let failed = |source| state(&self.path, "the state directory cannot be locked", source);
        let directory = File::open(&self.path).map_err(failed)?;
        let since = Instant::now();
        loop {
            match directory.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(failed(source)),
                Err(TryLockError::WouldBlock) if since.elapsed() >= patience => {
                    let why = "another program has been at work in this state directory for too long";
                    return Err(state(&self.path, why, std::io::Error::from(ErrorKind::TimedOut)));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK_AGAIN),
            }
        }
        let locked = LockedStateDir { dir: self, directory };
        locked.remove_unfinished()?;
        Ok(locked)
    }

    /// Whether there is anything of this name, of whatever kind.
    pub(crate) fn has(&self, name: &str) -> bool {
        !fs::symlink_metadata(self.path.join(name)).is_err_and(|error| error.kind() == ErrorKind::NotFound)
    }

    /// Reads a file of at most `limit` bytes; nothing when there is none. `what` names it in errors: `device key`.
    ///
    /// # Errors
    /// [`Error::State`] when it cannot be read, is a symbolic link or no regular file, belongs to somebody else, is open
    /// to others, or is too large.
    pub(crate) fn read(&self, name: &str, what: &str, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let path = self.path.join(name);
        let unreadable = |source| state(&path, &format!("the {what} cannot be read"), source);
        let file = OpenOptions::new()
            .read(true)
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).bits())
            .open(&path);
        let file = match file {
            Ok(file) => file,
            Err(source) => match source.raw_os_error().map(nix::errno::Errno::from_raw) {
                Some(nix::errno::Errno::ENOENT) => return Ok(None),
                Some(nix::errno::Errno::ELOOP | nix::errno::Errno::EMLINK) => {
                    return Err(state(&path, &format!("is a symbolic link, and a {what} must not be one"), source));
                }
                _ => return Err(unreadable(source)),
            },
        };
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(state(&path, "is not a regular file", None));
        }
        check_access(&path, &metadata, "0600")?;
        // Room for all of it from the start, so that nothing secret is left behind where the buffer grew.
        let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX).min(limit);
        let mut content = Zeroizing::new(Vec::with_capacity(length + 1));
        file.take(u64::try_from(limit + 1).unwrap_or(u64::MAX)).read_to_end(&mut content).map_err(unreadable)?;
        if content.len() > limit {
            return Err(state(&path, &format!("is too large for a {what}"), None));
        }
        Ok(Some(content))
    }
}

/// A state directory in which this process alone writes.
#[derive(Debug)]
pub(crate) struct LockedStateDir<'a> {
    dir: &'a StateDir,
    directory: File,
}

impl LockedStateDir<'_> {
    /// The directory.
    pub(crate) fn dir(&self) -> &StateDir {
        self.dir
    }

    /// Writes a file, mode 0600, in place of the one that may be there.
    ///
    /// # Errors
    /// [`Error::State`] when it cannot be written; then the old one is still there, whole.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        let (unfinished, _) = self.unfinished(content)?;
        self.give_name(&unfinished, &self.dir.path.join(name))
    }

    fn give_name(&self, unfinished: &Unfinished, path: &Path) -> Result<(), Error> {
        fs::rename(&unfinished.0, path).map_err(|source| state(path, "cannot be given its name", source))?;
        self.sync()
    }

    /// Sees to it that a file of `length` bytes can be written, by writing one that has no name yet. On file systems that
    /// never write to the same place twice (Btrfs, APFS, ZFS) this says only that there was room a moment ago.
    ///
    /// # Errors
    /// [`Error::State`] when there is no room.
    pub(crate) fn room(&self, length: usize) -> Result<Room, Error> {
        let (unfinished, file) = self.unfinished(&vec![0; length])?;
        Ok(Room { unfinished, file })
    }

    /// As [`write`](Self::write), into the room that was made.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub(crate) fn write_into(&self, mut room: Room, name: &str, content: &[u8]) -> Result<(), Error> {
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let path = self.dir.path.join(name);
        room.file
            .rewind()
            .and_then(|()| room.file.write_all(content))
            .and_then(|()| room.file.set_len(length))
            .and_then(|()| room.file.sync_all())
            .map_err(|source| state(&path, "cannot be written", source))?;
        self.give_name(&room.unfinished, &path)
    }

    /// Writes a file, mode 0600, where there is none.
    ///
    /// # Errors
    /// [`Error::State`] when it cannot be written, or something has its name.
    pub(crate) fn write_new(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        let (unfinished, _) = self.unfinished(content)?;
        let path = self.dir.path.join(name);
        fs::hard_link(&unfinished.0, &path).map_err(|source| state(&path, "cannot be given its name", source))?;
        self.sync()
    }

    /// Removes a file; whether there was one.
    ///
    /// # Errors
    /// [`Error::State`] when it cannot be removed.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, Error> {
        let path = self.dir.path.join(name);
        match fs::remove_file(&path) {
            Ok(()) => self.sync().map(|()| true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(source) => Err(state(&path, "cannot be removed", source)),
        }
    }

    /// The content under a name of its own, on the disk.
    fn unfinished(&self, content: &[u8]) -> Result<(Unfinished, File), Error> {
        let unfinished = Unfinished(self.dir.path.join(format!("{UNFINISHED}{}", crate::random::uuid()?)));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished.0);
        let written = file.and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()?;
            Ok(file)
        });
        let file = written.map_err(|source| state(&unfinished.0, "cannot be written", source))?;
        Ok((unfinished, file))
    }

    /// A name must outlive a power cut: a registered key that is gone is a device that is gone.
    fn sync(&self) -> Result<(), Error> {
        self.directory.sync_all().map_err(|source| state(&self.dir.path, "cannot be written to disk", source))
    }

    /// Removes what processes left behind that were killed while they wrote. Nobody writes now.
    fn remove_unfinished(&self) -> Result<(), Error> {
        let unreadable = |source| state(&self.dir.path, "the state directory cannot be read", source);
        for entry in fs::read_dir(&self.dir.path).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            if name.to_str().is_some_and(|name| name.starts_with(UNFINISHED)) {
                let _ = fs::remove_file(self.dir.path.join(&name));
            }
        }
        Ok(())
    }
}

/// Room on the disk for a file that is still to be written; given back on drop.
#[derive(Debug)]
pub(crate) struct Room {
    unfinished: Unfinished,
    file: File,
}

/// An unfinished file, removed whatever happens.
#[derive(Debug)]
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

pub(crate) fn state(path: &Path, why: &str, source: impl Into<Option<std::io::Error>>) -> Error {
    Error::State { path: path.to_owned(), why: why.to_owned(), source: source.into() }
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

#[cfg(test)]
mod tests;
