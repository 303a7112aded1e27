//! `pivkit bulk apply`.

use std::num::NonZeroUsize;
use std::process::ExitCode;

use pivkit::MacTools;
use pivkit::bulk::{ApplyRequest, AtLogin, LoadedPlan};

use crate::args::BulkApply;
use crate::commands::{Context, pairings};
use crate::failure::{self, Failure};
use crate::progress::Progress;
use crate::render;

pub(super) fn run(context: &Context, args: &BulkApply) -> Result<ExitCode, Failure> {
    let loaded = LoadedPlan::read(&args.plan).map_err(pivkit::Error::from)?;
    let backend = args.account.backend().unwrap_or(&loaded.plan.backend);
    loaded.check_host(args.host.as_ref()).map_err(pivkit::Error::from)?;
    let accounts = pairings::accounts_of(&args.account, Some(backend), args.i_know)?;
    let processors = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let request = ApplyRequest {
        journal: args.journal.clone(),
        resume: args.resume,
        jobs: args.jobs.unwrap_or(processors),
        skip_problems: args.skip_problems,
        dry_run: args.change.dry_run,
        at_login: args.at_login.then(|| at_login(args.account.mac.tools())).transpose()?,
    };
    let mut ui = context.terminal().consenting(args.change.yes);
    let progress = Progress::new("rows");
    let report = pivkit::bulk::apply(&accounts, &loaded, &request, &mut ui, &progress);
    let interrupted = progress.finish();
    let report = report?;
    context.output.print(&report, render::bulk_applied)?;
    Ok(match interrupted.filter(|_| report.interrupted) {
        Some(code) => code.into(),
        None if report.this_run.failed > 0 || report.this_run.waiting > 0 => failure::BULK.into(),
        None => ExitCode::SUCCESS,
    })
}

fn at_login(tools: MacTools) -> Result<AtLogin, Failure> {
    let unknown = |source| pivkit::Error::File { path: "pivkit".into(), source };
    Ok(AtLogin { program: std::env::current_exe().map_err(unknown)?, tools })
}
