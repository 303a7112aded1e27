//! `pivkit psso`.

use std::process::ExitCode;

use pivkit::LastTry;
use pivkit::psso::{
    self, CardLoginRequest, InspectRequest, Inspection, Inspector, KeyExchangeRequest, LoginRequest, LogoutRequest,
    Method, RegisterRequest, SignedInRequest,
};

use serde::Serialize;

use super::Context;
use super::cards::open;
use crate::args::{
    ConfigCommand, Inspect, KeyExchange, Keys, Login, Logout, Psso, Refresh, Register, SignedInArgs, StateArgs,
};
use crate::failure::{self, Failure};
use crate::output::Audience;
use crate::render::psso::Named;
use crate::{interrupt, render, secret};

pub(super) fn run(context: &Context, args: Psso) -> Result<ExitCode, Failure> {
    match args {
        Psso::Keys(args) => keys(context, &args),
        Psso::Register(args) => register(context, args),
        Psso::Login(args) => login(context, *args),
        Psso::Refresh(args) => refresh(context, args),
        Psso::KeyRequest(args) => key_request(context, args),
        Psso::KeyExchange(args) => key_exchange(context, args),
        Psso::Status(args) => status(context, &args),
        Psso::Logout(args) => logout(context, args),
        Psso::Config(command) => config(context, &command),
        Psso::Inspect(args) => inspect(context, args),
        Psso::Verify(args) => super::psso_verify::run(context, *args),
    }
}

fn keys(context: &Context, args: &Keys) -> Result<ExitCode, Failure> {
    let report = psso::keys(&args.state)?;
    context.output.print(&report, render::psso::keys)?;
    Ok(ExitCode::SUCCESS)
}

fn register(context: &Context, args: Register) -> Result<ExitCode, Failure> {
    if let Some(what) = misplaced_at_registration(&args) {
        return Err(of_another_method(what, args.device.method));
    }
    let token = args.registration_token_file.as_deref().map(secret::registration_token);
    let request = RegisterRequest {
        configuration: psso::configuration(&args.device.config)?,
        ca: args.device.ca.ca,
        state: args.device.state,
        user: args.device.user,
        method: args.device.method,
        certificate: args.certificate,
        token: token.transpose().map_err(pivkit::Error::from)?,
    };
    if args.print {
        let registration = psso::registration(&request)?;
        context.output.print(&registration, render::psso::registration)?;
    } else {
        let report = psso::register(&request)?;
        context.output.print(&report, render::psso::registered)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn login(context: &Context, args: Login) -> Result<ExitCode, Failure> {
    let method = args.device.method;
    if let Some(what) = misplaced(&args) {
        return Err(of_another_method(what, method));
    }
    let request = LoginRequest {
        configuration: psso::configuration(&args.device.config)?,
        ca: args.device.ca.ca,
        state: args.device.state,
        user: args.device.user,
        key_choice: args.key_store.into(),
        show_tokens: args.show_token,
    };
    let report = match method {
        Method::SmartCard => {
            let with = CardLoginRequest {
                card: args.card.choice(),
                identity: args.identity.choice(),
                algorithm: args.alg,
                last_try: args.pin.last_try(),
            };
            let mut readers = open(&args.card.transport)?;
            psso::login(&mut readers, request, &with, &mut context.terminal().with_pin(&args.pin))?
        }
        Method::SecureEnclaveKey => psso::login_with_user_key(request)?,
        Method::Password => psso::login_with_password(request, &mut context.terminal().with_password(&args.password))?,
    };
    context.output.print(&report, render::psso::logged_in)?;
    Ok(ExitCode::SUCCESS)
}

/// What was given for another method is a mistake that should not go unnoticed.
fn misplaced(args: &Login) -> Option<&'static str> {
    let (method, pin) = (args.device.method, args.pin.pin_file.is_some() || args.pin.pin_stdin);
    let card = args.alg.is_some() || args.identity.is_given() || args.card.is_given();
    let last_try = args.pin.last_try() == LastTry::Use;
    match method {
        Method::SmartCard => args.password.is_given().then_some("a password was given, which is for --method password"),
        _ if pin => Some("a PIN was given, which is for --method smart-card"),
        Method::SecureEnclaveKey if args.password.is_given() => {
            Some("a password was given, which is for --method password")
        }
        _ => {
            (card || last_try).then_some("a card, or something about one, was given, which is for --method smart-card")
        }
    }
}

fn misplaced_at_registration(args: &Register) -> Option<&'static str> {
    let is_for_another = args.certificate.is_some() && args.device.method != Method::SmartCard;
    is_for_another.then_some("a certificate was given, which is for --method smart-card")
}

fn of_another_method(what: &str, method: Method) -> Failure {
    pivkit::Error::Input { what: format!("{what}, and the method is {method}") }.into()
}

fn signed_in(args: SignedInArgs) -> SignedInRequest {
    let SignedInArgs { device, ca } = args;
    SignedInRequest {
        state: device.state,
        configuration: device.config,
        ca: ca.ca,
        before_posting: interrupt::no_return,
    }
}

fn refresh(context: &Context, args: Refresh) -> Result<ExitCode, Failure> {
    let hold = interrupt::hold_later();
    let result = psso::refresh(&signed_in(args.device), args.show_token);
    ended(context, &hold, result, render::psso::refreshed)
}

fn key_request(context: &Context, args: SignedInArgs) -> Result<ExitCode, Failure> {
    let hold = interrupt::hold_later();
    ended(context, &hold, psso::key_request(&signed_in(args)), render::psso::key_requested)
}

fn key_exchange(context: &Context, args: KeyExchange) -> Result<ExitCode, Failure> {
    let hold = interrupt::hold_later();
    let exchange = KeyExchangeRequest { other_key: args.other_key, out: args.out };
    let result = psso::key_exchange(&signed_in(args.device), &exchange);
    ended(context, &hold, result, render::psso::key_exchanged)
}

/// A token that was renewed and is not kept would be lost: the first Ctrl-C waits for that, and is the exit code whatever
/// came of it.
fn ended<R: Serialize>(
    context: &Context,
    hold: &interrupt::Hold,
    result: Result<R, pivkit::Error>,
    text: impl FnOnce(&R) -> String,
) -> Result<ExitCode, Failure> {
    match (result, hold.asked()) {
        (Ok(report), asked) => {
            context.output.print(&report, text)?;
            Ok(asked.map_or(ExitCode::SUCCESS, ExitCode::from))
        }
        (Err(error), None) => Err(error.into()),
        (Err(error), Some(code)) => {
            Failure::from(error).report();
            Ok(code.into())
        }
    }
}

fn status(context: &Context, args: &StateArgs) -> Result<ExitCode, Failure> {
    let configuration = args.config.as_deref().map(psso::configuration).transpose()?;
    let report = psso::status(&args.state, configuration.as_ref())?;
    context.output.print(&report, render::psso::status)?;
    Ok(ExitCode::SUCCESS)
}

fn logout(context: &Context, args: Logout) -> Result<ExitCode, Failure> {
    let request = LogoutRequest {
        state: args.device.state,
        configuration: args.device.config.as_deref().map(psso::configuration).transpose()?,
        forget_device: args.forget_device,
        dry_run: args.change.dry_run,
    };
    let report = psso::logout(&request, &mut context.terminal().consenting(args.change.yes))?;
    context.output.print(&report, render::psso::logged_out)?;
    Ok(ExitCode::SUCCESS)
}

fn config(context: &Context, command: &ConfigCommand) -> Result<ExitCode, Failure> {
    match command {
        ConfigCommand::Lint { file } => {
            let report = psso::lint(file)?;
            context.output.print(&report, render::psso::linted)?;
            Ok(if report.usable { ExitCode::SUCCESS } else { failure::NO_IDENTITY.into() })
        }
        ConfigCommand::Example => {
            context.output.print(&psso::example(), |report| report.toml.clone())?;
            Ok(ExitCode::SUCCESS)
        }
        ConfigCommand::Discover { issuer, ca } => {
            let report = psso::discover(issuer, ca.ca.as_deref())?;
            context.output.print(&report, |report| render::lines(&report.toml))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn inspect(context: &Context, args: Inspect) -> Result<ExitCode, Failure> {
    let decryption_key = args.decryption_key.as_deref().map(secret::decryption_key);
    let request = InspectRequest {
        decryption_key: decryption_key.transpose().map_err(pivkit::Error::from)?,
        verification_key: args.verification_key,
        apv: args.apv,
        at: args.at,
        show_tokens: args.show_token,
    };
    let inspector = Inspector::new(&request)?;
    if let [file] = args.files.as_slice() {
        let inspection = inspector.inspect(file)?;
        context.output.print(&inspection, render::psso::inspection)?;
        return Ok(of_inspection(&inspection).into());
    }
    let mut worst = 0;
    for file in &args.files {
        let found = inspector.inspect(file);
        let code = found.as_ref().map_or_else(failure::code, of_inspection);
        worst = worse(worst, code);
        let file = file.display().to_string();
        let found = found.map_err(|error| {
            let why = pivkit::with_causes(&error);
            why.strip_prefix(&format!("{file}: ")).map_or(why.clone(), str::to_owned)
        });
        let named = Named { file, found };
        if context.output.print_line(&named, render::psso::named_inspection)? == Audience::Gone {
            break;
        }
    }
    Ok(worst.into())
}

/// The exit code of a message that was inspected.
fn of_inspection(inspection: &Inspection) -> u8 {
    if inspection.all_hold() { 0 } else { failure::NO_IDENTITY }
}

/// Of two exit codes the worse one: that of a file nobody could read, of what is no message, of a check, none.
fn worse(one: u8, other: u8) -> u8 {
    let badness = |code: &u8| match *code {
        0 => 0,
        failure::NO_IDENTITY => 1,
        failure::USAGE => 2,
        _ => 3,
    };
    std::cmp::max_by_key(one, other, badness)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn parse(command: &str, more: &str) -> Result<Psso, clap::Error> {
        let line = format!("pivkit psso {command} --state s {more}");
        match Cli::try_parse_from(line.split_whitespace())?.command {
            Command::Psso(args) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_for_another_method_is_told() {
        let told = |more: &str| match parse("login --config c --user alice", more).unwrap() {
            Psso::Login(args) => misplaced(&args),
            other => panic!("{other:?}"),
        };
        for fits in
            ["--alg ES256 --slot 9a --reader x --pin-file f --use-last-try", "--method password --password-stdin"]
        {
            assert_eq!(told(fits), None, "{fits}");
        }
        for (method, given) in [
            ("smart-card", &["--password-stdin"][..]),
            ("password", &["--alg ES256", "--slot 9a", "--reader x", "--serial 1", "--pin-stdin", "--use-last-try"]),
            ("secure-enclave-key", &["--alg ES256", "--slot 9a", "--reader x", "--pin-stdin", "--password-stdin"]),
        ] {
            for given in given {
                let what = told(&format!("--method {method} {given}")).unwrap_or_default();
                assert!(what.contains("which is for --method"), "{method} {given}: {what}");
            }
        }
    }

    #[test]
    fn what_a_command_has_no_use_for_is_refused() {
        for command in ["status", "logout", "register --config c --user alice --print"] {
            parse(command, "").unwrap();
            parse(command, "--ca f").unwrap_err();
        }
        let told = |more: &str| match parse("register --config c --user alice", more).unwrap() {
            Psso::Register(args) => misplaced_at_registration(&args),
            other => panic!("{other:?}"),
        };
        assert_eq!(told("--certificate f"), None);
        for method in ["password", "secure-enclave-key"] {
            assert!(told(&format!("--certificate f --method {method}")).is_some());
        }
    }
}
