//! The lines of a journal.

use std::path::PathBuf;

use pairing::Undo;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::{PlannedRow, RowAction};

/// The first line: what the journal is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// [`SCHEMA_VERSION`](crate::SCHEMA_VERSION).
    pub schema_version: u32,
    /// What the journal is written by.
    #[serde(default)]
    pub writer: Writer,
    /// The SHA-256 digest of the plan file, 64 lower-case hexadecimal digits; of a desk, that of its manifest.
    pub plan_sha256: String,
    /// The backend.
    pub backend: String,
    /// The directory tree that stands for `/`; `None` for the live system.
    pub root: Option<PathBuf>,
    /// How many rows the plan has.
    pub rows: usize,
    /// When the run began, RFC 3339, UTC.
    pub time: String,
}

/// What writes a journal, and can go on with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Writer {
    /// A run over a plan.
    #[default]
    Apply,
    /// An enrolment desk.
    Station,
}

/// Every other line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// A change that is about to be made.
    Intent(Intent),
    /// What became of a row.
    Outcome(Outcome),
    /// A change that was to be undone.
    Undone(Undone),
}

/// A change that is about to be made. Whether it was made the line does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The row of the plan, from 0.
    pub row: usize,
    /// The account.
    pub user: String,
    /// How to undo it; this fits also when it was only made in part, or not at all.
    pub undo: Undo,
    /// When, RFC 3339, UTC.
    pub time: String,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The row of the plan, from 0.
    pub row: usize,
    /// The line of the manifest, from 1.
    pub line: u64,
    /// The account.
    pub user: String,
    /// What was wanted.
    pub action: RowAction,
    /// The pairing hash of the key, 40 upper-case hexadecimal digits, where one is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairing_hash: Option<String>,
    /// What became of it.
    pub result: RowResult,
    /// What went wrong, or what is waited for; not escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What a person has to do before it counts, or should know, each a sentence without its full stop; not escaped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// When, RFC 3339, UTC.
    pub time: String,
}

impl Outcome {
    pub(crate) fn of(row: usize, planned: &PlannedRow, result: RowResult) -> Self {
        Outcome {
            row,
            line: planned.line,
            user: planned.user.clone(),
            action: planned.action,
            pairing_hash: planned.pairing_hash.map(|hash| hash.to_string()),
            result,
            error: None,
            next: None,
            notes: Vec::new(),
            time: now(),
        }
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowResult {
    /// It was carried out and read back.
    Changed,
    /// Everything was so already.
    Unchanged,
    /// It was not carried out.
    Failed,
    /// It was not carried out, because its person has to be there.
    Waiting,
}

/// What became of a change that was to be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// The number of the intent among the intents of the journal, from 0.
    pub intent: usize,
    /// Its row.
    pub row: usize,
    /// Its account.
    pub user: String,
    /// What became of it.
    pub result: UndoResult,
    /// Why it was left; not escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What a person has to do before it counts, or should know, each a sentence without its full stop; not escaped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// When, RFC 3339, UTC.
    pub time: String,
}

/// What became of a change that was to be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UndoResult {
    /// Everything is as it was before the change.
    Restored,
    /// It was left as it is, because somebody changed it since, or because of another error.
    Left,
}

/// The time, RFC 3339, UTC, in whole seconds.
pub(crate) fn now() -> String {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default()
}
