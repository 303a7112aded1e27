//! `pivkit bulk plan`.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use pivkit::Accounts;
use pivkit::bulk::{ManifestRequest, PlanDocument, Planning, plan, split_by_host};

use crate::args::{BulkPlan, Strategy};
use crate::commands::{Context, pairings};
use crate::failure::{self, Failure};
use crate::output::Output;
use crate::render::bulk_plan as render;
use crate::{json, output};

pub(super) fn run(context: &Context, args: &BulkPlan) -> Result<ExitCode, Failure> {
    let request = ManifestRequest {
        manifest: args.manifest.clone(),
        host: args.host.clone(),
        certificates: args.certificates.clone(),
        rule: args.rule,
    };
    if let Some(folder) = &args.split_by_host {
        let split = split_by_host(&request, folder)?;
        context.output.print(&split, render::split)?;
        render::problems(&split.problems).for_each(|line| output::say(&line));
        return Ok(exit_code(split.problems.is_empty()));
    }
    let accounts = accounts(args)?;
    let planning = plan(&accounts, &request)?;
    let planning = match context.output {
        Output::Json => document(planning)?,
        Output::Text => text(planning)?,
    };
    render::problems(planning.problems()).for_each(|line| output::say(&line));
    Ok(exit_code(planning.problems().is_empty()))
}

/// The accounts, on a Mac with the strategy that was asked for: the one by which nobody needs to be there, unless said otherwise.
fn accounts(args: &BulkPlan) -> Result<Accounts, Failure> {
    let tools = args.account.mac.tools();
    let mapping = || Accounts::mapping_backend(args.account.system(), &tools);
    let backend = match (args.strategy, args.account.backend()) {
        (Some(Strategy::Pairing), _) => Some("macos"),
        // Where there is no Mac, this backend says so.
        (Some(Strategy::Mapping), _) => Some(mapping()?.unwrap_or("macos_mapping")),
        (None, Some(backend)) => Some(backend),
        (None, None) => {
            let backend = mapping()?;
            if let Some(backend) = backend {
                output::say(&format!(
                    "pivkit: by attribute mapping ({backend}), so that nobody needs to be there; --strategy pairing pairs each in the person's session."
                ));
            }
            backend
        }
    };
    pairings::accounts_of(&args.account, backend, args.i_know)
}

fn exit_code(clean: bool) -> ExitCode {
    if clean { ExitCode::SUCCESS } else { failure::BULK.into() }
}

/// Writes the plan file, row by row.
fn document(planning: Planning<'_>) -> io::Result<Planning<'_>> {
    let document = PlanDocument::new(planning);
    let mut stdout = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    match json::write_document(&document, &mut stdout).and_then(|()| stdout.flush()) {
        // Whoever went away has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(document.into_planning()),
    }
}

fn text(mut planning: Planning<'_>) -> io::Result<Planning<'_>> {
    let mut stdout = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let mut counts = render::Counts::default();
    let mut write = |text: &str| match stdout.write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    };
    for row in planning.by_ref() {
        counts.add(&row);
        write(&render::row(&row))?;
    }
    write(&render::rest(&planning, &counts))?;
    match stdout.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(planning),
    }
}

const BUFFER: usize = 256 * 1024;
