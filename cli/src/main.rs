//! The binary `pivkit`: arguments, a person at a terminal, rendering, exit codes. Everything else is in the library.
#![forbid(unsafe_code)]

mod args;
mod codes;
mod commands;
mod failure;
mod help;
mod interrupt;
mod json;
mod logging;
mod output;
mod process;
mod progress;
mod render;
mod roots;
mod secret;
mod terminal;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

fn main() -> ExitCode {
    process::keep_secrets_out_of_core_files();
    interrupt::watch();
    logging::start();
    let matches = help::extend(args::Cli::command()).get_matches();
    let cli = match args::Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match commands::run(cli) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
