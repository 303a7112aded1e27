//! From a parsed command line to a printed result.

mod bulk;
mod card;
mod cards;
mod doctor;
mod manual;
mod mapping;
mod pairings;
mod provision;
mod psso;
mod psso_verify;

use std::process::ExitCode;

use crate::args::{Cli, Command};
use crate::failure::Failure;
use crate::output::Output;
use crate::terminal::Terminal;

/// What every command needs to know beside its own arguments.
pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) non_interactive: bool,
}

impl Context {
    pub(crate) fn terminal(&self) -> Terminal {
        Terminal::new(self.non_interactive)
    }
}

/// Runs the command. The exit code of a command that did all it could but not all that was asked is its result.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let output = if cli.json { Output::Json } else { Output::Text };
    let context = Context { output, non_interactive: cli.non_interactive };
    match cli.command {
        Command::Readers(args) => cards::readers(&context, &args),
        Command::Identities(args) => cards::identities(&context, &args),
        Command::Hash(args) => cards::hash(&context, &args),
        Command::Pair(args) => pairings::pair(&context, &args),
        Command::Unpair(args) => pairings::unpair(&context, &args),
        Command::List(args) => pairings::list(&context, &args),
        Command::Check(args) => pairings::check(&context, &args),
        Command::Bulk(args) => bulk::run(&context, &args),
        Command::Mapping(args) => mapping::run(&context, &args),
        Command::Card(args) => card::run(&context, &args),
        Command::Provision(args) => provision::run(&context, &args),
        Command::Psso(args) => psso::run(&context, args),
        Command::Doctor(args) => doctor::run(&context, &args),
        Command::Completions { shell } => manual::completions(&context, shell),
        Command::Man { dir } => manual::pages(&context, &dir),
    }
}
