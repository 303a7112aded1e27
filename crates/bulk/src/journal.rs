//! The journal of a bulk run: what was about to be done, and what was done, one line of JSON each.
//!
//! ```text
//! {"schema_version":1,"plan_sha256":...}      Begin: which plan, which backend, which tree
//! {"kind":"intent","row":0,...,"undo":{...}}  on the disk before the change is made
//! {"kind":"outcome","row":0,...}              on the disk after it
//! {"kind":"undone","intent":0,...}            `bulk undo` put it back, or left it
//! ```
//!
//! Lines that belong together are written and synced in one step, so that the time of a batch is that of one sync. A write
//! that was cut off leaves a line without its end, or zeros where the disk had not come to write; when nothing whole stands
//! behind them, nothing was done on the strength of them, and the next write takes their place. Zeros before whole lines
//! are a damage: changes may have been made of which the journal no longer tells, so it is refused.
//!
//! The file holds what is needed to undo, so it is its owner's alone (mode 0600). It is locked (flock) as long as a run works
//! with it. A journal that somebody else owns or may write to is not believed: it could ask for anything.

mod history;
mod line;

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use nix::unistd::geteuid;

use crate::Error;

pub use history::{History, IntentAt};
pub(crate) use line::now;
pub use line::{Begin, Intent, Line, Outcome, RowResult, UndoResult, Undone, Writer};

/// A journal that is written to. It is locked as long as this lives.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Where the next line goes, in bytes; everything before it is whole and on the disk.
    end: u64,
    /// Whether something that was cut off stands behind that.
    torn: bool,
}

impl Journal {
    /// Makes a new journal.
    ///
    /// # Errors
    ///
    /// [`Error::JournalExists`], [`Error::JournalBusy`], [`Error::Journal`] when it cannot be written.
    pub fn create(path: &Path, begin: &Begin) -> Result<Self, Error> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => Error::JournalExists { path: path.to_owned() },
            _ => Error::Journal { path: path.to_owned(), source },
        })?;
        let mut journal = Self { path: path.to_owned(), file, end: 0, torn: false };
        journal.lock()?;
        journal.begin(begin)?;
        Ok(journal)
    }

    /// Takes a journal up again, as its only writer, and reads what is in it. What was cut off while it was written stays
    /// until something is written. Of a journal that ended before its first line was whole, there is no history.
    ///
    /// # Errors
    ///
    /// [`Error::JournalBusy`]; [`Error::JournalUnsafe`] when it is no file of this user or others may write to it;
    /// [`Error::JournalMalformed`]; [`Error::Journal`].
    pub fn open(path: &Path) -> Result<(Self, Option<History>), Error> {
        let failed = |source| Error::Journal { path: path.to_owned(), source };
        let file = OpenOptions::new().read(true).write(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path);
        let file = file.map_err(|source| match source.raw_os_error() {
            Some(nix::libc::ELOOP) => unsafe_journal(path, "is a symbolic link"),
            _ => failed(source),
        })?;
        check_owner(path, &file)?;
        let mut journal = Self { path: path.to_owned(), file, end: 0, torn: false };
        journal.lock()?;
        let (history, end) = history::read(path, &journal.file)?;
        journal.end = end;
        journal.torn = journal.file.metadata().map_err(failed)?.len() > end;
        Ok((journal, history))
    }

    /// Reads a journal, which another process may be writing to.
    ///
    /// # Errors
    ///
    /// [`Error::JournalMalformed`], also for a journal without a whole first line; [`Error::Journal`].
    pub fn read(path: &Path) -> Result<History, Error> {
        let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path);
        let file = file.map_err(|source| Error::Journal { path: path.to_owned(), source })?;
        let empty = || Error::JournalMalformed { path: path.to_owned(), line: 1, why: "is missing".to_owned() };
        history::read(path, &file)?.0.ok_or_else(empty)
    }

    /// Whether its first line is there.
    pub fn has_begun(&self) -> bool {
        self.end > 0
    }

    /// Writes the first line of an empty journal.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`].
    pub fn begin(&mut self, begin: &Begin) -> Result<(), Error> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.to_owned();
        let written = self.write(std::slice::from_ref(begin)).and_then(|()| File::open(folder)?.sync_all());
        written.map_err(|source| self.failed(source))
    }

    /// Writes lines and waits until they are on the disk. When that fails the journal is as before.
    ///
    /// # Errors
    ///
    /// What the system says, such as that the disk is full.
    pub fn append(&mut self, lines: &[Line]) -> io::Result<()> {
        self.write(lines)
    }

    /// The undo that an intent tells of.
    ///
    /// # Errors
    ///
    /// [`Error::JournalMalformed`] or [`Error::Journal`] when it is not as it was when it was read first.
    pub fn undo(&self, at: &IntentAt) -> Result<pairing::Undo, Error> {
        let mut bytes = vec![0; at.length];
        self.file.read_exact_at(&mut bytes, at.offset).map_err(|source| self.failed(source))?;
        match serde_json::from_slice(&bytes) {
            Ok(Line::Intent(intent)) => Ok(intent.undo),
            _ => Err(Error::JournalMalformed {
                path: self.path.clone(),
                line: at.line,
                why: "changed while it was read".to_owned(),
            }),
        }
    }

    /// Where the journal is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An error of the system, told as one of this journal.
    pub fn failed(&self, source: io::Error) -> Error {
        Error::Journal { path: self.path.clone(), source }
    }

    /// A program that is just being started holds it for a moment together with whoever starts it, so one moment is waited.
    fn lock(&self) -> Result<(), Error> {
        let end = Instant::now() + LOCK_WAIT;
        loop {
            match self.file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(source)) => return Err(self.failed(source)),
                Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(LOCK_POLL),
                Err(TryLockError::WouldBlock) => return Err(Error::JournalBusy { path: self.path.clone() }),
            }
        }
    }

    fn write(&mut self, lines: &[impl serde::Serialize]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut bytes, line)?;
            bytes.push(b'\n');
        }
        if self.torn {
            tracing::info!(end = self.end, "journal_cut");
            self.file.set_len(self.end).and_then(|()| self.file.sync_all())?;
            self.torn = false;
        }
        let written = self.file.write_all_at(&bytes, self.end).and_then(|()| self.file.sync_data());
        if written.is_err() {
            // If even this fails, what is there is seen to be cut off.
            let _ = self.file.set_len(self.end);
        } else {
            self.end += bytes.len() as u64;
        }
        written
    }
}

fn check_owner(path: &Path, file: &File) -> Result<(), Error> {
    let data = file.metadata().map_err(|source| Error::Journal { path: path.to_owned(), source })?;
    if !data.is_file() {
        return Err(unsafe_journal(path, "is not a file"));
    }
    if data.uid() != geteuid().as_raw() && data.uid() != 0 {
        return Err(unsafe_journal(path, "belongs to somebody else"));
    }
    if data.mode() & 0o022 != 0 {
        return Err(unsafe_journal(path, "can be changed by others than its owner"));
    }
    Ok(())
}

fn unsafe_journal(path: &Path, why: &'static str) -> Error {
    Error::JournalUnsafe { path: path.to_owned(), why }
}

const LOCK_WAIT: Duration = Duration::from_secs(1);
const LOCK_POLL: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests;
