//! `pivkit bulk undo`.

use std::path::PathBuf;

use bulk::apply::End;
use bulk::report::{Counts, NoteOfRows, Report, ReportRow, State};
use bulk::{Error as BulkError, History, Journal, Watcher, same_tree};
use serde::Serialize;

use super::at_login;
use crate::report::SCHEMA_VERSION;
use crate::{Accounts, Error, Ui};

/// What `pivkit bulk undo` was asked.
#[derive(Clone, Debug)]
pub struct UndoRequest {
    /// The journal.
    pub journal: PathBuf,
    /// Only say what would be undone.
    pub dry_run: bool,
}

/// `pivkit bulk undo`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct UndoReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The journal.
    pub journal: PathBuf,
    /// True if nothing was undone because that was asked.
    pub dry_run: bool,
    /// True if the run was interrupted before everything had its turn.
    pub interrupted: bool,
    /// How many changes were to be undone.
    pub changes: usize,
    /// The accounts that they are of, in the order in which they would be undone; for a dry run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// True if what was left for logins was taken away; for a dry run, if it would be.
    pub no_more_at_login: bool,
    /// What the journal tells now.
    pub counts: Counts,
    /// The rows that were left as they are; the first 1000 of them.
    pub left: Vec<ReportRow>,
    /// What a person has to do before what was put back counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<NoteOfRows>,
}

/// Puts back what the changes of a journal found, the last one first. What somebody else has changed since is left.
///
/// # Errors
///
/// [`Error::Bulk`] when the journal is not of this system, in use, not to be believed, or cannot be written;
/// [`Error::NotWritten`] when what was left for logins cannot be taken away; [`Error::Declined`]. What goes wrong with a row is in the report.
pub fn undo(
    accounts: &Accounts,
    request: &UndoRequest,
    ui: &mut dyn Ui,
    watcher: &dyn Watcher,
) -> Result<UndoReport, Error> {
    let (mut journal, history) = Journal::open(&request.journal)?;
    let history = history.ok_or_else(|| {
        let (path, why) = (request.journal.clone(), "is missing".to_owned());
        BulkError::JournalMalformed { path, line: 1, why }
    })?;
    check_system(accounts, &history)?;
    let changes = history.to_undo();
    let mut report = UndoReport {
        schema_version: SCHEMA_VERSION,
        journal: request.journal.clone(),
        dry_run: request.dry_run,
        interrupted: false,
        changes: changes.len(),
        users: Vec::new(),
        no_more_at_login: at_login::is_pending(accounts, &history.begin.plan_sha256),
        counts: Report::of(&history).counts,
        left: Vec::new(),
        notes: Vec::new(),
    };
    if request.dry_run {
        report.users = changes.iter().rev().map(|(_, at)| at.user.clone()).collect();
        return Ok(report);
    }
    if changes.is_empty() && !report.no_more_at_login {
        return Ok(report);
    }
    let mut steps =
        vec![format!("undo {} changes through {}, the last one first", changes.len(), history.begin.backend)];
    if report.no_more_at_login {
        steps.push("nothing of the plan is finished at a login any more".to_owned());
    }
    if !ui.confirm(&steps, "Put back what was there before")? {
        return Err(Error::Declined);
    }
    // First, so that nobody is paired behind the back of this run.
    at_login::forget(accounts, &history.begin.plan_sha256)?;
    let table = accounts.table()?;
    let lookup = |name: &_| table.account(name);
    let end = bulk::undo::undo(accounts.backend(), &lookup, watcher, &mut journal, &history)?;
    drop(journal);
    let told = Report::of(&Journal::read(&request.journal)?);
    let left = told.rows.iter().filter(|row| row.result == State::NotUndone);
    report.left = left.take(MAX_LEFT).cloned().collect();
    let undone = told.rows.iter().filter(|row| row.result == State::Undone);
    report.notes = NoteOfRows::counted(undone.flat_map(|row| &row.notes));
    Ok(UndoReport { interrupted: end == End::Stopped, counts: told.counts, ..report })
}

fn check_system(accounts: &Accounts, history: &History) -> Result<(), Error> {
    let begin = &history.begin;
    let other = |planned, asked| Err(BulkError::OtherSystem { planned, asked }.into());
    if begin.backend != accounts.backend().name() {
        let asked = format!("the backend {}", accounts.backend().name());
        return other(format!("the backend {}", begin.backend), asked);
    }
    if !same_tree(begin.root.as_deref(), accounts.tree()) {
        let name = |tree: Option<&std::path::Path>| match tree {
            Some(tree) => format!("the tree {}", tree.display()),
            None => "this system".to_owned(),
        };
        return other(name(begin.root.as_deref()), name(accounts.tree()));
    }
    Ok(())
}

/// How many rows are named one by one.
const MAX_LEFT: usize = 1000;
