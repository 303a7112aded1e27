//! Standard output: the result, as text or JSON, and nothing else. Standard error: what a person should know.

use std::io::{self, Write};

use pivkit::text::escape_control;
use serde::Serialize;

use crate::json;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Text,
    Json,
}

/// Whether anybody still reads what is printed. A reader that has gone away (`| head`) has seen enough: that is no failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    There,
    Gone,
}

impl Output {
    /// Prints a result: the report itself as JSON, or what `text` makes of it.
    pub(crate) fn print<R: Serialize>(self, report: &R, text: impl FnOnce(&R) -> String) -> io::Result<Audience> {
        match self {
            Self::Text => write(text(report).as_bytes()),
            Self::Json => write(&json::document(report)?),
        }
    }

    /// Prints one of many results as it comes: a line of JSON, or what `text` makes of it.
    pub(crate) fn print_line<R: Serialize>(self, report: &R, text: impl FnOnce(&R) -> String) -> io::Result<Audience> {
        match self {
            Self::Text => write(text(report).as_bytes()),
            Self::Json => write(&json::line(report)?),
        }
    }
}

/// Writes to standard output.
pub(crate) fn write(bytes: &[u8]) -> io::Result<Audience> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Audience::There),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Audience::Gone),
        Err(error) => Err(error),
    }
}

/// A line on standard error, escaped. If nobody reads there any more, nobody is told.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{}", escape_control(line));
}
