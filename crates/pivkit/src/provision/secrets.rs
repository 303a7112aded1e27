//! What a person gives for provisioning, and nothing of it before it is needed.

use piv::LastTry;
use provision::{CertificateTemplate, ReferenceData};

use super::plan::{Plan, Step};
use super::state::{CardState, CodeState};
use super::{ProvisionError, ProvisionRequest};
use crate::{Error, Ui, UiError};

/// What provisioning asks beside what [`Ui`] does.
pub trait ProvisionUi: Ui {
    /// Whether a new PIN is given without anybody being asked.
    fn new_pin_is_given(&self) -> bool;

    /// Whether a new PUK is given without anybody being asked.
    fn new_puk_is_given(&self) -> bool;

    /// Tells which card it is (`serial 12345678` or `GUID 0123...`, as it will be called when it is ready), before anything
    /// of it is asked.
    fn card(&mut self, name: &str);

    /// Asks for the name on the certificates.
    ///
    /// # Errors
    ///
    /// As [`Ui::confirm`].
    fn subject(&mut self) -> Result<String, UiError>;
}

/// What a person has given.
#[derive(Default)]
pub(crate) struct Secrets {
    pub(crate) pin: Option<ReferenceData>,
    pub(crate) new_pin: Option<ReferenceData>,
    pub(crate) puk: Option<ReferenceData>,
    pub(crate) new_puk: Option<ReferenceData>,
    pub(crate) template: Option<CertificateTemplate>,
    /// The GUID that the card gets, should it get one.
    pub(crate) guid: [u8; 16],
    /// Whether the last try of the PIN, and of the PUK, may be used.
    pub(crate) last_tries: LastTries,
}

/// Which of the two may be sent on its last try, or on one that may be the last.
#[derive(Clone, Copy)]
pub(crate) struct LastTries {
    pub(crate) pin: LastTry,
    pub(crate) puk: LastTry,
}

impl Default for LastTries {
    fn default() -> Self {
        Self { pin: LastTry::Keep, puk: LastTry::Keep }
    }
}

impl Secrets {
    /// Asks for what the plan needs, and checks it before anything is sent.
    pub(crate) fn gather(
        plan: &Plan,
        state: &CardState,
        request: &ProvisionRequest,
        reader: &str,
        ui: &mut dyn ProvisionUi,
    ) -> Result<Self, Error> {
        let guid = state.guid().map_or_else(super::contents::guid, Ok)?;
        let last_tries = last_tries(plan, state, request.last_try, reader)?;
        let mut secrets = Self { guid, last_tries, ..Self::default() };
        ui.card(&match state.serial {
            Some(serial) => format!("serial {serial}"),
            None => format!("GUID {}", hex::encode_upper(guid)),
        });
        if plan.wants_subject() {
            secrets.template = Some(template(request, ui)?);
        }
        if plan.wants_pin() {
            secrets.pin = Some(current_pin(state, reader, ui)?);
        }
        let replaces_pin = plan.steps.iter().any(|step| match step {
            Step::ChangePin => true,
            Step::ChangePinOfFactory => secrets.pin.as_ref().is_some_and(is_factory_pin),
            _ => false,
        });
        if replaces_pin {
            let new = reference(ui.new_pin(reader)?.as_bytes())?;
            if is_factory_pin(&new) {
                return Err(ProvisionError::FactoryCode { which: "PIN" }.into());
            }
            secrets.new_pin = Some(new);
        }
        if plan.steps.contains(&Step::ChangePuk) {
            secrets.puk = Some(match state.puk.is_factory {
                Some(true) => reference(FACTORY_PUK)?,
                _ => reference(ui.puk(reader)?.as_bytes())?,
            });
            let new = reference(ui.new_puk(reader)?.as_bytes())?;
            if new.as_bytes() == FACTORY_PUK {
                return Err(ProvisionError::FactoryCode { which: "PUK" }.into());
            }
            secrets.new_puk = Some(new);
        }
        Ok(secrets)
    }
}

/// The PIN that the card has now.
pub(crate) fn current_pin(state: &CardState, reader: &str, ui: &mut dyn ProvisionUi) -> Result<ReferenceData, Error> {
    match state.pin.is_factory {
        Some(true) => reference(FACTORY_PIN),
        // Never a new PIN that was given: whether the card has it already only the person can say.
        Some(false) | None => reference(ui.pin(reader)?.as_bytes()),
    }
}

/// Keeps the last tries, before anybody is asked for a PIN or PUK. What the person allows counts for one of the two: that a
/// PIN may be the last one says nothing of the PUK.
fn last_tries(plan: &Plan, state: &CardState, allowed: LastTry, reader: &str) -> Result<LastTries, Error> {
    let mut tries = LastTries::default();
    if plan.wants_pin() && guard(state.pin, LastTry::Keep, reader).is_err() {
        guard(state.pin, allowed, reader)?;
        tries.pin = allowed;
    }
    if plan.steps.contains(&Step::ChangePuk) && guard_puk(state.puk, LastTry::Keep, reader).is_err() {
        guard_puk(state.puk, if tries.pin == LastTry::Keep { allowed } else { LastTry::Keep }, reader)?;
        tries.puk = allowed;
    }
    Ok(tries)
}

/// Keeps the last PIN try, before a person is asked for a PIN.
pub(crate) fn guard(pin: CodeState, last_try: LastTry, reader: &str) -> Result<(), Error> {
    let source = match (pin.tries_left, pin.untold, last_try) {
        (Some(0), ..) => piv::Error::PinBlocked,
        (Some(1), _, LastTry::Keep) => piv::Error::LastPinTry,
        (None, Some(sw), LastTry::Keep) => piv::Error::PinTriesUnknown { sw },
        _ => return Ok(()),
    };
    Err(Error::Card { reader: reader.to_owned(), source })
}

/// The same for the PUK.
fn guard_puk(puk: CodeState, last_try: LastTry, reader: &str) -> Result<(), Error> {
    let source = match (puk.tries_left, puk.untold, last_try) {
        (Some(0), ..) => piv::Error::PukBlocked,
        (Some(1), _, LastTry::Keep) => piv::Error::LastPukTry,
        (None, Some(sw), LastTry::Keep) => piv::Error::PukTriesUnknown { sw },
        _ => return Ok(()),
    };
    Err(Error::Card { reader: reader.to_owned(), source })
}

pub(crate) fn is_factory_pin(pin: &ReferenceData) -> bool {
    pin.as_bytes() == FACTORY_PIN
}

fn template(request: &ProvisionRequest, ui: &mut dyn ProvisionUi) -> Result<CertificateTemplate, Error> {
    let subject = match &request.subject {
        Some(subject) => subject.clone(),
        None => ui.subject()?.parse().map_err(ProvisionError::from)?,
    };
    Ok(CertificateTemplate { subject, upn: request.upn.clone(), email: request.email.clone() })
}

fn reference(typed: &[u8]) -> Result<ReferenceData, Error> {
    Ok(ReferenceData::new(typed).map_err(ProvisionError::from)?)
}

/// What every YubiKey, and many another card, leaves the factory with.
const FACTORY_PIN: &[u8] = b"123456";
const FACTORY_PUK: &[u8] = b"12345678";
