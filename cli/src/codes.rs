//! PIN, PUK and management key beside the current PIN: from a terminal, from files, or made up.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use pivkit::provision::{ManagementKey, ProvisionUi};
use pivkit::text::escape_control;
use pivkit::{Pin, Puk, Ui, UiError};
use zeroize::Zeroizing;

use crate::args::CodeArgs;
use crate::pin::PinSource;
use crate::terminal::Terminal;

/// A terminal that also asks what provisioning needs.
pub(crate) struct ProvisionTerminal<'a> {
    terminal: Terminal,
    args: &'a CodeArgs,
}

impl<'a> ProvisionTerminal<'a> {
    pub(crate) fn new(terminal: Terminal, args: &'a CodeArgs) -> Self {
        Self { terminal, args }
    }

    /// From the file, or typed after `prompt`; typed twice if `twice`.
    fn code(
        &self,
        file: Option<&Path>,
        prompt: &str,
        twice: bool,
        question: &str,
        flag: &'static str,
    ) -> Result<Zeroizing<String>, UiError> {
        let named = |error| match error {
            UiError::Unanswered { .. } => UiError::Unanswered { question: question.to_owned(), flag },
            error => error,
        };
        if let Some(file) = file {
            return PinSource::File(file.to_owned()).text("", false).map_err(named);
        }
        let may_ask = self.terminal.asks();
        let typed = PinSource::Terminal.text(prompt, may_ask).map_err(named)?;
        if twice {
            let again = PinSource::Terminal.text("The same again: ", may_ask).map_err(named)?;
            if *again != *typed {
                return Err(UiError::Source {
                    from: "the terminal".to_owned(),
                    why: "the two differ".to_owned(),
                    source: None,
                });
            }
        }
        Ok(typed)
    }
}

impl ProvisionUi for ProvisionTerminal<'_> {
    fn puk(&mut self, reader: &str) -> Result<Puk, UiError> {
        let prompt = format!("PUK of the card in {}: ", escape_control(reader));
        let puk = self.code(self.args.puk_file.as_deref(), &prompt, false, "the PUK", "--puk-file")?;
        Puk::new(&puk).map_err(UiError::Pin)
    }

    fn new_pin(&mut self, reader: &str) -> Result<Pin, UiError> {
        let prompt = format!("New PIN (6 to 8 characters) of the card in {}: ", escape_control(reader));
        let file = self.args.new_pin_file.as_deref();
        let pin = self.code(file, &prompt, true, "the new PIN", "--new-pin-file")?;
        Pin::new(&pin).map_err(UiError::Pin)
    }

    fn new_puk(&mut self, reader: &str) -> Result<Puk, UiError> {
        if let Some(path) = &self.args.random_puk {
            return Puk::new(&random_puk(path)?).map_err(UiError::Pin);
        }
        let prompt = format!("New PUK (8 characters, to unblock the PIN) of the card in {}: ", escape_control(reader));
        let file = self.args.new_puk_file.as_deref();
        let puk = self.code(file, &prompt, true, "the new PUK", "--new-puk-file or --random-puk")?;
        Puk::new(&puk).map_err(UiError::Pin)
    }

    fn new_puk_is_given(&self) -> bool {
        self.args.new_puk_file.is_some() || self.args.random_puk.is_some()
    }

    fn pin_of_earlier_run(&mut self, reader: &str) -> Result<Option<Pin>, UiError> {
        if self.args.new_pin_file.is_none() || self.terminal.pin_at_hand()?.is_some() {
            return Ok(None);
        }
        self.new_pin(reader).map(Some)
    }

    fn subject(&mut self) -> Result<String, UiError> {
        self.terminal.subject()
    }
}

impl Ui for ProvisionTerminal<'_> {
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
}

/// A management key, hexadecimal, on the first line of a file that only its owner may read.
pub(crate) fn management_key(path: &Path) -> Result<ManagementKey, UiError> {
    let text = PinSource::File(path.to_owned()).text("", false)?;
    ManagementKey::from_hex(text.trim()).map_err(|source| UiError::Source {
        from: path.display().to_string(),
        why: source.to_string(),
        source: None,
    })
}

/// Eight random digits, in the file before anybody sets them. A file that is there was written by a run that was cut off.
fn random_puk(path: &Path) -> Result<Zeroizing<String>, UiError> {
    let failed = |source: io::Error| UiError::Source {
        from: path.display().to_string(),
        why: source.to_string(),
        source: Some(source),
    };
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let puk = digits().map_err(failed)?;
            file.write_all(puk.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed)?;
            file.sync_all().map_err(failed)?;
            Ok(puk)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => PinSource::File(path.to_owned()).text("", false),
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
        assert!(puk.len() == 8 && puk.bytes().all(|digit| digit.is_ascii_digit()), "{}", puk.len());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(*random_puk(&path).unwrap(), *puk);
        assert_ne!(*random_puk(&folder.path().join("other")).unwrap(), *puk);
    }

    #[test]
    fn a_management_key_has_hexadecimal_digits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for (text, good) in [("01".repeat(24), true), ("01".repeat(16) + "\n", true), ("xyz".to_owned(), false)] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(management_key(&path).is_ok(), good);
        }
    }
}
