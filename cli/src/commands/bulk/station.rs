//! `pivkit bulk station`.

use std::process::ExitCode;

use pivkit::LastTry;
use pivkit::bulk::{
    ManifestRequest, PinProof, RowResult, StationRequest, Supervisor, manifest_digest, roster, station,
};

use crate::args::BulkStation;
use crate::commands::cards::open;
use crate::commands::{Context, pairings};
use crate::failure::{self, Failure};
use crate::interrupt::{self, Hold};
use crate::{output, render};

pub(super) fn run(context: &Context, args: &BulkStation) -> Result<ExitCode, Failure> {
    let manifest_sha256 = manifest_digest(&args.manifest).map_err(pivkit::Error::from)?;
    let manifest = ManifestRequest {
        manifest: args.manifest.clone(),
        host: args.host.clone(),
        certificates: args.certificates.clone(),
        rule: args.rule,
    };
    let accounts = pairings::accounts(&args.account, false)?;
    let roster = roster(&accounts, &manifest)?;
    render::bulk_plan::problems(roster.problems()).for_each(|line| output::say(&line));
    let request = StationRequest {
        readers: args.card.choice(),
        journal: args.journal.clone(),
        manifest_sha256,
        dry_run: args.dry_run,
        pin_proof: if args.no_pin_proof { PinProof::UnlessKeyIsNamed } else { PinProof::Always },
        last_try: LastTry::Keep,
    };
    let mut readers = open(&args.card.transport)?;
    let mut ui = context.terminal().consenting(args.yes);
    let clerk = Clerk { hold: interrupt::hold() };
    let report = station(&accounts, &mut readers, &roster, &request, &mut ui, &clerk)?;
    context.output.print(&report, render::station_closed)?;
    let failed = report.people.iter().any(|person| person.result == RowResult::Failed);
    Ok(match clerk.hold.asked() {
        Some(code) => code.into(),
        None if failed || !roster.problems().is_empty() => failure::BULK.into(),
        None => ExitCode::SUCCESS,
    })
}

/// Closes the station at Ctrl-C, and knows what to do about errors.
struct Clerk {
    hold: Hold,
}

impl Supervisor for Clerk {
    fn stop(&self) -> bool {
        self.hold.asked().is_some()
    }

    fn next(&self, error: &pivkit::Error) -> Option<String> {
        Some(failure::next_step(error)).filter(|next| !next.is_empty())
    }
}
