//! `pivkit card verify-pin`, `change-pin`, `unblock`, `change-puk`.

use piv::{LastTry, Pin, PinReference, PinStatus, Puk, Session};

use super::{lost_in_change, name, tries};
use crate::choice::connect_one;
use crate::report::{PinReport, SCHEMA_VERSION, SecretChangeReport};
use crate::session::in_session;
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
    let (reference, status) = in_session(&mut card, |mut session| {
        pin_counter(&mut session, request.last_try).map_err(|source| Error::Card { reader: reader.clone(), source })
    })?;
    let pin = ui.pin(&reader)?;
    in_session(&mut card, |session| {
        let verified = session.verify_pin(&pin, request.last_try);
        verified.map(drop).map_err(|source| Error::Card { reader: reader.clone(), source })
    })?;
    let (pin, pin_retries_before) = (name(reference), tries(status));
    Ok(PinReport { schema_version: SCHEMA_VERSION, reader, pin, verified: true, pin_retries_before })
}

/// Changes the PIN that people use.
///
/// # Errors
///
/// [`Error::SameSecret`] before anything is sent; [`Error::Card`] with the errors of [`piv::Session::change_pin`];
/// [`Error::Declined`]; those of choosing a card.
pub fn change_pin(
    readers: &mut CardReaders,
    request: &SecretRequest,
    ui: &mut dyn Ui,
) -> Result<SecretChangeReport, Error> {
    let counter = |session: &mut Session<'_>| pin_counter(session, request.last_try);
    let plan = |(reference, _)| vec![format!("change the {} PIN of the card", name(reference))];
    change(readers, request, ui, counter, plan, "Change the PIN", |ui, reader| {
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
    change(readers, request, ui, counter, plan, "Unblock the PIN", |ui, reader| {
        let (puk, new) = (ui.puk(reader)?, ui.new_pin(reader)?);
        warn_of_factory_pin(&new, ui);
        Ok(Box::new(move |session: &mut Session<'_>, last_try| session.unblock_pin(&puk, &new, last_try)))
    })
}

/// Changes the PUK.
///
/// # Errors
///
/// [`Error::SameSecret`] before anything is sent; [`Error::Card`] with the errors of [`piv::Session::change_puk`];
/// [`Error::Declined`]; those of choosing a card.
pub fn change_puk(
    readers: &mut CardReaders,
    request: &SecretRequest,
    ui: &mut dyn Ui,
) -> Result<SecretChangeReport, Error> {
    let counter = |session: &mut Session<'_>| puk_counter(session, request.last_try);
    let plan = |()| vec!["change the PUK of the card".to_owned()];
    change(readers, request, ui, counter, plan, "Change the PUK", |ui, reader| {
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
    counter: impl Fn(&mut Session<'_>) -> Result<T, piv::Error>,
    plan: impl Fn(T) -> Vec<String>,
    question: &str,
    secrets: impl Fn(&mut dyn Ui, &str) -> Result<Act, Error>,
) -> Result<SecretChangeReport, Error> {
    let mut card = connect_one(readers, &request.card, ui)?;
    let reader = card.reader().to_owned();
    let in_reader = |source| Error::Card { reader: reader.clone(), source };
    let plan = plan(in_session(&mut card, |mut session| counter(&mut session).map_err(in_reader))?);
    let mut changed = false;
    if !request.dry_run {
        if !ui.confirm(&plan, question)? {
            return Err(Error::Declined);
        }
        let act = secrets(ui, &reader)?;
        let done = in_session(&mut card, |mut session| act(&mut session, request.last_try).map_err(in_reader));
        done.map_err(|error| lost_in_change(error, card.pin_was_sent()))?;
        changed = true;
    }
    let (pin_retries, puk_retries) = in_session(&mut card, |mut session| {
        let pin = session.pin_reference().and_then(|reference| session.pin_status_of(reference));
        let mut pin_retries = pin.ok().and_then(tries);
        if pin_retries.is_none() {
            // It is verified at present, and so does not tell.
            let metadata = session.pin_metadata().ok().and_then(piv::Metadata::present);
            pin_retries = metadata.map(|pin| pin.tries_left);
        }
        Ok((pin_retries, session.puk_status().ok().and_then(tries)))
    })
    .unwrap_or_default();
    Ok(SecretChangeReport { schema_version: SCHEMA_VERSION, reader, plan, changed, pin_retries, puk_retries })
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
