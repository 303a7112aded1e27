//! `pivkit pair`, `unpair`, `list`, `check`.

use std::process::ExitCode;

use pivkit::{Accounts, CheckRequest, MacTools, PairRequest, Selection, Ui};

use super::Context;
use super::cards::open;
use crate::args::{AccountArgs, Check, List, Pair, Unpair};
use crate::failure::{self, Failure};
use crate::{output, render};

pub(super) fn accounts(args: &AccountArgs, accept_lock_out: bool) -> Result<Accounts, Failure> {
    accounts_of(args, args.backend(), accept_lock_out)
}

pub(super) fn accounts_of(
    args: &AccountArgs,
    backend: Option<&str>,
    accept_lock_out: bool,
) -> Result<Accounts, Failure> {
    let tools = MacTools { accept_lock_out, ..args.mac.tools() };
    Ok(Accounts::open(args.system(), backend, &tools)?)
}

pub(super) fn pair(context: &Context, args: &Pair) -> Result<ExitCode, Failure> {
    let mut ui = context.terminal().consenting(args.change.yes).with_pin(&args.pin);
    let user = match &args.user {
        Some(user) => Some(user.clone()),
        None if ui.is_attended() => None,
        None => Some(ui.account().map_err(pivkit::Error::from)?),
    };
    let request = PairRequest {
        user: user.map(|user| user.parse()).transpose().map_err(pivkit::Error::from)?,
        card: args.card.choice(),
        identity: args.identity.choice(),
        last_try: args.pin.last_try(),
        replace: args.replace.then(|| Selection::of(args.old.as_ref())),
        dry_run: args.change.dry_run,
    };
    let accounts = accounts(&args.account, args.i_know)?.trusting(&args.ca)?;
    let mut readers = open(&args.card.transport)?;
    let report = pivkit::pair(&accounts, &mut readers, &request, &mut ui)?;
    context.output.print(&report, |report| render::paired(report, args.change.dry_run))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn unpair(context: &Context, args: &Unpair) -> Result<ExitCode, Failure> {
    let user = args.user.parse().map_err(pivkit::Error::from)?;
    let accounts = accounts(&args.account, args.i_know)?;
    let mut ui = context.terminal().consenting(args.change.yes);
    let selection = match &args.cert {
        Some(path) => pivkit::selection_by_certificate(path)?,
        None => Selection::of(args.hash.as_ref()),
    };
    let report = pivkit::unpair(&accounts, &user, &selection, args.change.dry_run, &mut ui)?;
    context.output.print(&report, |report| render::unpaired(report, args.change.dry_run))?;
    if args.change.dry_run || !report.may_open {
        return Ok(ExitCode::SUCCESS);
    }
    output::say(&format!(
        "pivkit: the card may open account {} all the same; `pivkit list --user {0}` and the notes above show why.",
        args.user
    ));
    Ok(failure::ACCOUNT.into())
}

pub(super) fn list(context: &Context, args: &List) -> Result<ExitCode, Failure> {
    let user = args.user.as_deref().map(str::parse).transpose().map_err(pivkit::Error::from)?;
    let report = pivkit::list(&accounts(&args.account, false)?, user.as_ref())?;
    context.output.print(&report, render::list)?;
    render::account_errors(&report).iter().for_each(|line| output::say(line));
    Ok(if report.errors.is_empty() { ExitCode::SUCCESS } else { failure::ACCOUNT.into() })
}

pub(super) fn check(context: &Context, args: &Check) -> Result<ExitCode, Failure> {
    let request = CheckRequest {
        user: args.user.parse().map_err(pivkit::Error::from)?,
        card: args.card.choice(),
        last_try: args.pin.last_try(),
    };
    let accounts = accounts(&args.account, false)?;
    let mut readers = open(&args.card.transport)?;
    let mut ui = context.terminal().with_pin(&args.pin);
    let report = pivkit::check(&accounts, &mut readers, &request, &mut ui)?;
    context.output.print(&report, render::checked)?;
    Ok(ExitCode::SUCCESS)
}
