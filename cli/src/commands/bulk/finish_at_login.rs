//! `pivkit bulk finish-at-login`.

use std::process::ExitCode;

use pivkit::bulk::FinishRequest;
use pivkit::{Accounts, System};

use crate::args::BulkFinishAtLogin;
use crate::commands::Context;
use crate::failure::{self, Failure};
use crate::progress::Progress;
use crate::render;

pub(super) fn run(context: &Context, args: &BulkFinishAtLogin) -> Result<ExitCode, Failure> {
    let system = args.root.as_ref().map_or_else(System::live, System::root);
    let tools = args.mac.tools();
    let accounts = Accounts::open(system, Some("macos"), &tools)?;
    let request = FinishRequest { tools, dry_run: args.change.dry_run };
    let mut ui = context.terminal().consenting(args.change.yes);
    let progress = Progress::new("rows");
    let report = pivkit::bulk::finish_at_login(&accounts, &request, &mut ui, &progress);
    let interrupted = progress.finish();
    let report = report?;
    context.output.print(&report, render::finished_at_login)?;
    Ok(match interrupted.filter(|_| report.interrupted) {
        Some(code) => code.into(),
        None if report.this_run.failed > 0 || report.this_run.waiting > 0 => failure::BULK.into(),
        None => ExitCode::SUCCESS,
    })
}
