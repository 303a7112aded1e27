//! PEM blocks in a file that also holds other things (RFC 7468, the lax form of its section 3).
//!
//! ```text
//! any text                          kept out of the blocks
//! -----BEGIN CERTIFICATE-----       label; starts in the first column
//! MIIC...                           base64, lines of any length, LF or CRLF
//! -----END CERTIFICATE-----         must repeat the label
//! ```
//!
//! Every block carries its byte range, so that an editor can take a block out of a file and
//! leave every other byte as it was. A block that cannot be decoded is reported and does not hide
//! the next one.
//!
//! Programs differ in what they take for PEM. This reader finds every block that OpenSSL finds
//! (it looks at long lines in pieces and passes over a byte order mark as OpenSSL does), and says
//! of each block whether it is written so that every program reads it the same way.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Label of a certificate.
pub const CERTIFICATE: &str = "CERTIFICATE";

/// One block between a BEGIN line and its END line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block<'a> {
    /// The text after `BEGIN`, such as `CERTIFICATE`.
    pub label: &'a str,
    /// From the first byte of the BEGIN line to the end of the END line, its line end included.
    pub range: Range<usize>,
    /// The decoded bytes.
    pub contents: Result<Vec<u8>, Malformed>,
    /// Whether every line between BEGIN and END consists of 1 to 76 characters without blanks,
    /// and no byte order mark stands before BEGIN.
    pub strict: bool,
}

impl Block<'_> {
    /// Whether the label says certificate; `X509 CERTIFICATE` is its oldest spelling.
    pub fn is_certificate(&self) -> bool {
        matches!(self.label, CERTIFICATE | "X509 CERTIFICATE")
    }
}

/// Why a block has no contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The file or the next BEGIN line comes before the END line.
    #[error("the END line is missing")]
    NoEnd,
    /// The END line carries another label.
    #[error("the END line does not repeat the label")]
    OtherLabel,
    /// The lines between are not base64.
    #[error("the text between the BEGIN and the END line is not base64")]
    NotBase64,
}

/// Lists the blocks of `bytes` in the order in which they stand. Bytes outside of blocks are
/// skipped and need not be text.
pub fn blocks(bytes: &[u8]) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut open: Option<Open<'_>> = None;
    for (start, line) in lines(bytes) {
        let end = start + line.len();
        let text = without_mark(line).trim_ascii_end();
        if let Some(label) = boundary(text, b"-----BEGIN ") {
            found.extend(open.take().map(|block| block.close(start, Err(Malformed::NoEnd))));
            let marked = without_mark(line).len() < line.len();
            open = Some(Open { label, start, body: Vec::new(), strict: !marked });
        } else if let Some(end_label) = boundary(text, b"-----END ") {
            found.extend(open.take().map(|block| {
                let decoded = STANDARD.decode(&block.body).map_err(|_| Malformed::NotBase64);
                let contents = if block.label == end_label { decoded } else { Err(Malformed::OtherLabel) };
                block.close(end, contents)
            }));
        } else if let Some(block) = &mut open {
            let length = block.body.len();
            block.body.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
            let added = block.body.len() - length;
            block.strict &= (1..=MAX_STRICT_LINE).contains(&added) && added == line.trim_ascii_end().len();
        }
    }
    found.extend(open.map(|block| block.close(bytes.len(), Err(Malformed::NoEnd))));
    found
}

/// Whether `bytes` holds the beginning of any block.
pub(crate) fn is_pem(bytes: &[u8]) -> bool {
    lines(bytes).any(|(_, line)| boundary(without_mark(line).trim_ascii_end(), b"-----BEGIN ").is_some())
}

/// A block whose END line is still to come.
struct Open<'a> {
    label: &'a str,
    start: usize,
    body: Vec<u8>,
    strict: bool,
}

impl<'a> Open<'a> {
    fn close(self, end: usize, contents: Result<Vec<u8>, Malformed>) -> Block<'a> {
        Block { label: self.label, range: self.start..end, contents, strict: self.strict }
    }
}

/// The lines with their line ends, in pieces of at most 254 bytes, and where each begins.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    let pieces = bytes.split_inclusive(|&byte| byte == b'\n').flat_map(|line| line.chunks(MAX_PIECE));
    pieces.map(move |piece| {
        let here = start;
        start += piece.len();
        (here, piece)
    })
}

/// The line without a byte order mark in UTF-8 at its start.
fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
}

/// OpenSSL reads lines into a buffer of 255 bytes with a zero at the end.
const MAX_PIECE: usize = 254;
/// MIME's longest line (RFC 2045 6.8); OpenSSL writes 64.
const MAX_STRICT_LINE: usize = 76;

/// Writes one block: lines of 64 characters, each ended by LF (RFC 7468 section 2).
pub fn encode(label: &str, contents: &[u8]) -> String {
    let body = STANDARD.encode(contents);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = next;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// The label of a BEGIN or END line.
fn boundary<'a>(line: &'a [u8], start: &[u8]) -> Option<&'a str> {
    let label = line.strip_prefix(start)?.strip_suffix(b"-----")?;
    std::str::from_utf8(label).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_blocks_between_other_text() {
        let file = b"Bag Attributes\r\n-----BEGIN A-----\r\nAAEC\r\n-----END A-----\r\n\xff junk\n-----BEGIN B-----\nAA\nEC\n-----END B-----";
        let found = blocks(file);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].label, found[0].contents.clone()), ("A", Ok(vec![0, 1, 2])));
        assert_eq!((found[1].label, found[1].contents.clone()), ("B", Ok(vec![0, 1, 2])));
        assert!(file[found[0].range.clone()].starts_with(b"-----BEGIN A"));
        assert!(file[found[0].range.clone()].ends_with(b"-----END A-----\r\n"));
        assert_eq!(found[1].range.end, file.len());
    }

    #[test]
    fn a_broken_block_does_not_hide_the_next() {
        let file = b"-----BEGIN A-----\nAAEC\n-----BEGIN A-----\nAA!C\n-----END A-----\n-----BEGIN A-----\nAAEC\n-----END B-----\n-----BEGIN A-----\nAAEC\n-----END A-----\n-----BEGIN A-----\nAAEC\n";
        let contents: Vec<_> = blocks(file).into_iter().map(|block| block.contents).collect();
        assert_eq!(
            contents,
            [
                Err(Malformed::NoEnd),
                Err(Malformed::NotBase64),
                Err(Malformed::OtherLabel),
                Ok(vec![0, 1, 2]),
                Err(Malformed::NoEnd)
            ]
        );
    }

    #[test]
    fn ranges_do_not_overlap_and_cover_whole_lines() {
        let file = b"x\n-----BEGIN A-----\n-----BEGIN A-----\n\n-----END A-----\n-----END A-----\n";
        let found = blocks(file);
        assert_eq!(found.iter().map(|block| block.range.clone()).collect::<Vec<_>>(), [2..20, 20..55]);
    }

    #[test]
    fn says_which_blocks_every_program_reads() {
        let block = encode("A", &[7; 100]);
        for strict in [block.clone(), block.replace('\n', "\r\n"), block.replace('\n', " \n"), format!("x\n{block}")] {
            assert!(blocks(strict.as_bytes())[0].strict, "{strict}");
        }
        let long = format!("-----BEGIN A-----\n{}\n-----END A-----\n", "AAAA".repeat(20));
        let spaced = block.replacen("Bw", "B w", 1);
        for lax in
            [format!("\u{feff}{block}"), block.replacen('\n', "\n\n", 1), block.replacen('\n', "\n ", 1), long, spaced]
        {
            let found = blocks(lax.as_bytes());
            assert!(found.len() == 1 && found[0].contents.is_ok() && !found[0].strict, "{lax}");
            assert!(is_pem(lax.as_bytes()));
        }
    }

    #[test]
    fn looks_at_long_lines_in_pieces() {
        let file = format!("{}{}", "x".repeat(254), encode("A", &[0, 1, 2]));
        let found = blocks(file.as_bytes());
        assert_eq!(found[0].range, 254..file.len());
    }

    #[test]
    fn writes_what_it_reads() {
        for length in [0, 1, 47, 48, 49, 200] {
            let contents: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let text = encode(CERTIFICATE, &contents);
            assert!(text.lines().all(|line| line.len() <= 64), "{text}");
            let found = blocks(text.as_bytes());
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].contents, Ok(contents));
            assert_eq!(found[0].range, 0..text.len());
        }
    }
}
