//! A folder of exported certificates, and the rule by which a row finds its own there.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use identity::{Certificate, PairingHash, Usage};
use time::OffsetDateTime;

use crate::error::shown;
use crate::manifest::Row;
use crate::{Error, FileNote, MatchRule, certificate_file, parallel};

/// The certificates below a folder, found by their names and by their keys.
#[derive(Debug)]
pub struct CertificateFolder {
    path: PathBuf,
    rule: MatchRule,
    files: Vec<Exported>,
    /// Files that are named as certificates are and cannot be read.
    unreadable: Vec<FileNote>,
    /// By the whole name, in lower case.
    by_name: HashMap<String, Vec<usize>>,
    /// By what stands before the `@`, in lower case.
    by_local_part: HashMap<String, Vec<usize>>,
    by_hash: HashMap<PairingHash, Vec<usize>>,
}

/// One certificate of the folder.
#[derive(Debug)]
struct Exported {
    path: PathBuf,
    der: Arc<[u8]>,
    hash: PairingHash,
    /// What the rule looks at, as it stands in the certificate.
    names: Vec<String>,
    /// Why nobody can log in with it, if so.
    unfit: Option<String>,
}

impl CertificateFolder {
    /// Reads every certificate below the folder: PEM, DER and PKCS#7, several in a file, in folders of it as well. Links are not
    /// followed, and files that hold no certificate are passed over. Rows are matched by `rule`; see [`MatchRule`].
    ///
    /// # Errors
    ///
    /// [`Error::Folder`] when a folder cannot be listed.
    pub fn read(path: &Path, rule: MatchRule, now: OffsetDateTime) -> Result<Self, Error> {
        let mut paths = Vec::new();
        walk(path, 0, &mut paths)?;
        let mut folder = CertificateFolder {
            path: path.to_owned(),
            rule,
            files: Vec::new(),
            unreadable: Vec::new(),
            by_name: HashMap::new(),
            by_local_part: HashMap::new(),
            by_hash: HashMap::new(),
        };
        for (files, unreadable) in parallel::map(&paths, |path| exported(path, rule, now)) {
            folder.unreadable.extend(unreadable);
            files.into_iter().for_each(|file| folder.add(file));
        }
        Ok(folder)
    }

    fn add(&mut self, file: Exported) {
        let index = self.files.len();
        for name in &file.names {
            let name = name.to_ascii_lowercase();
            if let (true, Some((local, _))) = (self.rule.has_domain(), name.split_once('@')) {
                self.by_local_part.entry(local.to_owned()).or_default().push(index);
            }
            self.by_name.entry(name).or_default().push(index);
        }
        self.by_hash.entry(file.hash).or_default().push(index);
        self.files.push(file);
    }

    /// The certificate for the key of which the hash is known; `None` when there is none. Of several for one key, one that can be
    /// used.
    pub(crate) fn of_key(&self, hash: &PairingHash) -> Option<Arc<[u8]>> {
        let files = self.by_hash.get(hash)?.iter().filter_map(|index| self.files.get(*index));
        files.min_by_key(|file| file.unfit.is_some()).map(|file| Arc::clone(&file.der))
    }

    /// The certificate that the rule finds for a row; `None` when there is none. `fit` asks for one that can be used now.
    ///
    /// # Errors
    ///
    /// That none of them can be used, or that there are several; in words.
    pub(crate) fn of_row(&self, row: &Row, fit: bool) -> Result<Option<Arc<[u8]>>, String> {
        let what = self.rule.what();
        let wanted = self.rule.wanted(row);
        let index = if self.rule.has_domain() && !wanted.contains('@') { &self.by_local_part } else { &self.by_name };
        let found = index.get(&wanted.to_ascii_lowercase()).map(Vec::as_slice).unwrap_or_default();
        // A file that lies there twice is one certificate.
        let mut distinct: BTreeMap<&[u8], &Exported> = BTreeMap::new();
        for file in found.iter().filter_map(|index| self.files.get(*index)) {
            distinct.entry(&file.der).or_insert(file);
        }
        let mut files: Vec<&Exported> = distinct.into_values().collect();
        if fit && files.iter().any(|file| file.unfit.is_none()) {
            files.retain(|file| file.unfit.is_none());
        }
        files.sort_by_key(|file| &file.path);
        match files.as_slice() {
            [] => Ok(None),
            [Exported { path, unfit: Some(why), .. }] if fit => {
                Err(format!("the certificate with the {what} {wanted} cannot be used: {why} ({})", shown(path)))
            }
            [one] => Ok(Some(Arc::clone(&one.der))),
            several => {
                let names: Vec<String> = several.iter().take(MAX_SHOWN).map(|file| shown(&file.path)).collect();
                let more = if several.len() > MAX_SHOWN { ", ..." } else { "" };
                Err(format!("{} certificates have the {what} {wanted}: {}{more}", several.len(), names.join(", ")))
            }
        }
    }

    /// That the rule finds nothing for a row, in words.
    pub(crate) fn nothing_for(&self, row: &Row) -> String {
        format!("no certificate in {} has the {} {}", shown(&self.path), self.rule.what(), self.rule.wanted(row))
    }

    /// The files of which no certificate is among those `taken`, and why, in the order of their paths.
    pub(crate) fn unmatched(&self, taken: &HashSet<&[u8]>) -> Vec<FileNote> {
        let left = self.files.iter().filter(|file| !taken.contains(&*file.der)).map(|file| {
            let why = match (&file.unfit, file.names.as_slice()) {
                (Some(why), _) => format!("not used: {why}"),
                (None, []) => format!("not used: it has no {}", self.rule.what()),
                (None, names) => format!("no row took it; its {}: {}", self.rule.what(), names.join(", ")),
            };
            FileNote { path: file.path.display().to_string(), why }
        });
        let mut notes: Vec<FileNote> = self.unreadable.iter().cloned().chain(left).collect();
        notes.sort_by(|one, other| one.path.cmp(&other.path));
        notes
    }
}

fn walk(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), Error> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<DirEntry>>>());
    let mut entries = entries.map_err(|source| Error::Folder { path: folder.to_owned(), source })?;
    entries.sort_by_key(DirEntry::file_name);
    for entry in entries {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => walk(&entry.path(), depth + 1, paths)?,
            Ok(kind) if kind.is_file() => paths.push(entry.path()),
            _ => {}
        }
    }
    Ok(())
}

/// The certificates of one file, and what is wrong with it.
fn exported(path: &Path, rule: MatchRule, now: OffsetDateTime) -> (Vec<Exported>, Option<FileNote>) {
    let note = |why: String| FileNote { path: path.display().to_string(), why };
    let certificates = match certificate_file::read(path) {
        Ok(certificates) => certificates,
        Err(error) => return (Vec::new(), Some(note(format!("cannot be read: {error}")))),
    };
    let (mut files, mut unreadable) = (Vec::new(), None);
    for certificate in certificates {
        match certificate {
            Ok(certificate) => files.push(Exported {
                path: path.to_owned(),
                der: certificate.der().into(),
                hash: certificate.pairing_hash(),
                names: rule.names(&certificate),
                unfit: unfit(&certificate, now),
            }),
            Err(error) if is_named_like_certificates(path) => unreadable = Some(note(error.to_string())),
            // Folders hold other things too.
            Err(_) => {}
        }
    }
    (files, unreadable)
}

/// Why nobody can log in with a certificate.
pub(crate) fn unfit(certificate: &Certificate, now: OffsetDateTime) -> Option<String> {
    let mut problems = certificate.problems_at(now);
    problems.extend(certificate.problems_for(Usage::Authentication));
    // Which kinds of keys can be used is for the backend to say.
    problems.retain(|problem| !matches!(problem, identity::Problem::UnknownToMac { .. }));
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    (!problems.is_empty()).then(|| problems.join("; "))
}

/// True for the endings that files with certificates usually have.
fn is_named_like_certificates(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    ["cer", "crt", "der", "p7b", "p7c", "pem"].contains(&ending.as_str())
}

const MAX_DEPTH: usize = 32;
const MAX_SHOWN: usize = 5;

#[cfg(test)]
mod tests;
