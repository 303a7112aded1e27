//! What a journal tells.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde::de::IgnoredAny;

use super::{Begin, Line, Outcome, RowResult, UndoResult, Undone};
use crate::{Error, SCHEMA_VERSION};

/// Everything in a journal but the undos themselves, which can be large and are read when they are wanted.
#[derive(Debug, Clone)]
pub struct History {
    /// Its first line.
    pub begin: Begin,
    /// The last outcome of each row that has one.
    pub outcomes: BTreeMap<usize, Outcome>,
    /// Where the intents are, in the order in which they were written.
    pub intents: Vec<IntentAt>,
    /// What became of undoing them, by the number of the intent; the last word on each.
    pub undone: BTreeMap<usize, Undone>,
    /// How many intents each row has.
    intents_of_rows: BTreeMap<usize, usize>,
}

/// Where an intent stands in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentAt {
    /// Its row.
    pub row: usize,
    /// Its account.
    pub user: String,
    /// The line of the journal, from 1.
    pub line: u64,
    pub(super) offset: u64,
    pub(super) length: usize,
}

impl History {
    /// That of a journal with nothing but a first line.
    pub fn new(begin: Begin) -> Self {
        let (outcomes, intents, undone, intents_of_rows) = Default::default();
        Self { begin, outcomes, intents, undone, intents_of_rows }
    }

    /// Whether nothing more is to be done about a row.
    pub fn is_settled(&self, row: usize) -> bool {
        let outcome = self.outcomes.get(&row).map(|outcome| outcome.result);
        matches!(outcome, Some(RowResult::Changed | RowResult::Unchanged))
    }

    /// Whether a change of a row may have been made: then one that is there is taken to be its own.
    pub fn has_intent(&self, row: usize) -> bool {
        self.intents_of_rows.contains_key(&row)
    }

    /// Rows of which it is not known what became: a change was about to be made, and nothing more was written.
    pub fn in_doubt(&self) -> impl Iterator<Item = usize> {
        self.intents_of_rows.keys().copied().filter(|row| !self.outcomes.contains_key(row))
    }

    /// The intents that were not undone, with their numbers, in the order in which they were written.
    pub fn to_undo(&self) -> Vec<(usize, &IntentAt)> {
        let restored = |number: &usize| self.undone.get(number).is_some_and(|done| done.result == UndoResult::Restored);
        self.intents.iter().enumerate().filter(|(number, _)| !restored(number)).collect()
    }

    /// Takes a line in; says what is wrong with it otherwise.
    fn add(&mut self, line: Line, number: u64, offset: u64, length: usize) -> Result<(), &'static str> {
        let row = match &line {
            Line::Intent(intent) => intent.row,
            Line::Outcome(outcome) => outcome.row,
            Line::Undone(undone) => undone.row,
        };
        if row >= self.begin.rows {
            return Err("tells of a row that the plan does not have");
        }
        match line {
            Line::Intent(intent) => {
                self.intents.push(IntentAt { row, user: intent.user, line: number, offset, length });
                *self.intents_of_rows.entry(row).or_default() += 1;
            }
            Line::Outcome(outcome) => drop(self.outcomes.insert(row, outcome)),
            Line::Undone(undone) if undone.intent < self.intents.len() => {
                self.undone.insert(undone.intent, undone);
            }
            Line::Undone(_) => return Err("undoes what was not done"),
        }
        Ok(())
    }
}

/// Reads a journal up to its end, or to where writing it was cut off; returns that place, in bytes. `None` when not even
/// the first line is whole. Zeros before whole lines are no end: nobody can say what stood there.
pub(super) fn read(path: &Path, file: &File) -> Result<(Option<History>, u64), Error> {
    let failed = |source| Error::Journal { path: path.to_owned(), source };
    let malformed = |line, why: &str| Error::JournalMalformed { path: path.to_owned(), line, why: why.to_owned() };
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut history: Option<History> = None;
    let (mut offset, mut buffer) = (0, Vec::new());
    for number in 1.. {
        buffer.clear();
        let length = reader.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut buffer).map_err(failed)?;
        if length as u64 > MAX_LINE {
            return Err(malformed(number, "is longer than 16 MiB"));
        }
        // Zeros stand where the disk did not come to write, in a line or for any number of lines.
        let Some(text) = buffer.strip_suffix(b"\n").filter(|text| !text.contains(&0)) else {
            let hole = buffer.rsplit(|byte| *byte == 0).next().unwrap_or_default();
            if is_whole(hole) || whole_line_follows(&mut reader).map_err(failed)? {
                return Err(malformed(number, "holds zeros, and whole lines stand behind it"));
            }
            break;
        };
        match &mut history {
            None => {
                let begin: Begin =
                    serde_json::from_slice(text).map_err(|_| malformed(number, "is not that of a journal"))?;
                if begin.schema_version != SCHEMA_VERSION {
                    return Err(malformed(number, "was written by another version of pivkit"));
                }
                history = Some(History::new(begin));
            }
            Some(history) => {
                let line = serde_json::from_slice(text).map_err(|_| malformed(number, "is not that of a journal"))?;
                history.add(line, number, offset, text.len()).map_err(|why| malformed(number, why))?;
            }
        }
        offset += length as u64;
    }
    Ok((history, offset))
}

/// Whether anything in the rest is a line of a journal: then what stands before it was on the disk once, and may have been
/// acted upon.
fn whole_line_follows(reader: &mut impl BufRead) -> io::Result<bool> {
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let length = reader.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut buffer)?;
        if length == 0 {
            return Ok(false);
        }
        if is_whole(buffer.rsplit(|byte| *byte == 0).next().unwrap_or_default()) {
            return Ok(true);
        }
    }
}

/// Whether bytes are an object of JSON and the end of its line.
fn is_whole(bytes: &[u8]) -> bool {
    let object = bytes.strip_suffix(b"\n").filter(|text| text.starts_with(b"{"));
    object.is_some_and(|text| serde_json::from_slice::<IgnoredAny>(text).is_ok())
}

/// The undo of a line holds a file of at most 1 MiB.
const MAX_LINE: u64 = 16 * 1024 * 1024;
