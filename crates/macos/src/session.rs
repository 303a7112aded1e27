//! Who runs this, and who sits at the Mac: `id`, `launchctl`, `sudo`.

use crate::command::{CommandRunner, Ending, Tool, ToolCommand, run_to_success};
use crate::{Error, RecordName};

/// The user id under which the tools run: `id -u`.
///
/// # Errors
///
/// Those of [`run_to_success`]; [`Error::Malformed`].
pub fn effective_uid(runner: &dyn CommandRunner) -> Result<u32, Error> {
    let captured = run_to_success(runner, &ToolCommand::new(Tool::Id, ["-u"]))?;
    let text = captured.text();
    text.trim().parse().map_err(|_| Error::malformed("what id -u printed", "it is not a number"))
}

/// The name of the user as whom the tools run: `id -un`.
///
/// # Errors
///
/// Those of [`run_to_success`]; [`Error::InvalidRecordName`].
pub fn effective_user(runner: &dyn CommandRunner) -> Result<RecordName, Error> {
    let captured = run_to_success(runner, &ToolCommand::new(Tool::Id, ["-un"]))?;
    captured.text().trim_end_matches('\n').parse()
}

/// Whether the user with this id is logged in at the screen, which the keychain step of a pairing needs.
///
/// `launchctl print gui/UID` succeeds when launchd has such a domain. What it prints is not read. Apple documents no better
/// way for scripts; whatever else happens is taken for no session.
pub fn has_gui_session(runner: &dyn CommandRunner, uid: u32) -> bool {
    let command = ToolCommand::new(Tool::Launchctl, ["print".to_owned(), format!("gui/{uid}")]);
    runner.run(&command).is_ok_and(|captured| captured.ending == Ending::Code(0))
}

/// A command that runs as `user` within the GUI session of that user, of whom `uid` is the user id: `launchctl asuser UID
/// sudo -n -H -u USER -- TOOL ...`.
///
/// Not `sudo -i`, which hands the command to the login shell of the user. `-n` because nobody could answer.
pub fn in_session_of(runner: &dyn CommandRunner, user: &RecordName, uid: u32, command: &ToolCommand) -> ToolCommand {
    let path = |tool| runner.program(tool).to_string_lossy().into_owned();
    let mut arguments = vec!["asuser".to_owned(), uid.to_string(), path(Tool::Sudo)];
    arguments.extend(["-n", "-H", "-u", user.as_str(), "--"].map(str::to_owned));
    arguments.push(path(command.tool));
    arguments.extend(command.arguments.iter().cloned());
    ToolCommand { tool: Tool::Launchctl, arguments, ..command.clone() }
}
