//! The changes of a journal put back, the last one first.
//!
//! Each undo restores exactly what was there before its change, or leaves the account alone when somebody else has changed
//! it since. Doing it twice does no harm, so a run that ended anywhere is simply begun again: what is written down as
//! restored is passed over, and the rest is tried.

use std::collections::HashMap;

use pairing::{Account, AccountName, Backend, Undo};

use crate::apply::End;
use crate::journal::now;
use crate::{Error, History, IntentAt, Journal, Line, Lookup, UndoResult, Undone, Watcher};
use identity::text::with_causes;

/// Undoes every change of which `journal` tells and which was not undone. `history` is what it held.
///
/// # Errors
///
/// [`Error::Journal`], [`Error::JournalMalformed`]: the rest was not tried.
pub fn undo(
    backend: &dyn Backend,
    lookup: Lookup<'_>,
    watcher: &dyn Watcher,
    journal: &mut Journal,
    history: &History,
) -> Result<End, Error> {
    let changes = history.to_undo();
    watcher.begin(changes.len());
    let size = if backend.keeps_one_file() { (changes.len() / BATCHES).max(LEAST_BATCH) } else { 1 };
    let mut accounts = HashMap::new();
    for batch in changes.rchunks(size) {
        if watcher.stop() {
            return Ok(End::Stopped);
        }
        let mut undos: Vec<(Account, Undo)> = Vec::new();
        let (mut with_account, mut done) = (Vec::new(), Vec::new());
        for (number, at) in batch {
            match account(&mut accounts, lookup, at) {
                Ok(account) => {
                    undos.push((account, journal.undo(at)?));
                    with_account.push((*number, *at));
                }
                Err(error) => done.push(undone(watcher, *number, at, &Err(error))),
            }
        }
        let results = backend.undo_many(&undos);
        let restart = backend.reader_at_start();
        let restart = restart.map(|service| format!("{service} has to be restarted to read what was put back"));
        done.extend(with_account.iter().zip(&results).map(|((number, at), result)| Undone {
            notes: restart.iter().filter(|_| result.is_ok()).cloned().collect(),
            ..undone(watcher, *number, at, result)
        }));
        let lines: Vec<Line> = done.iter().cloned().map(Line::Undone).collect();
        journal.append(&lines).map_err(|source| journal.failed(source))?;
        done.iter().rev().for_each(|undone| watcher.undone(undone));
    }
    Ok(End::Finished)
}

/// The account of a change, looked up once.
fn account(known: &mut HashMap<String, Account>, lookup: Lookup<'_>, at: &IntentAt) -> Result<Account, pairing::Error> {
    if let Some(account) = known.get(&at.user) {
        return Ok(account.clone());
    }
    let account = lookup(&at.user.parse::<AccountName>()?)?;
    known.insert(at.user.clone(), account.clone());
    Ok(account)
}

fn undone(watcher: &dyn Watcher, intent: usize, at: &IntentAt, result: &Result<(), pairing::Error>) -> Undone {
    let (row, user, notes, time) = (at.row, at.user.clone(), Vec::new(), now());
    match result {
        Ok(()) => Undone { intent, row, user, result: UndoResult::Restored, error: None, next: None, notes, time },
        Err(error) => {
            let (text, next) = (Some(with_causes(error)), watcher.next(error));
            Undone { intent, row, user, result: UndoResult::Left, error: text, next, notes, time }
        }
    }
}

/// As for applying.
const BATCHES: usize = 8;
const LEAST_BATCH: usize = 1000;
