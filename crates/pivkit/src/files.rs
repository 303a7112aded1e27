//! Certificate files and folders: `pivkit hash`, `identities --cert`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use identity::{Certificate, load};

use crate::Error;
use crate::report::{HashEntry, HashReport, ReadError, SCHEMA_VERSION};

/// The pairing hashes of the certificates in `paths`: PEM with one or several, DER, PKCS#7. A folder is walked; files in it
/// that hold none are passed over, because folders hold other things too.
#[must_use]
pub fn hashes(paths: &[PathBuf]) -> HashReport {
    let mut report = HashReport { schema_version: SCHEMA_VERSION, hashes: vec![], errors: vec![] };
    for path in paths {
        if path.is_dir() {
            walk(path, 0, &mut report);
        } else {
            add(path, false, &mut report);
        }
    }
    report
}

fn walk(folder: &Path, depth: usize, report: &mut HashReport) {
    let entries = std::fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => return report.errors.push(ReadError::in_file(folder, &error)),
    };
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        // Links are not followed: a folder that holds itself would have no end.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => walk(&entry.path(), depth + 1, report),
            Ok(kind) if kind.is_file() => add(&entry.path(), true, report),
            _ => {}
        }
    }
}

const MAX_DEPTH: usize = 32;

fn add(path: &Path, in_folder: bool, report: &mut HashReport) {
    let certificates = match certificates(path) {
        Ok(certificates) => certificates,
        Err(error) => return report.errors.push(ReadError::in_file(path, &error)),
    };
    for certificate in certificates {
        match certificate {
            Ok(certificate) => report.hashes.push(HashEntry {
                pairing_hash: certificate.pairing_hash().to_string(),
                path: Some(path.display().to_string()),
                reader: None,
                slot: None,
                subject: certificate.subject().to_owned(),
            }),
            Err(identity::Error::NoCertificate | identity::Error::TooLarge { .. }) if in_folder => {}
            Err(_) if in_folder && !is_named_like_certificates(path) => {}
            Err(error) => report.errors.push(ReadError::in_file(path, &error)),
        }
    }
}

/// True for the endings that files with certificates usually have.
fn is_named_like_certificates(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    ["cer", "crt", "p7b", "p7c", "pem"].contains(&ending.as_str())
}

/// The certificates in one file, each readable or not. A file above [`load::MAX_FILE`] bytes gives one error.
///
/// # Errors
///
/// [`Error::File`] if the file cannot be read.
pub(crate) fn certificates(path: &Path) -> Result<Vec<Result<Certificate, identity::Error>>, Error> {
    let limit = u64::try_from(load::MAX_FILE).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let result = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    result.map_err(|source| Error::File { path: path.to_owned(), source })?;
    Ok(load::certificates(&bytes))
}
