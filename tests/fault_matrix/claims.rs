//! What a success may say after a fault: the same as without it, or less where the report names what is missing; and no proof
//! that the card did not give.

use serde_json::Value;
use virtual_card::CommandRecord;

use super::judge::{Verdict, changes_card, ensure};
use super::{Effect, Place, Point};
use crate::bench::hosted_card::signature_key;
use crate::bench::process::Output;

/// After a run that ended with 0, of which `record` are the commands.
pub(super) fn hold(place: &Place, point: &Point<'_>, output: &Output, record: &[CommandRecord]) -> Verdict {
    if output.code != Some(0) {
        return Ok(());
    }
    let survey = &point.survey.output;
    match point.case.operation.effect {
        Effect::Nothing | Effect::UsesGlobalPin | Effect::SpendsTry => {
            let same = output.bytes == survey.bytes || output.stdout == survey.stdout;
            let less = without_tries(&output.stdout) == without_tries(&survey.stdout);
            ensure(same || (asks_for_tries(point) && less), || {
                "it says something else than without the fault".to_owned()
            })?;
            proof_is_whole(point, record)
        }
        Effect::LogsIn => proof_is_whole(point, record),
        Effect::Signs => proof_is_whole(point, record).and_then(|()| is_signature(place, output)),
        Effect::Attests => is_attestation(place, point, output),
        Effect::Lists => is_list(point, output),
        _ => Ok(()),
    }
}

/// After the run that followed: what differs each time is looked at by others.
pub(super) fn hold_again(place: &Place, point: &Point<'_>, output: &Output) -> Verdict {
    match point.case.operation.effect {
        Effect::Signs => is_signature(place, output),
        Effect::Attests => is_attestation(place, point, output),
        _ => Ok(()),
    }
}

/// Where a card is asked how many tries it has left, its answer is believed.
fn asks_for_tries(point: &Point<'_>) -> bool {
    let asked = point.survey.record.get(point.at - 1);
    asked.is_some_and(|command| matches!(command.instruction(), VERIFY | GET_METADATA) && !command.sends_pin())
}

fn without_tries(text: &str) -> &str {
    text.split(';').next().unwrap_or_default().trim_end()
}

const VERIFY: u8 = 0x20;
const GENERAL_AUTHENTICATE: u8 = 0x87;
const GET_RESPONSE: u8 = 0xc0;
const GET_METADATA: u8 = 0xf7;
const CHAINING: u8 = 0x10;

/// A signature that did not come is asked for anew, from its first part on, or is none.
fn proof_is_whole(point: &Point<'_>, record: &[CommandRecord]) -> Verdict {
    let before = record.get(..point.at).unwrap_or_default();
    let of = before.iter().rposition(|command| command.instruction() != GET_RESPONSE);
    let of = of.filter(|of| record[*of].instruction() == GENERAL_AUTHENTICATE);
    let Some(of) = of.filter(|_| !changes_card(point.case.operation)) else { return Ok(()) };
    let in_parts =
        |command: &CommandRecord| command.instruction() == GENERAL_AUTHENTICATE && command.header[0] & CHAINING != 0;
    let refetched = before.last().is_some_and(|command| command.instruction() == GET_RESPONSE);
    // The last piece of an answer is short, and any piece can be asked for in another length.
    if refetched && ["truncate=20", "sw=6CFF"].contains(&point.fault) {
        return Ok(());
    }
    // Of such a part only the status word is of interest, and the card has executed it.
    let status_is_whole = in_parts(&record[of]) && ["truncate=2", "truncate=20", "garbage"].contains(&point.fault);
    if point.fault.starts_with("hang=") || status_is_whole {
        return Ok(());
    }
    let anew = record.windows(2).skip(point.at - 1).any(|pair| {
        let [before, command] = pair else { return false };
        command.instruction() == GENERAL_AUTHENTICATE && !in_parts(before)
    });
    ensure(anew, || "it succeeded without a signature".to_owned())
}

/// openssl verifies it with the key in 9C.
fn is_signature(place: &Place, output: &Output) -> Verdict {
    let bench = &place.bench;
    let (key, signature) = (bench.file("9c.pub", signature_key()), bench.file("signature", &output.bytes));
    let (key, signature) = (key.to_str().unwrap(), signature.to_str().unwrap());
    let verify = ["dgst", "-sha256", "-keyform", "DER", "-verify", key, "-signature", signature];
    let verified = bench.command("openssl", &[&verify[..], &[place.message.to_str().unwrap()]].concat()).output();
    ensure(verified.code == Some(0), || format!("openssl does not accept the signature: {verified}"))
}

/// openssl finds the path to the card's root, and the key as it was; all else is the same.
fn is_attestation(place: &Place, point: &Point<'_>, output: &Output) -> Verdict {
    const END: &str = "-----END CERTIFICATE-----\n";
    let parts = |output: &Output| {
        let (facts, certificates) = output.stdout.split_once("-----BEGIN").unwrap_or_default();
        let (statement, intermediate) = certificates.split_once(END).unwrap_or_default();
        (facts.to_owned(), format!("-----BEGIN{statement}{END}"), intermediate.to_owned())
    };
    let (expected, found) = (parts(&point.survey.output), parts(output));
    ensure(found.0 == expected.0, || "it says something else of the key".to_owned())?;
    let told = found.2 == expected.2 || found.2.is_empty();
    ensure(told, || "the intermediate certificate is another one".to_owned())?;
    let bench = &place.bench;
    let [statement, intermediate] =
        [("statement.pem", &found.1), ("intermediate.pem", &expected.2)].map(|(name, pem)| bench.file(name, pem));
    let card = point.case.kind.card();
    let root = bench.openssl(&["x509", "-inform", "DER"], card.content().attestation_root().unwrap()).bytes;
    let root = bench.file("root.pem", root);
    let verify = ["verify", "-CAfile", root.to_str().unwrap(), "-untrusted", intermediate.to_str().unwrap()];
    let verified = bench.command("openssl", &[&verify[..], &[statement.to_str().unwrap()]].concat()).output();
    let key = |pem: &str| bench.openssl(&["x509", "-noout", "-pubkey"], pem.as_bytes()).stdout;
    ensure(verified.code == Some(0) && key(&found.1) == key(&expected.1), || format!("no attestation: {verified}"))
}

/// Nothing is in the report that is not on the card, and each certificate that is not in it has an error.
fn is_list(point: &Point<'_>, output: &Output) -> Verdict {
    let read = |output: &Output| serde_json::from_str::<Value>(&output.stdout).map_err(|error| error.to_string());
    let (mut found, mut expected) = (read(output)?, read(&point.survey.output)?);
    let errors = found["errors"].as_array().cloned().unwrap_or_default();
    let problems = (found["problems"].take(), expected["problems"].take());
    for report in [&mut found, &mut expected] {
        report["errors"].take();
        if asks_for_tries(point) {
            forget_tries(report);
        }
    }
    ensure(is_part(&found, &expected), || "the report has what is not on the card".to_owned())?;
    ensure(found != expected || asks_for_tries(point) || problems.0 == problems.1, || {
        "it finds other problems".to_owned()
    })?;
    // An answer of 9000 and nothing is that of an empty slot: nobody can tell.
    let certificates = certificates(&found);
    let missing = self::certificates(&expected).into_iter().filter(|slot| !certificates.contains(slot));
    let named = |slot: &String| errors.iter().any(|error| error["slot"].is_null() || error["slot"] == slot.as_str());
    let unnamed: Vec<_> = missing.filter(|slot| !named(slot) && point.fault != "sw=9000").collect();
    ensure(unnamed.is_empty(), || format!("no error tells that the certificates in {unnamed:?} are missing"))
}

fn forget_tries(report: &mut Value) {
    for of in ["pin", "puk", "global_pin"] {
        report[of].take();
    }
    for card in report["cards"].as_array_mut().into_iter().flatten() {
        card["pin_retries"].take();
    }
}

/// True if `part` is `whole`, or the same without some values and some members of lists.
fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Null, _) => true,
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|whole| is_part(value, whole)))
        }
        (Value::Array(part), Value::Array(whole)) => {
            let mut whole = whole.iter();
            part.iter().all(|value| whole.any(|whole| is_part(value, whole)))
        }
        _ => part == whole,
    }
}

/// The slots of all certificates in a report.
fn certificates(report: &Value) -> Vec<String> {
    match report {
        Value::Object(members) if members.contains_key("pairing_hash") => {
            vec![report["slot"].to_string().replace('"', "")]
        }
        Value::Object(members) => members.values().flat_map(certificates).collect(),
        Value::Array(members) => members.iter().flat_map(certificates).collect(),
        _ => Vec::new(),
    }
}
