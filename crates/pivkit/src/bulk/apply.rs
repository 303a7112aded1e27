//! `pivkit bulk apply`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use bulk::apply::{End, Run};
use bulk::report::{Counts, NoteOfRows, Report, ReportRow};
use bulk::{
    Error as BulkError, History, Journal, LoadedPlan, Lookup, Outcome, PlanFile, RowAction, RowResult, Watcher,
};
use serde::Serialize;

use super::at_login::{AtLogin, AtLoginReport, Pending};
use crate::report::SCHEMA_VERSION;
use crate::{Accounts, Error, Ui};

/// What `pivkit bulk apply` was asked.
#[derive(Clone, Debug)]
pub struct ApplyRequest {
    /// The journal.
    pub journal: PathBuf,
    /// Go on with a journal that is there.
    pub resume: bool,
    /// How many rows are worked on at once, where the backend allows it.
    pub jobs: NonZeroUsize,
    /// Carry out the good rows of a plan that has others.
    pub skip_problems: bool,
    /// Only say what would change.
    pub dry_run: bool,
    /// Leave the rows that wait for their person for the next login, on a Mac.
    pub at_login: Option<AtLogin>,
}

/// `pivkit bulk apply`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ApplyReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The backend.
    pub backend: String,
    /// The directory tree that stands for `/`; `None` for the live system.
    pub root: Option<PathBuf>,
    /// The journal.
    pub journal: PathBuf,
    /// True if nothing was carried out because that was asked.
    pub dry_run: bool,
    /// True if the run was interrupted before all rows had their turn.
    pub interrupted: bool,
    /// What this run did. Rows that were settled before it are not among it.
    pub this_run: Tally,
    /// What the journal tells of all runs; `None` for a dry run.
    pub all_runs: Option<Counts>,
    /// The rows that somebody has to see to; the first 1000 of them.
    pub open: Vec<ReportRow>,
    /// What was left for the next logins, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_login: Option<AtLoginReport>,
    /// What a person has to do before the changes of this run count, or should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<NoteOfRows>,
    /// What a dry run found out about each row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rehearsed: Vec<RehearsedRow>,
}

/// How many rows came to what.
#[derive(Clone, Copy, Debug, Default, Serialize, PartialEq, Eq)]
pub struct Tally {
    /// Carried out, or for a dry run: would be.
    pub changed: usize,
    /// So already.
    pub unchanged: usize,
    /// Not carried out, or would not be.
    pub failed: usize,
    /// Not carried out, because the person has to be there.
    pub waiting: usize,
    /// Settled before this run.
    pub passed_over: usize,
}

impl Tally {
    /// The rows of two runs.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            changed: self.changed + other.changed,
            unchanged: self.unchanged + other.unchanged,
            failed: self.failed + other.failed,
            waiting: self.waiting + other.waiting,
            passed_over: self.passed_over + other.passed_over,
        }
    }
}

/// A row in a dry run.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct RehearsedRow {
    /// The line of the manifest, from 1.
    pub line: u64,
    /// The account.
    pub user: String,
    /// What is wanted.
    pub action: RowAction,
    /// What would change, in words; empty if everything is so already.
    pub changes: Vec<String>,
    /// Why it cannot be carried out.
    pub error: Option<String>,
}

/// Carries out a plan: one question, then row by row, each written to the journal before and after. Everything is planned anew
/// against what is there now.
///
/// # Errors
///
/// [`Error::Bulk`] when plan or journal do not fit, or the journal cannot be written; [`Error::Mac`] when what was to be left for
/// logins could be changed by others than root, or cannot be written; [`Error::Pairing`] when this process is
/// not permitted to change accounts; [`Error::Declined`]. What goes wrong with a row is in the report.
pub fn apply(
    accounts: &Accounts,
    loaded: &LoadedPlan,
    request: &ApplyRequest,
    ui: &mut dyn Ui,
    watcher: &dyn Watcher,
) -> Result<ApplyReport, Error> {
    let plan = &loaded.plan;
    loaded.check_system(accounts.backend().name(), accounts.tree())?;
    if !plan.problems.is_empty() && !request.skip_problems {
        return Err(BulkError::PlanHasProblems { count: plan.problems.len() }.into());
    }
    let pending = request.at_login.as_ref().map(|at_login| Pending::check(accounts, at_login)).transpose()?;
    let table = accounts.table()?;
    let lookup = |name: &_| table.account(name);
    if request.dry_run {
        return Ok(rehearse(accounts, plan, request, &lookup));
    }
    let taken_up = take_up(loaded, request)?;
    let history = taken_up.as_ref().map_or_else(|| History::new(loaded.begin()), |(_, history)| history.clone());
    let open = (0..plan.rows.len()).filter(|row| !history.is_settled(*row)).count();
    if open > 0 {
        check_access(accounts, plan, &history, &lookup)?;
        let question = format!("Carry out {open} rows through {}", plan.backend);
        if !ui.confirm(&summary(plan, &history), &question)? {
            return Err(Error::Declined);
        }
    }
    let journal = match taken_up {
        Some((mut journal, _)) => {
            if !journal.has_begun() {
                journal.begin(&history.begin)?;
            }
            journal
        }
        None => Journal::create(&request.journal, &history.begin)?,
    };
    let counting = Counting { watcher, tally: Mutex::default(), notes: Mutex::default() };
    let run = Run::new(plan, accounts.backend(), &lookup, &counting, (journal, &history));
    let end = run.carry_out(request.jobs)?;
    drop(run);
    let history = Journal::read(&request.journal)?;
    let told = Report::of(&history);
    let at_login = pending.map(|pending| pending.leave(accounts, loaded, &history)).transpose()?;
    let tally = *counting.tally.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(ApplyReport {
        interrupted: end == End::Stopped,
        this_run: Tally { passed_over: plan.rows.len() - open, ..tally },
        all_runs: Some(told.counts),
        open: told.open_rows().take(MAX_OPEN).cloned().collect(),
        at_login,
        notes: NoteOfRows::counted(&*counting.notes.lock().unwrap_or_else(PoisonError::into_inner)),
        ..empty_report(accounts, request)
    })
}

/// The journal that is to be gone on with.
fn take_up(loaded: &LoadedPlan, request: &ApplyRequest) -> Result<Option<(Journal, History)>, Error> {
    let path = &request.journal;
    if !request.resume {
        return if path.symlink_metadata().is_ok() {
            Err(BulkError::JournalExists { path: path.clone() }.into())
        } else {
            Ok(None)
        };
    }
    // A run that is resumed before it ever began, as a script may that always resumes.
    if path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let (journal, history) = Journal::open(path)?;
    let Some(history) = history else {
        return Ok(Some((journal, History::new(loaded.begin()))));
    };
    if history.begin.plan_sha256 != loaded.sha256 {
        return Err(BulkError::OtherPlan { path: path.clone() }.into());
    }
    if !history.undone.is_empty() {
        return Err(BulkError::JournalUndone { path: path.clone() }.into());
    }
    Ok(Some((journal, history)))
}

/// Asks once, for the first row that changes something, whether this process can change accounts at all.
fn check_access(accounts: &Accounts, plan: &PlanFile, history: &History, lookup: Lookup<'_>) -> Result<(), Error> {
    let open = plan.rows.iter().enumerate().filter(|(row, _)| !history.is_settled(*row)).map(|(_, row)| row.clone());
    let first = PlanFile { rows: open.take(PROBES).collect(), ..empty_plan(plan) };
    let plans = Run::rehearse(&first, accounts.backend(), lookup);
    let Some(changing) = plans.into_iter().flatten().find(|plan| !plan.is_unchanged()) else { return Ok(()) };
    match accounts.backend().check_access(&changing) {
        Err(error @ pairing::Error::NotPermitted { .. }) => Err(error.into()),
        // What else is wrong may be wrong with this row alone.
        _ => Ok(()),
    }
}

fn empty_plan(plan: &PlanFile) -> PlanFile {
    PlanFile {
        schema_version: plan.schema_version,
        backend: plan.backend.clone(),
        root: plan.root.clone(),
        host: plan.host.clone(),
        rows: Vec::new(),
        waiting: Vec::new(),
        skipped: Vec::new(),
        problems: Vec::new(),
        unmatched: Vec::new(),
    }
}

/// What is about to be done, a line each.
fn summary(plan: &PlanFile, history: &History) -> Vec<String> {
    let open = || plan.rows.iter().enumerate().filter(|(row, _)| !history.is_settled(*row)).map(|(_, row)| row);
    let actions = [(RowAction::Pair, "pair"), (RowAction::Replace, "replace"), (RowAction::Unpair, "unpair")];
    let mut lines: Vec<String> = actions
        .into_iter()
        .map(|(action, name)| (name, open().filter(|row| row.action == action).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{name}: {count} rows"))
        .collect();
    let so_already = open().filter(|row| row.changes.is_empty()).count();
    if so_already > 0 {
        lines.push(format!("{so_already} of them were so already when the plan was made"));
    }
    if !plan.problems.is_empty() {
        lines.push(format!("{} rows with problems are passed over", plan.problems.len()));
    }
    if !plan.waiting.is_empty() {
        lines.push(format!("{} rows wait for their cards, for `pivkit bulk station`", plan.waiting.len()));
    }
    lines
}

fn rehearse(accounts: &Accounts, plan: &PlanFile, request: &ApplyRequest, lookup: Lookup<'_>) -> ApplyReport {
    let plans = Run::rehearse(plan, accounts.backend(), lookup);
    let (mut tally, mut notes) = (Tally::default(), Vec::new());
    let row = |(row, plan): (&bulk::PlannedRow, Result<pairing::Plan, String>)| {
        let (changes, error) = match plan {
            Ok(plan) if plan.is_unchanged() => (Vec::new(), None),
            Ok(plan) => {
                notes.extend(plan.notes().iter().map(ToString::to_string));
                (plan.changes().iter().map(ToString::to_string).collect(), None)
            }
            Err(error) => (Vec::new(), Some(error)),
        };
        *match (&error, changes.is_empty()) {
            (Some(_), _) => &mut tally.failed,
            (None, true) => &mut tally.unchanged,
            (None, false) => &mut tally.changed,
        } += 1;
        RehearsedRow { line: row.line, user: row.user.clone(), action: row.action, changes, error }
    };
    let rehearsed = plan.rows.iter().zip(plans).map(row).collect();
    let notes = NoteOfRows::counted(&notes);
    ApplyReport { dry_run: true, rehearsed, notes, this_run: tally, ..empty_report(accounts, request) }
}

fn empty_report(accounts: &Accounts, request: &ApplyRequest) -> ApplyReport {
    ApplyReport {
        schema_version: SCHEMA_VERSION,
        backend: accounts.backend().name().to_owned(),
        root: accounts.tree().map(ToOwned::to_owned),
        journal: request.journal.clone(),
        dry_run: false,
        interrupted: false,
        this_run: Tally::default(),
        all_runs: None,
        open: Vec::new(),
        at_login: None,
        notes: Vec::new(),
        rehearsed: Vec::new(),
    }
}

/// Counts what another watcher is told.
struct Counting<'a> {
    watcher: &'a dyn Watcher,
    tally: Mutex<Tally>,
    notes: Mutex<Vec<String>>,
}

impl Watcher for Counting<'_> {
    fn begin(&self, total: usize) {
        self.watcher.begin(total);
    }

    fn row(&self, outcome: &Outcome) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        *match outcome.result {
            RowResult::Changed => &mut tally.changed,
            RowResult::Unchanged => &mut tally.unchanged,
            RowResult::Failed => &mut tally.failed,
            RowResult::Waiting => &mut tally.waiting,
        } += 1;
        drop(tally);
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&outcome.notes);
        self.watcher.row(outcome);
    }

    fn stop(&self) -> bool {
        self.watcher.stop()
    }

    fn next(&self, error: &pairing::Error) -> Option<String> {
        self.watcher.next(error)
    }
}

/// How many rows are named one by one.
const MAX_OPEN: usize = 1000;
/// How many rows are looked at to find one that changes something.
const PROBES: usize = 50;
