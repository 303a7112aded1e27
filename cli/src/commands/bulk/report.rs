//! `pivkit bulk report`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use pivkit::bulk::{Journal, Report};

use crate::args::{BulkReport, ReportFormat};
use crate::commands::Context;
use crate::failure::Failure;
use crate::json;
use crate::output::Output;

pub(super) fn run(context: &Context, args: &BulkReport) -> Result<ExitCode, Failure> {
    let format = match (context.output, args.format) {
        (Output::Json, Some(_)) => {
            let what = "--json and --format do not go together".to_owned();
            return Err(pivkit::Error::Input { what }.into());
        }
        (_, format) => format.unwrap_or(ReportFormat::Text),
    };
    let report = Report::of(&Journal::read(&args.journal).map_err(pivkit::Error::from)?);
    match &args.output {
        Some(path) => {
            let written = File::create(path).map(BufWriter::new).and_then(|mut file| {
                write(context, format, &report, &mut file)?;
                file.flush()
            });
            written.map_err(|source| pivkit::Error::NotWritten { path: path.clone(), source })?;
        }
        None => match write(context, format, &report, &mut io::stdout().lock()) {
            // Who has read enough has gone away.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written?,
        },
    }
    Ok(ExitCode::SUCCESS)
}

fn write(context: &Context, format: ReportFormat, report: &Report, out: &mut impl Write) -> io::Result<()> {
    match (context.output, format) {
        (Output::Json, _) => out.write_all(&json::document(report)?),
        (Output::Text, ReportFormat::Text) => out.write_all(report.to_text().as_bytes()),
        (Output::Text, ReportFormat::Csv) => report.write_csv(out),
        (Output::Text, ReportFormat::Html) => report.write_html(out),
    }
}
