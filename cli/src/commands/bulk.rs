//! `pivkit bulk`: many pairings at once. Each command has a file.

mod apply;
mod finish_at_login;
mod plan;
mod report;
mod station;
mod undo;

use std::process::ExitCode;

use super::Context;
use crate::args::Bulk;
use crate::failure::Failure;

pub(super) fn run(context: &Context, args: &Bulk) -> Result<ExitCode, Failure> {
    match args {
        Bulk::Plan(args) => plan::run(context, args),
        Bulk::Apply(args) => apply::run(context, args),
        Bulk::FinishAtLogin(args) => finish_at_login::run(context, args),
        Bulk::Undo(args) => undo::run(context, args),
        Bulk::Report(args) => report::run(context, args),
        Bulk::Station(args) => station::run(context, args),
    }
}
