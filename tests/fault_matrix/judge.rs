//! What must hold after a fault, and after the operation that follows it.

use serde_json::Value;
use virtual_card::{CommandRecord, FaultPlan, Slot, VirtualCard};

use super::{Operation, Output, Point};

/// The exit codes of cli.md that an operation with a card may end with. 2 and 6 are other people's faults.
const DOCUMENTED: [i32; 5] = [0, 1, 3, 4, 5];
/// A login may also end with 7.
const LOGIN: i32 = 7;

type Verdict = Result<(), String>;

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// After the run with the fault.
pub(super) fn faulted(
    point: &Point<'_>,
    output: &Output,
    account: Option<&[u8]>,
    card: &VirtualCard,
    plan: &FaultPlan,
) -> Verdict {
    let operation = point.case.operation;
    ensure(plan.pending() == 0, || "the fault never came".to_owned())?;
    ends_in_order(operation, output)?;
    let code = output.code.unwrap_or(-1);
    let codes = codes(point, plan);
    ensure(codes.contains(&code), || format!("exit code {code} is not one of {codes:?}"))?;
    let pins = plan.record().iter().filter(|command| command.sends_pin()).count();
    ensure(pins <= 1, || format!("{pins} PINs were sent"))?;
    keeps_tries(operation, card, 1)?;
    // Half a change is none of the two.
    let expected = if code == operation.code { point.survey.account.as_deref() } else { None };
    ensure(account == expected, || "the account is neither as it was nor paired in full".to_owned())?;
    if operation.is_list() && code == 0 {
        tells_what_is_missing(point, output)?;
    }
    names_the_slot(point, plan, output)
}

/// After the run that followed, without a fault and on the same card.
pub(super) fn again(point: &Point<'_>, output: &Output, account: Option<&[u8]>, card: &VirtualCard) -> Verdict {
    let operation = point.case.operation;
    ends_in_order(operation, output)?;
    ensure(output.code == Some(operation.code), || "it does not work".to_owned())?;
    keeps_tries(operation, card, 2)?;
    ensure(account == point.survey.account.as_deref(), || "the account is not as it should be".to_owned())?;
    ensure(!operation.steady || output.stdout == point.survey.output.stdout, || "it says something else".to_owned())
}

/// No panic, a documented exit code; standard output has a result, or is empty after a failure; a failure is told.
fn ends_in_order(operation: &Operation, output: &Output) -> Verdict {
    for word in ["panicked at", "stack backtrace", "RUST_BACKTRACE"] {
        ensure(!output.stderr.contains(word) && !output.stdout.contains(word), || "a panic".to_owned())?;
    }
    let code = output.code.ok_or("a signal ended it")?;
    ensure(DOCUMENTED.contains(&code) || (operation.is_login() && code == LOGIN), || format!("exit code {code}"))?;
    let json = serde_json::from_str::<Value>(&output.stdout).is_ok();
    ensure(code == 0 || output.stdout.is_empty() || json, || "half a result".to_owned())?;
    ensure(code == 0 || output.stderr.starts_with("pivkit: ") || operation.is_list(), || "no reason is told".to_owned())
}

/// The exit codes that fit the fault.
fn codes(point: &Point<'_>, plan: &FaultPlan) -> Vec<i32> {
    let operation = point.case.operation;
    let pin_was_sent = plan.record().iter().take(point.at).any(CommandRecord::sends_pin);
    match point.fault {
        "remove" => vec![3],
        // It starts anew, unless that would send the PIN again.
        "reset" => vec![if pin_was_sent { 1 } else { operation.code }],
        fault if fault.starts_with("hang=") => vec![operation.code],
        _ if operation.is_login() => [&DOCUMENTED[..], &[LOGIN]].concat(),
        _ => DOCUMENTED.to_vec(),
    }
}

/// No try of the PIN is lost but those of a wrong PIN that somebody typed, `runs` times.
fn keeps_tries(operation: &Operation, card: &VirtualCard, runs: u8) -> Verdict {
    let least = 3 - operation.tries * runs;
    let left = card.tries_left();
    ensure((least..=3).contains(&left), || format!("{left} tries of the PIN are left"))
}

/// A list with no error in it is whole. An answer of 9000 and nothing is that of an empty slot: nobody can tell.
fn tells_what_is_missing(point: &Point<'_>, output: &Output) -> Verdict {
    let found: Value = serde_json::from_str(&output.stdout).map_err(|error| error.to_string())?;
    let expected: Value = serde_json::from_str(&point.survey.output.stdout).map_err(|error| error.to_string())?;
    let identities = |report: &Value| report["cards"][0]["identities"].clone();
    let has_errors = found["errors"].as_array().is_some_and(|errors| !errors.is_empty());
    let empty = point.fault == "sw=9000";
    ensure(has_errors || empty || identities(&found) == identities(&expected), || "something is missing".to_owned())
}

/// A certificate that is garbage or a bomb is named with its slot.
fn names_the_slot(point: &Point<'_>, plan: &FaultPlan, output: &Output) -> Verdict {
    let spoiled = ["garbage", "gzip-bomb"].contains(&point.fault);
    let Some(slot) = plan.record().get(point.at - 1).and_then(slot).filter(|_| spoiled) else { return Ok(()) };
    let in_list = || {
        let report: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
        let errors = report["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().any(|error| error["slot"] == slot.as_str())
    };
    let named = if point.case.operation.is_list() { in_list() } else { output.stderr.contains(&slot) };
    ensure(named, || format!("slot {slot} is not named"))
}

/// The slot whose certificate a GET DATA asks for.
fn slot(command: &CommandRecord) -> Option<String> {
    let slots = (0x82..=0x9e).filter_map(Slot::from_key_reference);
    let slot = slots.into_iter().find(|slot| Some(slot.certificate_tag()) == command.object)?;
    Some(slot.to_string())
}
