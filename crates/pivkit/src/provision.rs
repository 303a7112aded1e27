//! `pivkit provision`: makes a card ready for a Mac in one go, and brings certificates to it.
//!
//! ```text
//! state (read, no PIN) ──plan──> Ui::confirm ──> what the plan needs is asked ──> steps, each read back ──> report
//! ```
//!
//! Through the crate `yubikey` where the card is a YubiKey in a PC/SC reader, with the standard's commands elsewhere; see
//! [`AdministeredCard`].

mod contents;
mod error;
mod import;
mod plan;
mod report;
mod request;
mod run;
mod secrets;
mod standard_card;
mod state;

use std::collections::BTreeMap;
use std::fs;

#[cfg(feature = "yubikey")]
use ::provision::YubiKeyCard;
use ::provision::{AdministeredCard, public_key_of_request};
use time::OffsetDateTime;

pub use ::provision::{Error as ProvisionCardError, KeyAlgorithm, KeySlot, PinPolicy, Subject, TouchPolicy};
pub use error::ProvisionError;
pub use identity::attestation::Roots;
pub use import::{ImportRequest, import};
pub(crate) use report::attestation_report;
pub use request::{Certificates, ProvisionRequest};
pub use secrets::ProvisionUi;

use crate::choice::connect_one;
use crate::report::ProvisionReport;
use crate::transport::CardReaders;
use crate::{Error, LastTry};
use plan::Surroundings;
use run::{Done, Run};
use secrets::Secrets;
use standard_card::StandardCard;
use state::CardState;

/// Makes a card ready: PIN, PUK and management key, the objects that name the card, keys in 9A and 9D with their
/// certificates or requests for them. What is done already is left as it is, so that a run that was cut off can be repeated.
///
/// # Errors
///
/// Those of choosing a card; [`Error::Provision`]; [`Error::Ui`]; [`Error::Declined`]; [`Error::File`] for a request that
/// cannot be written. Before [`Error::Provision`] with a card's error some steps may have been carried out; the same
/// request goes on from there.
pub fn provision(
    readers: &mut CardReaders,
    request: &ProvisionRequest,
    ui: &mut dyn ProvisionUi,
) -> Result<ProvisionReport, Error> {
    let mut card = connect_one(readers, &request.card, ui)?;
    let reader = card.reader().to_owned();
    let in_reader = |source| Error::Card { reader: reader.clone(), source };
    let state = CardState::read(&mut card).map_err(in_reader)?;
    let around = Surroundings { requests: requests(request)?, new_puk_given: ui.new_puk_is_given() };
    let plan = plan::plan(&state, request, &around)?;
    if request.dry_run || plan.steps.is_empty() {
        return Ok(report::report(&reader, &state, &plan, &Done::default(), false));
    }
    let lines: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
    plan.notes.iter().for_each(|note| ui.note(&format!("note: {note}")));
    if !ui.confirm(&lines, "Do this to the card")? {
        return Err(Error::Declined);
    }
    if let Certificates::Requests { folder } = &request.certificates {
        fs::create_dir_all(folder).map_err(|source| Error::File { path: folder.clone(), source })?;
    }
    let secrets = Secrets::gather(&plan, &state, request, &reader, ui)?;
    let now = OffsetDateTime::now_utc();
    let (done, mut card) = with_card(readers, card, &state, request.last_try, |device| {
        Run::new(device, &state, request, secrets, now).carry_out(&plan, ui)
    })?;
    let state = CardState::read(&mut card).map_err(in_reader)?;
    Ok(report::report(&reader, &state, &plan, &done, true))
}

/// Lets `steps` work on the card through the driver that it wants: the crate `yubikey` for a YubiKey in a reader, which must
/// have the card alone, and the standard's commands otherwise. Gives the card back.
fn with_card<T>(
    readers: &CardReaders,
    card: piv::Card,
    state: &CardState,
    last_try: LastTry,
    steps: impl FnOnce(&mut dyn AdministeredCard) -> Result<T, Error>,
) -> Result<(T, piv::Card), Error> {
    #[cfg(feature = "yubikey")]
    if readers.is_pcsc() && state.is_yubikey && state.has_extensions() {
        let reader = card.reader().to_owned();
        drop(card);
        return match YubiKeyCard::open(&reader) {
            Ok(mut device) => {
                tracing::debug!(driver = "yubikey", serial = device.serial(), "provision");
                let result = steps(&mut device)?;
                drop(device);
                Ok((result, readers.connect(&reader)?))
            }
            // A card that the crate does not take for a YubiKey.
            Err(ProvisionCardError::Connection(_)) => with_any_card(readers.connect(&reader)?, last_try, steps),
            Err(error) => Err(ProvisionError::Card(error).into()),
        };
    }
    let _ = (readers, state);
    with_any_card(card, last_try, steps)
}

/// The same with the standard's commands alone.
fn with_any_card<T>(
    mut card: piv::Card,
    last_try: LastTry,
    steps: impl FnOnce(&mut dyn AdministeredCard) -> Result<T, Error>,
) -> Result<(T, piv::Card), Error> {
    tracing::debug!(driver = "piv", "provision");
    let reader = card.reader().to_owned();
    let session = card.session().map_err(|source| Error::Card { reader, source })?;
    let result = steps(&mut StandardCard::new(session, last_try))?;
    Ok((result, card))
}

/// The keys of the requests that are in the folder already.
fn requests(request: &ProvisionRequest) -> Result<BTreeMap<KeySlot, Vec<u8>>, Error> {
    let mut keys = BTreeMap::new();
    for slot in KeySlot::ALL {
        let Some(path) = request.request_path(slot) else { continue };
        match fs::read(&path) {
            Ok(pem) => match public_key_of_request(&pem) {
                Ok(key) => drop(keys.insert(slot, key)),
                Err(_) => return Err(ProvisionError::FileInUse { path }.into()),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::File { path, source }),
        }
    }
    Ok(keys)
}
