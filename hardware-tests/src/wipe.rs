//! What destroys everything on the card. Each check builds on the one before.

use crate::Check;
use crate::program::{Programs, text};
use crate::read_only::{card, certificate, ensure, identities, string};

pub(crate) const CHECKS: [Check; 11] = [
    ("a reset without the typed serial number is refused", reset_needs_confirmation),
    ("a reset leaves a card from the factory", reset),
    ("provision makes keys and certificates in 9a and 9d", provision),
    ("provision has moved PIN and PUK away from the factory's", factory_pin_is_gone),
    ("the PIN is verified, and a wrong one costs one try", wrong_pin),
    ("the PIN is changed, and changed back", change_pin),
    ("the keys sign what openssl verifies", signs),
    ("the keys are attested", attest),
    ("the last try is kept, and a blocked PIN is unblocked", block_and_unblock),
    ("the PUK is changed", change_puk),
    ("the number of tries is set", set_retries),
];

/// Takes place whatever happened before.
pub(crate) const LAST: Check = ("the card is left as from the factory", reset);

const FACTORY_PIN: &str = "123456";
const PIN: &str = "246813";
const OTHER_PIN: &str = "97531864";
const PUK: &str = "86421357";
const OTHER_PUK: &str = "13572468";

fn reset_needs_confirmation(programs: &Programs) -> Result<(), String> {
    let before = card(programs)?;
    let refused = programs.pivkit(&["card", "reset"])?;
    ensure(refused.code == Some(2), || format!("it was not refused: {refused}"))?;
    let refused = programs.pivkit(&["card", "reset", "--confirm", "1"])?;
    ensure(refused.code != Some(0), || format!("it was not refused: {refused}"))?;
    ensure(card(programs)? == before, || "something has changed".to_owned())
}

fn reset(programs: &Programs) -> Result<(), String> {
    programs.pivkit(&["card", "reset", "--confirm", &programs.card.to_string()])?.exits_with(0)?;
    let identities = identities(programs)?;
    ensure(identities.is_empty(), || format!("certificates are left: {identities:?}"))?;
    verify(programs, FACTORY_PIN, 0)
}

fn provision(programs: &Programs) -> Result<(), String> {
    let (old, new) = (programs.file("pin", FACTORY_PIN.as_bytes())?, programs.file("new-pin", PIN.as_bytes())?);
    let puk = programs.file("new-puk", PUK.as_bytes())?;
    let names =
        ["--subject", "CN=pivkit hardware test", "--slot-9a-algorithm", "RSA2048", "--slot-9d-algorithm", "P256"];
    let secrets = ["--pin-file", &old, "--new-pin-file", &new, "--new-puk-file", &puk, "--yes"];
    programs.pivkit(&[&["provision"], &names[..], &secrets].concat())?.exits_with(0)?;
    let card = card(programs)?;
    ensure(!card["guid"].is_null(), || format!("the card has no GUID: {card}"))?;
    let found: Vec<_> =
        identities(programs)?.iter().map(|(slot, it)| format!("{slot} {}", string(&it["algorithm"]))).collect();
    ensure(found == ["9a RSA2048", "9d P256"], || format!("{found:?}"))
}

fn factory_pin_is_gone(programs: &Programs) -> Result<(), String> {
    verify(programs, FACTORY_PIN, 4)?;
    verify(programs, PIN, 0)
}

fn wrong_pin(programs: &Programs) -> Result<(), String> {
    let full = tries(programs)?;
    verify(programs, OTHER_PIN, 4)?;
    let left = tries(programs)?;
    ensure(left + 1 == full, || format!("{full}, then {left}"))?;
    verify(programs, PIN, 0)?;
    ensure(tries(programs)? == full, || "the right PIN has not brought the try back".to_owned())
}

/// How many tries the PIN has left. A card on which it is verified does not tell: then none is spent.
fn tries(programs: &Programs) -> Result<u64, String> {
    let pin = programs.pivkit(&["card", "info"])?.json()?["pin"].clone();
    let left = if pin["verified"] == true { &pin["retries_total"] } else { &pin["retries"] };
    left.as_u64().ok_or_else(|| format!("the card does not tell the tries of its PIN: {pin}"))
}

fn change_pin(programs: &Programs) -> Result<(), String> {
    change_pin_to(programs, PIN, OTHER_PIN)?;
    verify(programs, OTHER_PIN, 0)?;
    change_pin_to(programs, OTHER_PIN, PIN)?;
    verify(programs, PIN, 0)
}

fn change_pin_to(programs: &Programs, old: &str, new: &str) -> Result<(), String> {
    let (old, new) = (programs.file("pin", old.as_bytes())?, programs.file("new-pin", new.as_bytes())?);
    let change = ["card", "change-pin", "--pin-file", &old, "--new-pin-file", &new, "--yes"];
    programs.pivkit(&change)?.exits_with(0).map(drop)
}

fn signs(programs: &Programs) -> Result<(), String> {
    let message = b"what the card is asked to sign";
    let (file, pin) = (programs.file("message", message)?, programs.file("pin", PIN.as_bytes())?);
    for (slot, identity) in identities(programs)? {
        let algorithm = if string(&identity["algorithm"]).starts_with("RSA") { "RS256" } else { "ES256" };
        let out = text(&programs.path(&format!("signature-{slot}")))?;
        let sign =
            ["card", "sign", "--slot", &slot, "--algorithm", algorithm, "--out", &out, "--pin-file", &pin, &file];
        programs.pivkit(&sign)?.exits_with(0)?;
        let public_key =
            programs.openssl(&["x509", "-inform", "DER", "-noout", "-pubkey"], &certificate(&identity)?)?;
        let public_key = programs.file("public-key.pem", &public_key)?;
        programs.openssl(&["dgst", "-sha256", "-verify", &public_key, "-signature", &out], message)?;
    }
    Ok(())
}

/// Up to which root is not checked here: Yubico's are not in this project.
fn attest(programs: &Programs) -> Result<(), String> {
    for (slot, _) in identities(programs)? {
        programs.pivkit(&["card", "attest", "--slot", &slot])?.exits_with(0)?;
    }
    Ok(())
}

fn block_and_unblock(programs: &Programs) -> Result<(), String> {
    while tries(programs)? > 1 {
        verify(programs, OTHER_PIN, 4)?;
    }
    // The guard keeps the last try, even from the right PIN.
    verify(programs, PIN, 4)?;
    ensure(tries(programs)? == 1, || "the last try was not kept".to_owned())?;
    let wrong = programs.file("pin", OTHER_PIN.as_bytes())?;
    programs.pivkit(&["card", "verify-pin", "--pin-file", &wrong, "--use-last-try"])?.exits_with(4)?;
    ensure(tries(programs)? == 0, || "the PIN is not blocked".to_owned())?;
    let (puk, new) = (programs.file("puk", PUK.as_bytes())?, programs.file("new-pin", PIN.as_bytes())?);
    programs.pivkit(&["card", "unblock", "--puk-file", &puk, "--new-pin-file", &new, "--yes"])?.exits_with(0)?;
    verify(programs, PIN, 0)
}

fn change_puk(programs: &Programs) -> Result<(), String> {
    let (old, new) = (programs.file("puk", PUK.as_bytes())?, programs.file("new-puk", OTHER_PUK.as_bytes())?);
    programs.pivkit(&["card", "change-puk", "--puk-file", &old, "--new-puk-file", &new, "--yes"])?.exits_with(0)?;
    // It is known to be the new one: it can be changed once more.
    let back = ["card", "change-puk", "--puk-file", &new, "--new-puk-file", &old, "--yes"];
    programs.pivkit(&back)?.exits_with(0).map(drop)
}

/// The card sets PIN and PUK to those of the factory with it; pivkit puts them back.
fn set_retries(programs: &Programs) -> Result<(), String> {
    let (pin, puk) = (programs.file("pin", PIN.as_bytes())?, programs.file("puk", PUK.as_bytes())?);
    let set = ["card", "set-retries", "--pin-tries", "5", "--puk-tries", "4", "--pin-file", &pin];
    programs.pivkit(&[&set[..], &["--new-puk-file", &puk, "--yes"]].concat())?.exits_with(0)?;
    let tries = tries(programs)?;
    ensure(tries == 5, || format!("the PIN has {tries} tries, not five"))
}

/// Verifies a PIN; `code` is the exit code to expect.
fn verify(programs: &Programs, pin: &str, code: i32) -> Result<(), String> {
    let pin = programs.file("pin", pin.as_bytes())?;
    programs.pivkit(&["card", "verify-pin", "--pin-file", &pin])?.exits_with(code).map(drop)
}
