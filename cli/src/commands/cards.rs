//! `pivkit readers`, `identities`, `hash`.

use std::process::ExitCode;
use std::time::Duration;

use pivkit::report::{ReaderEvent, ReaderReport};
use pivkit::{CardReaders, Slots, Wait};

use super::Context;
use crate::args::{Hash, Identities, Readers, TransportArgs};
use crate::failure::{self, Failure};
use crate::output::{self, Audience};
use crate::render;
use crate::terminal::Terminal;

/// Opens the way to the cards; a person hears of it when one takes long.
pub(super) fn open(args: &TransportArgs) -> Result<CardReaders, Failure> {
    let waiting = |reader: &str, wait| {
        output::say(&match wait {
            Wait::OtherProgram => format!("waiting for another program to release the card in {reader}"),
            Wait::Answer => format!("waiting for the card in {reader} to answer"),
            Wait::Touch => {
                format!("touch your key: the card in {reader} waits (if it does not blink, it is only slow)")
            }
            Wait::Work => format!("the card in {reader} is at work; this can take a minute"),
        });
    };
    Ok(args.transport.open(waiting).map_err(pivkit::Error::from)?)
}

pub(super) fn readers(context: &Context, args: &Readers) -> Result<ExitCode, Failure> {
    let mut readers = open(&args.transport)?;
    if args.watch {
        return watch(context, &mut readers);
    }
    let report = pivkit::readers(&mut readers)?;
    context.output.print(&report, render::readers)?;
    if report.readers.is_empty() { Err(pivkit::Error::NoReader.into()) } else { Ok(ExitCode::SUCCESS) }
}

/// Prints what is there, then each change, until nobody reads any more.
fn watch(context: &Context, readers: &mut CardReaders) -> Result<ExitCode, Failure> {
    let mut known: Vec<ReaderReport> = Vec::new();
    loop {
        let now = readers.wait_for_change(&known, WATCH_INTERVAL).map_err(pivkit::Error::from)?;
        for event in ReaderEvent::between(&known, &now) {
            if context.output.print_line(&event, render::reader_event)? == Audience::Gone {
                return Ok(ExitCode::SUCCESS);
            }
        }
        known = now;
    }
}

const WATCH_INTERVAL: Duration = Duration::from_secs(60);

pub(super) fn identities(context: &Context, args: &Identities) -> Result<ExitCode, Failure> {
    let (report, reason) = if let Some(saved) = &args.from_system_profiler {
        (pivkit::identities_from_system_profiler(saved.as_deref(), &args.mac.tools())?, None)
    } else if args.cert.is_empty() {
        let slots = if args.all_slots { Slots::All } else { Slots::InUse };
        pivkit::identities(&mut open(&args.card.transport)?, &args.card.choice(), slots)?
    } else {
        (pivkit::identities_in_files(&args.cert), None)
    };
    // One failure is told in full below; several need the report.
    if reason.is_none() || report.errors.len() > 1 {
        context.output.print(&report, render::identities)?;
    }
    if let Some(reason) = reason {
        render::read_errors(report.errors.get(1..).unwrap_or_default()).iter().for_each(|line| output::say(line));
        return Err(reason.into());
    }
    render::read_errors(&report.errors).iter().for_each(|line| output::say(line));
    let found =
        report.cards.iter().map(|card| &card.identities).chain(report.files.iter().map(|file| &file.identities));
    let any = found.into_iter().any(|identities| !identities.is_empty());
    // A reader that fails is listed and no more; a file was asked for by its name.
    let file_failed = report.errors.iter().any(|error| error.path.is_some());
    Ok(match (any, file_failed) {
        (_, true) => failure::FAILED.into(),
        (true, false) => ExitCode::SUCCESS,
        (false, false) => failure::NO_IDENTITY.into(),
    })
}

pub(super) fn hash(context: &Context, args: &Hash) -> Result<ExitCode, Failure> {
    let report = match args.slot {
        Some(slot) => {
            let mut ui = Terminal::new(context.non_interactive);
            pivkit::hash_in_slot(&mut open(&args.card.transport)?, &args.card.choice(), slot, &mut ui)?
        }
        None => pivkit::hashes(&args.paths),
    };
    context.output.print(&report, render::hashes)?;
    render::read_errors(&report.errors).iter().for_each(|line| output::say(line));
    Ok(match (report.hashes.is_empty(), report.errors.is_empty()) {
        (_, false) => failure::FAILED.into(),
        (true, true) => failure::NO_IDENTITY.into(),
        (false, true) => ExitCode::SUCCESS,
    })
}
