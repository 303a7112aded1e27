//! From a manifest to rows that can be planned.

use std::collections::{BTreeSet, HashSet};

use pairing::Backend;
use time::OffsetDateTime;

use crate::key::{self, KeyedRow, RowKey, Sources};
use crate::planning::Planning;
use crate::{CertificateFolder, Error, FileNote, HostName, Manifest, RowNote, WaitingRow, conflict};

/// What a manifest is checked against beside the accounts.
#[derive(Debug, Clone, Copy)]
pub struct Check<'a> {
    /// A folder with certificates for rows that name none.
    pub folder: Option<&'a CertificateFolder>,
    /// Whether every row without a key is looked for there, not only those with a `upn`.
    pub match_all: bool,
    /// The time at which certificates must be valid.
    pub now: OffsetDateTime,
}

/// The rows of one host, with certificates read and contradictions taken out. No account was looked at.
#[derive(Debug)]
pub struct CheckedManifest {
    pub(crate) host: Option<HostName>,
    pub(crate) rows: Vec<KeyedRow>,
    pub(crate) waiting: Vec<WaitingRow>,
    pub(crate) skipped: Vec<RowNote>,
    pub(crate) problems: Vec<RowNote>,
    pub(crate) unmatched: Vec<FileNote>,
}

impl Manifest {
    /// Whether a row names a host.
    pub fn names_hosts(&self) -> bool {
        self.rows.iter().any(|row| row.host.is_some()) || self.problems.iter().any(|(host, _)| host.is_some())
    }

    /// Chooses the rows of a host, and checks them: certificates are read, on all cores, and compared with what the rows say of
    /// them, and rows with each other. Rows of other hosts are passed over, and so is what is wrong with them.
    ///
    /// # Errors
    ///
    /// [`Error::NoHostName`] when the manifest names hosts, none is given here and this machine has no name;
    /// [`Error::SeveralHosts`] when the name is the beginning of several full ones in the manifest.
    pub fn check(self, host: Option<HostName>, check: Check<'_>) -> Result<CheckedManifest, Error> {
        let host = match host {
            _ if !self.names_hosts() => None,
            Some(host) => Some(host),
            None => Some(HostName::of_this_machine()?),
        };
        let is_other = |named: &Option<HostName>| match (named, &host) {
            (Some(named), Some(host)) => !named.is_same_host(host),
            _ => false,
        };
        if let Some(host) = &host {
            is_one_host(host, self.rows.iter().filter_map(|row| row.host.as_ref()))?;
        }
        let mut skipped = Vec::new();
        let mut rows = self.rows;
        rows.retain(|row| {
            let other = is_other(&row.host);
            let name = row.host.as_ref().filter(|_| other);
            skipped.extend(name.map(|name| row.note(for_host(name))));
            !other
        });
        let (others, problems): (Vec<_>, Vec<_>) = self.problems.into_iter().partition(|(named, _)| is_other(named));
        let others = others.into_iter().filter_map(|(named, note)| Some((named?, note)));
        skipped.extend(others.map(|(name, note)| RowNote { why: for_host(&name), ..note }));
        skipped.sort_by_key(|note| note.line);
        // Several things can be wrong with one row.
        skipped.dedup();
        let (rows, unreadable) = key::read_all(rows, Sources::from(check));
        let unmatched = check.unmatched(&rows);
        let mut checked = CheckedManifest::of(rows);
        checked.problems.extend(problems.into_iter().map(|(_, note)| note).chain(unreadable));
        Ok(CheckedManifest { host, skipped, unmatched, ..checked })
    }
}

impl CheckedManifest {
    /// Compares the rows with each other, and puts those that wait for a card aside.
    pub(crate) fn of(rows: Vec<KeyedRow>) -> Self {
        let (rows, problems) = conflict::take_out(rows);
        let (waiting, rows): (Vec<KeyedRow>, _) = rows.into_iter().partition(|row| matches!(row.key, RowKey::Card));
        let waiting = waiting.into_iter().map(|KeyedRow { row, .. }| WaitingRow {
            line: row.line,
            user: row.user.to_string(),
            action: row.action,
            slot: row.slot,
            card: row.card,
        });
        let waiting = waiting.collect();
        CheckedManifest { host: None, rows, waiting, skipped: Vec::new(), problems, unmatched: Vec::new() }
    }

    /// Plans the rows for the accounts of `system`, which `backend` pairs.
    ///
    /// # Errors
    ///
    /// [`Error::Accounts`] when the table of accounts cannot be read.
    pub fn plan<'a>(self, system: &pairing::System, backend: &'a dyn Backend) -> Result<Planning<'a>, Error> {
        Planning::new(self, system, backend)
    }
}

fn for_host(name: &HostName) -> String {
    format!("is for host {name}")
}

/// Refuses a short name that may be each of several hosts of the manifest.
fn is_one_host<'a>(host: &HostName, named: impl Iterator<Item = &'a HostName>) -> Result<(), Error> {
    let full = named.filter(|name| *name != host && name.is_same_host(host) && name.as_str().contains('.'));
    let full: BTreeSet<&HostName> = full.collect();
    if full.len() > 1 {
        return Err(Error::several_hosts(host, &full.into_iter().collect::<Vec<_>>()));
    }
    Ok(())
}

impl Check<'_> {
    /// The files of the folder that these rows do not need.
    pub(crate) fn unmatched(&self, rows: &[KeyedRow]) -> Vec<FileNote> {
        let taken: HashSet<&[u8]> = rows.iter().filter_map(|row| row.key.der()).collect();
        self.folder.map(|folder| folder.unmatched(&taken)).unwrap_or_default()
    }
}

impl<'a> From<Check<'a>> for Sources<'a> {
    fn from(Check { folder, match_all, now }: Check<'a>) -> Self {
        Sources { folder, match_all, now }
    }
}

#[cfg(test)]
mod tests;
