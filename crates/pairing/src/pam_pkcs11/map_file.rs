//! The file of a digest mapper, read once and edited in memory.
//!
//! ```text
//! # comment
//! AA:BB:CC:...:ZZ -> user
//! ```
//!
//! As pam_pkcs11 reads it (src/mappers/mapper.c): blanks before a line do not count, a line that begins with `#` is a
//! comment, the first ` -> ` divides, and everything behind it up to the line end is the user. Digests and users are compared
//! without regard to the case of ASCII letters. The first line with the digest decides. Lines without ` -> ` do not count.
//!
//! Every byte that is not changed stays: comments, order, lines that nobody understands.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use super::configuration::DigestAlgorithm;
use crate::undo::{FileDigest, LinesUndo, RemovedLines};
use crate::{Error, Remark};

/// The file with what is planned for it.
#[derive(Debug, Clone, Default)]
pub(super) struct MapFile {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// The entries of each digest and of each user (in lower case), in the order of the file.
    by_digest: HashMap<Vec<u8>, Vec<usize>>,
    by_user: HashMap<String, Vec<usize>>,
}

/// A line that maps a digest.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) digest: Vec<u8>,
    pub(super) user: String,
    pub(super) remark: Option<Remark>,
    place: Place,
    gone: bool,
}

#[derive(Debug, Clone)]
enum Place {
    /// These bytes of the file, with the remark above and the line end; the first is on this line, from 0.
    Kept { bytes: Range<usize>, line: usize },
    /// At the end; behind the comment at the head of a new file, if so.
    Added { at_head: bool },
}

/// A change of the file for one account.
#[derive(Debug, Clone, Default)]
pub(super) struct Edit {
    pub(super) add: Option<(Vec<u8>, String, Remark)>,
    /// Entries by their numbers.
    pub(super) remove: Vec<usize>,
}

impl Edit {
    pub(super) fn is_empty(&self) -> bool {
        self.add.is_none() && self.remove.is_empty()
    }
}

impl MapFile {
    /// Reads a file.
    pub(super) fn parse(bytes: Vec<u8>, algorithm: DigestAlgorithm, path: &Path) -> Result<Self, Error> {
        if bytes.contains(&0) {
            // pam_pkcs11 ends there.
            return Err(Error::Malformed { path: path.to_owned(), why: "holds a NUL byte" });
        }
        let mut file = MapFile::default();
        let (mut start, mut above): (usize, Option<(usize, &str)>) = (0, None);
        for (line, text) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let end = start + text.len();
            let text = std::str::from_utf8(text).unwrap_or_default();
            if let Some((digest, user)) = mapping(text, algorithm) {
                let remark = above.and_then(|(_, above)| Remark::parse(above, &name(&digest)));
                let (from, line) = match (above, &remark) {
                    (Some((from, _)), Some(_)) => (from, line - 1),
                    _ => (start, line),
                };
                let place = Place::Kept { bytes: from..end, line };
                file.insert(Entry { digest, user: user.to_owned(), remark, place, gone: false });
            }
            above = text.trim_ascii_start().starts_with('#').then_some((start, text));
            start = end;
        }
        file.bytes = bytes;
        Ok(file)
    }

    fn insert(&mut self, entry: Entry) {
        let number = self.entries.len();
        self.by_digest.entry(entry.digest.clone()).or_default().push(number);
        self.by_user.entry(entry.user.to_ascii_lowercase()).or_default().push(number);
        self.entries.push(entry);
    }

    /// What is mapped to a user, with the number of each.
    pub(super) fn of_user(&self, user: &str) -> impl Iterator<Item = (usize, &Entry)> {
        self.numbered(self.by_user.get(&user.to_ascii_lowercase()))
    }

    /// The line that decides on a digest.
    pub(super) fn first(&self, digest: &[u8]) -> Option<(usize, &Entry)> {
        self.numbered(self.by_digest.get(digest)).next()
    }

    fn numbered<'a>(&'a self, numbers: Option<&'a Vec<usize>>) -> impl Iterator<Item = (usize, &'a Entry)> {
        let entries = numbers.into_iter().flatten().filter_map(|&number| Some((number, self.entries.get(number)?)));
        entries.filter(|(_, entry)| !entry.gone)
    }

    /// All users to whom something is mapped, in the order of the file, with repetitions.
    pub(super) fn users(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|entry| !entry.gone).map(|entry| entry.user.as_str())
    }

    /// Makes a change, and tells how to undo it. `before` is the file as it is on the disk.
    pub(super) fn make(&mut self, edit: Edit, path: &Path, before: Option<FileDigest>) -> LinesUndo {
        let mut undo = LinesUndo { path: path.to_owned(), added: Vec::new(), removed: Vec::new(), before };
        for number in edit.remove {
            let Some(entry) = self.entries.get_mut(number) else { continue };
            entry.gone = true;
            undo.removed.push(match &entry.place {
                Place::Kept { bytes, line } => RemovedLines {
                    at: u64::try_from(*line).unwrap_or(u64::MAX),
                    lines: lines(self.bytes.get(bytes.clone()).unwrap_or_default()),
                },
                Place::Added { .. } => RemovedLines { at: u64::MAX, lines: entry.lines() },
            });
        }
        if let Some((digest, user, remark)) = edit.add {
            let place = Place::Added { at_head: before.is_none() && self.entries.is_empty() };
            let entry = Entry { digest, user, remark: Some(remark), place, gone: false };
            undo.added = entry.lines();
            self.insert(entry);
        }
        undo
    }

    /// The file with all changes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes.len() + 128);
        let mut from = 0;
        for entry in self.entries.iter().filter(|entry| entry.gone) {
            if let Place::Kept { bytes: gone, .. } = &entry.place {
                bytes.extend_from_slice(self.bytes.get(from..gone.start).unwrap_or_default());
                from = gone.end;
            }
        }
        bytes.extend_from_slice(self.bytes.get(from..).unwrap_or_default());
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        for entry in self.entries.iter().filter(|entry| !entry.gone && matches!(entry.place, Place::Added { .. })) {
            entry.lines().iter().for_each(|line| bytes.extend_from_slice(line.as_bytes()));
        }
        bytes
    }
}

impl Entry {
    /// The lines as pivkit writes them.
    fn lines(&self) -> Vec<String> {
        let remark = self.remark.as_ref().map(|remark| remark.line(&name(&self.digest)) + "\n");
        let head = matches!(self.place, Place::Added { at_head: true }).then(|| HEADER.to_owned());
        head.into_iter().chain(remark).chain([format!("{} -> {}\n", shown(&self.digest), self.user)]).collect()
    }
}

/// A digest as it stands in the file: octets in upper-case hexadecimal, with colons.
pub(super) fn shown(digest: &[u8]) -> String {
    let mut text = String::with_capacity(digest.len() * 3);
    for octet in digest {
        if !text.is_empty() {
            text.push(':');
        }
        text.push_str(&hex::encode_upper([*octet]));
    }
    text
}

/// How a remark names its line: by the first four octets.
fn name(digest: &[u8]) -> String {
    hex::encode_upper(digest.get(..4).unwrap_or(digest))
}

/// The digest and the user of a line.
fn mapping(line: &str, algorithm: DigestAlgorithm) -> Option<(Vec<u8>, &str)> {
    let line = line.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let line = line.strip_suffix('\n').unwrap_or(line);
    let (key, user) = line.split_once(" -> ")?;
    let mut digest = Vec::with_capacity(algorithm.length());
    for octet in key.split(':') {
        let mut byte = [0];
        hex::decode_to_slice(octet, &mut byte).ok()?;
        digest.extend(byte);
    }
    (digest.len() == algorithm.length()).then_some((digest, user))
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

/// The head of a new file, and all of one that would be empty.
pub(super) const HEADER: &str = "# DIGEST OF A CERTIFICATE -> USER, for the mapper digest of pam_pkcs11\n";
