//! The manifest: which key is to open which account, one row each.
//!
//! CSV (RFC 4180) in UTF-8 with a header; a byte order mark, LF and CRLF are all the same. The order of the columns is free, and
//! so is the case of their names. Blanks around a value do not count, nor do rows without any.
//!
//! | column | what |
//! |---|---|
//! | `user` | the account; always |
//! | `hash` | the pairing hash of the key, 40 hexadecimal digits |
//! | `certificate` | a file with it, PEM, DER or PKCS#7, found from the folder of the manifest |
//! | `upn` | the user principal name in the certificate |
//! | `serial` | the serial number of the person's YubiKey |
//! | `guid` | the GUID of the person's card, 32 hexadecimal digits |
//! | `host` | the host on which this is to be done; without it, on every one |
//! | `slot` | the slot of the card |
//! | `action` | `pair` (also when it is empty), `unpair` or `replace` |
//!
//! Limits: 256 MiB, 4096 bytes a value.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder};
use identity::PairingHash;
use pairing::AccountName;

use crate::row::{self, Column};
use crate::{CardNames, Error, HostName, RowAction, RowNote};

/// A manifest, read. Nothing was asked of any account or certificate yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The rows that can be read, in their order.
    pub rows: Vec<Row>,
    /// What cannot be read, and for which host it was meant, where that can be told. Several can be of one row.
    pub problems: Vec<(Option<HostName>, RowNote)>,
}

/// One row of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The account.
    pub user: AccountName,
    /// What is wanted.
    pub action: RowAction,
    /// The host on which it is wanted; `None` for every host.
    pub host: Option<HostName>,
    /// The slot, two lower-case hexadecimal digits.
    pub slot: Option<String>,
    /// The pairing hash of the key.
    pub hash: Option<PairingHash>,
    /// The file with the certificate.
    pub certificate: Option<PathBuf>,
    /// The names of the card.
    pub card: CardNames,
}

impl Manifest {
    /// Reads a manifest from a file.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestFile`] when the file cannot be read, and those of [`parse`](Self::parse).
    pub fn read(path: &Path) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MAX_MANIFEST + 1).read_to_end(&mut bytes));
        read.map_err(|source| Error::ManifestFile { path: path.to_owned(), source })?;
        Self::parse(path, &bytes)
    }

    /// Reads a manifest from the bytes of a file. `path` is where the file is: certificates are found from there.
    ///
    /// # Errors
    ///
    /// [`Error::Manifest`] above 256 MiB, for other encodings than UTF-8, and when there is no header with a column `user` and
    /// each column once.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let refused = |why: &str| Error::Manifest { path: path.to_owned(), why: why.to_owned() };
        if u64::try_from(bytes.len()).map_or(true, |length| length > MAX_MANIFEST) {
            return Err(refused("is larger than 256 MiB"));
        }
        if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
            return Err(refused("is in UTF-16; save it as CSV in UTF-8"));
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let mut records = Records::new(bytes);
        let (line, header) = records.next().ok_or_else(|| refused("is empty"))?;
        let header = row::header(&header).map_err(|why| refused(&why))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut manifest = Manifest::default();
        for why in header.problems {
            manifest.problems.push((None, RowNote { line, user: None, why }));
        }
        for (line, record) in records {
            manifest.add(line, &record, &header.columns, folder);
        }
        Ok(manifest)
    }

    fn add(&mut self, line: u64, record: &ByteRecord, columns: &[Option<Column>], folder: &Path) {
        if record.iter().all(|field| field.trim_ascii().is_empty()) {
            return;
        }
        match row::row(line, record, columns, folder) {
            Ok(row) => self.rows.push(row),
            Err(row::Unreadable { host, user, problems }) => {
                let note = |why| (host.clone(), RowNote { line, user: user.clone(), why });
                self.problems.extend(problems.into_iter().map(note));
            }
        }
    }
}

/// The records, each with the line on which it begins.
struct Records<'a> {
    bytes: &'a [u8],
    reader: csv::Reader<&'a [u8]>,
    /// How far lines were counted: an offset, and the line that it is in, from 1.
    counted: (usize, u64),
}

impl<'a> Records<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        Records { bytes, reader, counted: (0, 1) }
    }

    /// The line of an offset, which is not before the last one asked for. LF, CRLF and CR end a line.
    fn line_at(&mut self, offset: usize) -> u64 {
        let (from, line) = self.counted;
        let mut ends = 0;
        let mut before = None;
        for &byte in self.bytes.get(from..offset).unwrap_or_default() {
            ends += u64::from(byte == b'\r' || byte == b'\n' && before != Some(b'\r'));
            before = Some(byte);
        }
        self.counted = (offset, line + ends);
        line + ends
    }
}

impl Iterator for Records<'_> {
    type Item = (u64, ByteRecord);

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = ByteRecord::new();
        // Bytes in memory, of any number of fields: there is nothing that could fail.
        if !self.reader.read_byte_record(&mut record).unwrap_or(false) {
            return None;
        }
        // The reader counts the end of the line before, and empty lines, to the record.
        let start = record.position().map_or(0, csv::Position::byte);
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let blank = self.bytes.get(start..).unwrap_or_default();
        let blank = blank.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        Some((self.line_at(start + blank), record))
    }
}

pub(crate) const MAX_MANIFEST: u64 = 256 * 1024 * 1024;

#[cfg(test)]
mod tests;
