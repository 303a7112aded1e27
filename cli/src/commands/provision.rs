//! `pivkit provision`.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use pivkit::ManagementKey;
use pivkit::provision::{Certificates, ImportRequest, KeySlot, ProvisionRequest};

use super::Context;
use super::cards::open;
use crate::args::{Import, ManagementKeyArgs, Provision, ProvisionCommand, Ready};
use crate::codes::ProvisionTerminal;
use crate::failure::Failure;
use crate::{render, roots, secret};

pub(super) fn run(context: &Context, args: &Provision) -> Result<ExitCode, Failure> {
    match &args.command {
        Some(ProvisionCommand::Import(args)) => import(context, args),
        None => ready(context, &args.ready),
    }
}

fn ready(context: &Context, args: &Ready) -> Result<ExitCode, Failure> {
    let mut ui = ProvisionTerminal::for_provision(context.terminal(), args);
    let request = ProvisionRequest {
        card: args.card.choice(),
        slots: args.slot.map_or_else(|| KeySlot::ALL.to_vec(), |slot| vec![slot]),
        authentication_algorithm: args.authentication_algorithm,
        key_management_algorithm: args.key_management_algorithm,
        pin_policy: args.pin_policy,
        touch_policy: args.touch_policy,
        subject: args.subject.clone(),
        upn: args.upn.clone(),
        email: args.email.clone(),
        certificates: match &args.csr_dir {
            Some(folder) => Certificates::Requests { folder: folder.clone() },
            None => Certificates::SelfSigned { days: args.days },
        },
        management_key: management_key(&args.management_key)?,
        keep_management_key: args.keep_management_key,
        attestation: args.attestation_root.as_deref().map(roots::read).transpose()?,
        replace: args.replace,
        last_try: args.pin.last_try(),
        dry_run: args.change.dry_run,
    };
    let mut readers = open(&args.card.transport)?;
    let report = pivkit::provision::provision(&mut readers, &request, &mut ui)?;
    context.output.print(&report, |report| render::provisioned(report, args.change.dry_run))?;
    Ok(ExitCode::SUCCESS)
}

fn import(context: &Context, args: &Import) -> Result<ExitCode, Failure> {
    let mut ui = ProvisionTerminal::for_import(context.terminal(), args);
    let request = ImportRequest {
        card: args.card.choice(),
        slot: args.slot,
        file: read(&args.file)?,
        management_key: management_key(&args.management_key)?,
        replace: args.replace,
        last_try: args.pin.last_try(),
        dry_run: args.change.dry_run,
    };
    let mut readers = open(&args.card.transport)?;
    let report = pivkit::provision::import(&mut readers, request, &mut ui)?;
    context.output.print(&report, |report| render::provisioned(report, args.change.dry_run))?;
    Ok(ExitCode::SUCCESS)
}

fn management_key(args: &ManagementKeyArgs) -> Result<Option<ManagementKey>, Failure> {
    let read = args.management_key_file.as_deref().map(secret::management_key).transpose();
    Ok(read.map_err(pivkit::Error::from)?)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |source| pivkit::Error::File { path: path.to_owned(), source };
    Ok(fs::read(path).map_err(failed)?)
}
