//! The file itself: owner and mode count as much as its contents.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use super::lint::MODE;
use super::{PATH, Parsed, SmartcardLogin};
use crate::Error;

/// A file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Where.
    pub path: PathBuf,
    /// Its contents, at most 1 MiB and one byte.
    pub bytes: Vec<u8>,
    /// The user id of its owner.
    pub owner: u32,
    /// Its permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// Whether it is reached through a symbolic link of this name.
    pub is_link: bool,
}

impl Installed {
    /// The file of the Mac whose `/` is `root`; `None` if it has none.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn below(root: &Path) -> Result<Option<Self>, Error> {
        let path = root.join(PATH.trim_start_matches('/'));
        match Self::open(&path) {
            Err(Error::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            result => result.map(Some),
        }
    }

    /// A file by its path.
    ///
    /// # Errors
    ///
    /// [`Error::File`], also for what is no file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        let is_link = fs::symlink_metadata(path).map_err(failed)?.is_symlink();
        // A named pipe would keep whoever opens it.
        let open = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path);
        let file = open.map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::other("it is no file")));
        }
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
        let (owner, mode) = (metadata.uid(), metadata.permissions().mode() & 0o7777);
        Ok(Self { path: path.to_owned(), bytes, owner, mode, is_link })
    }

    /// What it says.
    ///
    /// # Errors
    ///
    /// As [`SmartcardLogin::parse`].
    pub fn parse(&self) -> Result<Parsed, Error> {
        SmartcardLogin::parse(&self.bytes)
    }

    /// Whether macOS ignores it for its owner or its mode.
    pub fn is_ignored(&self) -> bool {
        self.owner != 0 || self.mode != MODE
    }
}

/// What became of a file that was to be put in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// It was written.
    Written,
    /// It is there already, byte for byte.
    Unchanged,
}

/// Puts a file in its place at once and as a whole: mode 644, and owner and group 0 if this process is root.
///
/// # Errors
///
/// [`Error::Different`] if another one is there that may not be replaced; [`Error::NotWritten`]; [`Error::File`].
pub fn place(path: &Path, bytes: &[u8], replace: bool) -> Result<Placed, Error> {
    let failed = |source| Error::NotWritten { path: path.to_owned(), source };
    match Installed::open(path) {
        Ok(found) if found.bytes == bytes && !found.is_link && (!geteuid().is_root() || !found.is_ignored()) => {
            return Ok(Placed::Unchanged);
        }
        Ok(found) if found.bytes == bytes || replace => {}
        Ok(_) => return Err(Error::Different { path: path.to_owned() }),
        Err(Error::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = directory.join(format!(".{name}.pivkit.{}", std::process::id()));
    let result = write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result.map_err(failed)?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
    Ok(Placed::Written)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    if geteuid().is_root() {
        fchown(&file, Some(0), Some(0))?;
    }
    // Whatever the umask is.
    file.set_permissions(fs::Permissions::from_mode(MODE))?;
    file.sync_all()
}

const MAX_FILE: u64 = 1024 * 1024;
