//! Directories of other people, worked in by file descriptor.
//!
//! Every step goes from one open directory to the next (`openat` and its relatives) with
//! `O_NOFOLLOW`, and every check is made on the open descriptor. So whoever owns the directory
//! can rename and link what he likes meanwhile: we still hold what we checked.

use std::ffi::OsStr;
use std::fs::{File, Metadata, Permissions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, renameat};
use nix::sys::stat::{Mode, SFlag, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::Error;

/// Owner and permission bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The nine permission bits.
    pub(crate) mode: u32,
}

impl From<&Metadata> for Attributes {
    fn from(metadata: &Metadata) -> Self {
        Attributes { uid: metadata.uid(), gid: metadata.gid(), mode: metadata.mode() & 0o777 }
    }
}

/// An open directory.
#[derive(Debug)]
pub(crate) struct Directory {
    file: File,
    path: PathBuf,
}

impl Directory {
    /// Opens a directory by its path; links on the way are followed. `None` when there is no
    /// directory.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, Error> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        match open(path, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Directory { file: File::from(fd), path: path.to_owned() })),
            // Some service accounts have a home directory of /dev/null.
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            Err(error) => Err(Error::io(path, error)),
        }
    }

    /// Opens a directory in this one; a link is refused. `None` when it is missing.
    pub(crate) fn enter(&self, name: &OsStr) -> Result<Option<Self>, Error> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let path = self.path.join(name);
        match openat(&self.file, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Directory { file: File::from(fd), path })),
            Err(Errno::ENOENT) => Ok(None),
            Err(Errno::ENOTDIR | Errno::ELOOP) => Err(self.not_what_was_expected(name, "is not a directory")),
            Err(error) => Err(Error::io(&path, error)),
        }
    }

    /// Opens a regular file in this directory for reading; a link is refused, and so is anything
    /// that could block or act when opened. `None` when it is missing.
    pub(crate) fn open_file(&self, name: &str) -> Result<Option<OpenFile>, Error> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let path = self.path.join(name);
        let file = match openat(&self.file, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::ENOENT) => return Ok(None),
            // ELOOP: a link. ENXIO, EOPNOTSUPP: a socket.
            Err(Errno::ELOOP | Errno::ENXIO | Errno::EOPNOTSUPP) => {
                return Err(self.not_what_was_expected(name.as_ref(), NOT_REGULAR));
            }
            Err(error) => return Err(Error::io(&path, error)),
        };
        let metadata = file.metadata().map_err(|error| Error::io(&path, error))?;
        if !metadata.is_file() {
            return Err(Error::unsafe_path(&path, NOT_REGULAR));
        }
        Ok(Some(OpenFile { file, metadata, path }))
    }

    /// Makes a directory in this one, empty, with exactly these attributes. As with
    /// [`replace`](Self::replace) it gets its name last, so that a crash cannot leave one with
    /// the wrong owner there. The caller holds the lock.
    pub(crate) fn create_directory(&self, name: &str, temporary: &str, attributes: Attributes) -> Result<Self, Error> {
        let path = self.path.join(name);
        let changed = || Error::Changed { path: path.clone() };
        self.remove(temporary, UnlinkatFlags::RemoveDir)?;
        mkdirat(&self.file, temporary, Mode::S_IRWXU).map_err(|error| Error::io(&path, error))?;
        let Some(mut made) = self.enter(temporary.as_ref())? else { return Err(changed()) };
        // Someone may have put another directory there; giving away an empty one harms nobody.
        if !made.is_empty()? {
            return Err(changed());
        }
        let result = step(Step::Directory)
            .and_then(|()| set_attributes(&made.file, attributes))
            .and_then(|()| Ok(renameat(&self.file, temporary, &self.file, name)?))
            .and_then(|()| self.sync());
        made.path.clone_from(&path);
        match result {
            Ok(()) => Ok(made),
            Err(error) => {
                let _ = self.remove(temporary, UnlinkatFlags::RemoveDir);
                match Errno::from_raw(error.raw_os_error().unwrap_or_default()) {
                    // Someone made something of this name meanwhile.
                    Errno::ENOTEMPTY | Errno::EEXIST | Errno::ENOTDIR => Err(changed()),
                    _ => Err(Error::io(&path, error)),
                }
            }
        }
    }

    /// Puts `bytes` in the place of the file `name`, or makes it: whoever looks sees the old file
    /// or the new one, whole, also after a crash. The other name is used for the new file until
    /// then; one that a crash left behind is removed. The caller holds the lock.
    pub(crate) fn replace(
        &self,
        name: &str,
        temporary: &str,
        bytes: &[u8],
        attributes: Attributes,
    ) -> Result<(), Error> {
        let path = self.path.join(name);
        self.remove(temporary, UnlinkatFlags::NoRemoveDir)?;
        let result = self.replace_through(name, temporary, bytes, attributes);
        if result.is_err() {
            let _ = self.remove(temporary, UnlinkatFlags::NoRemoveDir);
        }
        result.map_err(|error| Error::io(&path, error))
    }

    fn replace_through(
        &self,
        name: &str,
        temporary: &str,
        bytes: &[u8],
        attributes: Attributes,
    ) -> std::io::Result<()> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut file = File::from(openat(&self.file, temporary, flags, Mode::S_IRUSR | Mode::S_IWUSR)?);
        step(Step::Created)?;
        set_attributes(&file, attributes)?;
        file.write_all(bytes)?;
        step(Step::Written)?;
        file.sync_all()?;
        step(Step::Synced)?;
        renameat(&self.file, temporary, &self.file, name)?;
        step(Step::Renamed)?;
        self.sync()
    }

    /// Removes a file or an empty directory; one that is missing is fine.
    pub(crate) fn remove(&self, name: &str, flags: UnlinkatFlags) -> Result<(), Error> {
        match unlinkat(&self.file, name, flags) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(Error::io(&self.path.join(name), error)),
        }
    }

    /// Makes what was created, renamed and removed here survive a crash.
    pub(crate) fn sync(&self) -> std::io::Result<()> {
        self.file.sync_all()
    }

    /// Takes the lock of this directory (flock(2), exclusive); dropping the directory frees it.
    /// Waits at most `wait`.
    pub(crate) fn lock(&self, wait: Duration) -> Result<(), Error> {
        let end = Instant::now() + wait;
        loop {
            match self.file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(LOCK_INTERVAL),
                Err(TryLockError::WouldBlock) => return Err(Error::Busy { path: self.path.clone() }),
                Err(TryLockError::Error(error)) => return Err(Error::io(&self.path, error)),
            }
        }
    }

    /// Refuses a directory that somebody else than the account could work in.
    pub(crate) fn check_owner(&self, uid: u32, gid: u32) -> Result<(), Error> {
        let metadata = self.file.metadata().map_err(|error| Error::io(&self.path, error))?;
        check_owner(&metadata, uid, gid, &self.path)
    }

    fn is_empty(&self) -> Result<bool, Error> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let failed = |error: Errno| Error::io(&self.path, error);
        let mut listing = nix::dir::Dir::openat(&self.file, ".", flags, Mode::empty()).map_err(failed)?;
        for entry in listing.iter() {
            let entry = entry.map_err(failed)?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The error for a name that could not be opened, which says when it is a link.
    fn not_what_was_expected(&self, name: &OsStr, otherwise: &str) -> Error {
        let found = fstatat(&self.file, name, AtFlags::AT_SYMLINK_NOFOLLOW);
        let format = found.map(|found| SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits()));
        let why = if format == Ok(SFlag::S_IFLNK) { "is a symbolic link" } else { otherwise };
        Error::unsafe_path(&self.path.join(name), why)
    }
}

/// A regular file, open for reading.
#[derive(Debug)]
pub(crate) struct OpenFile {
    file: File,
    metadata: Metadata,
    path: PathBuf,
}

impl OpenFile {
    pub(crate) fn attributes(&self) -> Attributes {
        Attributes::from(&self.metadata)
    }

    /// Refuses a file that has a second name or that somebody else than the account could write.
    pub(crate) fn check_owner(&self, uid: u32, gid: u32) -> Result<(), Error> {
        if self.metadata.nlink() != 1 {
            return Err(Error::unsafe_path(&self.path, "has more than one name (hard links)"));
        }
        check_owner(&self.metadata, uid, gid, &self.path)
    }

    /// All bytes, or `None` when there are more than `limit`.
    pub(crate) fn read(&self, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let mut bytes = Vec::new();
        let result = (&self.file).take(limit + 1).read_to_end(&mut bytes);
        let length = result.map_err(|error| Error::io(&self.path, error))?;
        Ok(u64::try_from(length).is_ok_and(|length| length <= limit).then_some(bytes))
    }
}

/// Owner: the account or root. Writers: these, and the primary group of the account, which on
/// most systems is a group of one.
fn check_owner(metadata: &Metadata, uid: u32, gid: u32, path: &Path) -> Result<(), Error> {
    if metadata.uid() != uid && metadata.uid() != 0 {
        let why = format!("belongs to user {}, neither to the account nor to root", metadata.uid());
        return Err(Error::unsafe_path(path, why));
    }
    if metadata.mode() & 0o002 != 0 {
        return Err(Error::unsafe_path(path, "can be changed by everyone"));
    }
    if metadata.mode() & 0o020 != 0 && metadata.gid() != gid && metadata.gid() != 0 {
        let why = format!("can be changed by group {}, which is not the account's own", metadata.gid());
        return Err(Error::unsafe_path(path, why));
    }
    Ok(())
}

/// Owner first: changing it clears permission bits. Nothing is asked of the system when all is so
/// already, because only root may give files away.
fn set_attributes(file: &File, wanted: Attributes) -> std::io::Result<()> {
    let now = Attributes::from(&file.metadata()?);
    if (now.uid, now.gid) != (wanted.uid, wanted.gid) {
        fchown(file, Some(wanted.uid), Some(wanted.gid))?;
    }
    file.set_permissions(Permissions::from_mode(wanted.mode))
}

const NOT_REGULAR: &str = "is not a regular file";
/// How long to wait before asking for a lock again.
const LOCK_INTERVAL: Duration = Duration::from_millis(10);

/// Where a replacement can be interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Directory,
    Created,
    Written,
    Synced,
    Renamed,
}

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "tests make it fail")]
fn step(_: Step) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
use faults::step;

#[cfg(test)]
pub(crate) mod faults;
