//! `pivkit mapping`.

use std::process::ExitCode;

use super::Context;
use crate::args::{Mapping, MappingExplain, MappingLint, MappingNew};
use crate::failure::{self, Failure};
use crate::{output, render};

pub(super) fn run(context: &Context, args: &Mapping) -> Result<ExitCode, Failure> {
    match args {
        Mapping::New(args) => new(context, args),
        Mapping::Lint(args) => lint(context, args),
        Mapping::Explain(args) => explain(context, args),
    }
}

fn new(context: &Context, args: &MappingNew) -> Result<ExitCode, Failure> {
    let report = pivkit::mapping::new(&args.request())?;
    context.output.print(&report, |report| render::new_mapping(report, args.dry_run))?;
    // The file itself may be on standard output.
    render::findings(&report.findings).lines().for_each(output::say);
    Ok(ExitCode::SUCCESS)
}

fn lint(context: &Context, args: &MappingLint) -> Result<ExitCode, Failure> {
    let report = pivkit::mapping::lint(&args.request())?;
    context.output.print(&report, render::linted_mapping)?;
    Ok(if report.ok { ExitCode::SUCCESS } else { failure::NO_IDENTITY.into() })
}

fn explain(context: &Context, args: &MappingExplain) -> Result<ExitCode, Failure> {
    let report = pivkit::mapping::explain(&args.request())?;
    context.output.print(&report, render::explained_mapping)?;
    let usable = report.findings.iter().all(|finding| finding.severity != "error");
    let open = report.certificates.iter().all(|certificate| certificate.opens_one);
    Ok(if usable && open { ExitCode::SUCCESS } else { failure::NO_IDENTITY.into() })
}
