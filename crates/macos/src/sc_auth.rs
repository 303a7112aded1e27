//! `sc_auth`: pairs smart cards with local accounts.
//!
//! What it prints is for people: localised, different from version to version, on either stream. So only three things are taken
//! from it: hashes (40 hexadecimal digits), the numbers of errors, and some phrases that no other tool tells. Whether a change
//! was made is read from the record, with [`dscl`](crate::dscl).

mod failure;
mod identities;

use std::time::Duration;

use crate::command::{Captured, CommandRunner, Ending, Tool, ToolCommand};
use crate::{Error, KeyHash, RecordName};

pub use failure::PairingFailure;
pub use identities::{ListedIdentity, Token, parse_identities};

/// What `sc_auth pair` says of the login keychain, which it makes openable with the card's key for key management.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keychain {
    /// The account is paired, and nothing is said of the keychain: all is well.
    NotMentioned,
    /// What it says is not understood: it speaks another language, or is a version that is not known.
    NotUnderstood,
    /// The account is paired, but the keychain still wants the password after the next login with the card.
    PasswordRequired,
}

/// The identities on all tokens that the Mac sees: `sc_auth identities`.
///
/// # Errors
///
/// [`Error::Failed`], [`Error::Killed`] and those of [`CommandRunner::run`].
pub fn identities(runner: &dyn CommandRunner) -> Result<Vec<Token>, Error> {
    let captured = crate::command::run_to_success(runner, &ToolCommand::new(Tool::ScAuth, ["identities"]))?;
    Ok(parse_identities(&captured.text()))
}

/// The hashes that a user is paired with, as `sc_auth list` tells them. The record is the better source.
///
/// # Errors
///
/// As [`identities`].
pub fn list(runner: &dyn CommandRunner, user: &RecordName) -> Result<Vec<KeyHash>, Error> {
    let command = ToolCommand::new(Tool::ScAuth, ["list", "-u", user.as_str()]);
    let captured = crate::command::run_to_success(runner, &command)?;
    Ok(captured.text().lines().filter_map(KeyHash::find).collect())
}

/// The command that pairs a key with a user. The card must be inserted; the Mac asks the person at the screen for the PIN or the
/// password of the login keychain, hence the long time limit.
pub fn pair_command(user: &RecordName, hash: &KeyHash) -> ToolCommand {
    ToolCommand::new(Tool::ScAuth, ["pair", "-u", user.as_str(), "-h", &hash.to_string()]).within(PAIR_TIME_LIMIT)
}

/// Runs [`pair_command`], or that command [in a session](crate::session::in_session_of).
///
/// # Errors
///
/// [`Error::Pairing`] when it says why; [`Error::Failed`], [`Error::Killed`]; those of [`CommandRunner::run`].
pub fn pair(runner: &dyn CommandRunner, command: &ToolCommand) -> Result<Keychain, Error> {
    let captured = succeeded(runner, command)?;
    Ok(keychain(&captured.everything()))
}

/// The command that removes one pairing of a user, or all. In the user's session the key of the login keychain goes with it.
/// What is left in the record is for the caller to look at.
pub fn unpair_command(user: &RecordName, hash: Option<&KeyHash>) -> ToolCommand {
    let mut arguments = vec!["unpair".to_owned(), "-u".to_owned(), user.to_string()];
    arguments.extend(hash.iter().flat_map(|hash| ["-h".to_owned(), hash.to_string()]));
    ToolCommand::new(Tool::ScAuth, arguments)
}

/// The command that takes a key away from the start screen of FileVault.
pub fn filevault_disable_command(user: &RecordName, hash: &KeyHash) -> ToolCommand {
    ToolCommand::new(Tool::ScAuth, ["filevault", "-o", "disable", "-u", user.as_str(), "-h", &hash.to_string()])
}

/// Runs one of the commands above, or one of them [in a session](crate::session::in_session_of).
///
/// # Errors
///
/// As [`pair`].
pub fn run(runner: &dyn CommandRunner, command: &ToolCommand) -> Result<(), Error> {
    succeeded(runner, command).map(drop)
}

/// What `sc_auth filevault -o status` says of a user, in its own words and language: at most 1000 characters. On some Macs it is
/// known to be wrong.
///
/// # Errors
///
/// As [`pair`].
pub fn filevault_status(runner: &dyn CommandRunner, user: &RecordName) -> Result<String, Error> {
    let command = ToolCommand::new(Tool::ScAuth, ["filevault", "-o", "status", "-u", user.as_str()]);
    Ok(succeeded(runner, &command)?.message())
}

/// Runs the command; a failure that is named counts, also when the exit code is 0.
fn succeeded(runner: &dyn CommandRunner, command: &ToolCommand) -> Result<Captured, Error> {
    let captured = runner.run(command)?;
    let program = runner.program(Tool::ScAuth);
    match (PairingFailure::find(&captured.everything()), captured.ending) {
        (_, Ending::Signal(signal)) => Err(Error::Killed { program, signal }),
        (Some(reason), _) => Err(Error::Pairing { reason, message: captured.message() }),
        (None, Ending::Code(0)) => Ok(captured),
        (None, Ending::Code(code)) => Err(Error::Failed { program, code, message: captured.message() }),
    }
}

fn keychain(said: &str) -> Keychain {
    let phrases = ["password will be required after next", "Failed to store Login keychain unlock key"];
    if phrases.iter().any(|phrase| said.contains(phrase)) {
        return Keychain::PasswordRequired;
    }
    if said.contains("successfully paired") { Keychain::NotMentioned } else { Keychain::NotUnderstood }
}

/// A person has to find the PIN and type it.
const PAIR_TIME_LIMIT: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
