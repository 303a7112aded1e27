//! The files of the state directory: private, read with a limit, replaced as a whole.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::error::Error;

/// Makes a directory of mode 0700, or checks that the one that is there is no less private; an
/// empty one is made private.
///
/// # Errors
/// [`Error::StateMode`] when others have any right to it, [`Error::StateIo`] when it is something
/// else than a directory or cannot be made.
pub(crate) fn private_directory(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))?;
    match check_private(path, true) {
        Err(Error::StateMode { .. }) if is_empty(path).map_err(failed(path))? => {
            fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed(path))
        }
        checked => checked,
    }
}

fn is_empty(directory: &Path) -> io::Result<bool> {
    Ok(fs::read_dir(directory)?.next().is_none())
}

/// Reads a private file of at most `limit` bytes; nothing when there is none.
///
/// # Errors
/// [`Error::StateMode`] when others have any right to it, [`Error::StateIo`] when it is something
/// else than a file, larger, or cannot be read.
pub(crate) fn read_private(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        _ => check_private(path, false)?,
    }
    read_at_most(path, limit).map(Some).map_err(failed(path))
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// When it is larger, or cannot be read.
pub(crate) fn read_at_most(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes")));
    }
    Ok(bytes)
}

/// Puts a file of mode 0600 in the place of `path`: after a crash there is the old one or the new
/// one, whole.
///
/// # Errors
/// [`Error::StateIo`] when a step fails, [`Error::Random`] when there is no name for the temporary
/// file.
pub(crate) fn replace(path: &Path, contents: &[u8]) -> Result<(), Error> {
    let mut random = [0; 12];
    getrandom::fill(&mut random).map_err(Error::Random)?;
    let temporary = path.with_extension(format!("{}.tmp", BASE64_URL_SAFE_NO_PAD.encode(random)));
    let written = write_new(&temporary, contents).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // The error that matters is the first one.
        let _ = fs::remove_file(&temporary);
        return Err(failed(path)(error));
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed(directory))
}

/// Makes an empty file of mode 0600, or checks that the one that is there is private.
///
/// # Errors
/// As [`read_private`].
pub(crate) fn private_file(path: &Path) -> Result<(), Error> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_private(path, false),
        Err(error) => Err(failed(path)(error)),
    }
}

/// An exclusive lock that lasts as long as the returned file.
///
/// # Errors
/// [`Error::StateInUse`] when another process has it, [`Error::StateIo`] when there can be none.
pub(crate) fn lock(directory: &Path) -> Result<File, Error> {
    let path = directory.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(failed(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::StateInUse { path: directory.to_owned() }),
        Err(fs::TryLockError::Error(error)) => Err(failed(&path)(error)),
    }
}

fn write_new(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// A link is refused too: it is neither a file nor a directory here.
fn check_private(path: &Path, directory: bool) -> Result<(), Error> {
    let metadata = fs::symlink_metadata(path).map_err(failed(path))?;
    if metadata.is_dir() != directory || metadata.is_file() == directory {
        let kind = if directory { "it is not a directory" } else { "it is not a file" };
        return Err(failed(path)(io::Error::other(kind)));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Error::StateMode { path: path.to_owned(), mode });
    }
    Ok(())
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error {
    |source| Error::StateIo { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn directories_and_files_are_private() {
        let temporary = tempfile::tempdir().unwrap();
        let state = temporary.path().join("a/state");
        private_directory(&state).unwrap();
        private_directory(&state).unwrap();
        assert_eq!(mode(&state), 0o700);
        fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
        private_directory(&state).unwrap();
        assert_eq!(mode(&state), 0o700, "an empty directory is made private");
        let file = state.join("x.json");
        assert!(read_private(&file, 10).unwrap().is_none());
        replace(&file, b"one").unwrap();
        replace(&file, b"two").unwrap();
        assert_eq!(read_private(&file, 3).unwrap().unwrap(), b"two");
        assert_eq!(mode(&file), 0o600);
        assert_eq!(fs::read_dir(&state).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn what_others_may_touch_is_refused() {
        let temporary = tempfile::tempdir().unwrap();
        let state = temporary.path().join("state");
        private_directory(&state).unwrap();
        let file = state.join("x.json");
        replace(&file, b"text").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read_private(&file, 10), Err(Error::StateMode { mode: 0o640, .. })));
        fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(private_directory(&state), Err(Error::StateMode { mode: 0o755, .. })));
    }

    #[test]
    fn links_large_files_and_wrong_kinds_are_refused() {
        let temporary = tempfile::tempdir().unwrap();
        let (file, link) = (temporary.path().join("x"), temporary.path().join("link"));
        replace(&file, b"text").unwrap();
        symlink(&file, &link).unwrap();
        assert!(read_private(&link, 10).is_err());
        assert!(read_private(&file, 3).is_err());
        assert!(read_private(temporary.path(), 10).is_err());
        assert!(private_directory(&file).is_err());
        symlink(temporary.path(), temporary.path().join("dirlink")).unwrap();
        assert!(private_directory(&temporary.path().join("dirlink")).is_err());
    }

    #[test]
    fn the_lock_is_exclusive() {
        let temporary = tempfile::tempdir().unwrap();
        let first = lock(temporary.path()).unwrap();
        assert!(matches!(lock(temporary.path()), Err(Error::StateInUse { .. })));
        drop(first);
        lock(temporary.path()).unwrap();
    }
}
