//! Pairing with a person at hand: one step after the other, and back to the first when the card is taken out.
//!
//! ```text
//! card, waited for -> its identities, shown -> which one, whose account -> plan, consent -> PIN -> proof -> change -> read back
//! ```
//!
//! The card gets SELECT and GET DATA for each standard slot, and tells the tries; with the PIN SELECT, the tries, VERIFY and
//! GENERAL AUTHENTICATE.

use identity::proof::Proof;
use identity::select::Choice;
use pairing::Account;
use pairing::macos::{Finding, KeyManagement, Survey};
use piv::{LastTry, Pin, PinStatus, Session, Slot};
use time::OffsetDateTime;

use super::{PairRequest, consent, paired, planned, prove, question, told, unchanged};
use crate::card::tries;
use crate::error::Change;
use crate::identities::on_card;
use crate::login_identity::{LoginIdentity, all_slots};
use crate::report::{ChangeReport, IdentityOffer};
use crate::scan::{self, Found, ScanError};
use crate::session::in_session;
use crate::transport::CardReaders;
use crate::{Accounts, Error, IdentityChoice, Ui, UiError, preflight, waiting, with_causes};

pub(super) fn pair(
    accounts: &Accounts,
    readers: &mut CardReaders,
    request: &PairRequest,
    ui: &mut dyn Ui,
) -> Result<ChangeReport, Error> {
    let account = request.user.as_ref().map(|user| accounts.account(user)).transpose()?;
    let mut known = Known { survey: accounts.survey(), account };
    loop {
        let mut card = waiting::for_card(readers, &request.card, ui)?;
        match pair_card(accounts, &mut card, request, &mut known, ui) {
            Err(error) => ui.note(taken_out(&error).ok_or(error)?),
            result => return result,
        }
    }
}

/// What outlives a card that is taken out.
struct Known {
    survey: Option<Survey>,
    account: Option<Account>,
}

/// What to say of a card that was taken out; everything else is an end.
pub(crate) fn taken_out(error: &Error) -> Option<&'static str> {
    match error {
        Error::Card { source: piv::Error::CardRemoved(_), .. } => Some("the card was taken out; nothing was changed"),
        Error::InDoubt { change: Change::Try, source: piv::Error::CardRemoved(_), .. } => {
            Some("the card was taken out; if the PIN was wrong, it may have cost a try, and nothing else was changed")
        }
        _ => None,
    }
}

/// Pairs this card.
fn pair_card(
    accounts: &Accounts,
    card: &mut piv::Card,
    request: &PairRequest,
    known: &mut Known,
    ui: &mut dyn Ui,
) -> Result<ChangeReport, Error> {
    let reader = card.reader().to_owned();
    let mut seen = in_session(card, |mut session| look(&mut session, &request.identity, &reader))?;
    let offers: Vec<_> = seen.found.iter().map(|found| offer(accounts, found)).collect();
    ui.show_identities(&reader, &offers);
    for (slot, error) in &seen.broken {
        ui.note(&format!("slot {slot}: {}", with_causes(error)));
    }
    let chosen = choose(accounts, &request.identity, &mut seen, &offers, ui)?;
    let account = match &mut known.account {
        Some(account) => account,
        none => none.insert(ask_account(accounts, ui)?),
    };
    let plan = planned(accounts, account, request, &chosen)?;
    let findings = match &known.survey {
        Some(survey) if !plan.is_unchanged() => on_mac(survey, card, &seen, &request.identity, &chosen)?,
        _ => Vec::new(),
    };
    let notes = told(&findings, &plan, ui);
    if !consent(accounts, &plan, request.dry_run, &question(&account.name), ui)? {
        return unchanged(accounts, &plan, &chosen, notes);
    }
    let status = seen.pin_status.map_err(|source| Error::Card { reader, source })?;
    let proof = ask_proof(card, &chosen, status, request.last_try, ui)?;
    paired(accounts, &plan, proof.certificate(), notes, &mut |_| Ok(()), ui)
}

/// What a Mac would say; slot 9d, which that takes, was read already unless one slot was asked for.
pub(crate) fn on_mac(
    survey: &Survey,
    card: &mut piv::Card,
    seen: &Seen,
    wanted: &IdentityChoice,
    chosen: &LoginIdentity,
) -> Result<Vec<Finding>, Error> {
    if *wanted != IdentityChoice::default() {
        let reader = card.reader().to_owned();
        return in_session(card, |mut session| preflight::on_mac(survey, &mut session, &reader, chosen));
    }
    let key_management = seen.found.iter().find(|found| found.slot == Slot::KeyManagement);
    let is_broken = seen.broken.iter().any(|(slot, _)| *slot == Slot::KeyManagement);
    let key_management = match key_management {
        Some(found) => KeyManagement::Certificate(&found.identity.certificate),
        None if is_broken => KeyManagement::Unreadable,
        None => KeyManagement::Empty,
    };
    preflight::judged(survey, chosen, key_management)
}

/// What the card shows without a PIN.
pub(crate) struct Seen {
    pub(crate) found: Vec<Found>,
    pub(crate) broken: Vec<(Slot, Error)>,
    /// Which PIN is meant may be unknown; then none can be sent.
    pub(crate) pin_status: Result<PinStatus, piv::Error>,
}

/// Reads the slots that `wanted` may be in, and the tries.
pub(crate) fn look(session: &mut Session<'_>, wanted: &IdentityChoice, reader: &str) -> Result<Seen, Error> {
    let slots = match (wanted.slot, wanted.hash) {
        (Some(slot), _) => vec![slot],
        (None, Some(_)) => all_slots(),
        (None, None) => Slot::STANDARD.to_vec(),
    };
    let (mut found, mut broken): (Vec<Found>, _) = (Vec::new(), Vec::new());
    for slot in slots {
        match scan::read_slot(session, slot, None) {
            Ok(read) => found.extend(read),
            Err(ScanError::Card(source)) if source.ends_session() => {
                return Err(ScanError::Card(source).in_reader(reader));
            }
            Err(error) => broken.push((slot, error.in_reader(reader))),
        }
        if wanted.hash.is_some() && found.last().is_some_and(|found| wanted.hash == Some(found.identity.pairing_hash()))
        {
            break;
        }
    }
    let pin_status = session.pin_reference().and_then(|reference| session.pin_status_of(reference));
    match pin_status {
        Err(source) if source.ends_session() => Err(Error::Card { reader: reader.to_owned(), source }),
        pin_status => Ok(Seen { found, broken, pin_status }),
    }
}

/// An identity, and what keeps it from being paired.
pub(crate) fn offer(accounts: &Accounts, found: &Found) -> IdentityOffer {
    let now = OffsetDateTime::now_utc();
    let mut obstacles: Vec<String> = found.identity.problems_at(now).iter().map(ToString::to_string).collect();
    if !found.identity.is_usable_for(identity::Usage::Authentication) {
        obstacles.push("it is not for authentication".to_owned());
    } else if obstacles.is_empty() {
        obstacles.extend(accounts.obstacle(&found.identity));
    }
    IdentityOffer { identity: on_card(found, now), obstacles }
}

/// The identity to pair: the only one that can be, or the one that the person chooses.
fn choose(
    accounts: &Accounts,
    wanted: &IdentityChoice,
    seen: &mut Seen,
    offers: &[IdentityOffer],
    ui: &mut dyn Ui,
) -> Result<LoginIdentity, Error> {
    let fits = |found: &Found| wanted.hash.is_none_or(|hash| hash == found.identity.pairing_hash());
    let usable: Vec<_> = seen
        .found
        .iter()
        .zip(offers)
        .filter(|(found, offer)| offer.obstacles.is_empty() && fits(found))
        .map(|(found, _)| found)
        .collect();
    let index = match usable.as_slice() {
        [] => return Err(why_none(accounts, wanted, seen)),
        [_] => 0,
        several => {
            let lines: Vec<_> = several.iter().map(|found| Choice::from(&found.identity).to_string()).collect();
            ui.choose("Which identity", &lines)?
        }
    };
    let chosen = usable.get(index).or(usable.first()).map(|found| (found.slot, found.identity.clone()));
    let (slot, identity) = chosen.ok_or(Error::Declined)?;
    Ok(LoginIdentity { slot, identity })
}

/// Why nothing on the card can be paired, in the words that a program gets too.
fn why_none(accounts: &Accounts, wanted: &IdentityChoice, seen: &mut Seen) -> Error {
    if let Some((_, error)) = seen.broken.drain(..).next() {
        return error;
    }
    if let (Some(slot), []) = (wanted.slot, seen.found.as_slice()) {
        return Error::EmptySlot { slot };
    }
    match wanted.select(&seen.found).map_err(Error::from).and_then(LoginIdentity::checked) {
        Ok(chosen) => {
            let why = accounts.obstacle(&chosen.identity).unwrap_or_default();
            Error::Obstacle { slot: chosen.identity.slot, why }
        }
        Err(error) => error,
    }
}

/// Asks until the answer is an account that exists.
fn ask_account(accounts: &Accounts, ui: &mut dyn Ui) -> Result<Account, Error> {
    loop {
        let answer = ui.account()?;
        match answer.parse().map_err(Error::from).and_then(|name| accounts.account(&name)) {
            Err(Error::Pairing(
                error @ (pairing::Error::AccountNotFound { .. } | pairing::Error::InvalidAccountName { .. }),
            )) => ui.note(&with_causes(&error)),
            result => return result,
        }
    }
}

/// Asks for the PIN, and again after a wrong one while more than one try is left. What was refused is not sent a second time.
pub(crate) fn ask_proof(
    card: &mut piv::Card,
    chosen: &LoginIdentity,
    mut status: PinStatus,
    last_try: LastTry,
    ui: &mut dyn Ui,
) -> Result<Proof, Error> {
    let reader = card.reader().to_owned();
    let mut refused: Option<Pin> = None;
    loop {
        status.permits_pin(last_try).map_err(|source| Error::Card { reader: reader.clone(), source })?;
        if let Some(left) = tries(status) {
            ui.note(&tries_left(left));
        }
        let pin = ask_pin(&reader, refused.as_ref(), ui)?;
        match prove(card, chosen, &pin, last_try) {
            Err(Error::Card { source: piv::Error::WrongPin { retries_left: Some(left @ 2..) }, .. }) => {
                ui.note("the PIN is wrong");
                (status, refused) = (PinStatus::TriesLeft(left), Some(pin));
            }
            result => return result,
        }
    }
}

fn tries_left(left: u8) -> String {
    match left {
        1 => "1 PIN try is left: a wrong PIN blocks the card".to_owned(),
        left => format!("{left} PIN tries are left"),
    }
}

/// Asks until the answer can be a PIN, and another one than the card has just refused.
fn ask_pin(reader: &str, refused: Option<&Pin>, ui: &mut dyn Ui) -> Result<Pin, Error> {
    loop {
        match ui.pin(reader) {
            Ok(pin) if refused.is_some_and(|refused| refused.is_same(&pin)) => {
                ui.note("the card has refused this PIN already; it was not sent again");
            }
            Err(UiError::Pin(why)) => ui.note(&format!("{why}; nothing was sent to the card")),
            result => return Ok(result?),
        }
    }
}

#[cfg(test)]
mod tests;
