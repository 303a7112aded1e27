//! `pivkit completions`, `man`.

use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;
use pivkit::report::SCHEMA_VERSION;
use serde::Serialize;

use super::Context;
use crate::args::Cli;
use crate::failure::Failure;
use crate::help;

/// `pivkit completions`.
#[derive(Serialize)]
struct Completions {
    schema_version: u32,
    shell: String,
    script: String,
}

pub(super) fn completions(context: &Context, shell: Shell) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pivkit", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let completions = Completions { schema_version: SCHEMA_VERSION, shell: shell.to_string(), script };
    context.output.print(&completions, |completions| completions.script.clone())?;
    Ok(ExitCode::SUCCESS)
}

/// `pivkit man`.
#[derive(Serialize)]
struct Manual {
    schema_version: u32,
    folder: String,
}

pub(super) fn pages(context: &Context, folder: &Path) -> Result<ExitCode, Failure> {
    let unwritable = |source| Failure::from(pivkit::Error::File { path: folder.to_owned(), source });
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    clap_mangen::generate_to(help::extend(Cli::command()), folder).map_err(unwritable)?;
    let manual = Manual { schema_version: SCHEMA_VERSION, folder: folder.display().to_string() };
    context.output.print(&manual, |_| String::new())?;
    Ok(ExitCode::SUCCESS)
}
