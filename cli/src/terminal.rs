//! The person at the terminal.

use std::io::{self, IsTerminal};

use dialoguer::{Confirm, Input, Select};
use nix::unistd::User;
use pivkit::text::escape_control;
use pivkit::{Pin, Ui, UiError};

use crate::args::PinArgs;
use crate::pin::PinSource;
use crate::{interrupt, output};

/// Asks on the terminal and tells on standard error.
pub(crate) struct Terminal {
    may_ask: bool,
    yes: bool,
    pin: PinSource,
}

impl Terminal {
    /// One that asks nothing if `non_interactive`, or if there is no terminal to ask on.
    pub(crate) fn new(non_interactive: bool) -> Self {
        Self { may_ask: !non_interactive && io::stderr().is_terminal(), yes: false, pin: PinSource::Terminal }
    }

    /// Takes consent as given if `yes`.
    pub(crate) fn consenting(self, yes: bool) -> Self {
        Self { yes, ..self }
    }

    /// Takes the PIN from where `args` say.
    pub(crate) fn with_pin(self, args: &PinArgs) -> Self {
        Self { pin: PinSource::from(args), ..self }
    }

    /// Asks for an account; suggests the person's own, also behind sudo.
    pub(crate) fn account(&self) -> Result<String, UiError> {
        self.may_ask("which account is meant", "--user")?;
        let own = User::from_uid(nix::unistd::getuid()).ok().flatten().map(|user| user.name);
        let suggestion = std::env::var("SUDO_USER").ok().or(own);
        let _prompt = interrupt::prompt();
        let mut input = Input::new().with_prompt("Account");
        if let Some(suggestion) = suggestion {
            input = input.default(escape_control(&suggestion).into_owned());
        }
        input.interact_text().map_err(prompt_failed)
    }

    /// Asks for the name on certificates.
    pub(crate) fn subject(&self) -> Result<String, UiError> {
        self.may_ask("the name on the certificates", "--subject")?;
        let _prompt = interrupt::prompt();
        let input = Input::new().with_prompt("Name on the certificates");
        input.interact_text().map_err(prompt_failed)
    }

    /// Whether there is somebody to ask.
    pub(crate) fn asks(&self) -> bool {
        self.may_ask
    }

    fn may_ask(&self, question: &str, flag: &'static str) -> Result<(), UiError> {
        if self.may_ask { Ok(()) } else { Err(UiError::Unanswered { question: question.to_owned(), flag }) }
    }
}

impl Ui for Terminal {
    fn note(&mut self, message: &str) {
        output::say(message);
    }

    fn confirm(&mut self, plan: &[String], question: &str) -> Result<bool, UiError> {
        if self.yes {
            return Ok(true);
        }
        self.may_ask("consent to the change", "--yes")?;
        plan.iter().for_each(|step| self.note(&format!("  {step}")));
        let _prompt = interrupt::prompt();
        Confirm::new().with_prompt(escape_control(question)).default(false).interact().map_err(prompt_failed)
    }

    fn choose(&mut self, question: &str, options: &[String]) -> Result<usize, UiError> {
        self.may_ask(
            "which one is meant",
            "--reader, --serial or --guid for a card, --slot or --hash for an identity",
        )?;
        let options: Vec<_> = options.iter().map(|option| escape_control(option).into_owned()).collect();
        let _prompt = interrupt::prompt();
        Select::new().with_prompt(question).items(&options).default(0).interact().map_err(prompt_failed)
    }

    fn consent_given(&self) -> bool {
        self.yes
    }

    fn pin_at_hand(&mut self) -> Result<Option<Pin>, UiError> {
        match self.pin {
            PinSource::Terminal => Ok(None),
            PinSource::File(_) | PinSource::Stdin => self.pin.read("", false).map(Some),
        }
    }

    fn pin(&mut self, reader: &str) -> Result<Pin, UiError> {
        let may_ask = self.may_ask;
        self.pin.read(&format!("PIN of the card in {}: ", escape_control(reader)), may_ask)
    }
}

fn prompt_failed(error: dialoguer::Error) -> UiError {
    let dialoguer::Error::IO(error) = error;
    if error.kind() == io::ErrorKind::Interrupted { UiError::Interrupted } else { UiError::Terminal(error) }
}
