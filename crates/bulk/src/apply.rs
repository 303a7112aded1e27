//! A plan carried out row by row, with a journal.
//!
//! ```text
//! batch of rows -> plan_many      against what is there now: rows that are so already need no more
//!               -> apply_many     witness: one Intent each, on the disk before the change
//!               -> one Outcome each, on the disk
//! ```
//!
//! A run can end anywhere. What it left is looked at again when it is resumed: a row with an outcome is passed over, unless
//! that is `failed` or `waiting`; a row with an intent alone is planned again, and when nothing is left to do, the change is
//! its own.

use std::collections::{HashMap, HashSet};
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use identity::Certificate;
use pairing::{Account, AccountName, Backend, Key, Plan, Request, Selection};

use crate::journal::now;
use crate::{
    Error, History, Intent, Journal, Line, Lookup, Outcome, PlanFile, PlannedRow, RowAction, RowResult, Watcher,
};
use identity::text::with_causes;

/// A run over the rows of a plan that are not settled.
pub struct Run<'a> {
    plan: &'a PlanFile,
    backend: &'a dyn Backend,
    lookup: Lookup<'a>,
    watcher: &'a dyn Watcher,
    history: &'a History,
    journal: Mutex<Journal>,
    stopped: AtomicBool,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every row has its outcome.
    Finished,
    /// It was stopped; the rows that were in hand have their outcomes.
    Stopped,
}

impl<'a> Run<'a> {
    /// A run of `plan` with the journal, of which `history` is what it held.
    pub fn new(
        plan: &'a PlanFile,
        backend: &'a dyn Backend,
        lookup: Lookup<'a>,
        watcher: &'a dyn Watcher,
        (journal, history): (Journal, &'a History),
    ) -> Self {
        let (journal, stopped) = (Mutex::new(journal), AtomicBool::new(false));
        Self { plan, backend, lookup, watcher, history, journal, stopped }
    }

    /// Carries out every row that is not settled, with so many threads, 64 at most, or with as many as the system gives. Rows of one account stay in their order. A backend
    /// that keeps all accounts in one file gets them in batches, from one thread.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`]: nothing was changed that the journal does not tell of, and the rest was not tried.
    pub fn carry_out(&self, jobs: NonZeroUsize) -> Result<End, Error> {
        let open: Vec<usize> = (0..self.plan.rows.len()).filter(|row| !self.history.is_settled(*row)).collect();
        self.watcher.begin(open.len());
        let shared = self.backend.keeps_one_file();
        let units = if shared { self.batches(&open) } else { self.by_account(&open) };
        let one_by_one = shared || self.backend.one_at_a_time();
        let jobs = if one_by_one { 1 } else { jobs.get().min(units.len()).min(MAX_JOBS) };
        let next = AtomicUsize::new(0);
        let failure = Mutex::new(None);
        let work = || {
            while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
                // A backend without a shared file gets its rows one by one, so that each can be the last.
                let parts = unit.chunks(if shared { unit.len() } else { 1 });
                for part in parts {
                    if self.watcher.stop() {
                        self.stopped.store(true, Ordering::Relaxed);
                    }
                    if self.stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    if let Err(error) = self.batch(part) {
                        self.stopped.store(true, Ordering::Relaxed);
                        lock(&failure).get_or_insert(error);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            let others = (1..jobs).map(|_| std::thread::Builder::new().spawn_scoped(scope, work));
            if let Some(error) = others.filter_map(Result::err).next() {
                tracing::info!(%error, "fewer_jobs");
            }
            work();
        });
        match lock(&failure).take() {
            Some(error) => Err(error),
            None if self.stopped.load(Ordering::Relaxed) => Ok(End::Stopped),
            None => Ok(End::Finished),
        }
    }

    /// Plans every row that is not settled against what is there now, and changes nothing. Each row with its plan, or with
    /// why it would fail.
    pub fn rehearse(plan: &PlanFile, backend: &dyn Backend, lookup: Lookup<'_>) -> Vec<Result<Plan, String>> {
        let mut results: Vec<Option<Result<Plan, String>>> = Vec::new();
        let mut requests = Vec::new();
        for row in &plan.rows {
            match request(row, lookup) {
                Ok(request) => {
                    requests.push(request);
                    results.push(None);
                }
                Err(error) => results.push(Some(Err(error.text()))),
            }
        }
        let mut plans = backend.plan_many(&requests).into_iter().map(|plan| plan.map_err(|error| with_causes(&error)));
        let missing = || Err("was not planned".to_owned());
        results.into_iter().map(|result| result.or_else(|| plans.next()).unwrap_or_else(missing)).collect()
    }

    /// Rows of one account together, in the order in which accounts come first.
    fn by_account(&self, rows: &[usize]) -> Vec<Vec<usize>> {
        let mut units: Vec<Vec<usize>> = Vec::new();
        let mut places = HashMap::new();
        for row in rows {
            let place = *places.entry(self.plan.rows.get(*row).map(|row| &row.user)).or_insert(units.len());
            match units.get_mut(place) {
                Some(unit) => unit.push(*row),
                None => units.push(vec![*row]),
            }
        }
        units
    }

    /// Batches in which no account comes twice: what is planned together is planned for what is there before the batch.
    fn batches(&self, rows: &[usize]) -> Vec<Vec<usize>> {
        let size = (rows.len() / BATCHES).max(LEAST_BATCH);
        let mut units: Vec<Vec<usize>> = Vec::new();
        let (mut unit, mut accounts) = (Vec::new(), HashSet::new());
        for row in rows {
            let account = self.plan.rows.get(*row).map(|row| &row.user);
            if unit.len() == size || accounts.contains(&account) {
                units.push(std::mem::take(&mut unit));
                accounts.clear();
            }
            accounts.insert(account);
            unit.push(*row);
        }
        units.extend(Some(unit).filter(|unit| !unit.is_empty()));
        units
    }

    fn batch(&self, rows: &[usize]) -> Result<(), Error> {
        let (mut outcomes, mut open, mut requests) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let Some(planned) = self.plan.rows.get(*row) else { continue };
            match request(planned, self.lookup) {
                Ok(request) => {
                    open.push((*row, planned));
                    requests.push(request);
                }
                Err(error) => outcomes.push(self.failed(*row, planned, &error)),
            }
        }
        let (mut changing, mut plans) = (Vec::new(), Vec::new());
        for ((row, planned), plan) in open.into_iter().zip(self.backend.plan_many(&requests)) {
            match plan {
                Ok(plan) if plan.is_unchanged() => outcomes.push(self.as_wanted(row, planned)),
                Ok(plan) => {
                    changing.push((row, planned));
                    plans.push(plan);
                }
                Err(error) => outcomes.push(self.failed(row, planned, &RowError::Pairing(error))),
            }
        }
        drop(requests);
        self.settle(&outcomes)?;
        if plans.is_empty() {
            return Ok(());
        }
        let results = self.backend.apply_many(&plans, &mut |undos| self.announce(&changing, undos));
        let (mut outcomes, mut failure) = (Vec::new(), None);
        for ((row, planned), result) in changing.into_iter().zip(results) {
            match result {
                Ok(applied) if applied.changes().is_empty() => outcomes.push(self.as_wanted(row, planned)),
                Ok(applied) => outcomes.push(Outcome {
                    notes: applied.notes().iter().map(ToString::to_string).collect(),
                    ..Outcome::of(row, planned, RowResult::Changed)
                }),
                Err(pairing::Error::Witness(source)) => failure = Some(source),
                Err(error) => outcomes.push(self.failed(row, planned, &RowError::Pairing(error))),
            }
        }
        let settled = self.settle(&outcomes);
        match failure {
            Some(source) => Err(lock(&self.journal).failed(source)),
            None => settled,
        }
    }

    /// Writes down what is about to be changed.
    fn announce(&self, changing: &[(usize, &PlannedRow)], undos: &[(usize, pairing::Undo)]) -> io::Result<()> {
        let time = now();
        let intent = |(index, undo): &(usize, pairing::Undo)| {
            let (row, planned) = changing.get(*index).ok_or_else(|| io::Error::other("a plan that was not made"))?;
            let (row, user, undo, time) = (*row, planned.user.clone(), undo.clone(), time.clone());
            Ok(Line::Intent(Intent { row, user, undo, time }))
        };
        let lines: Vec<Line> = undos.iter().map(intent).collect::<io::Result<_>>()?;
        lock(&self.journal).append(&lines)
    }

    /// Writes outcomes down and tells of them.
    fn settle(&self, outcomes: &[Outcome]) -> Result<(), Error> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let lines: Vec<Line> = outcomes.iter().cloned().map(Line::Outcome).collect();
        {
            let mut journal = lock(&self.journal);
            journal.append(&lines).map_err(|source| journal.failed(source))?;
        }
        outcomes.iter().for_each(|outcome| self.watcher.row(outcome));
        Ok(())
    }

    /// A row whose account is as wanted: by an earlier part of this run that was cut off, or by somebody else.
    fn as_wanted(&self, row: usize, planned: &PlannedRow) -> Outcome {
        let own = self.history.has_intent(row);
        Outcome::of(row, planned, if own { RowResult::Changed } else { RowResult::Unchanged })
    }

    fn failed(&self, row: usize, planned: &PlannedRow, error: &RowError) -> Outcome {
        let next = match error {
            RowError::Pairing(error) => self.watcher.next(error),
            RowError::Row(_) => Some("Make the plan anew with `pivkit bulk plan`.".to_owned()),
        };
        // Nothing was changed, and the person's next login is the time to try again.
        let waits = matches!(error, RowError::Pairing(pairing::Error::NoSession { .. }));
        let result = if waits { RowResult::Waiting } else { RowResult::Failed };
        Outcome { error: Some(error.text()), next, ..Outcome::of(row, planned, result) }
    }
}

/// Why a row cannot be carried out.
enum RowError {
    /// The plan file does not make sense there.
    Row(String),
    Pairing(pairing::Error),
}

impl RowError {
    fn text(&self) -> String {
        match self {
            RowError::Row(why) => why.clone(),
            RowError::Pairing(error) => with_causes(error),
        }
    }
}

/// What a row of the plan asks for.
fn request(row: &PlannedRow, lookup: Lookup<'_>) -> Result<(Account, Request), RowError> {
    let name: AccountName = row.user.parse().map_err(RowError::Pairing)?;
    let account = lookup(&name).map_err(RowError::Pairing)?;
    let wrong = |why: &str| RowError::Row(format!("the plan's row {why}"));
    let certificate = match &row.certificate {
        None => None,
        Some(text) => {
            let der = STANDARD.decode(text).map_err(|_| wrong("holds a certificate that is not base64"))?;
            let certificate =
                Certificate::from_der(&der).map_err(|_| wrong("holds a certificate that cannot be read"))?;
            if row.pairing_hash.is_some_and(|hash| hash != certificate.pairing_hash()) {
                return Err(wrong("has a pairing hash that is not that of its certificate"));
            }
            Some(Box::new(certificate))
        }
    };
    let key = |certificate: Option<Box<Certificate>>| match (certificate, row.pairing_hash) {
        (Some(certificate), _) => Ok(Key::Certificate(certificate)),
        (None, Some(hash)) => Ok(Key::Hash(hash)),
        (None, None) => Err(wrong("has neither certificate nor pairing hash")),
    };
    let request = match row.action {
        RowAction::Pair => Request::Pair(key(certificate)?),
        RowAction::Replace => Request::Replace { new: key(certificate)?, old: Selection::All },
        RowAction::Unpair => Request::Unpair(match certificate {
            Some(certificate) => Selection::Certificate(certificate),
            None => Selection::of(row.pairing_hash.as_ref()),
        }),
    };
    Ok((account, request))
}

/// A thread that panicked has not left anything half written: lines are written whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// More threads would only wait for the disk.
const MAX_JOBS: usize = 64;
/// A shared file is written this often, however many rows there are: the time of a run grows with them, not with their
/// square.
const BATCHES: usize = 8;
/// A shared file is not written more often than for so many rows.
const LEAST_BATCH: usize = 1000;

#[cfg(test)]
pub(crate) mod tests;
