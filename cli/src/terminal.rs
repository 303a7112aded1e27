//! The person at the terminal.

use std::io::{self, IsTerminal};

use dialoguer::{Confirm, Input, Select, console};
use nix::unistd::User;
use pivkit::report::{ChangeReport, IdentityOffer};
use pivkit::text::escape_control;
use pivkit::{Pin, Puk, Ui, UiError};
use secrecy::SecretString;

use crate::args::{NewPinArgs, NewPukArgs, PasswordArgs, PinArgs, PukArgs};
use crate::secret::SecretSource;
use crate::{interrupt, output, render};

/// Asks on the terminal and tells on standard error.
pub(crate) struct Terminal {
    may_ask: bool,
    yes: bool,
    pin: SecretSource,
    new_pin: SecretSource,
    puk: SecretSource,
    new_puk: SecretSource,
    password: SecretSource,
}

impl Terminal {
    /// One that asks nothing if `non_interactive`, or if there is no terminal to ask on.
    pub(crate) fn new(non_interactive: bool) -> Self {
        let (pin, new_pin, puk, new_puk, password) = Default::default();
        let may_ask = !non_interactive && io::stderr().is_terminal();
        Self { may_ask, yes: false, pin, new_pin, puk, new_puk, password }
    }

    /// Takes consent as given if `yes`.
    pub(crate) fn consenting(self, yes: bool) -> Self {
        Self { yes, ..self }
    }

    /// Takes the PIN from where `args` say.
    pub(crate) fn with_pin(self, args: &PinArgs) -> Self {
        Self { pin: SecretSource::from(args), ..self }
    }

    /// Takes the password from where `args` say.
    pub(crate) fn with_password(self, args: &PasswordArgs) -> Self {
        Self { password: SecretSource::from(args), ..self }
    }

    /// Takes the new PIN from where `args` say.
    pub(crate) fn with_new_pin(self, args: &NewPinArgs) -> Self {
        Self { new_pin: SecretSource::from(&args.new_pin_file), ..self }
    }

    /// Takes the PUK from where `args` say.
    pub(crate) fn with_puk(self, args: &PukArgs) -> Self {
        Self { puk: SecretSource::from(&args.puk_file), ..self }
    }

    /// Takes the PUK from this file, if one is given.
    pub(crate) fn with_puk_file(self, file: &Option<std::path::PathBuf>) -> Self {
        Self { puk: SecretSource::from(file), ..self }
    }

    /// Takes the new PUK from where `args` say.
    pub(crate) fn with_new_puk(self, args: &NewPukArgs) -> Self {
        Self { new_puk: SecretSource::from(&args.new_puk_file), ..self }
    }

    /// Asks for the name on certificates.
    pub(crate) fn subject(&self) -> Result<String, UiError> {
        self.may_ask("the name on the certificates", "--subject")?;
        let _prompt = interrupt::prompt();
        let input = Input::new().with_prompt("Name on the certificates");
        input.interact_text().map_err(prompt_failed)
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
        let options = fitting(options);
        let _prompt = interrupt::prompt();
        Select::new().with_prompt(question).items(&options).default(0).interact().map_err(prompt_failed)
    }

    fn consent_given(&self) -> bool {
        self.yes
    }

    fn is_attended(&self) -> bool {
        self.may_ask && matches!(self.pin, SecretSource::Terminal)
    }

    fn show_identities(&mut self, reader: &str, identities: &[IdentityOffer]) {
        render::offers(reader, identities, columns()).iter().for_each(|line| output::say(line));
    }

    fn show_paired(&mut self, report: &ChangeReport) {
        render::paired(report, false).lines().for_each(output::say);
    }

    /// Suggests the person's own, also behind sudo.
    fn account(&mut self) -> Result<String, UiError> {
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

    fn pin_at_hand(&mut self) -> Result<Option<Pin>, UiError> {
        match self.pin {
            SecretSource::Terminal => Ok(None),
            SecretSource::File(_) | SecretSource::Stdin => self.pin.pin("", false).map(Some),
        }
    }

    fn pin(&mut self, reader: &str) -> Result<Pin, UiError> {
        self.pin.pin(&format!("PIN of the card in {}: ", escape_control(reader)), self.may_ask)
    }

    fn password(&mut self, user: &str) -> Result<SecretString, UiError> {
        self.password
            .password(&format!("Password of {} at the identity provider: ", escape_control(user)), self.may_ask)
    }

    fn new_pin(&mut self, reader: &str) -> Result<Pin, UiError> {
        self.new_pin.new_pin(&format!("New PIN of the card in {}: ", escape_control(reader)), self.may_ask)
    }

    fn puk(&mut self, reader: &str) -> Result<Puk, UiError> {
        self.puk.puk(&format!("PUK of the card in {}: ", escape_control(reader)), self.may_ask)
    }

    fn new_puk(&mut self, reader: &str) -> Result<Puk, UiError> {
        self.new_puk.new_puk(&format!("New PUK of the card in {}: ", escape_control(reader)), self.may_ask)
    }

    fn type_name(&mut self, plan: &[String], question: &str) -> Result<String, UiError> {
        self.may_ask("which card is to be destroyed", "--confirm SERIAL-OR-GUID")?;
        plan.iter().for_each(|step| self.note(&format!("  {step}")));
        let _prompt = interrupt::prompt();
        let input = Input::new().with_prompt(escape_control(question)).allow_empty(true);
        input.interact_text().map_err(prompt_failed)
    }
}

/// The options as lines of a list. Where one is longer than the terminal is wide, all are told in full before, with numbers:
/// a list is drawn anew at every key, and needs lines of its own.
fn fitting(options: &[String]) -> Vec<String> {
    let room = columns().saturating_sub(MARGIN);
    let options: Vec<_> = options.iter().map(|option| escape_control(option).into_owned()).collect();
    if options.iter().all(|option| console::measure_text_width(option) <= room) {
        return options;
    }
    let numbered: Vec<_> = (1..).zip(&options).map(|(number, option)| format!("{number}. {option}")).collect();
    numbered.iter().for_each(|option| output::say(option));
    numbered.iter().map(|option| console::truncate_str(option, room, "...").into_owned()).collect()
}

/// How wide the terminal is.
fn columns() -> usize {
    console::Term::stderr().size().1.into()
}

/// What stands before each line of a list, and one column that stays empty.
const MARGIN: usize = 3;

fn prompt_failed(error: dialoguer::Error) -> UiError {
    // A list hides the cursor.
    let _ = console::Term::stderr().show_cursor();
    let dialoguer::Error::IO(error) = error;
    if error.kind() == io::ErrorKind::Interrupted { UiError::Interrupted } else { UiError::Terminal(error) }
}
