//! `pivkit psso`.

use std::process::ExitCode;

use pivkit::login::{self, InspectRequest, LoginRequest};

use super::Context;
use super::cards::open;
use crate::args::{DeviceArgs, Inspect, Keys, Login, Psso, Register};
use crate::failure::{self, Failure};
use crate::render;

pub(super) fn run(context: &Context, args: Psso) -> Result<ExitCode, Failure> {
    match args {
        Psso::Keys(args) => keys(context, &args),
        Psso::Register(args) => register(context, &args),
        Psso::Login(args) => login(context, args),
        Psso::Inspect(args) => inspect(context, args),
        Psso::Verify(args) => super::psso_verify::run(context, *args),
    }
}

fn keys(context: &Context, args: &Keys) -> Result<ExitCode, Failure> {
    let report = login::keys(&args.state)?;
    context.output.print(&report, render::psso::keys)?;
    Ok(ExitCode::SUCCESS)
}

fn register(context: &Context, args: &Register) -> Result<ExitCode, Failure> {
    let DeviceArgs { config, state, user } = &args.device;
    let config = login::config(config)?;
    if args.print {
        let registration = login::registration(&config, state, user)?;
        context.output.print(&registration, render::psso::registration)?;
    } else {
        let report = login::register(config, state, user)?;
        context.output.print(&report, render::psso::registered)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn login(context: &Context, args: Login) -> Result<ExitCode, Failure> {
    let request = LoginRequest {
        config: login::config(&args.device.config)?,
        state: args.device.state,
        user: args.device.user,
        card: args.card.choice(),
        identity: args.identity.choice(),
        algorithm: args.alg,
        last_try: args.pin.last_try(),
        show_tokens: args.show_token,
    };
    let mut readers = open(&args.card.transport)?;
    let report = login::login(&mut readers, request, &mut context.terminal().with_pin(&args.pin))?;
    context.output.print(&report, render::psso::logged_in)?;
    Ok(ExitCode::SUCCESS)
}

fn inspect(context: &Context, args: Inspect) -> Result<ExitCode, Failure> {
    let request = InspectRequest {
        message: args.file,
        decryption_key: args.decryption_key,
        verification_key: args.verification_key,
        apv: args.apv,
        at: args.at,
        show_tokens: args.show_token,
    };
    let inspection = login::inspect(&request)?;
    context.output.print(&inspection, render::psso::inspection)?;
    Ok(if inspection.all_hold() { ExitCode::SUCCESS } else { failure::NO_IDENTITY.into() })
}
