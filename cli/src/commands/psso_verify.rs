//! `pivkit psso verify`.

use std::process::ExitCode;

use pivkit::psso::{self, VerifyRequest};

use super::Context;
use crate::args::Verify;
use crate::failure::{self, Failure};
use crate::render;

pub(super) fn run(context: &Context, args: Verify) -> Result<ExitCode, Failure> {
    let request = VerifyRequest {
        message: args.file,
        config: psso::configuration(&args.config)?.config,
        device_key: args.device_key,
        user_key: args.user_key,
        trust_ca: args.trust_ca,
        decryption_key: args.decryption_key,
        password: args.password_file,
        refresh_token: args.refresh_token_file,
        request_nonce: args.request_nonce,
        at: args.at,
        strict: args.strict,
    };
    let report = psso::verify(&request)?;
    context.output.print(&report, render::psso_verify::verdict)?;
    Ok(if report.accepted { ExitCode::SUCCESS } else { failure::NO_IDENTITY.into() })
}
