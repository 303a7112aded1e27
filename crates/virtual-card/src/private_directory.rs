//! A directory of this user's own, closed to all others, worked in by file descriptor.
//!
//! ```text
//! open      O_DIRECTORY | O_NOFOLLOW, then owner and mode of what was opened
//! read      O_NOFOLLOW, then kind and owner of what was opened
//! replace   unlink .NAME.new, O_CREAT | O_EXCL, fsync, rename to NAME, fsync of the directory
//! ```
//!
//! Whoever else owns the directory, or could write to it earlier, may have left links in it: a privileged process would
//! overwrite what they lead to. So nothing here follows a link, and nothing of another user's is taken.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{Uid, UnlinkatFlags, unlinkat};
use zeroize::Zeroizing;

use crate::Error;

/// An open directory.
pub(crate) struct PrivateDirectory {
    directory: File,
    path: PathBuf,
    owner: Uid,
}

impl PrivateDirectory {
    /// Opens `path`, making the directory, though none above it, if there is none. It must be this user's. An empty one that others can read is
    /// closed to them; one with something in it may be open on purpose, and is refused.
    ///
    /// # Errors
    ///
    /// [`Error::StateUntrusted`], [`Error::StateOpenToOthers`] or [`Error::State`].
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::State { path: path.to_owned(), source };
        // Parents would have to be made for others, too, and a name that is misspelt is no wish for them.
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | NO_LINK;
        let directory = match nix::fcntl::open(path, flags, Mode::empty()) {
            Ok(descriptor) => File::from(descriptor),
            Err(Errno::ELOOP | Errno::ENOTDIR) => {
                return Err(untrusted(path, "it is a link: name the directory itself"));
            }
            Err(error) => return Err(failed(error.into())),
        };
        let directory = Self { directory, path: path.to_owned(), owner: Uid::effective() };
        directory.close_to_others()?;
        Ok(directory)
    }

    /// Where it is, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn close_to_others(&self) -> Result<(), Error> {
        let failed = |source| Error::State { path: self.path.clone(), source };
        let metadata = self.directory.metadata().map_err(failed)?;
        if metadata.uid() != self.owner.as_raw() {
            return Err(untrusted(&self.path, "it belongs to another user: use a directory of your own"));
        }
        if metadata.mode() & 0o077 == 0 {
            return Ok(());
        }
        if !self.is_empty().map_err(failed)? {
            return Err(Error::StateOpenToOthers { path: self.path.clone() });
        }
        self.directory.set_permissions(Permissions::from_mode(0o700)).map_err(failed)
    }

    fn is_empty(&self) -> io::Result<bool> {
        for entry in Dir::openat(&self.directory, ".", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?.iter() {
            if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Opens a file to be locked, making an empty one if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::StateUntrusted`] or [`Error::State`].
    pub(crate) fn lock_file(&self, name: &str) -> Result<File, Error> {
        self.open_file(name, OFlag::O_RDWR | OFlag::O_CREAT)
    }

    /// The first `limit` bytes of a file; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::StateUntrusted`] or [`Error::State`].
    pub(crate) fn read(&self, name: &str, limit: u64) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let file = match self.open_file(name, OFlag::O_RDONLY) {
            Err(Error::State { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024));
        file.take(limit).read_to_end(&mut bytes).map_err(|source| self.failed(name, source))?;
        Ok(Some(bytes))
    }

    /// Writes a file of mode 0600, in place of one that may be there. After a crash the old or the new one is there.
    ///
    /// The caller holds a lock, which makes the name of the temporary file its alone.
    ///
    /// # Errors
    ///
    /// [`Error::State`].
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let temporary = format!(".{name}.new");
        let replace = || -> io::Result<()> {
            match unlinkat(&self.directory, temporary.as_str(), UnlinkatFlags::NoRemoveDir) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(error) => return Err(error.into()),
            }
            let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | NO_LINK;
            let mut file = File::from(openat(&self.directory, temporary.as_str(), flags, OWNER_ONLY)?);
            file.write_all(bytes)?;
            file.sync_all()?;
            renameat(&self.directory, temporary.as_str(), &self.directory, name)?;
            self.directory.sync_all()
        };
        replace().map_err(|source| self.failed(name, source))
    }

    /// Opens a regular file of this user's. Nothing that could block or act when it is opened.
    fn open_file(&self, name: &str, flags: OFlag) -> Result<File, Error> {
        let flags = flags | NO_LINK | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let file = match openat(&self.directory, name, flags, OWNER_ONLY) {
            Ok(descriptor) => File::from(descriptor),
            // A link; a directory; a socket.
            Err(Errno::ELOOP | Errno::EISDIR | Errno::ENXIO | Errno::EOPNOTSUPP) => {
                return Err(untrusted(&self.path.join(name), NOT_REGULAR));
            }
            Err(error) => return Err(self.failed(name, error.into())),
        };
        let metadata = file.metadata().map_err(|source| self.failed(name, source))?;
        if !metadata.is_file() {
            return Err(untrusted(&self.path.join(name), NOT_REGULAR));
        }
        if metadata.uid() != self.owner.as_raw() {
            return Err(untrusted(&self.path.join(name), "it belongs to another user"));
        }
        Ok(file)
    }

    fn failed(&self, name: &str, source: io::Error) -> Error {
        Error::State { path: self.path.join(name), source }
    }
}

fn untrusted(path: &Path, reason: &'static str) -> Error {
    Error::StateUntrusted { path: path.to_owned(), reason }
}

const NO_LINK: OFlag = OFlag::O_NOFOLLOW.union(OFlag::O_CLOEXEC);
const OWNER_ONLY: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);
const NOT_REGULAR: &str = "it is not a regular file";

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn is_untrusted<T>(result: Result<T, Error>, file: &Path) -> bool {
        matches!(result, Err(Error::StateUntrusted { path, .. }) if path == file)
    }

    /// Root gives a directory away; anybody else has `/`, which is root's.
    #[test]
    fn a_directory_of_another_user_is_refused_whatever_its_mode() {
        let directory = TempDir::new().unwrap();
        let path = if Uid::effective().is_root() {
            fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
            nix::unistd::chown(directory.path(), Some(Uid::from_raw(4001)), None).unwrap();
            directory.path()
        } else {
            Path::new("/")
        };
        assert!(is_untrusted(PrivateDirectory::open(path), path));
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        let directory = TempDir::new().unwrap();
        let mut opened = PrivateDirectory::open(directory.path()).unwrap();
        opened.replace("file", b"content").unwrap();
        assert_eq!(opened.read("file", 4).unwrap().unwrap().as_slice(), b"cont");
        // As if all that is there were not ours.
        opened.owner = Uid::from_raw(opened.owner.as_raw() + 1);
        assert!(is_untrusted(opened.read("file", 4), &directory.path().join("file")));
        assert!(is_untrusted(opened.lock_file("file"), &directory.path().join("file")));
    }

    #[test]
    fn no_link_is_followed() {
        let directory = TempDir::new().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("victim"), "precious").unwrap();
        let state = PrivateDirectory::open(&path("state")).unwrap();
        symlink(path("victim"), path("state/.file.new")).unwrap();
        symlink(path("victim"), path("state/file")).unwrap();
        symlink(path("made by us"), path("state/lock")).unwrap();
        symlink(path("state"), path("link")).unwrap();
        assert!(is_untrusted(state.read("file", 9), &path("state/file")));
        assert!(is_untrusted(state.lock_file("lock"), &path("state/lock")));
        assert!(is_untrusted(PrivateDirectory::open(&path("link")), &path("link")));
        state.replace("file", b"secret").unwrap();
        assert_eq!(fs::read_to_string(path("victim")).unwrap(), "precious");
        assert!(!path("made by us").exists());
        let file = fs::symlink_metadata(path("state/file")).unwrap();
        assert!(file.is_file() && file.mode() & 0o777 == 0o600, "the link made room for the file");
        assert_eq!(fs::read_dir(path("state")).unwrap().count(), 2, "file and lock");
    }

    #[test]
    fn only_the_directory_itself_is_made() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("misspelt/state");
        assert!(matches!(PrivateDirectory::open(&path), Err(Error::State { path: named, .. }) if named == path));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        let made = directory.path().join("state");
        PrivateDirectory::open(&made).unwrap();
        assert_eq!(fs::metadata(made).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn what_is_no_regular_file_is_refused_and_does_not_block() {
        let directory = TempDir::new().unwrap();
        let opened = PrivateDirectory::open(directory.path()).unwrap();
        fs::create_dir(directory.path().join("directory")).unwrap();
        nix::unistd::mkfifo(&directory.path().join("pipe"), Mode::S_IRWXU).unwrap();
        for name in ["directory", "pipe"] {
            assert!(is_untrusted(opened.read(name, 9), &directory.path().join(name)), "{name}");
            assert!(is_untrusted(opened.lock_file(name), &directory.path().join(name)), "{name}");
        }
        assert!(opened.read("absent", 9).unwrap().is_none());
    }
}
