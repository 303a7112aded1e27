//! `pivkit card`.

use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::process::ExitCode;

use pivkit::card::{self, ResetRequest, RetriesRequest, SecretRequest, SignRequest};
use pivkit::{CardChoice, LastTry, Slots};

use super::Context;
use super::cards::open;
use crate::args::{Attest, Card, CardInfo, ChangePin, ChangePuk, Reset, SetRetries, Sign, Unblock, VerifyPin};
use crate::failure::Failure;
use crate::output::Output;
use crate::secret::{self, SecretSource};
use crate::{output, render, roots};

pub(super) fn run(context: &Context, args: &Card) -> Result<ExitCode, Failure> {
    match args {
        Card::Info(args) => info(context, args)?,
        Card::VerifyPin(args) => verify_pin(context, args)?,
        Card::ChangePin(args) => change_pin(context, args)?,
        Card::Unblock(args) => unblock(context, args)?,
        Card::ChangePuk(args) => change_puk(context, args)?,
        Card::SetRetries(args) => set_retries(context, args)?,
        Card::Attest(args) => attest(context, args)?,
        Card::Reset(args) => reset(context, args)?,
        Card::Sign(args) => sign(context, args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn info(context: &Context, args: &CardInfo) -> Result<(), Failure> {
    let slots = if args.all_slots { Slots::All } else { Slots::InUse };
    let mut readers = open(&args.card.transport)?;
    let report = card::info(&mut readers, &args.card.choice(), slots, &mut context.terminal())?;
    context.output.print(&report, render::one_card::info)?;
    render::read_errors(&report.errors).iter().for_each(|line| output::say(line));
    Ok(())
}

fn verify_pin(context: &Context, args: &VerifyPin) -> Result<(), Failure> {
    let mut ui = context.terminal().with_pin(&args.pin);
    let request = secret_request(args.card.choice(), args.pin.last_try(), false);
    let report = card::verify_pin(&mut open(&args.card.transport)?, &request, &mut ui)?;
    context.output.print(&report, render::one_card::verified)?;
    Ok(())
}

fn change_pin(context: &Context, args: &ChangePin) -> Result<(), Failure> {
    let mut ui = context.terminal().consenting(args.change.yes).with_pin(&args.pin).with_new_pin(&args.new);
    let request = secret_request(args.card.choice(), args.pin.last_try(), args.change.dry_run);
    let report = card::change_pin(&mut open(&args.card.transport)?, &request, &mut ui)?;
    context.output.print(&report, |report| render::one_card::changed(report, "the PIN is changed"))?;
    Ok(())
}

fn unblock(context: &Context, args: &Unblock) -> Result<(), Failure> {
    let mut ui = context.terminal().consenting(args.change.yes).with_puk(&args.puk).with_new_pin(&args.new);
    let request = secret_request(args.card.choice(), args.puk.last_try(), args.change.dry_run);
    let report = card::unblock(&mut open(&args.card.transport)?, &request, &mut ui)?;
    context.output.print(&report, |report| render::one_card::changed(report, "the PIN is unblocked and new"))?;
    Ok(())
}

fn change_puk(context: &Context, args: &ChangePuk) -> Result<(), Failure> {
    let mut ui = context.terminal().consenting(args.change.yes).with_puk(&args.puk).with_new_puk(&args.new);
    let request = secret_request(args.card.choice(), args.puk.last_try(), args.change.dry_run);
    let report = card::change_puk(&mut open(&args.card.transport)?, &request, &mut ui)?;
    context.output.print(&report, |report| render::one_card::changed(report, "the PUK is changed"))?;
    Ok(())
}

fn secret_request(card: CardChoice, last_try: LastTry, dry_run: bool) -> SecretRequest {
    SecretRequest { card, last_try, dry_run }
}

fn set_retries(context: &Context, args: &SetRetries) -> Result<(), Failure> {
    let mut ui = context.terminal().consenting(args.change.yes).with_pin(&args.pin);
    let management_key = args.management_key.management_key_file.as_deref().map(secret::management_key);
    let new_puk = args.new.new_puk_file.clone().map(|file| SecretSource::File(file).puk("", false));
    let request = RetriesRequest {
        card: args.card.choice(),
        pin: args.pin_tries,
        puk: args.puk_tries,
        management_key: management_key.transpose().map_err(pivkit::Error::from)?,
        new_puk: new_puk.transpose().map_err(pivkit::Error::from)?,
        last_try: args.pin.last_try(),
        dry_run: args.change.dry_run,
    };
    let report = card::set_retries(&mut open(&args.card.transport)?, &request, &mut ui)?;
    context.output.print(&report, render::one_card::retries_set)?;
    Ok(())
}

fn attest(context: &Context, args: &Attest) -> Result<(), Failure> {
    let roots = args.attestation_root.as_deref().map(roots::read).transpose()?;
    let mut readers = open(&args.card.transport)?;
    let choice = args.card.choice();
    let report = card::attest(&mut readers, &choice, args.slot, roots.as_ref(), &mut context.terminal())?;
    context.output.print(&report, render::one_card::attested)?;
    Ok(())
}

fn reset(context: &Context, args: &Reset) -> Result<(), Failure> {
    let request = ResetRequest { card: args.card.choice(), confirmation: args.confirm.clone(), dry_run: args.dry_run };
    let report = card::reset(&mut open(&args.card.transport)?, &request, &mut context.terminal())?;
    context.output.print(&report, render::one_card::reset)?;
    Ok(())
}

fn sign(context: &Context, args: &Sign) -> Result<(), Failure> {
    let from_stdin = args.file.as_os_str() == "-";
    if from_stdin && args.pin.pin_stdin {
        return Err(usage("the PIN and the file cannot both come from standard input; use --pin-file"));
    }
    let to_stdout = args.out.is_none() && context.output == Output::Text;
    if to_stdout && io::stdout().is_terminal() {
        return Err(usage("a signature is not for a terminal; use --out FILE or --json"));
    }
    let request = SignRequest {
        card: args.card.choice(),
        slot: args.slot,
        algorithm: args.algorithm,
        message: read(&args.file, from_stdin)?,
        last_try: args.pin.last_try(),
    };
    let mut ui = context.terminal().with_pin(&args.pin);
    let report = card::sign(&mut open(&args.card.transport)?, &request, &mut ui)?;
    if let Some(path) = &args.out {
        let written = std::fs::write(path, report.signature_bytes());
        written.map_err(|source| pivkit::Error::NotWritten { path: path.clone(), source })?;
    }
    match (context.output, to_stdout) {
        (Output::Text, true) => output::write(&report.signature_bytes()).map(drop)?,
        (Output::Text, false) => output::say(&render::one_card::signed(&report)),
        (Output::Json, _) => context.output.print(&report, render::one_card::signed).map(drop)?,
    }
    Ok(())
}

fn read(path: &Path, from_stdin: bool) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if from_stdin {
        io::stdin().lock().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(path).map(|read| bytes = read)
    };
    read.map_err(|source| pivkit::Error::File { path: path.to_owned(), source })?;
    Ok(bytes)
}

fn usage(what: &str) -> Failure {
    pivkit::Error::Input { what: what.to_owned() }.into()
}
