//! What provisioning asks at a terminal beside what other commands do; and a PUK that is made up.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use pivkit::provision::ProvisionUi;
use pivkit::{Pin, Puk, Ui, UiError};
use zeroize::Zeroizing;

use crate::args::{Import, Ready};
use crate::secret::SecretSource;
use crate::terminal::Terminal;

/// A terminal that also asks what provisioning needs.
pub(crate) struct ProvisionTerminal {
    terminal: Terminal,
    new_pin_is_given: bool,
    new_puk_is_given: bool,
    random_puk: Option<PathBuf>,
}

impl ProvisionTerminal {
    pub(crate) fn for_provision(terminal: Terminal, args: &Ready) -> Self {
        let terminal = terminal.consenting(args.change.yes).with_pin(&args.pin).with_new_pin(&args.new_pin);
        Self {
            terminal: terminal.with_puk_file(&args.puk_file).with_new_puk(&args.new_puk),
            new_pin_is_given: args.new_pin.new_pin_file.is_some(),
            new_puk_is_given: args.new_puk.new_puk_file.is_some() || args.random_puk.is_some(),
            random_puk: args.random_puk.clone(),
        }
    }

    pub(crate) fn for_import(terminal: Terminal, args: &Import) -> Self {
        let terminal = terminal.consenting(args.change.yes).with_pin(&args.pin);
        Self { terminal, new_pin_is_given: false, new_puk_is_given: false, random_puk: None }
    }
}

impl ProvisionUi for ProvisionTerminal {
    fn new_puk_is_given(&self) -> bool {
        self.new_puk_is_given
    }

    fn pin_of_earlier_run(&mut self, reader: &str) -> Result<Option<Pin>, UiError> {
        if !self.new_pin_is_given || self.terminal.pin_at_hand()?.is_some() {
            return Ok(None);
        }
        self.new_pin(reader).map(Some)
    }

    fn subject(&mut self) -> Result<String, UiError> {
        self.terminal.subject()
    }
}

impl Ui for ProvisionTerminal {
    fn note(&mut self, message: &str) {
        self.terminal.note(message);
    }

    fn confirm(&mut self, plan: &[String], question: &str) -> Result<bool, UiError> {
        self.terminal.confirm(plan, question)
    }

    fn choose(&mut self, question: &str, options: &[String]) -> Result<usize, UiError> {
        self.terminal.choose(question, options)
    }

    fn consent_given(&self) -> bool {
        self.terminal.consent_given()
    }

    fn pin_at_hand(&mut self) -> Result<Option<Pin>, UiError> {
        self.terminal.pin_at_hand()
    }

    fn pin(&mut self, reader: &str) -> Result<Pin, UiError> {
        self.terminal.pin(reader)
    }

    fn new_pin(&mut self, reader: &str) -> Result<Pin, UiError> {
        self.terminal.new_pin(reader)
    }

    fn puk(&mut self, reader: &str) -> Result<Puk, UiError> {
        self.terminal.puk(reader)
    }

    fn new_puk(&mut self, reader: &str) -> Result<Puk, UiError> {
        match &self.random_puk {
            Some(path) => random_puk(path),
            None => self.terminal.new_puk(reader).map_err(|error| match error {
                UiError::Unanswered { question, .. } => {
                    UiError::Unanswered { question, flag: "--new-puk-file or --random-puk" }
                }
                error => error,
            }),
        }
    }
}

/// Eight random digits, in the file before anybody sets them. A file that is there was written by a run that was cut off.
fn random_puk(path: &Path) -> Result<Puk, UiError> {
    let failed = |source: io::Error| UiError::Source {
        what: "the new PUK",
        from: path.display().to_string(),
        why: source.to_string(),
        source: Some(source),
    };
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let puk = digits().map_err(failed)?;
            file.write_all(puk.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed)?;
            file.sync_all().map_err(failed)?;
            Puk::new(&puk).map_err(UiError::Puk)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            SecretSource::File(path.to_owned()).new_puk("", false)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Eight decimal digits, each as likely as the others.
fn digits() -> io::Result<Zeroizing<String>> {
    let mut system = File::open("/dev/urandom")?;
    let mut digits = Zeroizing::new(String::with_capacity(8));
    let mut byte = Zeroizing::new([0]);
    while digits.len() < 8 {
        io::Read::read_exact(&mut system, &mut *byte)?;
        if let Some(digit) = char::from_digit((byte[0] % 10).into(), 10).filter(|_| byte[0] < 250) {
            digits.push(digit);
        }
    }
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_random_puk_is_kept_and_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("puk");
        let puk = random_puk(&path).unwrap();
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(kept.len() == 9 && kept.trim_end().bytes().all(|digit| digit.is_ascii_digit()));
        assert_eq!(puk.as_bytes(), kept.trim_end().as_bytes());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(random_puk(&path).unwrap().is_same(&puk));
        assert!(!random_puk(&folder.path().join("other")).unwrap().is_same(&puk));
    }
}
