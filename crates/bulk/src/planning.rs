//! Rows planned by a backend, a few thousand at a time, so that the plan of a hundred thousand is never in memory as a whole.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use identity::Certificate;
use pairing::{Account, AccountTable, Backend, Key, Plan, Request, Selection, System};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::checked::CheckedManifest;
use crate::key::{KeyedRow, RowKey};
use crate::{
    Error, FileNote, HostName, PlanFile, PlannedRow, RowAction, RowNote, SCHEMA_VERSION, WaitingRow, parallel,
};
use identity::text::with_causes;

/// A plan in the making: an iterator over the rows that can be carried out, in the order of the manifest. What it says of the
/// others is complete when the last row is out.
pub struct Planning<'a> {
    backend: &'a dyn Backend,
    accounts: AccountTable,
    root: Option<PathBuf>,
    host: Option<HostName>,
    rows: std::vec::IntoIter<KeyedRow>,
    ready: VecDeque<PlannedRow>,
    waiting: Vec<WaitingRow>,
    skipped: Vec<RowNote>,
    problems: Vec<RowNote>,
    unmatched: Vec<FileNote>,
}

impl<'a> Planning<'a> {
    pub(crate) fn new(checked: CheckedManifest, system: &System, backend: &'a dyn Backend) -> Result<Self, Error> {
        let own = backend.account_table().map_err(Error::Accounts)?;
        let accounts = own.map_or_else(|| system.account_table(), Ok).map_err(Error::Accounts)?;
        let mut planning = Planning {
            backend,
            accounts,
            root: system.tree().map(std::path::Path::to_owned),
            host: checked.host,
            rows: checked.rows.into_iter(),
            ready: VecDeque::new(),
            waiting: Vec::with_capacity(checked.waiting.len()),
            skipped: checked.skipped,
            problems: checked.problems,
            unmatched: checked.unmatched,
        };
        // Whoever waits for a card must have an account all the same.
        for row in checked.waiting {
            match row.user.parse().and_then(|name| planning.accounts.account(&name)) {
                Ok(_) => planning.waiting.push(row),
                Err(error) => {
                    planning.problems.push(RowNote { line: row.line, user: Some(row.user), why: with_causes(&error) });
                }
            }
        }
        Ok(planning)
    }

    /// Rows that only name a person's card.
    pub fn waiting(&self) -> &[WaitingRow] {
        &self.waiting
    }

    /// Rows that are passed over, and why.
    pub fn skipped(&self) -> &[RowNote] {
        &self.skipped
    }

    /// Rows that cannot be carried out, and why; in the order of their lines when the last row is out.
    pub fn problems(&self) -> &[RowNote] {
        &self.problems
    }

    /// Files of the folder with certificates that no row took, and why.
    pub fn unmatched(&self) -> &[FileNote] {
        &self.unmatched
    }

    /// The backend.
    pub fn backend(&self) -> &'static str {
        self.backend.name()
    }

    /// The whole plan.
    pub fn into_file(mut self) -> PlanFile {
        let rows = self.by_ref().collect();
        PlanFile {
            schema_version: SCHEMA_VERSION,
            backend: self.backend.name().to_owned(),
            root: self.root,
            host: self.host.map(|host| host.to_string()),
            rows,
            waiting: self.waiting,
            skipped: self.skipped,
            problems: self.problems,
            unmatched: self.unmatched,
        }
    }

    /// Plans the next few thousand rows, on all cores. Where all accounts are kept in one file, what is planned for a row depends
    /// on what rows before it take away, so that a manifest that takes anything away is planned at once.
    fn go_on(&mut self) {
        if self.backend.keeps_one_file() && self.rows.as_slice().iter().any(|row| row.row.action != RowAction::Pair) {
            let rows = std::mem::take(&mut self.rows);
            let planned = Planner { backend: self.backend, accounts: &self.accounts }.plan_each(rows);
            return self.take_in(planned);
        }
        let mut chunks: Vec<Vec<KeyedRow>> = Vec::new();
        while chunks.len() < parallel::threads() {
            let chunk: Vec<KeyedRow> = self.rows.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                break;
            }
            chunks.push(chunk);
        }
        let planner = Planner { backend: self.backend, accounts: &self.accounts };
        let planned: Vec<Vec<Result<PlannedRow, RowNote>>> = thread::scope(|scope| {
            let workers: Vec<_> =
                chunks.into_iter().map(|chunk| scope.spawn(move || planner.plan_each(chunk.into_iter()))).collect();
            let join = |worker: thread::ScopedJoinHandle<'_, _>| match worker.join() {
                Ok(planned) => planned,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            workers.into_iter().map(join).collect()
        });
        self.take_in(planned.into_iter().flatten());
    }

    fn take_in(&mut self, planned: impl IntoIterator<Item = Result<PlannedRow, RowNote>>) {
        for row in planned {
            match row {
                Ok(row) => self.ready.push_back(row),
                Err(problem) => self.problems.push(problem),
            }
        }
    }
}

impl Iterator for Planning<'_> {
    type Item = PlannedRow;

    fn next(&mut self) -> Option<PlannedRow> {
        while self.ready.is_empty() && !self.rows.as_slice().is_empty() {
            self.go_on();
        }
        let row = self.ready.pop_front();
        if row.is_none() {
            self.problems.sort_by_key(|note| note.line);
        }
        row
    }
}

/// A plan that is planned while it is written: its form is that of [`PlanFile`]. It can be written once.
pub struct PlanDocument<'a>(RefCell<Planning<'a>>);

impl<'a> PlanDocument<'a> {
    /// The document of a plan of which no row is out yet.
    pub fn new(planning: Planning<'a>) -> Self {
        PlanDocument(RefCell::new(planning))
    }

    /// What is left: everything but the rows that were written.
    pub fn into_planning(self) -> Planning<'a> {
        self.0.into_inner()
    }
}

impl Serialize for PlanDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("PlanFile", 9)?;
        document.serialize_field("schema_version", &SCHEMA_VERSION)?;
        {
            let planning = self.0.borrow();
            document.serialize_field("backend", planning.backend.name())?;
            document.serialize_field("root", &planning.root)?;
            document.serialize_field("host", &planning.host.as_ref().map(HostName::as_str))?;
        }
        document.serialize_field("rows", &Rows(&self.0))?;
        let planning = self.0.borrow();
        document.serialize_field("waiting", &planning.waiting)?;
        document.serialize_field("skipped", &planning.skipped)?;
        document.serialize_field("problems", &planning.problems)?;
        if !planning.unmatched.is_empty() {
            document.serialize_field("unmatched", &planning.unmatched)?;
        }
        document.end()
    }
}

struct Rows<'a, 'b>(&'a RefCell<Planning<'b>>);

impl Serialize for Rows<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Borrowed anew for each row, never while one is written.
        serializer.collect_seq(std::iter::from_fn(|| self.0.borrow_mut().next()))
    }
}

#[derive(Clone, Copy)]
struct Planner<'a> {
    backend: &'a dyn Backend,
    accounts: &'a AccountTable,
}

impl Planner<'_> {
    /// Plans rows one after the other; those that cannot be carried out are in no order. Of what the backend is asked and
    /// answers, only a part is in memory at a time.
    fn plan_each(self, mut rows: impl ExactSizeIterator<Item = KeyedRow>) -> Vec<Result<PlannedRow, RowNote>> {
        let planned = RefCell::new(Vec::with_capacity(rows.len()));
        let asked: RefCell<VecDeque<KeyedRow>> = RefCell::default();
        let parts = std::iter::from_fn(|| {
            let part: Vec<KeyedRow> = rows.by_ref().take(PART).collect();
            (!part.is_empty()).then_some(part)
        });
        let mut requests = parts
            .flat_map(|part| {
                let requests = parallel::map(&part, |row| self.request(row));
                part.into_iter().zip(requests)
            })
            .filter_map(|(row, request)| match request {
                Ok(request) => {
                    asked.borrow_mut().push_back(row);
                    Some(request)
                }
                Err(why) => {
                    planned.borrow_mut().push(Err(row.row.note(why)));
                    None
                }
            });
        self.backend.plan_each(&mut requests, &mut |plan| {
            let row = asked.borrow_mut().pop_front();
            planned.borrow_mut().extend(row.map(|row| match plan {
                Ok(plan) => Ok(self::planned(row, &plan)),
                Err(error) => Err(row.row.note(explained(&error))),
            }));
        });
        requests.for_each(drop);
        let unanswered = |row: KeyedRow| Err(row.row.note("the backend did not plan it".to_owned()));
        let mut planned = planned.into_inner();
        planned.extend(asked.into_inner().into_iter().map(unanswered));
        planned
    }

    /// What the backend is asked, or what is wrong.
    fn request(self, KeyedRow { row, key }: &KeyedRow) -> Result<(Account, Request), String> {
        let account = self.accounts.account(&row.user).map_err(|error| with_causes(&error))?;
        let certificate = key.der().map(Certificate::from_der).transpose().map_err(|error| error.to_string())?;
        let adds = row.action != RowAction::Unpair;
        if let Some(certificate) = certificate.as_ref().filter(|_| adds)
            && let Some(why) = self.backend.obstacle(row.slot.as_deref(), certificate)
        {
            return Err(why);
        }
        let key = match (certificate.map(Box::new), key.hash()) {
            (Some(certificate), _) => Some(Key::Certificate(certificate)),
            (None, Some(hash)) => Some(Key::Hash(hash)),
            (None, None) => None,
        };
        let request = match (row.action, key) {
            (RowAction::Pair, Some(key)) => Request::Pair(key),
            (RowAction::Replace, Some(new)) => Request::Replace { new, old: Selection::All },
            (RowAction::Unpair, Some(Key::Certificate(certificate))) => {
                Request::Unpair(Selection::Certificate(certificate))
            }
            (RowAction::Unpair, Some(Key::Hash(hash))) => Request::Unpair(Selection::Hash(hash)),
            (RowAction::Unpair, None) => Request::Unpair(Selection::All),
            (RowAction::Pair | RowAction::Replace, None) => return Err("names no key".to_owned()),
        };
        Ok((account, request))
    }
}

fn planned(KeyedRow { row, key }: KeyedRow, plan: &Plan) -> PlannedRow {
    PlannedRow {
        line: row.line,
        user: row.user.to_string(),
        action: row.action,
        slot: row.slot,
        pairing_hash: key.hash(),
        certificate: match key {
            RowKey::Certificate { der, .. } => Some(STANDARD.encode(der)),
            _ => None,
        },
        card: row.card,
        changes: plan.changes().iter().map(ToString::to_string).collect(),
        notes: plan.notes().iter().map(ToString::to_string).collect(),
    }
}

/// An error of the backend, and what a manifest can do about it.
fn explained(error: &pairing::Error) -> String {
    let text = with_causes(error);
    match error {
        pairing::Error::NeedsCertificate { backend: "macos_mapping" } => format!(
            "{text}; name its file in the column certificate, or give a folder of certificates; --strategy pairing pairs by hash"
        ),
        pairing::Error::NeedsCertificate { .. } => {
            format!("{text}; name its file in the column certificate, or give a folder of certificates")
        }
        pairing::Error::SeveralPairings { .. } => {
            format!("{text}; a row that unpairs the old one, and one that pairs the new one, say which")
        }
        _ => text,
    }
}

/// How many rows a thread plans at once: as many as a backend that keeps all accounts in one file should read it for.
const CHUNK: usize = 4096;

/// How many rows are read at once, on all cores, for the backend to plan one after the other.
const PART: usize = 1024;
