//! Where the PIN comes from: the terminal, a file, or standard input. Never an argument, never the environment.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pivkit::{CardError, Pin, UiError};
use zeroize::Zeroizing;

use crate::args::PinArgs;
use crate::interrupt;

/// Where to read the PIN.
#[derive(Debug)]
pub(crate) enum PinSource {
    Terminal,
    File(PathBuf),
    Stdin,
}

impl From<&PinArgs> for PinSource {
    fn from(args: &PinArgs) -> Self {
        match &args.pin_file {
            Some(file) => Self::File(file.clone()),
            None if args.pin_stdin => Self::Stdin,
            None => Self::Terminal,
        }
    }
}

impl PinSource {
    /// Reads the PIN; on a terminal after `prompt`, without echo.
    pub(crate) fn read(&self, prompt: &str, may_ask: bool) -> Result<Pin, UiError> {
        Pin::new(&*self.text(prompt, may_ask)?).map_err(UiError::Pin)
    }

    /// Reads a line that is as secret as a PIN; as [`PinSource::read`].
    pub(crate) fn text(&self, prompt: &str, may_ask: bool) -> Result<Zeroizing<String>, UiError> {
        match self {
            Self::File(path) => from_file(path),
            Self::Stdin => from_stdin(),
            Self::Terminal if !may_ask => Err(unanswered()),
            Self::Terminal => {
                let _prompt = interrupt::prompt();
                Ok(Zeroizing::new(rpassword::prompt_password(prompt).map_err(prompt_failed)?))
            }
        }
    }
}

/// rpassword reads from /dev/tty; without a terminal it cannot be opened.
fn prompt_failed(error: io::Error) -> UiError {
    match error.kind() {
        io::ErrorKind::Interrupted => UiError::Interrupted,
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => unanswered(),
        _ if error.raw_os_error() == Some(nix::libc::ENXIO) => unanswered(),
        _ => UiError::Terminal(error),
    }
}

fn unanswered() -> UiError {
    UiError::Unanswered { question: "the PIN".to_owned(), flag: "--pin-file or --pin-stdin" }
}

/// Reads past the standard library's buffer, which nobody would wipe.
fn from_stdin() -> Result<Zeroizing<String>, UiError> {
    let from = "standard input";
    if io::stdin().is_terminal() {
        let why = "it is a terminal, which would show it".to_owned();
        return Err(UiError::Source { from: from.to_owned(), why, source: None });
    }
    let failed =
        |error: io::Error| UiError::Source { from: from.to_owned(), why: error.to_string(), source: Some(error) };
    first_line(File::from(io::stdin().as_fd().try_clone_to_owned().map_err(failed)?), from)
}

/// A file that only its owner may read; a pipe has no such mode and is as private as whoever made it.
fn from_file(path: &Path) -> Result<Zeroizing<String>, UiError> {
    let from = path.display().to_string();
    let failed = |why: &str, source| UiError::Source { from: from.clone(), why: why.to_owned(), source };
    let file = File::open(path).map_err(|error| failed(&error.to_string(), Some(error)))?;
    let metadata = file.metadata().map_err(|error| failed(&error.to_string(), Some(error)))?;
    if metadata.is_dir() {
        return Err(failed("it is a folder", None));
    }
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        return Err(failed("others than its owner may read it", None));
    }
    first_line(file, &from)
}

/// The first line, without its end. A line of any length that a PIN can have, and of one byte more, fits into the buffer,
/// so nothing of a PIN is left behind in memory by its growth.
fn first_line(mut input: impl Read, from: &str) -> Result<Zeroizing<String>, UiError> {
    let failed =
        |error: io::Error| UiError::Source { from: from.to_owned(), why: error.to_string(), source: Some(error) };
    let mut buffer = Zeroizing::new([0; MAX_LINE]);
    let mut length = 0;
    while let Some(free) = buffer.get_mut(length..).filter(|free| !free.is_empty()) {
        match input.read(free) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
        if buffer.contains(&b'\n') {
            break;
        }
    }
    let line = buffer.get(..length).unwrap_or_default().split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| UiError::Pin(CardError::InvalidPin))?;
    Ok(Zeroizing::new(text.to_owned()))
}

const MAX_LINE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(input: &[u8]) -> String {
        first_line(input, "test").unwrap().to_string()
    }

    #[test]
    fn the_first_line_without_its_end() {
        for input in [&b"123456"[..], b"123456\n", b"123456\r\n", b"123456\nmore"] {
            assert_eq!(line(input), "123456");
        }
        assert_eq!(line(b""), "");
    }

    #[test]
    fn an_endless_line_is_cut_and_then_is_no_pin() {
        let text = first_line(io::repeat(b'1'), "test").unwrap();
        assert!(Pin::new(&text).is_err());
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "123456\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(from_file(file.path()), Err(UiError::Source { .. })));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(*from_file(file.path()).unwrap(), "123456");
    }
}
