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
//! leave every other byte as it was.
//!
//! Programs differ in what they take for PEM. [`blocks`] finds the blocks that OpenSSL's
//! `PEM_read_bio` finds in a file (crypto/pem/pem_lib.c), oddities included, and says of each
//! whether it is written so that every program and every version reads it the same way:
//!
//! * a line longer than 254 bytes is looked at in pieces, and ends at a zero byte;
//! * bytes up to 0x20 and from 0x80 at the end of a line do not count, nor does a byte order mark
//!   at the start of the line behind a block;
//! * inside a block only an END line means something; base64 ends at the first `-`, so that a
//!   block whose END line is damaged swallows the next one and counts all the same.

use std::ops::Range;

use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::{Engine, alphabet};

/// Label of a certificate.
pub const CERTIFICATE: &str = "CERTIFICATE";

/// One block between a BEGIN line and its END line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block<'a> {
    /// The text after `BEGIN`, such as `CERTIFICATE`; empty when it is not UTF-8.
    pub label: &'a str,
    /// The line of the file on which it begins, from 1.
    pub line: usize,
    /// From the first byte of the BEGIN line to the end of the END line, its line end included.
    pub range: Range<usize>,
    /// The decoded bytes, never none.
    pub contents: Result<Vec<u8>, Malformed>,
    /// Whether every program reads it alike: BEGIN and END lines with nothing around them; every
    /// line between of 1 to 76 characters of base64 without blanks; and neither a zero byte nor
    /// a line above 252 bytes anywhere before its end.
    pub strict: bool,
    /// Whether another BEGIN line stands inside, which means nothing there.
    pub swallows: bool,
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
    /// The file ends before the END line.
    #[error("the END line is missing")]
    NoEnd,
    /// The END line carries another label.
    #[error("the END line does not repeat the label")]
    OtherLabel,
    /// The lines between are not base64.
    #[error("the text between the BEGIN and the END line is not base64")]
    NotBase64,
    /// There is nothing between the lines.
    #[error("there is nothing between the BEGIN and the END line")]
    Empty,
    /// The BEGIN line is written so that only some programs take it for one, and what they read
    /// next depends on that.
    #[error("only some programs take its BEGIN line for one")]
    Ambiguous,
}

/// Lists the blocks that OpenSSL finds in `bytes`, and those it would find behind a damaged one,
/// at which it stops. Bytes outside of blocks are skipped and need not be text.
pub fn blocks(bytes: &[u8]) -> Vec<Block<'_>> {
    scan(bytes, Inner::Swallowed)
}

/// Lists the blocks of `bytes` as people see them: a BEGIN line always begins a block, so one
/// whose END line is missing does not hide the next.
pub(crate) fn sections(bytes: &[u8]) -> Vec<Block<'_>> {
    scan(bytes, Inner::Begins)
}

/// What a BEGIN line inside a block means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inner {
    Swallowed,
    Begins,
}

fn scan(bytes: &[u8], inner: Inner) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut open: Option<Open<'_>> = None;
    let (mut plain, mut first, mut number) = (true, true, 1);
    for piece in pieces(bytes) {
        plain &= piece.bytes.len() <= MAX_PLAIN && !piece.bytes.contains(&0);
        let line = number;
        number += usize::from(piece.bytes.ends_with(b"\n"));
        let marked = piece.bytes.starts_with(MARK);
        let text = visible(if first && open.is_none() { without_mark(piece.bytes) } else { piece.bytes });
        first = false;
        let begin = boundary(text, BEGIN);
        if let Some(block) = &mut open {
            block.swallows |= begin.is_some();
            if let Some(label) = text.strip_prefix(END) {
                let matches = label.strip_suffix(DASHES) == Some(block.label);
                block.strict &= plain && matches && ends_plainly(piece.bytes, text);
                found.extend(open.take().map(|block| block.close(piece.end(), matches)));
                first = true;
                continue;
            }
            if begin.is_none() || inner == Inner::Swallowed {
                block.take(piece.bytes, text);
                continue;
            }
            found.extend(open.take().map(|block| block.cut(piece.start)));
        }
        if let Some(label) = begin {
            let odd = marked || !piece.begins_line || !text_is_all_but_blanks(piece.bytes, text);
            open = Some(Open {
                label,
                line,
                start: piece.start,
                body: Vec::new(),
                ended: false,
                strict: plain && !odd && ends_plainly(piece.bytes, text),
                swallows: false,
                odd,
            });
        }
    }
    found.extend(open.map(|block| block.cut(bytes.len())));
    found
}

/// Whether `bytes` holds the beginning of any block.
pub(crate) fn is_pem(bytes: &[u8]) -> bool {
    pieces(bytes).any(|piece| boundary(visible(without_mark(piece.bytes)), BEGIN).is_some())
}

/// A block whose END line is still to come.
struct Open<'a> {
    label: &'a [u8],
    line: usize,
    start: usize,
    body: Vec<u8>,
    /// Whether the base64 has ended.
    ended: bool,
    strict: bool,
    swallows: bool,
    /// Whether not every program takes its BEGIN line for one.
    odd: bool,
}

impl<'a> Open<'a> {
    fn take(&mut self, line: &[u8], text: &[u8]) {
        let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
        self.strict &=
            (1..=MAX_STRICT_LINE).contains(&text.len()) && text.iter().all(base64) && ends_plainly(line, text);
        if !self.ended {
            let dash = text.iter().position(|&byte| byte == b'-');
            self.ended = dash.is_some();
            let text = text.get(..dash.unwrap_or(text.len())).unwrap_or_default();
            self.body.extend(text.iter().filter(|byte| !byte.is_ascii_whitespace()));
        }
    }

    /// Ends at its END line.
    fn close(mut self, end: usize, matches: bool) -> Block<'a> {
        let contents = match STANDARD.decode(&self.body) {
            _ if !matches => Err(Malformed::OtherLabel),
            Ok(bytes) => Ok(bytes),
            Err(_) => {
                self.strict = false;
                LENIENT.decode(&self.body).map_err(|_| Malformed::NotBase64)
            }
        };
        self.finish(end, contents.and_then(|bytes| if bytes.is_empty() { Err(Malformed::Empty) } else { Ok(bytes) }))
    }

    /// Ends without an END line.
    fn cut(self, end: usize) -> Block<'a> {
        self.finish(end, Err(Malformed::NoEnd))
    }

    fn finish(self, end: usize, contents: Result<Vec<u8>, Malformed>) -> Block<'a> {
        let mut block = Block {
            label: std::str::from_utf8(self.label).unwrap_or_default(),
            line: self.line,
            range: self.start..end,
            contents,
            strict: self.strict,
            swallows: self.swallows,
        };
        if self.odd && (block.swallows || !block.is_certificate()) {
            block.contents = Err(Malformed::Ambiguous);
        }
        block
    }
}

/// A line with its line end, or at most 254 bytes of it.
struct Piece<'a> {
    start: usize,
    bytes: &'a [u8],
    begins_line: bool,
}

impl Piece<'_> {
    fn end(&self) -> usize {
        self.start + self.bytes.len()
    }
}

fn pieces(bytes: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let mut start = 0;
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    let pieces = lines.flat_map(|line| line.chunks(MAX_PIECE).enumerate());
    pieces.map(move |(position, bytes)| {
        let piece = Piece { start, bytes, begins_line: position == 0 };
        start += bytes.len();
        piece
    })
}

/// What OpenSSL sees of a line: everything before a zero byte, without blanks, control characters
/// and bytes above ASCII at its end.
fn visible(line: &[u8]) -> &[u8] {
    let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
    let end = line.iter().rposition(|byte| (0x21..0x80).contains(byte)).map_or(0, |last| last + 1);
    line.get(..end).unwrap_or_default()
}

/// Whether only blanks follow the text of the line.
fn ends_plainly(line: &[u8], text: &[u8]) -> bool {
    line.trim_ascii_end().len() == text.len()
}

/// Whether no byte above ASCII was taken off the end of the line: where `char` has no sign,
/// OpenSSL leaves them.
fn text_is_all_but_blanks(line: &[u8], text: &[u8]) -> bool {
    line.get(text.len()..).unwrap_or_default().split(|&byte| byte == 0).next().unwrap_or_default().is_ascii()
}

/// The line without a byte order mark in UTF-8 at its start.
fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(MARK).unwrap_or(line)
}

/// The label of a BEGIN line.
fn boundary<'a>(text: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    text.strip_prefix(start)?.strip_suffix(DASHES)
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
const MARK: &[u8] = b"\xEF\xBB\xBF";
/// OpenSSL reads lines into a buffer of 255 bytes with a zero at the end.
const MAX_PIECE: usize = 254;
/// The longest line that is no piece for any version.
const MAX_PLAIN: usize = 252;
/// MIME's longest line (RFC 2045 6.8); OpenSSL writes 64.
const MAX_STRICT_LINE: usize = 76;
/// Base64 as far as any version of OpenSSL takes it.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

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

#[cfg(test)]
mod tests;
