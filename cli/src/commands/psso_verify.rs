//! `pivkit psso verify`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pivkit::UiError;
use pivkit::psso::{self, VerifyRequest};
use secrecy::SecretString;

use super::Context;
use crate::args::Verify;
use crate::failure::{self, Failure};
use crate::{render, secret};

pub(super) fn run(context: &Context, args: Verify) -> Result<ExitCode, Failure> {
    let secret_of = |file: &Option<PathBuf>, read: fn(&Path) -> Result<SecretString, UiError>| {
        file.as_deref().map(read).transpose().map_err(pivkit::Error::from)
    };
    let request = VerifyRequest {
        message: args.file,
        config: psso::configuration(&args.config)?.config,
        device_key: args.device_key,
        user_key: args.user_key,
        trust_ca: args.trust_ca,
        binding: args.binding.into(),
        decryption_key: secret_of(&args.decryption_key, secret::decryption_key)?,
        password: secret_of(&args.password_file, secret::password)?,
        refresh_token: secret_of(&args.refresh_token_file, secret::refresh_token)?,
        request_nonce: args.request_nonce,
        at: args.at,
        strict: args.strict,
    };
    let report = psso::verify(&request)?;
    context.output.print(&report, render::psso_verify::verdict)?;
    Ok(if report.accepted { ExitCode::SUCCESS } else { failure::NO_IDENTITY.into() })
}
