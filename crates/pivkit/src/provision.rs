//! `pivkit provision`: makes a card ready for a Mac in one go, and brings certificates to it.
//!
//! ```text
//! state (read, no PIN) ──plan──> Ui::confirm ──> what the plan needs is asked ──> steps, each read back ──> report
//! ```
//!
//! Through the crate `yubikey` where the card is a YubiKey in a PC/SC reader, with the standard's commands elsewhere; see
//! [`provision::AdministeredCard`].

mod contents;
mod driver;
mod error;
mod folder;
mod import;
mod plan;
mod report;
mod request;
mod run;
mod secrets;
mod standard_card;
mod state;

use time::OffsetDateTime;

pub use ::provision::{Error as ProvisionCardError, KeyAlgorithm, KeySlot, PinPolicy, Subject, TouchPolicy};
pub use error::ProvisionError;
pub use identity::attestation::Roots;
pub use import::{ImportRequest, import};
pub(crate) use report::attestation_report;
pub use request::{Certificates, ProvisionRequest};
pub use secrets::ProvisionUi;

use crate::Error;
use crate::choice::connect_one;
use crate::report::ProvisionReport;
use crate::transport::CardReaders;
use driver::with_card;
use plan::Surroundings;
use run::{Done, Run};
use secrets::Secrets;
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
    folder::check(&request.certificates)?;
    let around = Surroundings {
        requests: folder::requests(request)?,
        new_pin_given: ui.new_pin_is_given(),
        new_puk_given: ui.new_puk_is_given(),
    };
    let plan = plan::plan(&state, request, &around)?;
    if request.dry_run || plan.steps.is_empty() {
        return Ok(report::report(&reader, &state, &plan, &Done::default(), false));
    }
    let lines: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
    plan.notes.iter().for_each(|note| ui.note(&format!("note: {note}")));
    if !ui.confirm(&lines, "Do this to the card")? {
        return Err(Error::Declined);
    }
    folder::make(&request.certificates)?;
    let secrets = Secrets::gather(&plan, &state, request, &reader, ui)?;
    let now = OffsetDateTime::now_utc();
    let (done, mut card) = with_card(readers, card, &state, secrets.last_tries, |device| {
        Run::new(device, &state, request, secrets, now).carry_out(&plan, ui)
    })?;
    let changed = CardState::read(&mut card).map_err(in_reader)?;
    if changed.serial != state.serial {
        return Err(ProvisionError::CardExchanged.into());
    }
    Ok(report::report(&reader, &changed, &plan, &done, true))
}

#[cfg(test)]
mod tests;
