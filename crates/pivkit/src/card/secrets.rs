//! `pivkit card verify-pin`, `change-pin`, `unblock`, `change-puk`.

use piv::{LastTry, Pin, PinReference, PinStatus, Puk, Session};

use super::{in_doubt, name, tries};
use crate::choice::connect_one;
use crate::error::Change;
use crate::report::{PinReport, SCHEMA_VERSION, SecretChangeReport};
use crate::session::{in_session, pin_in_doubt};
use crate::transport::CardReaders;
use crate::{CardChoice, Error, Ui};

/// Whose PIN or PUK, and how careful.
#[derive(Clone, Debug)]
pub struct SecretRequest {
    /// Which card.
    pub card: CardChoice,
    /// Whether the last try may be used.
    pub last_try: LastTry,
    /// Only say what would change.
    pub dry_run: bool,
}

/// Verifies the PIN that people use. A person is only asked for it if it may be sent.
///
/// # Errors
///
/// [`Error::Card`] with [`piv::Error::WrongPin`], [`piv::Error::PinBlocked`], [`piv::Error::LastPinTry`] or
/// [`piv::Error::PinTriesUnknown`]; those of choosing a card.
pub fn verify_pin(readers: &mut CardReaders, request: &SecretRequest, ui: &mut dyn Ui) -> Result<PinReport, Error> {
    let mut card = connect_one(readers, &request.card, ui)?;
    let reader = card.reader().to_owned();
    let in_reader = |source| Error::Card { reader: reader.clone(), source };
    let pin = match ui.pin_at_hand()? {
        Some(pin) => pin,
        None => {
            in_session(&mut card, |mut session| pin_counter(&mut session, request.last_try).map_err(in_reader))?;
            ui.pin(&reader)?
        }
    };
    let verified = in_session(&mut card, |mut session| {
        let reference = session.pin_reference().map_err(in_reader)?;
        let verified = session.verify_pin(&pin, request.last_try).map_err(in_reader)?;
        Ok((reference, verified.status_before()))
    });
    let (reference, before) = verified.map_err(|error| pin_in_doubt(error, &card))?;
    Ok(PinReport {
        schema_version: SCHEMA_VERSION,
        pin: name(reference),
        verified: true,
        pin_retries_before: tries(before),
        reader,
    })
}

/// Changes the PIN that people use.
///
/// # Errors
///
/// [`Error::SameSecret`] before anything is sent; [`Error::InDoubt`]; [`Error::Card`] with the errors of [`piv::Session::change_pin`];
/// [`Error::Declined`]; those of choosing a card.
pub fn change_pin(
    readers: &mut CardReaders,
    request: &SecretRequest,
    ui: &mut dyn Ui,
) -> Result<SecretChangeReport, Error> {
    let counter = |session: &mut Session<'_>| pin_counter(session, request.last_try);
    let plan = |(reference, _)| vec![format!("change the {} PIN of the card", name(reference))];
    change(readers, request, ui, (Change::Pin, "Change the PIN"), counter, plan, |ui, reader| {
        let (old, new) = (ui.pin(reader)?, ui.new_pin(reader)?);
        if old.is_same(&new) {
            return Err(Error::SameSecret { what: "PIN" });
        }
        warn_of_factory_pin(&new, ui);
        Ok(Box::new(move |session: &mut Session<'_>, last_try| session.change_pin(&old, &new, last_try)))
    })
}

/// Gives the PIN a new value and all its tries, by the PUK.
///
/// # Errors
///
/// [`Error::Card`] with the errors of [`piv::Session::unblock_pin`]; [`Error::Declined`]; those of choosing a card.
pub fn unblock(
    readers: &mut CardReaders,
    request: &SecretRequest,
    ui: &mut dyn Ui,
) -> Result<SecretChangeReport, Error> {
    let counter = |session: &mut Session<'_>| {
        if session.pin_reference()? == PinReference::Global {
            return Err(piv::Error::NotSupported { what: "unblocking the global PIN" });
        }
        puk_counter(session, request.last_try)
    };
    let plan = |()| vec!["give the PIN a new value and all its tries, by the PUK".to_owned()];
    change(readers, request, ui, (Change::UnblockedPin, "Unblock the PIN"), counter, plan, |ui, reader| {
        let (puk, new) = (ui.puk(reader)?, ui.new_pin(reader)?);
        warn_of_factory_pin(&new, ui);
        Ok(Box::new(move |session: &mut Session<'_>, last_try| session.unblock_pin(&puk, &new, last_try)))
    })
}

/// Changes the PUK.
///
/// # Errors
///
/// [`Error::SameSecret`] before anything is sent; [`Error::InDoubt`]; [`Error::Card`] with the errors of [`piv::Session::change_puk`];
/// [`Error::Declined`]; those of choosing a card.
pub fn change_puk(
    readers: &mut CardReaders,
    request: &SecretRequest,
    ui: &mut dyn Ui,
) -> Result<SecretChangeReport, Error> {
    let counter = |session: &mut Session<'_>| puk_counter(session, request.last_try);
    let plan = |()| vec!["change the PUK of the card".to_owned()];
    change(readers, request, ui, (Change::Puk, "Change the PUK"), counter, plan, |ui, reader| {
        let (old, new) = (ui.puk(reader)?, ui.new_puk(reader)?);
        if old.is_same(&new) {
            return Err(Error::SameSecret { what: "PUK" });
        }
        if Puk::new(FACTORY_PUK).is_ok_and(|factory| factory.is_same(&new)) {
            ui.note("note: this is the PUK that cards leave the factory with; everybody knows it");
        }
        Ok(Box::new(move |session: &mut Session<'_>, last_try| session.change_puk(&old, &new, last_try)))
    })
}

/// What is done to the card once the secrets are known.
type Act = Box<dyn Fn(&mut Session<'_>, LastTry) -> Result<(), piv::Error>>;

/// The counter is read, a person agrees and gives the secrets, and the card gets them.
fn change<T>(
    readers: &mut CardReaders,
    request: &SecretRequest,
    ui: &mut dyn Ui,
    (what, question): (Change, &str),
    counter: impl Fn(&mut Session<'_>) -> Result<T, piv::Error>,
    plan: impl Fn(T) -> Vec<String>,
    secrets: impl Fn(&mut dyn Ui, &str) -> Result<Act, Error>,
) -> Result<SecretChangeReport, Error> {
    let mut card = connect_one(readers, &request.card, ui)?;
    let reader = card.reader().to_owned();
    let in_reader = |source| Error::Card { reader: reader.clone(), source };
    let (counted, mut left) = in_session(&mut card, |mut session| {
        let counted = counter(&mut session).map_err(in_reader)?;
        let left = if request.dry_run { tries_left(&mut session) } else { (None, None) };
        Ok((counted, left))
    })?;
    let plan = plan(counted);
    if !request.dry_run {
        if !ui.confirm(&plan, question)? {
            return Err(Error::Declined);
        }
        let act = secrets(ui, &reader)?;
        let done = in_session(&mut card, |mut session| {
            act(&mut session, request.last_try).map_err(in_reader)?;
            Ok(tries_left(&mut session))
        });
        left = done.map_err(|error| in_doubt(error, card.pin_was_sent(), what))?;
    }
    let (changed, (pin_retries, puk_retries)) = (!request.dry_run, left);
    Ok(SecretChangeReport { schema_version: SCHEMA_VERSION, reader, plan, changed, pin_retries, puk_retries })
}

/// How many tries PIN and PUK have left, as far as the card tells.
fn tries_left(session: &mut Session<'_>) -> (Option<u8>, Option<u8>) {
    let pin = session.pin_reference().and_then(|reference| session.pin_status_of(reference));
    let mut pin = pin.ok().and_then(tries);
    if pin.is_none() {
        // It is verified at present, and then only the metadata tell.
        pin = session.pin_metadata().ok().and_then(piv::Metadata::present).map(|pin| pin.tries_left);
    }
    (pin, session.puk_status().ok().and_then(tries))
}

/// Refuses before a person is asked what the card, or the caution of the caller, would refuse afterwards.
fn pin_counter(session: &mut Session<'_>, last_try: LastTry) -> Result<(PinReference, PinStatus), piv::Error> {
    let reference = session.pin_reference()?;
    let status = session.pin_status_of(reference)?;
    status.permits_pin(last_try)?;
    Ok((reference, status))
}

fn puk_counter(session: &mut Session<'_>, last_try: LastTry) -> Result<(), piv::Error> {
    session.puk_status()?.permits_puk(last_try)
}

fn warn_of_factory_pin(new: &Pin, ui: &mut dyn Ui) {
    if Pin::new(FACTORY_PIN).is_ok_and(|factory| factory.is_same(new)) {
        ui.note("note: this is the PIN that cards leave the factory with; everybody knows it");
    }
}

pub(super) const FACTORY_PIN: &str = "123456";
pub(super) const FACTORY_PUK: &str = "12345678";
