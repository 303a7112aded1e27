//! `pivkit bulk undo`.

use std::process::ExitCode;

use pivkit::bulk::{Journal, UndoRequest};

use crate::args::BulkUndo;
use crate::commands::{Context, pairings};
use crate::failure::{self, Failure};
use crate::progress::Progress;
use crate::render;

pub(super) fn run(context: &Context, args: &BulkUndo) -> Result<ExitCode, Failure> {
    let backend = match &args.account.backend {
        Some(backend) => backend.clone(),
        None => Journal::read(&args.journal).map_err(pivkit::Error::from)?.begin.backend,
    };
    let accounts = pairings::accounts_of(&args.account, Some(&backend), args.i_know)?;
    let request = UndoRequest { journal: args.journal.clone(), dry_run: args.change.dry_run };
    let mut ui = context.terminal().consenting(args.change.yes);
    let progress = Progress::new("changes");
    let report = pivkit::bulk::undo(&accounts, &request, &mut ui, &progress);
    let interrupted = progress.finish();
    let report = report?;
    context.output.print(&report, render::bulk_undone)?;
    Ok(match interrupted.filter(|_| report.interrupted) {
        Some(code) => code.into(),
        None if !report.left.is_empty() => failure::BULK.into(),
        None => ExitCode::SUCCESS,
    })
}
