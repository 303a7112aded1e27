//! Taking back changes of a file of lines that many accounts share: what was added goes, what was removed comes back to its line.

use std::collections::HashMap;
use std::path::Path;

use crate::Error;
use crate::undo::{FileDigest, LinesUndo, RemovedLines};

/// The lines of a file from which changes are taken back.
pub(crate) struct Restoration<'a> {
    lines: Vec<&'a [u8]>,
    gone: Vec<bool>,
    /// Where each line stands; those that are there more than once, all of them.
    places: HashMap<&'a [u8], Vec<usize>>,
    /// The same by what stands before the arrow, in upper case.
    keys: HashMap<Vec<u8>, Vec<usize>>,
    back: Vec<&'a RemovedLines>,
    /// What the file was before the first of these changes.
    before: Option<FileDigest>,
}

impl<'a> Restoration<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let lines: Vec<_> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
        let mut places: HashMap<_, Vec<usize>> = HashMap::new();
        let mut keys: HashMap<_, Vec<usize>> = HashMap::new();
        for (place, line) in lines.iter().enumerate() {
            places.entry(without_end(line)).or_default().push(place);
            if let Some(key) = key(line) {
                keys.entry(key).or_default().push(place);
            }
        }
        Restoration { gone: vec![false; lines.len()], lines, places, keys, back: Vec::new(), before: None }
    }

    /// Takes one change back; the last change has to come first. Whether there was something to do.
    pub(crate) fn take_back(&mut self, undo: &'a LinesUndo, path: &Path) -> Result<bool, Error> {
        let missing: Vec<_> = undo.removed.iter().filter(|removed| self.find(&removed.lines).is_none()).collect();
        let added = self.find(&undo.added);
        let is_new = added.is_none() && !undo.added.is_empty();
        let later = if is_new { self.back.iter().position(|back| back.lines == undo.added) } else { None };
        // A certificate that was given to somebody else since is theirs.
        let others =
            |removed: &&&RemovedLines| removed.lines.last().is_some_and(|line| self.has_key(line, added, undo));
        if missing.iter().any(|removed| others(&removed)) {
            return Err(Error::Changed { path: path.to_owned() });
        }
        match (added, later) {
            // Neither what it was after the change, nor what it was before.
            (None, None) if !undo.added.is_empty() && !missing.is_empty() => {
                return Err(Error::Changed { path: path.to_owned() });
            }
            (None, None) if missing.is_empty() => return Ok(false),
            (Some(place), _) => {
                for place in place..place + undo.added.len() {
                    if let Some(gone) = self.gone.get_mut(place) {
                        *gone = true;
                    }
                }
            }
            // What this change added, a later one removed: it was about to come back.
            (None, Some(later)) => drop(self.back.swap_remove(later)),
            (None, None) => (),
        }
        self.back.extend(missing);
        self.before = undo.before;
        Ok(true)
    }

    /// Whether a line for the same certificate stands there that this change did not add.
    fn has_key(&self, line: &str, added: Option<usize>, undo: &LinesUndo) -> bool {
        let own = added.map(|added| added..added + undo.added.len()).unwrap_or_default();
        let places = key(line.as_bytes()).and_then(|key| self.keys.get(&key));
        let places = places.into_iter().flatten();
        places.into_iter().any(|place| self.gone.get(*place) == Some(&false) && !own.contains(place))
    }

    /// Where these lines stand together.
    fn find(&self, wanted: &[String]) -> Option<usize> {
        let last = wanted.last()?;
        let places = self.places.get(without_end(last.as_bytes()))?;
        places.iter().map(|place| (place + 1).checked_sub(wanted.len())).find_map(|first| {
            let first = first?;
            let same = |(offset, line): (usize, &String)| {
                let place = first + offset;
                let found = self.lines.get(place).filter(|_| self.gone.get(place) == Some(&false));
                found.is_some_and(|found| without_end(found) == without_end(line.as_bytes()))
            };
            wanted.iter().enumerate().all(same).then_some(first)
        })
    }

    /// The file after that; `None` when there was none before. `head` is a line that may have been put into it so that it was
    /// not empty.
    pub(crate) fn finish(mut self, head: &str) -> Option<Vec<u8>> {
        self.back.sort_by_key(|removed| removed.at);
        let kept = self.lines.iter().zip(&self.gone).filter(|(_, gone)| !**gone).map(|(line, _)| *line);
        let mut file = Lines::default();
        let mut back = self.back.into_iter().peekable();
        let mut insert = |file: &mut Lines, all: bool| {
            while let Some(removed) = back.next_if(|removed| all || removed.at <= file.count) {
                removed.lines.iter().for_each(|line| file.push(line.as_bytes()));
            }
        };
        for line in kept {
            insert(&mut file, false);
            file.push(line);
        }
        insert(&mut file, true);
        as_before(file.bytes, self.before, head)
    }
}

#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    count: u64,
}

impl Lines {
    fn push(&mut self, line: &[u8]) {
        if !self.bytes.is_empty() && !self.bytes.ends_with(b"\n") {
            self.bytes.push(b'\n');
        }
        self.bytes.extend_from_slice(line);
        self.count += 1;
    }
}

/// A file that had no line end at its end has one now, one that was empty has the head, and one that was not there is empty:
/// it is made what it was.
fn as_before(bytes: Vec<u8>, before: Option<FileDigest>, head: &str) -> Option<Vec<u8>> {
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    let headless: Vec<u8> = lines.filter(|line| *line != head.as_bytes()).flatten().copied().collect();
    for candidate in [bytes.as_slice(), without_end(&bytes), &headless, without_end(&headless)] {
        if before == Some(FileDigest::of(candidate)) {
            return Some(candidate.to_vec());
        }
    }
    let was_there = !bytes.is_empty() || before.is_some();
    was_there.then_some(bytes)
}

/// What a line maps.
fn key(line: &[u8]) -> Option<Vec<u8>> {
    let line = line.trim_ascii_start();
    let end = line.windows(ARROW.len()).position(|window| window == ARROW)?;
    (!line.starts_with(b"#")).then(|| line.get(..end).unwrap_or_default().to_ascii_uppercase())
}

const ARROW: &[u8] = b" -> ";

fn without_end(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}
