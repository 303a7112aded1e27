//! From an error to two sentences, what is wrong and what to do next, and an exit code.

mod account;
mod bulk;
mod card;
mod login;
mod mac;
mod provision;

use std::process::ExitCode;

use pivkit::{Error, MacError, UiError, with_causes};

use crate::interrupt::INTERRUPTED;
use crate::output;

/// 1: failed.
pub(crate) const FAILED: u8 = 1;
/// 2: the command line is wrong, or lacks an answer.
pub(crate) const USAGE: u8 = 2;
/// 3: no reader or no card.
pub(crate) const NO_CARD: u8 = 3;
/// 4: the PIN is wrong or blocked.
pub(crate) const PIN: u8 = 4;
/// 5: no usable identity, or refused by a policy or a check.
pub(crate) const NO_IDENTITY: u8 = 5;
/// 6: privilege or account backend.
pub(crate) const ACCOUNT: u8 = 6;
/// 7: identity provider or network.
pub(crate) const LOGIN: u8 = 7;
/// 8: bulk: some rows cannot be carried out, or failed.
pub(crate) const BULK: u8 = 8;

/// A command that ended without its result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The use case failed.
    UseCase(Box<Error>),
    /// Standard output or the terminal failed.
    Output(std::io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::UseCase(Box::new(error))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

/// What to do next, and the exit code.
pub(crate) struct Advice {
    pub(crate) code: u8,
    pub(crate) next: String,
}

impl Advice {
    pub(crate) fn new(code: u8, next: impl Into<String>) -> Self {
        Self { code, next: next.into() }
    }
}

impl Failure {
    /// Prints the two sentences on standard error.
    pub(crate) fn report(&self) -> ExitCode {
        let (what, advice) = match self {
            Self::Output(error) => (format!("the output failed: {error}"), Advice::new(FAILED, "")),
            Self::UseCase(error) => (with_causes(error).trim_end_matches('.').to_owned(), advise(error)),
        };
        // Lists of choices are lines of their own; everything else that could end a line is escaped.
        format!("pivkit: {what}.").lines().for_each(output::say);
        if !advice.next.is_empty() {
            output::say(&advice.next);
        }
        advice.code.into()
    }
}

/// What to do next about an account that could not be changed.
pub(crate) fn next(error: &pivkit::AccountError) -> String {
    account::advise(error).next
}

/// What to do about an error, a sentence; empty if there is nothing to say.
pub(crate) fn next_step(error: &Error) -> String {
    advise(error).next
}

/// The exit code of an error.
pub(crate) fn code(error: &Error) -> u8 {
    advise(error).code
}

fn advise(error: &Error) -> Advice {
    match error {
        Error::Transport(error) => card::transport(error),
        Error::NoReader => Advice::new(NO_CARD, "Connect a reader or a YubiKey, then try again."),
        Error::NoCard { .. } => Advice::new(NO_CARD, "Insert the card; `pivkit readers` shows what is there."),
        Error::SeveralCards { .. } => Advice::new(NO_CARD, "Choose one with --reader, --serial or --guid."),
        Error::Card { source, .. } => card::piv(source),
        Error::EmptySlot { .. } => Advice::new(NO_IDENTITY, "`pivkit identities` shows which slots are in use."),
        Error::UnreadableCertificate { .. } => {
            Advice::new(NO_IDENTITY, "Write the certificate to the card anew, or choose another slot with --slot.")
        }
        Error::Select(error) if error.choices().is_empty() => Advice::new(
            NO_IDENTITY,
            "Have a certificate put on the card; `pivkit identities --all-slots` looks into every slot.",
        ),
        Error::Select(_) => {
            Advice::new(NO_IDENTITY, "Choose one with --slot or --hash; `pivkit identities` shows them all.")
        }
        Error::Obstacle { .. } => {
            Advice::new(NO_IDENTITY, "Choose another slot with --slot; 9a is the one for logging in.")
        }
        Error::MacRefuses { findings, .. } => mac::refused(findings),
        Error::Mac(error @ MacError::Unsafe { .. }) => mac::advise(error),
        Error::Mac(error) => Advice { code: FAILED, ..mac::advise(error) },
        Error::Unfit { .. } => {
            Advice::new(NO_IDENTITY, "Have a certificate issued that fits, or choose another slot with --slot.")
        }
        Error::NotProved(_) => Advice::new(
            NO_IDENTITY,
            "Certificate and key on this card do not belong together: do not trust it, and issue it anew.",
        ),
        Error::Algorithm { .. } => {
            Advice::new(NO_IDENTITY, "Choose another algorithm with --alg, or another slot with --slot.")
        }
        Error::Challenge(_) => Advice::new(FAILED, "Try again."),
        Error::NotPairedWithCard { user } => Advice::new(
            NO_IDENTITY,
            format!("`pivkit pair --user {user}` pairs this card; `pivkit list --user {user}` shows what is paired."),
        ),
        Error::MappingDecides { user, .. } => Advice::new(
            NO_IDENTITY,
            format!(
                "`pivkit pair --mapping --user {user}` pairs by the names; `pivkit mapping explain` shows where they lead."
            ),
        ),
        Error::NotSeenAgain { user, .. } => {
            Advice::new(ACCOUNT, format!("Nothing was undone; `pivkit list --user {user}` shows how things stand."))
        }
        Error::UnknownBackend { .. } => {
            Advice::new(USAGE, "The backends are macos, macos_mapping, pam_p11, pam_pkcs11 and sssd.")
        }
        Error::NoBackend => Advice::new(
            ACCOUNT,
            "Install one (on Debian: `sudo apt install libpam-p11`), or choose with --backend; `pivkit doctor` shows what is there.",
        ),
        Error::SeveralBackends { .. } => {
            Advice::new(USAGE, "Choose one with --backend; `pivkit doctor` shows more of them.")
        }
        Error::Authorities { .. } => Advice::new(USAGE, "Give a file with certificates of authorities, PEM or DER."),
        Error::Pairing(error) => account::advise(error),
        Error::Bulk(error) => bulk::advise(error),
        Error::NotUndone { user, .. } => {
            Advice::new(ACCOUNT, format!("`pivkit list --user {user}` shows how things stand; put them right by hand."))
        }
        Error::NotReadBack { .. } => {
            Advice::new(ACCOUNT, "Look whether another program writes the same file, then try again.")
        }
        Error::Provision(error) => provision::advise(error),
        Error::Roots { .. } => {
            Advice::new(USAGE, "Give the file with the roots, PEM or DER; Yubico publishes its own.")
        }
        Error::Psso(error) => login::advise(error),
        Error::Attestation { .. } => Advice::new(
            NO_IDENTITY,
            "Look whether the file holds the roots of this card's maker, intermediate ones among them; else do not trust the card.",
        ),
        Error::SameSecret { .. } => Advice::new(USAGE, "Nothing was sent to the card; choose another one."),
        Error::NotConfirmed { .. } => {
            Advice::new(USAGE, "Nothing was changed; `pivkit card info` shows serial number and GUID.")
        }
        Error::InDoubt { change, source, .. } => Advice::new(card::piv(source).code, card::in_doubt(*change)),
        Error::FactorySecrets { source } => Advice::new(
            card::piv(source).code,
            "The PIN may be 123456 and the PUK 12345678 now; change them with `pivkit card change-pin` and `change-puk`.",
        ),
        Error::NotReset { source } => Advice::new(
            card::piv(source).code,
            "Unless `pivkit card info` shows an empty card, run `pivkit card reset` again; it goes on where it stopped.",
        ),
        Error::NotWritten { .. } => Advice::new(FAILED, "Check the path, its permissions, and the space on the disk."),
        Error::File { .. } => Advice::new(FAILED, "Check the path and its permissions."),
        Error::Input { .. } => Advice::new(USAGE, "The command's --help shows examples."),
        Error::Ui(error) => ui(error),
        Error::Declined => Advice::new(FAILED, ""),
        _ => Advice::new(FAILED, ""),
    }
}

fn ui(error: &UiError) -> Advice {
    match error {
        UiError::Unanswered { flag, .. } => {
            Advice::new(USAGE, format!("Give it with {flag}, or run pivkit on a terminal."))
        }
        UiError::Interrupted => Advice::new(INTERRUPTED, "Nothing was changed."),
        UiError::Pin(_) => Advice::new(USAGE, "No PIN was sent to the card; try again."),
        UiError::Puk(_) => Advice::new(USAGE, "No PUK was sent to the card; try again."),
        UiError::ManagementKey(_) => {
            Advice::new(USAGE, "It was not used; the file holds the digits, and nothing else, on its first line.")
        }
        UiError::Unequal { .. } => Advice::new(USAGE, "Nothing was sent to the card; try again."),
        UiError::Source { what, .. } => {
            Advice::new(USAGE, format!("Use a file of your own with mode 600 that holds {what} on its first line."))
        }
        _ => Advice::new(FAILED, ""),
    }
}
