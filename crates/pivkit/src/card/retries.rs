//! `pivkit card set-retries`.

use std::num::NonZeroU8;
use std::str::FromStr;

use piv::{LastTry, ManagementKey, Pin, Puk};

use super::secrets::{FACTORY_PIN, FACTORY_PUK};
use super::{administration, lost_in_change};
use crate::choice::connect_one;
use crate::report::{RetriesReport, SCHEMA_VERSION};
use crate::session::in_session;
use crate::transport::CardReaders;
use crate::{CardChoice, Error, Ui};

/// A number of tries: 2 to 15. With one, no PIN would ever be sent without the consent to use the last try, and more than 15
/// the card cannot tell in its status word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries(NonZeroU8);

impl FromStr for Tries {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse().ok().filter(|number| (2..=15).contains(number));
        number.and_then(NonZeroU8::new).map(Self).ok_or("a number of tries is 2 to 15")
    }
}

/// What `pivkit card set-retries` was asked.
#[derive(Debug)]
pub struct RetriesRequest {
    /// Which card.
    pub card: CardChoice,
    /// How many tries the PIN shall have.
    pub pin: Tries,
    /// How many tries the PUK shall have.
    pub puk: Tries,
    /// The management key; without it, the one stored on the card under the PIN, or the factory's.
    pub management_key: Option<ManagementKey>,
    /// The PUK that the card shall have afterwards; without it, the factory's.
    pub new_puk: Option<Puk>,
    /// Whether the last try may be used.
    pub last_try: LastTry,
    /// Only say what would change.
    pub dry_run: bool,
}

/// Sets how many tries PIN and PUK have. The card gives both the values of the factory by it; the PIN gets back the value that
/// the person gave, and the PUK the one in the request.
///
/// # Errors
///
/// [`Error::Card`] with [`piv::Error::NotSupported`] on cards of other makers, [`piv::Error::WrongManagementKey`] and the
/// errors of a PIN; [`Error::FactorySecrets`] if a value could not be put back; [`Error::Declined`]; those of choosing a card.
pub fn set_retries(
    readers: &mut CardReaders,
    request: &RetriesRequest,
    ui: &mut dyn Ui,
) -> Result<RetriesReport, Error> {
    let mut card = connect_one(readers, &request.card, ui)?;
    let reader = card.reader().to_owned();
    let in_reader = |source| Error::Card { reader: reader.clone(), source };
    in_session(&mut card, |mut session| {
        let known = session.version().map_err(in_reader)?;
        known.map(drop).ok_or_else(|| in_reader(piv::Error::NotSupported { what: "another number of tries" }))?;
        let status = session.pin_status().map_err(in_reader)?;
        status.permits_pin(request.last_try).map_err(in_reader)
    })?;
    let (pin_retries, puk_retries) = (request.pin.0.get(), request.puk.0.get());
    let mut plan = vec![
        format!("give the PIN {pin_retries} tries and the PUK {puk_retries}"),
        "put the PIN back, which the card sets to the factory's by that".to_owned(),
    ];
    plan.push(match &request.new_puk {
        Some(_) => "set the PUK that was given, which the card sets to the factory's too".to_owned(),
        None => format!("leave the PUK as the factory's, {FACTORY_PUK}; change it with `pivkit card change-puk`"),
    });
    let changed = !request.dry_run;
    if changed {
        if !ui.confirm(&plan, "Set the tries")? {
            return Err(Error::Declined);
        }
        let pin = ui.pin(&reader)?;
        let done = in_session(&mut card, |session| {
            let verified = session.verify_pin(&pin, request.last_try).map_err(in_reader)?;
            let mut session = administration(verified, request.management_key.as_ref()).map_err(in_reader)?;
            session.set_pin_retries(request.pin.0, request.puk.0).map_err(in_reader)?;
            put_back(&mut session, &pin, request.new_puk.as_ref()).map_err(|source| Error::FactorySecrets { source })
        });
        done.map_err(|error| lost_in_change(error, card.pin_was_sent()))?;
    }
    Ok(RetriesReport {
        schema_version: SCHEMA_VERSION,
        reader,
        plan,
        changed,
        puk_is_default: changed && request.new_puk.is_none(),
        pin_retries,
        puk_retries,
    })
}

/// From the values of the factory to those that are wanted.
fn put_back(session: &mut piv::Session<'_>, pin: &Pin, puk: Option<&Puk>) -> Result<(), piv::Error> {
    let factory_pin = Pin::new(FACTORY_PIN)?;
    if !pin.is_same(&factory_pin) {
        session.change_pin(&factory_pin, pin, LastTry::Keep)?;
    }
    let factory_puk = Puk::new(FACTORY_PUK)?;
    match puk.filter(|puk| !puk.is_same(&factory_puk)) {
        // The counter was set a moment ago, whether the card tells it or not.
        Some(puk) => session.change_puk(&factory_puk, puk, LastTry::Use),
        None => Ok(()),
    }
}
