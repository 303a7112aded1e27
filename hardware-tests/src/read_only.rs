//! What needs no PIN and changes nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::Check;
use crate::consent::CardName;
use crate::program::Programs;

pub(crate) const CHECKS: [Check; 6] = [
    ("the named card is in a reader, once", is_there),
    ("its reader is listed with an answer to reset", has_reader),
    ("each pairing hash is the one that openssl computes", hashes_agree),
    ("the hash of one slot is the same by itself", hash_of_slot),
    ("card info tells of the same card", card_info),
    ("reading has cost no try of the PIN", no_try_lost),
];

/// The part of `pivkit identities` about the named card. A card without certificates ends with 5, and is reported all the
/// same.
pub(crate) fn card(programs: &Programs) -> Result<Value, String> {
    let output = programs.pivkit(&["identities"])?;
    let output = if output.code == Some(5) { output.exits_with(5)? } else { output.exits_with(0)? };
    let report: Value =
        serde_json::from_slice(&output.bytes).map_err(|error| format!("no JSON ({error}): {output}"))?;
    match report["cards"].as_array().map(Vec::as_slice) {
        Some([card]) => Ok(card.clone()),
        _ => Err(format!("not exactly one card: {output}")),
    }
}

/// The identities on the named card, each with its slot.
pub(crate) fn identities(programs: &Programs) -> Result<Vec<(String, Value)>, String> {
    let card = card(programs)?;
    let identities = card["identities"].as_array().cloned().unwrap_or_default();
    Ok(identities.into_iter().map(|identity| (string(&identity["slot"]), identity)).collect())
}

/// The certificate of an identity, in DER.
pub(crate) fn certificate(identity: &Value) -> Result<Vec<u8>, String> {
    STANDARD.decode(string(&identity["certificate"])).map_err(|error| format!("the certificate is no base64: {error}"))
}

pub(crate) fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn is_there(programs: &Programs) -> Result<(), String> {
    let card = card(programs)?;
    let is_named = match &programs.card {
        CardName::Serial(serial) => card["serial"] == *serial,
        CardName::Guid(guid) => card["guid"] == guid.as_str(),
    };
    ensure(is_named, || format!("it is another one: {card}"))?;
    programs.note_tries(&card["pin_retries"]);
    Ok(())
}

fn has_reader(programs: &Programs) -> Result<(), String> {
    let name = card(programs)?["reader"].clone();
    let report = programs.pivkit_on_all(&["readers"])?.json()?;
    let reader =
        report["readers"].as_array().and_then(|all| all.iter().find(|reader| reader["reader"] == name).cloned());
    let atr = reader.map(|reader| string(&reader["atr"])).unwrap_or_default();
    ensure(atr.starts_with("3B") || atr.starts_with("3F"), || format!("reader {name}: answer to reset {atr:?}"))
}

/// The hash is SHA-1 of what stands in the subjectPublicKey bit string.
fn hashes_agree(programs: &Programs) -> Result<(), String> {
    for (slot, identity) in identities(programs)? {
        let der = certificate(&identity)?;
        let pem = programs.openssl(&["x509", "-inform", "DER", "-noout", "-pubkey"], &der)?;
        let algorithm = string(&identity["algorithm"]);
        let bits = if algorithm.starts_with("RSA") {
            programs.openssl(&["rsa", "-pubin", "-RSAPublicKey_out", "-outform", "DER"], &pem)?
        } else {
            let spki = programs.openssl(&["pkey", "-pubin", "-outform", "DER"], &pem)?;
            let length = match algorithm.as_str() {
                "P256" => 65,
                "P384" => 97,
                _ => 32,
            };
            let start = spki.len().checked_sub(length).ok_or("the public key is too short")?;
            spki.get(start..).unwrap_or_default().to_vec()
        };
        let digest = programs.openssl(&["dgst", "-sha1", "-r"], &bits)?;
        let digest = String::from_utf8_lossy(&digest).split_whitespace().next().unwrap_or_default().to_uppercase();
        ensure(identity["pairing_hash"] == digest.as_str(), || {
            format!("slot {slot}: openssl says {digest}: {identity}")
        })?;
    }
    Ok(())
}

fn hash_of_slot(programs: &Programs) -> Result<(), String> {
    for (slot, identity) in identities(programs)? {
        let report = programs.pivkit(&["hash", "--slot", &slot])?.json()?;
        let hash = report["hashes"][0]["pairing_hash"].clone();
        ensure(hash == identity["pairing_hash"], || format!("slot {slot}: {hash} and {}", identity["pairing_hash"]))?;
    }
    Ok(())
}

fn card_info(programs: &Programs) -> Result<(), String> {
    let (listed, info) = (card(programs)?, programs.pivkit(&["card", "info"])?.json()?);
    for field in ["reader", "guid", "token_id"] {
        ensure(info[field] == listed[field], || format!("{field}: {} and {}", info[field], listed[field]))?;
    }
    for (slot, identity) in identities(programs)? {
        let slots = info["slots"].as_array().cloned().unwrap_or_default();
        let told = slots.iter().find(|entry| entry["slot"] == slot.as_str());
        let told = told.map(|entry| entry["certificate"]["pairing_hash"].clone()).unwrap_or_default();
        ensure(told == identity["pairing_hash"], || format!("slot {slot}: {told}"))?;
    }
    Ok(())
}

/// Compared with what the first check found, so over every command in between.
fn no_try_lost(programs: &Programs) -> Result<(), String> {
    let before = programs.noted_tries().ok_or("the first check noted no number")?;
    let info = programs.pivkit(&["card", "info"])?.json()?;
    let after = card(programs)?["pin_retries"].clone();
    let total = info["pin"]["retries_total"].clone();
    ensure(*before == after, || format!("{before}, then {after}"))?;
    println!(
        "        tries of the PIN: {after} of {}",
        if total.is_null() { "an unknown number".to_owned() } else { total.to_string() }
    );
    Ok(())
}
