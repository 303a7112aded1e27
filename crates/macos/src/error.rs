//! What can go wrong with a Mac's tools and files.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::sc_auth::PairingFailure;

/// An error of this crate, named by what the caller can do about it. Texts of tools in it are foreign and may be localised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not 40 hexadecimal digits.
    #[error("a hash has 40 hexadecimal digits")]
    InvalidHash,
    /// The text cannot be given to a tool as the name of a user.
    #[error("{name:?} cannot be the name of a user record")]
    InvalidRecordName {
        /// The text.
        name: String,
    },
    /// The tool is not there: this is no Mac, or the folder of stand-ins lacks it.
    #[error("{} is not there", .program.display())]
    ToolMissing {
        /// The path of the tool.
        program: PathBuf,
    },
    /// The tool is there and cannot be started.
    #[error("{} cannot be started", .program.display())]
    NotStarted {
        /// The path of the tool.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The tool did not end in time and was killed. What it did until then is not known.
    #[error("{} did not end within {} seconds and was stopped", .program.display(), .limit.as_secs())]
    TimedOut {
        /// The path of the tool.
        program: PathBuf,
        /// The limit.
        limit: Duration,
    },
    /// The tool printed more than any sensible answer and was killed.
    #[error("{} printed more than {limit} bytes and was stopped", .program.display())]
    TooMuchOutput {
        /// The path of the tool.
        program: PathBuf,
        /// The limit in bytes.
        limit: usize,
    },
    /// The tool was ended by a signal. What it did until then is not known.
    #[error("{} was ended by signal {signal}", .program.display())]
    Killed {
        /// The path of the tool.
        program: PathBuf,
        /// The number of the signal.
        signal: i32,
    },
    /// The tool refused or failed.
    #[error("{} failed with code {code}{}", .program.display(), said(.message))]
    Failed {
        /// The path of the tool.
        program: PathBuf,
        /// Its exit code.
        code: i32,
        /// The end of what it printed, at most 1000 characters.
        message: String,
    },
    /// The system does not let this process do it; root may.
    #[error("{} is not permitted{}", .program.display(), said(.message))]
    NotPermitted {
        /// The path of the tool.
        program: PathBuf,
        /// The end of what it printed.
        message: String,
    },
    /// The local directory has no such user.
    #[error("there is no local user {name}")]
    NoSuchUser {
        /// The record name.
        name: String,
    },
    /// `sc_auth` could not pair, for a reason that it names by a number or a phrase.
    #[error("the Mac refused the pairing: {reason}{}", words(.message))]
    Pairing {
        /// Which.
        reason: PairingFailure,
        /// The end of what it printed.
        message: String,
    },
    /// What a tool printed, or what a file holds, cannot be understood.
    #[error("{what} cannot be understood: {why}")]
    Malformed {
        /// The tool or the file.
        what: String,
        /// Why.
        why: String,
    },
    /// A file cannot be read.
    #[error("{} cannot be read", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("{} cannot be written", .path.display())]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than root can change something that is to be run, or believed, on behalf of people.
    #[error("{} {why}", .path.display())]
    Unsafe {
        /// The part of the path that they can change.
        path: PathBuf,
        /// How, such as "does not belong to root".
        why: &'static str,
    },
    /// Another file is there already.
    #[error("{} is there already and says something else", .path.display())]
    Different {
        /// The file.
        path: PathBuf,
    },
}

impl Error {
    pub(crate) fn malformed(what: impl Into<String>, why: impl Into<String>) -> Self {
        // One line, as all errors are.
        Error::Malformed { what: what.into(), why: why.into().replace(['\n', '\r'], " ") }
    }
}

/// As [`said`], for texts that have brackets of their own.
fn words(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    let text = words.join(" ");
    if text.is_empty() { text } else { format!("; sc_auth said: {}", text.trim_end_matches(['.', '。'])) }
}

fn said(message: &str) -> String {
    let message = message.trim();
    if message.is_empty() { String::new() } else { format!(" ({})", message.replace(['\n', '\r'], " ")) }
}
