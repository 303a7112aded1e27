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
use nix::fcntl::{AtFlags, OFlag, open, openat, readlinkat, renameat};
use nix::sys::stat::{Mode, SFlag, fstat, fstatat, mkdirat};
use nix::unistd::{AccessFlags, UnlinkatFlags, faccessat, geteuid, unlinkat};

use crate::undo::Attributes;
use crate::{Account, Error, System};

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
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            Err(error) => Err(Error::io(path, error)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a directory in this one; a link is refused. `None` when it is missing.
    pub(crate) fn enter(&self, name: &OsStr) -> Result<Option<Self>, Error> {
        self.step_into(name, OFlag::O_RDONLY)
    }

    /// As [`enter`](Self::enter), for a directory that is only passed through: it need not be
    /// readable.
    pub(crate) fn pass(&self, name: &OsStr) -> Result<Entered, Error> {
        self.step_into(name, PASSING).map(Entered::from)
    }

    fn step_into(&self, name: &OsStr, access: OFlag) -> Result<Option<Self>, Error> {
        let flags = access | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
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

    /// What a name that is a link says; `None` when it is none.
    pub(crate) fn link(&self, name: &OsStr) -> Result<Option<Link>, Error> {
        let failed = |error: Errno| Error::io(&self.path.join(name), error);
        let found = fstatat(&self.file, name, AtFlags::AT_SYMLINK_NOFOLLOW).map_err(failed)?;
        if SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits()) != SFlag::S_IFLNK {
            return Ok(None);
        }
        let holder = self.metadata()?;
        let of_root = found.st_uid == 0 && holder.uid() == 0 && holder.mode() & 0o022 == 0;
        let target = readlinkat(&self.file, name).map_err(failed)?;
        Ok(Some(Link { target: target.into(), of_root }))
    }

    /// Makes a directory in this one, empty, with exactly these attributes, and holds its lock.
    ///
    /// As with [`replace`](Self::replace) it gets its name last, so that a crash cannot leave one
    /// with the wrong owner there. Until then it has the other name, and whoever holds its lock
    /// is the one who makes it; one that a crash left behind is used. `None` when somebody else
    /// was faster. `go_on` says whether to do without the lock when it is not free at `end`.
    pub(crate) fn create_directory(
        &self,
        name: &str,
        temporary: &str,
        attributes: Attributes,
        end: Instant,
        go_on: impl Fn(&Directory) -> Result<bool, Error>,
    ) -> Result<Option<Self>, Error> {
        let path = self.path.join(name);
        match mkdirat(&self.file, temporary, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => (),
            Err(error) => return Err(Error::io(&path, error)),
        }
        let Some(mut made) = self.enter(temporary.as_ref())? else { return Ok(None) };
        if !made.lock(end)? && !go_on(&made)? {
            return Err(Error::Busy { path: made.path });
        }
        if !self.still_names(temporary, &made)? {
            return Ok(None);
        }
        // Somebody made it between the caller's look and this lock. A rename would put this one in its place while it is
        // still empty, and take it away from whoever is about to write there.
        if fstatat(&self.file, name, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok() {
            let _ = self.remove(temporary, UnlinkatFlags::RemoveDir);
            return Ok(None);
        }
        // Someone may have put another directory there; giving away an empty one harms nobody.
        if !made.is_empty()? {
            return Err(Error::unsafe_path(&made.path, "is in the way and not empty"));
        }
        let result = step(Step::Directory)
            .and_then(|()| set_attributes(&made.file, attributes))
            .and_then(|()| Ok(renameat(&self.file, temporary, &self.file, name)?))
            .and_then(|()| self.sync());
        made.path.clone_from(&path);
        match result {
            Ok(()) => Ok(Some(made)),
            Err(error) => {
                let _ = self.remove(temporary, UnlinkatFlags::RemoveDir);
                match Errno::from_raw(error.raw_os_error().unwrap_or_default()) {
                    // Someone made something of this name meanwhile.
                    Errno::ENOTEMPTY | Errno::EEXIST | Errno::ENOTDIR | Errno::ENOENT => Ok(None),
                    _ => Err(Error::io(&path, error)),
                }
            }
        }
    }

    /// Whether a name in this directory still means the directory that was opened by it.
    pub(crate) fn still_names(&self, name: &str, opened: &Directory) -> Result<bool, Error> {
        let now = match fstatat(&self.file, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(now) => now,
            Err(Errno::ENOENT) => return Ok(false),
            Err(error) => return Err(Error::io(&self.path.join(name), error)),
        };
        let then = fstat(&opened.file).map_err(|error| Error::io(&opened.path, error))?;
        Ok((now.st_dev, now.st_ino) == (then.st_dev, then.st_ino))
    }

    /// Asks the system whether this process may make and rename files here; changes nothing.
    pub(crate) fn check_writable(&self) -> Result<(), Error> {
        let access = AccessFlags::W_OK | AccessFlags::X_OK;
        faccessat(&self.file, ".", access, AtFlags::AT_EACCESS).map_err(|error| Error::io(&self.path, error))
    }

    pub(crate) fn attributes(&self) -> Result<Attributes, Error> {
        Ok(Attributes::from(&self.metadata()?))
    }

    fn metadata(&self) -> Result<Metadata, Error> {
        self.file.metadata().map_err(|error| Error::io(&self.path, error))
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
    /// Returns whether it was free before `end`.
    pub(crate) fn lock(&self, end: Instant) -> Result<bool, Error> {
        lock(&self.file, &self.path, end)
    }

    /// Refuses a directory that somebody else than the account could work in.
    pub(crate) fn check_owner(&self, account: &Account, system: &System) -> Result<(), Error> {
        check_owner(&self.metadata()?, account, system, &self.path)
    }

    /// Refuses a directory in which others than root, or than whoever runs this, can work.
    pub(crate) fn check_system(&self) -> Result<(), Error> {
        check_system(&self.metadata()?, &self.path)
    }

    /// Takes the lock (flock(2), exclusive) of a file in this directory that is made for it if it is missing and that
    /// nobody but its owner can open; dropping the file frees it. `None` when it was not free before `end`.
    pub(crate) fn lock_file(&self, name: &str, end: Instant) -> Result<Option<File>, Error> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let path = self.path.join(name);
        let opened = openat(&self.file, name, flags, Mode::S_IRUSR | Mode::S_IWUSR);
        let file = File::from(opened.map_err(|error| Error::io(&path, error))?);
        let free = lock(&file, &path, end)?;
        Ok(free.then_some(file))
    }

    fn is_empty(&self) -> Result<bool, Error> {
        let mut listing = self.listing()?;
        Ok(listing.iter().all(|entry| entry.is_ok_and(|entry| matches!(entry.file_name().to_bytes(), b"." | b".."))))
    }

    /// The names of what is in it, as far as they are UTF-8.
    pub(crate) fn names(&self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for entry in self.listing()?.iter() {
            let entry = entry.map_err(|error| Error::io(&self.path, error))?;
            names.extend(entry.file_name().to_str().ok().map(str::to_owned));
        }
        Ok(names)
    }

    fn listing(&self) -> Result<nix::dir::Dir, Error> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let listing = nix::dir::Dir::openat(&self.file, ".", flags, Mode::empty());
        listing.map_err(|error| Error::io(&self.path, error))
    }

    /// The error for a name that could not be opened, which says when it is a link.
    fn not_what_was_expected(&self, name: &OsStr, otherwise: &str) -> Error {
        let found = fstatat(&self.file, name, AtFlags::AT_SYMLINK_NOFOLLOW);
        let format = found.map(|found| SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits()));
        let why = if format == Ok(SFlag::S_IFLNK) { "is a symbolic link" } else { otherwise };
        Error::unsafe_path(&self.path.join(name), why)
    }
}

/// What was found under the name of a directory that should be entered.
pub(crate) enum Entered {
    Directory(Directory),
    Nothing,
}

impl From<Option<Directory>> for Entered {
    fn from(found: Option<Directory>) -> Self {
        found.map_or(Entered::Nothing, Entered::Directory)
    }
}

/// A symbolic link.
pub(crate) struct Link {
    pub(crate) target: PathBuf,
    /// Whether only root can have made it and can change it.
    pub(crate) of_root: bool,
}

/// A regular file, open for reading.
#[derive(Debug)]
pub(crate) struct OpenFile {
    file: File,
    metadata: Metadata,
    path: PathBuf,
}

impl OpenFile {
    /// What the system said of it when it was opened.
    pub(crate) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    pub(crate) fn attributes(&self) -> Attributes {
        Attributes::from(&self.metadata)
    }

    /// Refuses a file that has a second name or that somebody else than the account could write.
    pub(crate) fn check_owner(&self, account: &Account, system: &System) -> Result<(), Error> {
        if self.metadata.nlink() != 1 {
            return Err(Error::unsafe_path(&self.path, "has more than one name (hard links)"));
        }
        check_owner(&self.metadata, account, system, &self.path)
    }

    /// Refuses a file that has a second name or that others than root, or than whoever runs this, can write.
    pub(crate) fn check_system(&self) -> Result<(), Error> {
        if self.metadata.nlink() != 1 {
            return Err(Error::unsafe_path(&self.path, "has more than one name (hard links)"));
        }
        check_system(&self.metadata, &self.path)
    }

    /// All bytes, or `None` when there are more than `limit`.
    pub(crate) fn read(&self, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let mut bytes = Vec::new();
        let result = (&self.file).take(limit + 1).read_to_end(&mut bytes);
        let length = result.map_err(|error| Error::io(&self.path, error))?;
        Ok(u64::try_from(length).is_ok_and(|length| length <= limit).then_some(bytes))
    }
}

/// Owner: the account or root. Writers: these, and a group to which nobody but the account belongs.
fn check_owner(metadata: &Metadata, account: &Account, system: &System, path: &Path) -> Result<(), Error> {
    if metadata.uid() != account.uid && metadata.uid() != 0 {
        let why = format!("belongs to user {}, neither to the account nor to root", metadata.uid());
        return Err(Error::unsafe_path(path, why));
    }
    if metadata.mode() & 0o002 != 0 {
        return Err(Error::unsafe_path(path, "can be changed by everyone"));
    }
    if metadata.mode() & 0o020 != 0 && !system.is_private_group(account, metadata.gid())? {
        let why = format!("can be changed by group {}, which is not the account's own", metadata.gid());
        return Err(Error::unsafe_path(path, why));
    }
    Ok(())
}

fn check_system(metadata: &Metadata, path: &Path) -> Result<(), Error> {
    if metadata.uid() != 0 && metadata.uid() != geteuid().as_raw() {
        let why = format!("belongs to user {}, not to root", metadata.uid());
        return Err(Error::unsafe_path(path, why));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(Error::unsafe_path(path, "can be changed by others than its owner"));
    }
    Ok(())
}

fn lock(file: &File, path: &Path, end: Instant) -> Result<bool, Error> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(LOCK_INTERVAL),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(Error::io(path, error)),
        }
    }
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

/// How to open a directory through which the way leads: search permission is enough.
#[cfg(target_os = "linux")]
const PASSING: OFlag = OFlag::O_PATH;
#[cfg(not(target_os = "linux"))]
const PASSING: OFlag = OFlag::O_RDONLY;
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
