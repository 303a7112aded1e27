//! The journal of an enrolment desk: the same lines as that of a bulk run, so that it can be reported and undone as one.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use identity::PairingHash;
use pairing::Undo;
use sha2::{Digest, Sha256};

use crate::journal::now;
use crate::manifest::MAX_MANIFEST;
use crate::roster::Expected;
use crate::{Begin, Error, Intent, Journal, Line, Outcome, Roster, RowResult, SCHEMA_VERSION, Writer};

/// What was done at a desk: on the disk where there is a journal, and in memory.
#[derive(Debug)]
pub struct StationJournal {
    journal: Option<Journal>,
    done: BTreeSet<usize>,
}

impl StationJournal {
    /// Without a file: what is done is forgotten at the end.
    pub fn in_memory() -> Self {
        Self { journal: None, done: BTreeSet::new() }
    }

    /// Begins a journal, or takes that of an earlier day up again: the rows that are done are known then. `sha256` is the
    /// [digest](manifest_digest) of the manifest.
    ///
    /// # Errors
    ///
    /// [`Error::OtherPlan`] for the journal of another manifest, or of other accounts; [`Error::JournalUndone`]; those of
    /// [`Journal::create`] and [`Journal::open`].
    pub fn open(path: &Path, roster: &Roster, sha256: &str, backend: &str, root: Option<&Path>) -> Result<Self, Error> {
        let begin = Begin {
            schema_version: SCHEMA_VERSION,
            writer: Writer::Station,
            plan_sha256: sha256.to_owned(),
            backend: backend.to_owned(),
            root: root.map(Path::to_owned),
            rows: roster.expected().len(),
            time: now(),
        };
        if path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(Self { journal: Some(Journal::create(path, &begin)?), done: BTreeSet::new() });
        }
        let (mut journal, history) = Journal::open(path)?;
        let Some(history) = history else {
            journal.begin(&begin)?;
            return Ok(Self { journal: Some(journal), done: BTreeSet::new() });
        };
        let same = Begin { time: history.begin.time.clone(), writer: history.begin.writer, ..begin };
        if history.begin != same {
            return Err(Error::OtherPlan { path: path.to_owned() });
        }
        if !history.undone.is_empty() {
            return Err(Error::JournalUndone { path: path.to_owned() });
        }
        let done = (0..same.rows).filter(|row| history.is_settled(*row)).collect();
        Ok(Self { journal: Some(journal), done })
    }

    /// As [`open`](Self::open), and writes nothing: what is done from now on is forgotten at the end.
    ///
    /// # Errors
    ///
    /// Those of `open`.
    pub fn rehearse(
        path: &Path,
        roster: &Roster,
        sha256: &str,
        backend: &str,
        root: Option<&Path>,
    ) -> Result<Self, Error> {
        if path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(Self::in_memory());
        }
        let history = Journal::read(path)?;
        let begin = &history.begin;
        if begin.plan_sha256 != sha256 || begin.backend != backend || begin.root.as_deref() != root {
            return Err(Error::OtherPlan { path: path.to_owned() });
        }
        let done = (0..roster.expected().len()).filter(|row| history.is_settled(*row)).collect();
        Ok(Self { journal: None, done })
    }

    /// Whether a row is done.
    pub fn is_done(&self, row: usize) -> bool {
        self.done.contains(&row)
    }

    /// How many rows are done.
    pub fn done(&self) -> usize {
        self.done.len()
    }

    /// Writes down what is about to be changed, and how to undo it.
    ///
    /// # Errors
    ///
    /// What the system says; then nothing may be changed.
    pub fn intend(&mut self, expected: &Expected, undo: &Undo) -> io::Result<()> {
        let intent = Intent { row: expected.row, user: expected.user.clone(), undo: undo.clone(), time: now() };
        self.journal.as_mut().map_or(Ok(()), |journal| journal.append(&[Line::Intent(intent)]))
    }

    /// Writes down what became of a row, with what is to be done about it.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`].
    pub fn settle(
        &mut self,
        expected: &Expected,
        hash: Option<PairingHash>,
        result: RowResult,
        error: Option<String>,
        next: Option<String>,
        notes: Vec<String>,
    ) -> Result<(), Error> {
        if matches!(result, RowResult::Changed | RowResult::Unchanged) {
            self.done.insert(expected.row);
        }
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let Expected { row, line, user, action, .. } = expected.clone();
        let pairing_hash = hash.map(|hash| hash.to_string());
        let outcome = Outcome { row, line, user, action, pairing_hash, result, error, next, notes, time: now() };
        journal.append(&[Line::Outcome(outcome)]).map_err(|source| journal.failed(source))
    }
}

/// The SHA-256 digest of a manifest, of its first 256 MiB, 64 lower-case hexadecimal digits.
///
/// # Errors
///
/// [`Error::Plan`] when it cannot be read.
pub fn manifest_digest(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::Plan { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut file = file.take(MAX_MANIFEST);
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hex::encode(hash.finalize())),
            count => hash.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}
