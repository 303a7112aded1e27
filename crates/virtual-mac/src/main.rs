//! `pivkit-vmac`: stand-ins for a Mac's own tools, with their state in a plist.
//!
//! One program, called by many names: in the folder that `install` makes, `sc_auth` and the others are links to it.
#![forbid(unsafe_code)]

mod certificate;
mod context;
mod error;
mod folder;
mod journal;
mod language;
mod mac;
mod misbehaviour;
mod outcome;
mod quirk;
mod record;
mod setup;
mod store;
mod tool;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) use error::Error;
pub(crate) use outcome::Outcome;
use tool::Tool;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let called_as = PathBuf::from(words.next().unwrap_or_default());
    let tool = called_as.file_name().and_then(|name| Tool::named(name.to_str()?));
    let result = match tool {
        Some(tool) => call(&called_as, tool, words),
        None => setup::run().map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        let _ = writeln!(std::io::stderr(), "pivkit-vmac: {error}{source}");
        // Not a code of any tool that is played here.
        ExitCode::from(99)
    })
}

fn call(called_as: &Path, tool: Tool, words: impl Iterator<Item = OsString>) -> Result<ExitCode, Error> {
    let arguments: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let outcome = tool::call(called_as, tool, &arguments)?;
    // Whoever does not read to the end has his reasons.
    let _ = std::io::stdout().write_all(&outcome.stdout);
    let _ = std::io::stderr().write_all(&outcome.stderr);
    Ok(ExitCode::from(outcome.code))
}
