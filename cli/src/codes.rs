//! What provisioning asks at a terminal beside what other commands do; and a PUK that is made up.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
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
    card: String,
}

impl ProvisionTerminal {
    pub(crate) fn for_provision(terminal: Terminal, args: &Ready) -> Self {
        let terminal = terminal.consenting(args.change.yes).with_pin(&args.pin).with_new_pin(&args.new_pin);
        Self {
            terminal: terminal.with_puk_file(&args.puk_file).with_new_puk(&args.new_puk),
            new_pin_is_given: args.new_pin.new_pin_file.is_some(),
            new_puk_is_given: args.new_puk.new_puk_file.is_some() || args.random_puk.is_some(),
            random_puk: args.random_puk.clone(),
            card: String::new(),
        }
    }

    pub(crate) fn for_import(terminal: Terminal, args: &Import) -> Self {
        let terminal = terminal.consenting(args.change.yes).with_pin(&args.pin);
        Self { terminal, new_pin_is_given: false, new_puk_is_given: false, random_puk: None, card: String::new() }
    }
}

impl ProvisionUi for ProvisionTerminal {
    fn new_pin_is_given(&self) -> bool {
        self.new_pin_is_given
    }

    fn new_puk_is_given(&self) -> bool {
        self.new_puk_is_given
    }

    fn card(&mut self, name: &str) {
        name.clone_into(&mut self.card);
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
            Some(path) => random_puk(path, &self.card),
            None => self.terminal.new_puk(reader).map_err(|error| match error {
                UiError::Unanswered { question, .. } => {
                    UiError::Unanswered { question, flag: "--new-puk-file or --random-puk" }
                }
                error => error,
            }),
        }
    }
}

/// Eight random digits, in the file before anybody sets them, and below them which card they are for. A file that names this
/// card was written by a run that was cut off; one that names another card, or none, is not used.
fn random_puk(path: &Path, card: &str) -> Result<Puk, UiError> {
    let refused = |why: String, source| {
        Err(UiError::Source { what: "the new PUK", from: path.display().to_string(), why, source })
    };
    let failed = |source: io::Error| refused(source.to_string(), Some(source));
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let mut file = match file {
        Ok(file) => file,
        Err(error) => return failed(error),
    };
    match file.metadata() {
        Ok(metadata) if metadata.len() == 0 => {}
        Ok(_) => {
            let puk = SecretSource::File(path.to_owned()).new_puk("", false)?;
            let kept = std::fs::read(path).map(Zeroizing::new);
            let line = kept.as_ref().ok().and_then(|kept| kept.split(|byte| *byte == b'\n').nth(1));
            if line != Some(card.as_bytes()) {
                let whose =
                    if line.is_some_and(|line| !line.is_empty()) { "another card" } else { "no card that it names" };
                return refused(format!("it is of {whose}, and this one is {card}; use one file for each card"), None);
            }
            return Ok(puk);
        }
        Err(error) => return failed(error),
    }
    let written = digits().and_then(|puk| {
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        file.write_all(puk.as_bytes())?;
        file.write_all(format!("\n{card}\n").as_bytes())?;
        file.sync_all().map(|()| puk)
    });
    match written {
        Ok(puk) => Puk::new(&puk).map_err(UiError::Puk),
        Err(error) => failed(error),
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
    use super::*;

    #[test]
    fn a_random_puk_is_kept_and_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("puk");
        let puk = random_puk(&path, "serial 7").unwrap();
        let kept = std::fs::read_to_string(&path).unwrap();
        let (digits, card) = kept.split_once('\n').unwrap();
        assert!(digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_digit()));
        assert_eq!((puk.as_bytes(), card), (digits.as_bytes(), "serial 7\n"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(random_puk(&path, "serial 7").unwrap().is_same(&puk));
        assert!(!random_puk(&folder.path().join("other"), "serial 7").unwrap().is_same(&puk));
    }

    #[test]
    fn no_two_cards_get_the_same_random_puk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("puk");
        random_puk(&path, "serial 7").unwrap();
        let refused = |card: &str| random_puk(&path, card).unwrap_err().to_string();
        assert!(refused("serial 8").contains("another card") && refused("serial 8").contains("puk"));
        // Whoever wrote this, it was for no card in particular.
        std::fs::write(&path, "55554444\n").unwrap();
        assert!(refused("serial 7").contains("no card"));
        std::fs::write(&path, "").unwrap();
        assert_ne!(random_puk(&path, "serial 8").unwrap().as_bytes(), b"55554444");
        assert!(random_puk(&path, "serial 8").is_ok() && refused("serial 7").contains("another card"));
    }
}
