//! What must hold after a fault, and after the operation that follows it.

use serde_json::Value;
use virtual_card::{CommandRecord, FaultPlan, Slot, VirtualCard};

use super::{Effect, Operation, Output, Point};

/// The exit codes of pivkit that an operation with a card may end with.
fn documented(operation: &Operation) -> &'static [i32] {
    match operation.effect {
        Effect::LogsIn => &[0, 1, 3, 4, 5, 7],
        // A card that does not tell its serial number, or that its PIN is the factory's, leaves a question open.
        Effect::Resets | Effect::Provisions => &[0, 1, 2, 3, 4, 5],
        _ => &[0, 1, 3, 4, 5],
    }
}

pub(super) type Verdict = Result<(), String>;

pub(super) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
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
    sends_no_secret_again(point, plan)?;
    if !is_misled(point) {
        keeps_tries(operation, card, 1)?;
    }
    // Half a change is none of the two.
    let expected = if code == operation.code { point.survey.account.as_deref() } else { None };
    ensure(account == expected, || "the account is neither as it was nor paired in full".to_owned())?;
    names_the_slot(point, plan, output)
}

/// An operation that says it has changed the PIN, the PUK or both has done so.
pub(super) fn codes_are_as_told(point: &Point<'_>, output: &Output, new_pin: bool, new_puk: bool) -> Verdict {
    let effect = point.case.operation.effect;
    let told = output.code == Some(0) && !LIES.contains(&point.fault);
    let changes_pin = matches!(effect, Effect::ChangesPin | Effect::Provisions);
    ensure(!(told && changes_pin) || new_pin, || "it succeeded, and the PIN is the old one".to_owned())?;
    let changes_puk = matches!(effect, Effect::ChangesPuk | Effect::Provisions);
    ensure(!(told && changes_puk) || new_puk, || "it succeeded, and the PUK is the old one".to_owned())
}

/// After the run that followed, without a fault and on the same card.
pub(super) fn again(point: &Point<'_>, output: &Output, account: Option<&[u8]>, card: &VirtualCard) -> Verdict {
    let operation = point.case.operation;
    ends_in_order(operation, output)?;
    ensure(output.code == Some(operation.code), || "it does not work".to_owned())?;
    if !is_misled(point) {
        keeps_tries(operation, card, 2)?;
    }
    ensure(account == point.survey.account.as_deref(), || "the account is not as it should be".to_owned())?;
    let says_the_same = match operation.effect {
        Effect::LogsIn | Effect::Signs | Effect::Attests => false,
        _ => !changes_card(operation),
    };
    ensure(!says_the_same || output.stdout == point.survey.output.stdout, || "it says something else".to_owned())
}

/// No panic, a documented exit code; standard output has a result, or is empty after a failure; a failure is told.
fn ends_in_order(operation: &Operation, output: &Output) -> Verdict {
    for word in ["panicked at", "stack backtrace", "RUST_BACKTRACE"] {
        ensure(!output.stderr.contains(word) && !output.stdout.contains(word), || "a panic".to_owned())?;
    }
    let code = output.code.ok_or("a signal ended it")?;
    ensure(documented(operation).contains(&code), || format!("exit code {code}"))?;
    let json = serde_json::from_str::<Value>(&output.stdout).is_ok();
    ensure(code == 0 || output.stdout.is_empty() || json, || "half a result".to_owned())?;
    let told = output.stderr.lines().any(|line| line.starts_with("pivkit: "));
    ensure(code == 0 || told || operation.effect == Effect::Lists, || "no reason is told".to_owned())
}

/// The exit codes that fit the fault.
fn codes(point: &Point<'_>, plan: &FaultPlan) -> Vec<i32> {
    let mut codes = codes_of_fault(point, plan);
    let refused = plan.record().get(point.at - 1).is_some_and(CommandRecord::could_cost_a_try);
    // A reset blocks PIN and PUK on purpose, and a card may have left the factory long ago.
    let detours = matches!(point.case.operation.effect, Effect::Resets | Effect::Provisions);
    if refused && !detours {
        match point.fault {
            "sw=6983" | "sw=63C0" => codes = vec![4],
            "sw=9000" => {}
            fault if fault.starts_with("sw=") || fault == "endless-chain" => codes.retain(|code| *code != 0),
            _ => {}
        }
    }
    if point.case.operation.effect == Effect::SpendsTry {
        codes.retain(|code| *code != 0);
    }
    codes
}

fn codes_of_fault(point: &Point<'_>, plan: &FaultPlan) -> Vec<i32> {
    let operation = point.case.operation;
    let secret_was_sent = plan.record().iter().take(point.at).any(CommandRecord::could_cost_a_try);
    match point.fault {
        // What was done before the card went is done, even if nothing more can be asked.
        "remove" | "remove-after" if changes_card(operation) && changed_before(point, plan) => vec![operation.code, 3],
        "remove" | "remove-after" => vec![3],
        // An operation that changes the card need not start anew. One of many steps says that the way to the card failed.
        "reset" | "reset-after" if operation.effect == Effect::Provisions => vec![operation.code, 1, 3],
        "reset" | "reset-after" if changes_card(operation) => vec![operation.code, 1],
        // Any other one does, unless that would send the PIN again.
        "reset" | "reset-after" => vec![if secret_was_sent { 1 } else { operation.code }],
        fault if fault.starts_with("hang=") => vec![operation.code],
        _ => documented(operation).to_vec(),
    }
}

/// True if a command before that with the fault could have changed the card.
fn changed_before(point: &Point<'_>, plan: &FaultPlan) -> bool {
    plan.record().iter().take(point.at - 1).any(CommandRecord::could_cost_a_try)
}

pub(super) fn changes_card(operation: &Operation) -> bool {
    use Effect::{ChangesPin, ChangesPuk, Provisions, Repeatable, Resets};
    matches!(operation.effect, ChangesPin | ChangesPuk | Repeatable | Provisions | Resets)
}

/// Nobody can tell that a card with an empty discovery object has another one, or that a card which says to have changed its
/// PIN has not.
fn is_misled(point: &Point<'_>) -> bool {
    match point.case.operation.effect {
        Effect::UsesGlobalPin => point.fault == "sw=9000",
        Effect::Provisions => LIES.contains(&point.fault),
        _ => false,
    }
}

/// The card has not seen the command, and says 9000.
const LIES: [&str; 2] = ["sw=9000", "gzip-bomb"];

/// No PIN and no PUK is sent more often than without the fault.
fn sends_no_secret_again(point: &Point<'_>, plan: &FaultPlan) -> Verdict {
    let count = |record: &[CommandRecord]| record.iter().filter(|command| command.could_cost_a_try()).count();
    // One that somebody gave may be needed after all.
    let (sent, expected) = (count(plan.record()), count(&point.survey.record).max(1));
    // These two go another way where the card tells less of itself.
    let detours = matches!(point.case.operation.effect, Effect::Resets | Effect::Provisions);
    ensure(detours || sent <= expected, || format!("PIN or PUK were sent {sent} times, and {expected} times will do"))
}

/// No try of PIN, PUK and global PIN is lost but those of a wrong PIN that somebody typed, `runs` times.
fn keeps_tries(operation: &Operation, card: &VirtualCard, runs: u8) -> Verdict {
    let least = match operation.effect {
        Effect::Resets => return Ok(()),
        Effect::SpendsTry => FULL - runs,
        _ => FULL,
    };
    let (pin, puk, global) = (card.tries_left(), card.puk_tries_left(), card.global_tries_left());
    ensure(pin >= least, || format!("{pin} tries of the PIN are left"))?;
    ensure(puk >= FULL, || format!("{puk} tries of the PUK are left"))?;
    ensure(global.is_none_or(|global| global >= FULL), || format!("{global:?} tries of the global PIN are left"))
}

/// How many tries every card of the matrix has.
const FULL: u8 = 3;

/// A certificate that is garbage or a bomb is named with its slot.
fn names_the_slot(point: &Point<'_>, plan: &FaultPlan, output: &Output) -> Verdict {
    // What else is on a card matters only to who asks for it.
    let asked = !changes_card(point.case.operation);
    let spoiled = asked && ["garbage", "gzip-bomb"].contains(&point.fault);
    let Some(slot) = plan.record().get(point.at - 1).and_then(slot).filter(|_| spoiled) else { return Ok(()) };
    let report: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    let errors = report["errors"].as_array().cloned().unwrap_or_default();
    let listed = errors.iter().any(|error| error["slot"] == slot.as_str());
    ensure(listed || output.stderr.contains(&slot), || format!("slot {slot} is not named"))
}

/// The slot whose certificate a GET DATA asks for.
fn slot(command: &CommandRecord) -> Option<String> {
    let slots = (0x82..=0x9e).filter_map(Slot::from_key_reference);
    let slot = slots.into_iter().find(|slot| Some(slot.certificate_tag()) == command.object)?;
    Some(slot.to_string())
}
