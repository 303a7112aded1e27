//! One manifest for each host, for programs that bring files to hosts and run commands there.
//!
//! ```text
//! DIR/HOST/manifest.csv                     the rows of this host, and those that name none
//! DIR/HOST/certificates/SHA256.pem          the certificates that they name; SHA256 is that of the certificate in DER
//! ```
//!
//! Each folder can be moved: its manifest finds its certificates. The manifest is written last, so a folder that has one is
//! whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use identity::Certificate;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::key::{self, KeyedRow, Sources};
use crate::row::{COLUMNS, Column};
use crate::{Check, Error, FileNote, HostName, Manifest, RowAction, RowNote, SCHEMA_VERSION, conflict};

/// What a manifest was split into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Split {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The hosts, in the order of their names.
    pub hosts: Vec<HostSlice>,
    /// Rows that are in no slice, and why, in the order of their lines.
    pub problems: Vec<RowNote>,
    /// Files of the folder with certificates that no row took, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmatched: Vec<FileNote>,
}

/// The part of a manifest for one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostSlice {
    /// The host, in lower case.
    pub host: String,
    /// Its manifest.
    pub manifest: PathBuf,
    /// How many rows it has.
    pub rows: usize,
}

impl Manifest {
    /// Writes one folder for each host into `folder`, which is made if need be. Everything is checked that can be without the
    /// accounts of the hosts, and rows with problems are left out. `path` is that of the manifest.
    ///
    /// A short name and the full name that begins with it are one host, and the full one names its folder.
    ///
    /// # Errors
    ///
    /// [`Error::NoHosts`]; [`Error::SeveralHosts`] when a short name begins several full ones; [`Error::NotEmpty`];
    /// [`Error::NotWritten`].
    pub fn split(self, path: &Path, check: Check<'_>, folder: &Path) -> Result<Split, Error> {
        let hosts = folders(self.rows.iter().filter_map(|row| row.host.as_ref()))?;
        if hosts.is_empty() {
            return Err(Error::NoHosts { path: path.to_owned() });
        }
        make_empty(folder)?;
        let (rows, unreadable) = key::read_all(self.rows, Sources::from(check));
        let mut problems: BTreeSet<_> =
            self.problems.into_iter().map(|(_, note)| note).chain(unreadable).map(in_order).collect();
        let unmatched = check.unmatched(&rows);
        let (shared, rows): (Vec<KeyedRow>, _) = rows.into_iter().partition(|row| row.row.host.is_none());
        let mut of_host: BTreeMap<&HostName, Vec<KeyedRow>> =
            hosts.values().map(|host| (host, shared.clone())).collect();
        for row in rows {
            let host = row.row.host.as_ref().and_then(|host| hosts.get(host));
            host.and_then(|host| of_host.get_mut(host)).into_iter().for_each(|slice| slice.push(row.clone()));
        }
        let mut slices = Vec::new();
        for (host, mut rows) in of_host {
            rows.sort_by_key(|row| row.row.line);
            let (rows, contradicting) = conflict::take_out(rows);
            problems.extend(contradicting.into_iter().map(in_order));
            let manifest = write(&folder.join(host.as_str()), &rows)?;
            slices.push(HostSlice { host: host.to_string(), manifest, rows: rows.len() });
        }
        let problems = problems.into_iter().map(|(line, user, why)| RowNote { line, user, why }).collect();
        Ok(Split { schema_version: SCHEMA_VERSION, hosts: slices, problems, unmatched })
    }
}

/// For sorting; what is wrong with a row of all hosts is told once.
fn in_order(note: RowNote) -> (u64, Option<String>, String) {
    (note.line, note.user, note.why)
}

/// For each name of a host the one that names its folder.
fn folders<'a>(names: impl Iterator<Item = &'a HostName>) -> Result<BTreeMap<HostName, HostName>, Error> {
    let names: BTreeSet<&HostName> = names.collect();
    let folder = |name: &&'a HostName| {
        let name = *name;
        // The full names that begin with a short one sort right behind it, among names like `mac1-b`.
        let full = names.range::<&HostName, _>(name..).take_while(|other| other.as_str().starts_with(name.as_str()));
        let full: Vec<&HostName> = full.copied().filter(|other| *other != name && other.is_same_host(name)).collect();
        match full.as_slice() {
            [] => Ok((name.clone(), name.clone())),
            [one] => Ok((name.clone(), HostName::clone(one))),
            several => Err(Error::several_hosts(name, several)),
        }
    };
    names.iter().map(folder).collect()
}

fn make_empty(folder: &Path) -> Result<(), Error> {
    let failed = |source| Error::NotWritten { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(Error::NotEmpty { path: folder.to_owned() });
    }
    Ok(())
}

/// Writes the folder of one host, and returns the path of its manifest.
fn write(folder: &Path, rows: &[KeyedRow]) -> Result<PathBuf, Error> {
    let failed = |path: &Path, source| Error::NotWritten { path: path.to_owned(), source };
    let certificates = folder.join(CERTIFICATES);
    fs::create_dir_all(&certificates).map_err(|error| failed(&certificates, error))?;
    let mut csv = csv::Writer::from_writer(Vec::new());
    let in_memory = |error: csv::Error| failed(folder, io::Error::from(error));
    csv.write_record(COLUMNS.map(|(_, name)| name)).map_err(in_memory)?;
    for row in rows {
        let file = row.key.der().map(|der| write_certificate(folder, der)).transpose()?;
        csv.write_record(COLUMNS.map(|(column, _)| value(row, column, file.as_deref()))).map_err(in_memory)?;
    }
    let bytes = csv.into_inner().map_err(|error| failed(folder, error.into_error()))?;
    let manifest = folder.join(MANIFEST);
    fs::write(&manifest, bytes).map_err(|error| failed(&manifest, error))?;
    Ok(manifest)
}

/// Writes a certificate, and returns its path in the folder.
fn write_certificate(folder: &Path, der: &[u8]) -> Result<String, Error> {
    let name = format!("{CERTIFICATES}/{}.pem", hex::encode(Sha256::digest(der)));
    let path = folder.join(&name);
    let failed = |source| Error::NotWritten { path: path.clone(), source };
    let certificate = Certificate::from_der(der).map_err(|error| failed(io::Error::other(error)))?;
    fs::write(&path, certificate.to_pem()).map_err(failed)?;
    Ok(name)
}

fn value(KeyedRow { row, key }: &KeyedRow, column: Column, file: Option<&str>) -> String {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    match column {
        Column::User => row.user.to_string(),
        Column::Action => match row.action {
            RowAction::Pair => "pair",
            RowAction::Unpair => "unpair",
            RowAction::Replace => "replace",
        }
        .to_owned(),
        Column::Hash => key.hash().map(|hash| hash.to_string()).unwrap_or_default(),
        Column::Certificate => text(file),
        Column::Upn => text(row.card.upn.as_deref()),
        Column::Serial => row.card.serial.map(|serial| serial.to_string()).unwrap_or_default(),
        Column::Guid => text(row.card.guid.as_deref()),
        Column::Host => row.host.as_ref().map(ToString::to_string).unwrap_or_default(),
        Column::Slot => text(row.slot.as_deref()),
    }
}

const CERTIFICATES: &str = "certificates";
const MANIFEST: &str = "manifest.csv";

#[cfg(test)]
mod tests;
