//! `pivkit bulk station`: an enrolment desk with a manifest and any number of readers.
//!
//! ```text
//! reader ─ card ─ read ┐
//! reader ─ card ─ read ├─ desk: whose card → who it is → plan, consent → PIN → journal → change, read back → journal → next
//! reader ─ card ─ read ┘
//! ```
//!
//! Each card is read by a thread of its own as soon as it is in; at the desk people come one after the other.

mod desk;
mod seen;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bulk::{Manifest, Roster, RowResult, StationJournal};
use piv::LastTry;
use serde::Serialize;

use self::desk::Desk;
use super::plan::ManifestRequest;
use crate::report::{ReaderEvent, ReaderEventKind, SCHEMA_VERSION};
use crate::transport::CardReaders;
use crate::{Accounts, CardChoice, Error, Ui};

/// Whether a person has to prove with the PIN that the card holds its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PinProof {
    /// Each.
    #[default]
    Always,
    /// Not those whose key the manifest names, by its hash or its certificate: that is as good as `bulk apply`.
    UnlessKeyIsNamed,
}

/// What `pivkit bulk station` was asked.
#[derive(Clone, Debug)]
pub struct StationRequest {
    /// Which readers: the name, or a part of it. Serial number and GUID are not looked at.
    pub readers: CardChoice,
    /// The journal; one that is there is gone on with.
    pub journal: Option<PathBuf>,
    /// The [digest](bulk::manifest_digest) of the manifest, by which the journal knows it.
    pub manifest_sha256: String,
    /// Only say whose card each is and what would change: no PIN is asked for, nothing is changed or written down.
    pub dry_run: bool,
    /// Whether the PIN is needed.
    pub pin_proof: PinProof,
    /// Whether the last PIN try may be used.
    pub last_try: LastTry,
}

/// Who says when a station closes, and what to do about an error.
pub trait Supervisor: Sync {
    /// Whether to close after the person in hand.
    fn stop(&self) -> bool {
        false
    }

    /// What a person can do about an error; goes into the journal with it.
    fn next(&self, error: &Error) -> Option<String> {
        let _ = error;
        None
    }
}

/// `pivkit bulk station`: what was done before it was closed.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct StationReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The backend.
    pub backend: String,
    /// The journal.
    pub journal: Option<PathBuf>,
    /// True if nothing was carried out because that was asked: then results are what they would be.
    pub dry_run: bool,
    /// The people of this session, in their order.
    pub people: Vec<Enrolled>,
    /// How many rows of the manifest want a card paired.
    pub expected: usize,
    /// How many of them are done, in this session or before.
    pub done: usize,
}

/// A person who was at the desk.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Enrolled {
    /// The line of the manifest, from 1.
    pub line: u64,
    /// The account.
    pub user: String,
    /// The reader.
    pub reader: String,
    /// The pairing hash of the key.
    pub pairing_hash: Option<String>,
    /// What became of it.
    pub result: RowResult,
    /// What went wrong.
    pub error: Option<String>,
}

/// Who is expected, by a manifest.
///
/// # Errors
///
/// [`Error::Bulk`] when the manifest or the folder with certificates as a whole cannot be read; [`Error::Pairing`] when the
/// accounts cannot. What is wrong with a row is told in the roster.
pub fn roster(accounts: &Accounts, request: &ManifestRequest) -> Result<Roster, Error> {
    let manifest = Manifest::read(&request.manifest)?;
    let checked = request.with_check(|check| manifest.check(request.host.clone(), check))?;
    let table = accounts.table()?;
    Ok(Roster::of(checked, &|name| accounts.account_in(&table, name)))
}

/// Opens a desk for the people of a roster, until everybody is done, or the supervisor closes it.
///
/// # Errors
///
/// [`Error::Bulk`] if the journal is of another manifest or cannot be written; [`Error::Transport`]; [`Error::Ui`] if nobody
/// can be asked what has to be. What goes wrong with one person is in the report.
pub fn station(
    accounts: &Accounts,
    readers: &mut CardReaders,
    roster: &Roster,
    request: &StationRequest,
    ui: &mut (dyn Ui + Send),
    supervisor: &dyn Supervisor,
) -> Result<StationReport, Error> {
    let backend = accounts.backend().name().to_owned();
    let journal = match &request.journal {
        Some(path) => {
            let root = accounts.tree().map(|root| root.canonicalize().unwrap_or_else(|_| root.to_owned()));
            let open = if request.dry_run { StationJournal::rehearse } else { StationJournal::open };
            open(path, roster, &request.manifest_sha256, &backend, root.as_deref())?
        }
        None => StationJournal::in_memory(),
    };
    let desk = Mutex::new(Desk::open(accounts, roster, request, journal, ui, supervisor));
    let served = serve(readers, roster, request, &desk);
    let desk = desk.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (people, done) = desk.close()?;
    served?;
    let (journal, expected) = (request.journal.clone(), roster.expected().len());
    let (schema_version, dry_run) = (SCHEMA_VERSION, request.dry_run);
    Ok(StationReport { schema_version, backend, journal, dry_run, people, expected, done })
}

/// Sends each card that is inserted to the desk.
fn serve(
    readers: &mut CardReaders,
    roster: &Roster,
    request: &StationRequest,
    desk: &Mutex<Desk<'_>>,
) -> Result<(), Error> {
    thread::scope(|scope| {
        let mut known = Vec::new();
        while !lock(desk).is_closed() {
            let now = readers.wait_for_change(&known, LOOK_AGAIN)?;
            let meant: Vec<_> = request.readers.readers(&now).iter().map(|reader| reader.reader.clone()).collect();
            for ReaderEvent { event, reader, .. } in ReaderEvent::between(&known, &now) {
                match event {
                    ReaderEventKind::CardInserted if meant.contains(&reader) => match readers.connect(&reader) {
                        Ok(mut card) => drop(scope.spawn(move || {
                            let read = seen::read(&mut card, roster);
                            lock(desk).welcome(&mut card, read);
                        })),
                        Err(error) => lock(desk).tell_of(&reader, &error.into()),
                    },
                    ReaderEventKind::CardRemoved => {
                        // Not into the question that somebody is just answering.
                        if let Ok(mut desk) = desk.try_lock() {
                            desk.call_next(&reader);
                        }
                    }
                    _ => {}
                }
            }
            known = now;
        }
        Ok(())
    })
}

fn lock<'a, 'b>(desk: &'a Mutex<Desk<'b>>) -> MutexGuard<'a, Desk<'b>> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often to look whether the station is to be closed.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
