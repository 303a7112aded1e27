//! What a journal tells people: counts, what failed and why, what to do.

mod csv;
mod html;
mod text;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{History, RowAction, RowResult, SCHEMA_VERSION, UndoResult, Writer};

/// A journal, told row by row. Texts are those of the journal, not escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The backend.
    pub backend: String,
    /// The directory tree that stands for `/`; `None` for the live system.
    pub root: Option<String>,
    /// The SHA-256 digest of the plan file, lower-case hexadecimal.
    pub plan_sha256: String,
    /// When the run began, RFC 3339, UTC.
    pub began: String,
    /// When the last row was done, RFC 3339, UTC.
    pub ended: Option<String>,
    /// How many rows came to what.
    pub counts: Counts,
    /// What there is to do, each with how many rows want it; the most frequent first.
    pub to_do: Vec<ToDo>,
    /// What a person has to do before changes count, or should know, each with how many rows it is of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<NoteOfRows>,
    /// The rows of which the journal tells, in the order of the plan.
    pub rows: Vec<ReportRow>,
}

/// How many rows came to what; together they are all rows of the plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All rows of the plan.
    pub rows: usize,
    /// Carried out and read back.
    pub changed: usize,
    /// So already.
    pub unchanged: usize,
    /// Not carried out.
    pub failed: usize,
    /// Not carried out, because the person has to be there.
    pub waiting: usize,
    /// The run ended while it was made; resuming it, or undoing, settles it.
    pub in_doubt: usize,
    /// The run did not come to it.
    pub not_reached: usize,
    /// Undone since.
    pub undone: usize,
    /// To be undone, and left as it is.
    pub not_undone: usize,
}

/// Something to do, and for how many rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToDo {
    /// What to do, a sentence.
    pub next: String,
    /// How many rows want it.
    pub rows: usize,
}

/// Something to know, and of how many rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoteOfRows {
    /// A sentence without its full stop.
    pub note: String,
    /// How many rows it is of.
    pub rows: usize,
}

impl NoteOfRows {
    /// Each note once, the most frequent first.
    pub fn counted<'a>(notes: impl IntoIterator<Item = &'a String>) -> Vec<Self> {
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        notes.into_iter().for_each(|note| *counts.entry(note).or_default() += 1);
        let mut notes: Vec<_> = counts.into_iter().map(|(note, rows)| Self { note: note.clone(), rows }).collect();
        notes.sort_by_key(|note| std::cmp::Reverse(note.rows));
        notes
    }
}

/// A row of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportRow {
    /// The line of the manifest, from 1; `None` where the journal does not tell it.
    pub line: Option<u64>,
    /// The account.
    pub user: String,
    /// What was wanted.
    pub action: Option<RowAction>,
    /// The pairing hash, 40 upper-case hexadecimal digits, where one is meant.
    pub pairing_hash: Option<String>,
    /// What became of it.
    pub result: State,
    /// Why, where there is something to say.
    pub error: Option<String>,
    /// What to do about it.
    pub next: Option<String>,
    /// What a person has to do before it counts, or should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// When, RFC 3339, UTC.
    pub time: Option<String>,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Carried out and read back.
    Changed,
    /// So already.
    Unchanged,
    /// Not carried out.
    Failed,
    /// Not carried out, because the person has to be there.
    Waiting,
    /// The run ended while it was made.
    InDoubt,
    /// Undone since.
    Undone,
    /// To be undone, and left as it is.
    NotUndone,
}

impl State {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            State::Changed => "changed",
            State::Unchanged => "unchanged",
            State::Failed => "failed",
            State::Waiting => "waiting",
            State::InDoubt => "in doubt",
            State::Undone => "undone",
            State::NotUndone => "not undone",
        }
    }

    /// Whether somebody has to see to it.
    pub fn is_open(self) -> bool {
        matches!(self, State::Failed | State::Waiting | State::InDoubt | State::NotUndone)
    }
}

impl Report {
    /// What a journal tells.
    pub fn of(history: &History) -> Self {
        let undone = undone_rows(history);
        let rows: BTreeMap<usize, ReportRow> = settled(history, &undone).chain(in_doubt(history, &undone)).collect();
        let mut counts = Counts { rows: history.begin.rows, ..Counts::default() };
        let mut to_do: BTreeMap<String, usize> = BTreeMap::new();
        for row in rows.values() {
            *counts.of(row.result) += 1;
            if let Some(next) = row.next.as_ref().filter(|_| row.result.is_open()) {
                *to_do.entry(next.clone()).or_default() += 1;
            }
        }
        counts.not_reached = counts.rows.saturating_sub(rows.len());
        if counts.not_reached > 0 && undone.is_empty() {
            *to_do.entry(go_on(history).to_owned()).or_default() += counts.not_reached;
        }
        let mut to_do: Vec<_> = to_do.into_iter().map(|(next, rows)| ToDo { next, rows }).collect();
        to_do.sort_by_key(|to_do| std::cmp::Reverse(to_do.rows));
        let times = history.outcomes.values().map(|outcome| &outcome.time);
        let ended = times.chain(history.undone.values().map(|undone| &undone.time)).max().cloned();
        Report {
            schema_version: SCHEMA_VERSION,
            backend: history.begin.backend.clone(),
            root: history.begin.root.as_ref().map(|root| root.display().to_string()),
            plan_sha256: history.begin.plan_sha256.clone(),
            began: history.begin.time.clone(),
            ended,
            counts,
            to_do,
            notes: NoteOfRows::counted(rows.values().flat_map(|row| &row.notes)),
            rows: rows.into_values().collect(),
        }
    }

    /// The rows that somebody has to see to.
    pub fn open_rows(&self) -> impl Iterator<Item = &ReportRow> {
        self.rows.iter().filter(|row| row.result.is_open())
    }
}

impl Counts {
    fn of(&mut self, state: State) -> &mut usize {
        match state {
            State::Changed => &mut self.changed,
            State::Unchanged => &mut self.unchanged,
            State::Failed => &mut self.failed,
            State::Waiting => &mut self.waiting,
            State::InDoubt => &mut self.in_doubt,
            State::Undone => &mut self.undone,
            State::NotUndone => &mut self.not_undone,
        }
    }

    /// Each count with its name, those that are always shown first.
    pub fn named(&self) -> [(&'static str, usize); 8] {
        [
            ("changed", self.changed),
            ("unchanged", self.unchanged),
            ("failed", self.failed),
            ("waiting", self.waiting),
            ("in doubt", self.in_doubt),
            ("not reached", self.not_reached),
            ("undone", self.undone),
            ("not undone", self.not_undone),
        ]
    }
}

/// Each row of which an undo was tried, with what came of its last intent that was left, or of any.
fn undone_rows(history: &History) -> BTreeMap<usize, &crate::Undone> {
    let mut rows: BTreeMap<usize, &crate::Undone> = BTreeMap::new();
    for undone in history.undone.values() {
        let known = rows.entry(undone.row).or_insert(undone);
        if undone.result == UndoResult::Left {
            *known = undone;
        }
    }
    rows
}

fn settled<'a>(
    history: &'a History,
    undone: &'a BTreeMap<usize, &crate::Undone>,
) -> impl Iterator<Item = (usize, ReportRow)> + 'a {
    history.outcomes.iter().map(|(number, outcome)| {
        let result = match outcome.result {
            RowResult::Changed => State::Changed,
            RowResult::Unchanged => State::Unchanged,
            RowResult::Failed => State::Failed,
            RowResult::Waiting => State::Waiting,
        };
        let row = ReportRow {
            line: Some(outcome.line),
            user: outcome.user.clone(),
            action: Some(outcome.action),
            pairing_hash: outcome.pairing_hash.clone(),
            result,
            error: outcome.error.clone(),
            next: outcome.next.clone(),
            notes: outcome.notes.clone(),
            time: Some(outcome.time.clone()),
        };
        (*number, with_undo(row, undone.get(number)))
    })
}

fn in_doubt<'a>(
    history: &'a History,
    undone: &'a BTreeMap<usize, &crate::Undone>,
) -> impl Iterator<Item = (usize, ReportRow)> + 'a {
    let users: BTreeMap<usize, &String> = history.intents.iter().map(|intent| (intent.row, &intent.user)).collect();
    history.in_doubt().map(move |number| {
        let row = ReportRow {
            line: None,
            user: users.get(&number).map(|user| (*user).clone()).unwrap_or_default(),
            action: None,
            pairing_hash: None,
            result: State::InDoubt,
            error: Some("the run ended while this was changed; it was, or it was not".to_owned()),
            next: Some(go_on(history).to_owned()),
            notes: Vec::new(),
            time: None,
        };
        (number, with_undo(row, undone.get(&number)))
    })
}

fn with_undo(row: ReportRow, undone: Option<&&crate::Undone>) -> ReportRow {
    let Some(undone) = undone else { return row };
    let result = match undone.result {
        UndoResult::Restored => State::Undone,
        UndoResult::Left => State::NotUndone,
    };
    let (error, next, time) = (undone.error.clone(), undone.next.clone(), Some(undone.time.clone()));
    ReportRow { result, error, next, notes: undone.notes.clone(), time, ..row }
}

/// What to do about rows that the run did not come to, or not to the end of.
fn go_on(history: &History) -> &'static str {
    match history.begin.writer {
        Writer::Apply => "Go on with `pivkit bulk apply ... --resume`.",
        Writer::Station => "Go on with `pivkit bulk station ... --journal`: insert their cards.",
    }
}

#[cfg(test)]
mod tests;
