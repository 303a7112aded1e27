//! The text of `~/.eid/authorized_certificates`: concatenated PEM certificates.
//!
//! pam_p11 reads the file with OpenSSL's `PEM_read_bio_X509` until that fails. It passes over
//! text between blocks and over blocks of other kinds, but the first damaged block ends the
//! reading: certificates behind it do not count.
//!
//! So a certificate is added **at the end** of a file that is sound throughout, where it can do
//! no harm to those before it, and otherwise **in front** of everything else: there it counts
//! whatever stands in the rest of the file. Taking it out again leaves every other byte as it was.
//!
//! OpenSSL's idea of damage changes from version to version. Here a certificate is listed when any
//! of them could read it, and called effective only when all of them do: then it and everything
//! before it is plainly written and strictly encoded. What cannot be read here, but perhaps there,
//! is *suspect*: it may be a certificate.

use std::collections::BTreeSet;
use std::ops::Range;

use identity::{Certificate, KeyAlgorithm, PairingHash, pem};

use crate::{PairedKey, Pairing, Pairings, Unreadable};

/// The file in pieces, in order; those that matter to nobody are left out.
#[derive(Debug, Default)]
pub(crate) struct List {
    entries: Vec<Entry>,
    /// Whether every version reads all of the file, so that what is added at its end counts.
    sound: bool,
}

#[derive(Debug)]
struct Entry {
    range: Range<usize>,
    line: usize,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Certificate(Box<Pairing>),
    /// Not readable; `suspect` when it may be a certificate all the same.
    Unreadable {
        why: String,
        suspect: bool,
    },
}

impl List {
    pub(crate) fn read(file: &[u8]) -> Self {
        let mut entries = Vec::new();
        let mut sound = true;
        for block in pem::blocks(file) {
            let suspect = block.is_certificate() || block.contents == Err(pem::Malformed::Ambiguous);
            let unreadable = |why: String| Some(Content::Unreadable { why, suspect });
            let content = match &block.contents {
                Ok(der) if block.is_certificate() => match Certificate::from_der_prefix(der) {
                    Ok((certificate, rest)) => {
                        sound &= block.strict && rest.is_empty() && certificate.encoding_problem().is_none();
                        let effective = sound && usable(&certificate);
                        let key = PairedKey::Certificate(Box::new(certificate));
                        Some(Content::Certificate(Box::new(Pairing { key, effective })))
                    }
                    Err(error) => unreadable(error.to_string()),
                },
                Ok(_) => {
                    sound &= block.strict;
                    None
                }
                Err(error) => unreadable(error.to_string()),
            };
            sound &= !matches!(content, Some(Content::Unreadable { .. }));
            entries.extend(content.map(|content| Entry { range: block.range, line: block.line, content }));
        }
        // OpenSSL stops at zero bytes, and looks at long lines in pieces.
        sound &= !file.contains(&0);
        sound &= file.split(|&byte| byte == b'\n').all(|line| line.len() < 252);
        List { entries, sound }
    }

    /// What the file pairs, and what in it cannot be read.
    pub(crate) fn pairings(&self) -> Pairings {
        let mut pairings = Pairings::default();
        for entry in &self.entries {
            match &entry.content {
                Content::Certificate(pairing) => pairings.entries.push(Pairing::clone(pairing)),
                Content::Unreadable { why, suspect } => {
                    pairings.suspects += usize::from(*suspect);
                    match pairings.unreadable.len() {
                        ..MAX_UNREADABLE => pairings.unreadable.push(Unreadable {
                            line: entry.line,
                            why: why.clone(),
                            may_count: *suspect,
                        }),
                        _ => pairings.unreadable_more += 1,
                    }
                }
            }
        }
        pairings
    }

    /// Lines of what may be a certificate but cannot be read.
    pub(crate) fn suspects(&self) -> impl Iterator<Item = usize> {
        self.entries.iter().filter(|entry| entry.is_suspect()).map(|entry| entry.line)
    }

    /// The file, of which this is the list, with a certificate more.
    pub(crate) fn add(&self, file: &[u8], certificate: &Certificate) -> Vec<u8> {
        let added = certificate.to_pem();
        if !self.sound || file.is_empty() {
            return [added.as_bytes(), file].concat();
        }
        let line_end: &[u8] = if file.ends_with(b"\n") { b"" } else { b"\n" };
        [file, line_end, added.as_bytes()].concat()
    }

    /// The file without the certificates that have one of these hashes, and if so asked without
    /// everything that may be a certificate.
    pub(crate) fn remove(&self, file: &[u8], hashes: &BTreeSet<PairingHash>, suspects: bool) -> Vec<u8> {
        let goes = |entry: &&Entry| match &entry.content {
            Content::Certificate(pairing) => pairing.hash().is_some_and(|hash| hashes.contains(&hash)),
            Content::Unreadable { suspect, .. } => suspects && *suspect,
        };
        let mut kept = Vec::with_capacity(file.len());
        let mut from = 0;
        for entry in self.entries.iter().filter(goes) {
            kept.extend_from_slice(file.get(from..entry.range.start).unwrap_or_default());
            from = entry.range.end;
        }
        kept.extend_from_slice(file.get(from..).unwrap_or_default());
        kept
    }
}

impl Entry {
    fn is_suspect(&self) -> bool {
        matches!(self.content, Content::Unreadable { suspect: true, .. })
    }
}

/// Whether pam_p11 can use such a key.
pub(crate) fn usable(certificate: &Certificate) -> bool {
    use KeyAlgorithm::{Ed25519, Other, X25519};
    !matches!(certificate.public_key().algorithm(), Ed25519 | X25519 | Other(_))
}

/// How many unreadable parts are described one by one.
pub(crate) const MAX_UNREADABLE: usize = 20;

#[cfg(test)]
mod tests;
