//! `pivkit doctor`.

use std::process::ExitCode;

use pivkit::DoctorRequest;

use super::Context;
use crate::args::Doctor;
use crate::failure::{self, Failure};
use crate::render;

pub(super) fn run(context: &Context, args: &Doctor) -> Result<ExitCode, Failure> {
    let request = DoctorRequest {
        system: args.system(),
        certificate: args.cert.clone(),
        user: args.user.as_deref().map(str::parse).transpose().map_err(pivkit::Error::from)?,
    };
    let report = pivkit::doctor(&request)?;
    context.output.print(&report, render::doctor)?;
    Ok(if report.is_healthy() { ExitCode::SUCCESS } else { failure::NO_IDENTITY.into() })
}
