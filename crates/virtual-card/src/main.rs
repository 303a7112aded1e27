//! `pivkit-vcard`: puts a software PIV card into a virtual reader.
#![forbid(unsafe_code)]

mod profiles;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::run::Run;

/// A software PIV card for tests and demonstrations. It is no place for real keys.
#[derive(Parser)]
#[command(name = "pivkit-vcard", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Puts the card into a virtual reader, until SIGTERM or SIGINT.
    Run(Box<Run>),
    /// Lists the profiles, presets and quirks that `run` takes, with what each is.
    Profiles,
}

fn main() -> ExitCode {
    let run = match Arguments::parse().command {
        Command::Run(run) => run,
        Command::Profiles => {
            profiles::print();
            return ExitCode::SUCCESS;
        }
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run.start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pivkit-vcard: {}", sentence(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// The error with what lies under it.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
