//! `pivkit card set-retries`.

use std::num::NonZeroU8;
use std::str::FromStr;

use piv::{LastTry, ManagementKey, Pin, Puk};

use super::secrets::{FACTORY_PIN, FACTORY_PUK};
use super::{administration, in_doubt};
use crate::choice::connect_one;
use crate::error::Change;
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
    /// The PUK that the card shall have afterwards. Without it a person is asked for one, unless the card says that its PUK is
    /// the factory's already: then it stays so.
    pub new_puk: Option<Puk>,
    /// Whether the last try may be used.
    pub last_try: LastTry,
    /// Only say what would change.
    pub dry_run: bool,
}

/// Sets how many tries PIN and PUK have. The card gives both the values of the factory by it; the PIN gets back the value that
/// the person gave, and the PUK gets a new one: nobody loses a PUK of their own to the one that everybody knows.
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
    let factory_puk = in_session(&mut card, |mut session| {
        let known = session.version().map_err(in_reader)?;
        known.map(drop).ok_or_else(|| in_reader(piv::Error::NotSupported { what: "another number of tries" }))?;
        let status = session.pin_status().map_err(in_reader)?;
        status.permits_pin(request.last_try).map_err(in_reader)?;
        let puk = session.puk_metadata().map_err(in_reader)?.present();
        Ok(puk.is_some_and(|puk| puk.is_default))
    })?;
    let (pin_retries, puk_retries) = (request.pin.0.get(), request.puk.0.get());
    let mut plan = vec![
        format!("give the PIN {pin_retries} tries and the PUK {puk_retries}"),
        "put the PIN back, which the card sets to the factory's by that".to_owned(),
    ];
    plan.push(match (&request.new_puk, factory_puk) {
        (Some(_), _) => "set the PUK that was given, because the card sets it to the factory's too".to_owned(),
        (None, true) => format!("leave the PUK the factory's, {FACTORY_PUK}; change it with `pivkit card change-puk`"),
        (None, false) => "set a new PUK (--new-puk-file), because the card sets it to the factory's too".to_owned(),
    });
    let changed = !request.dry_run;
    let mut puk_is_default = false;
    if changed {
        if !ui.confirm(&plan, "Set the tries")? {
            return Err(Error::Declined);
        }
        let pin = ui.pin(&reader)?;
        let asked = if request.new_puk.is_none() && !factory_puk { Some(ui.new_puk(&reader)?) } else { None };
        let puk = request.new_puk.as_ref().or(asked.as_ref());
        let done = in_session(&mut card, |session| {
            let verified = session.verify_pin(&pin, request.last_try).map_err(in_reader)?;
            let mut session = administration(verified, request.management_key.as_ref()).map_err(in_reader)?;
            session.set_pin_retries(request.pin.0, request.puk.0).map_err(|source| match source {
                source if source.leaves_doubt() => Error::FactorySecrets { source },
                source => in_reader(source),
            })?;
            put_back(&mut session, &pin, puk).map_err(|source| Error::FactorySecrets { source })
        });
        puk_is_default = done.map_err(|error| in_doubt(error, card.pin_was_sent(), Change::Try))?;
    }
    Ok(RetriesReport {
        schema_version: SCHEMA_VERSION,
        reader,
        plan,
        changed,
        puk_is_default,
        pin_retries,
        puk_retries,
    })
}

/// From the values of the factory to those that are wanted. True if that of the PUK is the factory's.
fn put_back(session: &mut piv::Session<'_>, pin: &Pin, puk: Option<&Puk>) -> Result<bool, piv::Error> {
    let factory_pin = Pin::new(FACTORY_PIN)?;
    if !pin.is_same(&factory_pin) {
        session.change_pin(&factory_pin, pin, LastTry::Keep)?;
    }
    let factory_puk = Puk::new(FACTORY_PUK)?;
    match puk.filter(|puk| !puk.is_same(&factory_puk)) {
        // The counter was set a moment ago, whether the card tells it or not.
        Some(puk) => session.change_puk(&factory_puk, puk, LastTry::Use).map(|()| false),
        None => Ok(true),
    }
}
