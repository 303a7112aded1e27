//! `pivkit bulk plan`.

use std::process::ExitCode;

use crate::args::BulkPlan;
use crate::commands::Context;
use crate::failure::Failure;

pub(super) fn run(_context: &Context, args: &BulkPlan) -> Result<ExitCode, Failure> {
    let what = format!("{} cannot be planned: this version only knows the command's form", args.manifest.display());
    Err(pivkit::Error::Input { what }.into())
}
