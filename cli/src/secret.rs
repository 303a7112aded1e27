//! Where PIN, PUK, management key, password and registration token come from: the terminal, a file, or standard input. Never an argument, never the
//! environment.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pivkit::{CardError, ManagementKey, Pin, Puk, UiError};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::args::{PasswordArgs, PinArgs};
use crate::interrupt;

/// Where to read a secret.
#[derive(Debug, Default)]
pub(crate) enum SecretSource {
    #[default]
    Terminal,
    File(PathBuf),
    Stdin,
}

/// Which secret.
#[derive(Clone, Copy)]
enum Kind {
    Pin,
    NewPin,
    Puk,
    NewPuk,
    ManagementKey,
    Password,
    RegistrationToken,
    RefreshToken,
    DecryptionKey,
}

impl From<&PasswordArgs> for SecretSource {
    fn from(args: &PasswordArgs) -> Self {
        match &args.password_file {
            Some(file) => Self::File(file.clone()),
            None if args.password_stdin => Self::Stdin,
            None => Self::Terminal,
        }
    }
}

impl From<&PinArgs> for SecretSource {
    fn from(args: &PinArgs) -> Self {
        match &args.pin_file {
            Some(file) => Self::File(file.clone()),
            None if args.pin_stdin => Self::Stdin,
            None => Self::Terminal,
        }
    }
}

impl From<&Option<PathBuf>> for SecretSource {
    fn from(file: &Option<PathBuf>) -> Self {
        file.clone().map_or(Self::Terminal, Self::File)
    }
}

/// The management key in a file: hexadecimal digits on its first line.
pub(crate) fn management_key(path: &Path) -> Result<ManagementKey, UiError> {
    let text = from_file(path, Kind::ManagementKey)?;
    ManagementKey::from_hex(text.trim()).map_err(UiError::ManagementKey)
}

/// The registration token in a file, on its first line.
pub(crate) fn registration_token(path: &Path) -> Result<SecretString, UiError> {
    filled(&from_file(path, Kind::RegistrationToken)?, Kind::RegistrationToken, &path.display().to_string())
}

/// The refresh token in a file, on its first line.
pub(crate) fn refresh_token(path: &Path) -> Result<SecretString, UiError> {
    filled(&from_file(path, Kind::RefreshToken)?, Kind::RefreshToken, &path.display().to_string())
}

/// The password in a file, on its first line.
pub(crate) fn password(path: &Path) -> Result<SecretString, UiError> {
    SecretSource::File(path.to_owned()).password("", false)
}

/// The private key in a file, all of it.
pub(crate) fn decryption_key(path: &Path) -> Result<SecretString, UiError> {
    let kind = Kind::DecryptionKey;
    let from = path.display().to_string();
    let failed = |why: String, source| UiError::Source { what: kind.what(), from: from.clone(), why, source };
    let file = private(path, kind)?;
    let mut text = Zeroizing::new(String::with_capacity(MAX_KEY + 1));
    let limit = u64::try_from(MAX_KEY).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_string(&mut text).map_err(|error| failed(error.to_string(), Some(error)))?;
    if text.len() > MAX_KEY {
        return Err(failed(format!("it has more than {MAX_KEY} bytes"), None));
    }
    filled(&text, kind, &from)
}

/// Text that is not empty.
fn filled(text: &str, kind: Kind, from: &str) -> Result<SecretString, UiError> {
    if text.is_empty() {
        let why = "it is empty".to_owned();
        return Err(UiError::Source { what: kind.what(), from: from.to_owned(), why, source: None });
    }
    Ok(SecretString::from(text))
}

impl SecretSource {
    /// Reads a password; on a terminal after `prompt`, without echo.
    pub(crate) fn password(&self, prompt: &str, may_ask: bool) -> Result<SecretString, UiError> {
        let from = match self {
            Self::Terminal => "the terminal".to_owned(),
            Self::Stdin => "standard input".to_owned(),
            Self::File(path) => path.display().to_string(),
        };
        filled(&self.read(Kind::Password, prompt, may_ask)?, Kind::Password, &from)
    }

    /// Reads the PIN; on a terminal after `prompt`, without echo.
    pub(crate) fn pin(&self, prompt: &str, may_ask: bool) -> Result<Pin, UiError> {
        Pin::new(&self.read(Kind::Pin, prompt, may_ask)?).map_err(UiError::Pin)
    }

    /// Reads the PUK; on a terminal after `prompt`, without echo.
    pub(crate) fn puk(&self, prompt: &str, may_ask: bool) -> Result<Puk, UiError> {
        Puk::new(&self.read(Kind::Puk, prompt, may_ask)?).map_err(UiError::Puk)
    }

    /// Reads the new PIN; on a terminal twice.
    pub(crate) fn new_pin(&self, prompt: &str, may_ask: bool) -> Result<Pin, UiError> {
        Pin::new(&self.read_new(Kind::NewPin, prompt, may_ask)?).map_err(UiError::Pin)
    }

    /// Reads the new PUK; on a terminal twice.
    pub(crate) fn new_puk(&self, prompt: &str, may_ask: bool) -> Result<Puk, UiError> {
        Puk::new(&self.read_new(Kind::NewPuk, prompt, may_ask)?).map_err(UiError::Puk)
    }

    fn read_new(&self, kind: Kind, prompt: &str, may_ask: bool) -> Result<Zeroizing<String>, UiError> {
        let text = self.read(kind, prompt, may_ask)?;
        if matches!(self, Self::Terminal) && *self.read(kind, "The same once more: ", may_ask)? != *text {
            return Err(UiError::Unequal { what: kind.what() });
        }
        Ok(text)
    }

    fn read(&self, kind: Kind, prompt: &str, may_ask: bool) -> Result<Zeroizing<String>, UiError> {
        match self {
            Self::File(path) => from_file(path, kind),
            Self::Stdin => from_stdin(kind),
            Self::Terminal if !may_ask => Err(unanswered(kind)),
            Self::Terminal => from_terminal(prompt, kind),
        }
    }
}

/// A line without echo. The system edits it; only [`interrupt`] sets the terminal, so that nothing is set behind a Ctrl-C.
fn from_terminal(prompt: &str, kind: Kind) -> Result<Zeroizing<String>, UiError> {
    let _prompt = interrupt::secret_prompt();
    let mut terminal = File::options().read(true).write(true).open("/dev/tty").map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => unanswered(kind),
        _ if error.raw_os_error() == Some(nix::libc::ENXIO) => unanswered(kind),
        _ => UiError::Terminal(error),
    })?;
    terminal.write_all(prompt.as_bytes()).map_err(UiError::Terminal)?;
    let line = Line::read(&terminal).map_err(UiError::Terminal)?;
    if !line.ended() {
        // Ctrl-D, which echoes nothing.
        terminal.write_all(b"\n").map_err(UiError::Terminal)?;
    }
    if line.bytes().is_empty() {
        return Err(UiError::Terminal(io::ErrorKind::UnexpectedEof.into()));
    }
    line.text("the terminal", kind)
}

fn unanswered(kind: Kind) -> UiError {
    UiError::Unanswered { question: kind.what().to_owned(), flag: kind.flag() }
}

/// Reads past the standard library's buffer, which nobody would wipe.
fn from_stdin(kind: Kind) -> Result<Zeroizing<String>, UiError> {
    let from = "standard input";
    if io::stdin().is_terminal() {
        let why = "it is a terminal, which would show it".to_owned();
        return Err(UiError::Source { what: kind.what(), from: from.to_owned(), why, source: None });
    }
    let failed = |error: io::Error| UiError::Source {
        what: kind.what(),
        from: from.to_owned(),
        why: error.to_string(),
        source: Some(error),
    };
    first_line(File::from(io::stdin().as_fd().try_clone_to_owned().map_err(failed)?), from, kind)
}

fn from_file(path: &Path, kind: Kind) -> Result<Zeroizing<String>, UiError> {
    first_line(private(path, kind)?, &path.display().to_string(), kind)
}

/// A file that only its owner may read; a pipe has no such mode and is as private as whoever made it.
fn private(path: &Path, kind: Kind) -> Result<File, UiError> {
    let from = path.display().to_string();
    let failed =
        |why: &str, source| UiError::Source { what: kind.what(), from: from.clone(), why: why.to_owned(), source };
    let file = File::open(path).map_err(|error| failed(&error.to_string(), Some(error)))?;
    let metadata = file.metadata().map_err(|error| failed(&error.to_string(), Some(error)))?;
    if metadata.is_dir() {
        return Err(failed("it is a folder", None));
    }
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        return Err(failed("others than its owner may read it", None));
    }
    Ok(file)
}

/// The first line, without its end.
fn first_line(input: impl Read, from: &str, kind: Kind) -> Result<Zeroizing<String>, UiError> {
    let failed = |error: io::Error| UiError::Source {
        what: kind.what(),
        from: from.to_owned(),
        why: error.to_string(),
        source: Some(error),
    };
    Line::read(input).map_err(failed)?.text(from, kind)
}

/// What was read up to the end of a line. A line of any length that a secret can have, and of one byte more, fits, so nothing
/// of it is left behind in memory by its growth.
struct Line {
    buffer: Zeroizing<[u8; MAX_LINE]>,
    length: usize,
}

impl Line {
    fn read(mut input: impl Read) -> io::Result<Self> {
        let mut line = Self { buffer: Zeroizing::new([0; MAX_LINE]), length: 0 };
        while let Some(free) = line.buffer.get_mut(line.length..).filter(|free| !free.is_empty()) {
            match input.read(free) {
                Ok(0) => break,
                Ok(count) => line.length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if line.ended() {
                break;
            }
        }
        Ok(line)
    }

    /// All that was read.
    fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }

    fn ended(&self) -> bool {
        self.bytes().contains(&b'\n')
    }

    /// The line without its end.
    fn text(&self, from: &str, kind: Kind) -> Result<Zeroizing<String>, UiError> {
        let line = self.bytes().split(|byte| *byte == b'\n').next().unwrap_or_default();
        let refused = |why: String| UiError::Source { what: kind.what(), from: from.to_owned(), why, source: None };
        if line.len() == MAX_LINE {
            return Err(refused(format!("it has {MAX_LINE} bytes or more")));
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text =
            std::str::from_utf8(line).map_err(|_| kind.invalid().unwrap_or_else(|| refused("it is no text".into())))?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

impl Kind {
    fn what(self) -> &'static str {
        match self {
            Self::Pin => "the PIN",
            Self::NewPin => "the new PIN",
            Self::Puk => "the PUK",
            Self::NewPuk => "the new PUK",
            Self::ManagementKey => "the management key",
            Self::Password => "the password",
            Self::RegistrationToken => "the registration token",
            Self::RefreshToken => "the refresh token",
            Self::DecryptionKey => "the private key",
        }
    }

    /// The flag that gives it without a question.
    fn flag(self) -> &'static str {
        match self {
            Self::Pin => "--pin-file or --pin-stdin",
            Self::NewPin => "--new-pin-file",
            Self::Puk => "--puk-file",
            Self::NewPuk => "--new-puk-file",
            Self::ManagementKey => "--management-key-file",
            Self::Password => "--password-file or --password-stdin",
            Self::RegistrationToken => "--registration-token-file",
            Self::RefreshToken => "--refresh-token-file",
            Self::DecryptionKey => "--decryption-key",
        }
    }

    /// What is said of bytes that are not even text, if there is something of its own.
    fn invalid(self) -> Option<UiError> {
        match self {
            Self::Pin | Self::NewPin => Some(UiError::Pin(CardError::InvalidPin)),
            Self::Puk | Self::NewPuk => Some(UiError::Puk(CardError::InvalidPuk)),
            Self::ManagementKey => Some(UiError::ManagementKey(CardError::InvalidManagementKey)),
            Self::Password | Self::RegistrationToken | Self::RefreshToken | Self::DecryptionKey => None,
        }
    }
}

/// In bytes: longer than the 64 digits of the longest management key, than any PIN and password, and than the tokens that are
/// given to people.
const MAX_LINE: usize = 8 * 1024;

/// In bytes: a key in PEM or as a JWK has some hundreds.
const MAX_KEY: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(input: &[u8]) -> String {
        first_line(input, "test", Kind::Pin).unwrap().to_string()
    }

    #[test]
    fn the_first_line_without_its_end() {
        for input in [&b"123456"[..], b"123456\n", b"123456\r\n", b"123456\nmore"] {
            assert_eq!(line(input), "123456");
        }
        assert_eq!(line(b""), "");
    }

    #[test]
    fn an_endless_line_is_refused() {
        for kind in [Kind::Pin, Kind::Password] {
            assert!(matches!(first_line(io::repeat(b'1'), "test", kind), Err(UiError::Source { .. })));
        }
        assert_eq!(first_line(&[b'1'; MAX_LINE - 1][..], "test", Kind::Password).unwrap().len(), MAX_LINE - 1);
    }

    #[test]
    fn an_empty_password_is_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = || SecretSource::File(file.path().to_owned()).password("", false);
        assert!(matches!(read(), Err(UiError::Source { .. })));
        std::fs::write(&file, "  p\u{e4}ss word \n").unwrap();
        assert_eq!(secrecy::ExposeSecret::expose_secret(&read().unwrap()), "  p\u{e4}ss word ");
        std::fs::write(&file, b"\xff\n").unwrap();
        assert!(matches!(read(), Err(UiError::Source { .. })));
    }

    #[test]
    fn a_key_is_read_whole_and_from_its_owners_file_alone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "-----BEGIN\nAAAA\n-----END\n").unwrap();
        let read = || decryption_key(file.path());
        assert_eq!(secrecy::ExposeSecret::expose_secret(&read().unwrap()), "-----BEGIN\nAAAA\n-----END\n");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        for read in [decryption_key, refresh_token, password] {
            assert!(matches!(read(file.path()), Err(UiError::Source { .. })));
        }
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&file, vec![b'a'; MAX_KEY + 1]).unwrap();
        assert!(matches!(read(), Err(UiError::Source { .. })));
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "123456\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(from_file(file.path(), Kind::Pin), Err(UiError::Source { .. })));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(*from_file(file.path(), Kind::Pin).unwrap(), "123456");
    }
}
