//! `pivkit bulk`: many pairings at once. Each command has a file.

mod plan;

use std::process::ExitCode;

use super::Context;
use crate::args::Bulk;
use crate::failure::Failure;

pub(super) fn run(context: &Context, args: &Bulk) -> Result<ExitCode, Failure> {
    match args {
        Bulk::Plan(args) => plan::run(context, args),
    }
}
