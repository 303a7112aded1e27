//! Which driver carries a plan out, and that it does so on the card that the plan was made for.

use provision::AdministeredCard;
#[cfg(feature = "yubikey")]
use provision::{Error as CardError, Object, YubiKeyCard};

use super::ProvisionError;
use super::secrets::LastTries;
use super::standard_card::StandardCard;
use super::state::CardState;
use crate::Error;
use crate::transport::CardReaders;

/// Lets `steps` work on the card through the driver that it wants: the crate `yubikey` for a YubiKey in a reader, which must
/// have the card alone, and the standard's commands otherwise. Gives the card back.
///
/// The crate opens the reader anew, and a person may have exchanged the card meanwhile: it is asked for its serial number, or
/// else its GUID, before the first step. A card that has neither keeps the connection on which its state was read.
pub(super) fn with_card<T>(
    readers: &CardReaders,
    card: piv::Card,
    state: &CardState,
    last_tries: LastTries,
    steps: impl FnOnce(&mut dyn AdministeredCard) -> Result<T, Error>,
) -> Result<(T, piv::Card), Error> {
    #[cfg(feature = "yubikey")]
    if readers.is_pcsc() && state.is_yubikey && state.has_extensions() && state.is_named() {
        let reader = card.reader().to_owned();
        drop(card);
        return match YubiKeyCard::open(&reader) {
            Ok(mut device) => {
                tracing::debug!(driver = "yubikey", serial = device.serial(), "provision");
                state.check_device(&mut device)?;
                let result = steps(&mut device)?;
                drop(device);
                Ok((result, readers.connect(&reader)?))
            }
            // A card that the crate does not take for a YubiKey.
            Err(CardError::Connection(_)) => {
                with_any_card(readers.connect(&reader)?, |session| state.check(session), last_tries, steps)
            }
            Err(error) => Err(ProvisionError::Card(error).into()),
        };
    }
    let _ = (readers, state);
    on_connection(card, last_tries, steps)
}

/// The same on the connection that there is, with the standard's commands: they tell why a key was not used.
pub(super) fn on_connection<T>(
    card: piv::Card,
    last_tries: LastTries,
    steps: impl FnOnce(&mut dyn AdministeredCard) -> Result<T, Error>,
) -> Result<(T, piv::Card), Error> {
    with_any_card(card, |_| Ok(()), last_tries, steps)
}

/// The same with the standard's commands alone.
fn with_any_card<T>(
    mut card: piv::Card,
    check: impl FnOnce(&mut piv::Session<'_>) -> Result<(), Error>,
    last_tries: LastTries,
    steps: impl FnOnce(&mut dyn AdministeredCard) -> Result<T, Error>,
) -> Result<(T, piv::Card), Error> {
    tracing::debug!(driver = "piv", "provision");
    let reader = card.reader().to_owned();
    let mut session = card.session().map_err(|source| Error::Card { reader, source })?;
    check(&mut session)?;
    let result = steps(&mut StandardCard::new(session, last_tries))?;
    Ok((result, card))
}

#[cfg(feature = "yubikey")]
impl CardState {
    /// Whether the card can be told from others.
    fn is_named(&self) -> bool {
        self.serial.is_some() || self.guid().is_some()
    }

    fn check_device(&self, device: &mut YubiKeyCard) -> Result<(), ProvisionError> {
        let same = match self.serial {
            Some(serial) => device.serial() == serial,
            None => {
                let contents = device.read(Object::Chuid)?;
                let chuid = contents.and_then(|contents| piv::Chuid::parse(&contents).ok());
                chuid.and_then(|chuid| chuid.guid) == self.guid()
            }
        };
        if same { Ok(()) } else { Err(ProvisionError::CardExchanged) }
    }

    fn check(&self, session: &mut piv::Session<'_>) -> Result<(), Error> {
        let same = match self.serial {
            Some(serial) => matches!(session.yubikey_serial(), Ok(Some(now)) if now == serial),
            None => matches!(session.chuid(), Ok(Some(chuid)) if chuid.guid.is_some() && chuid.guid == self.guid()),
        };
        if same { Ok(()) } else { Err(ProvisionError::CardExchanged.into()) }
    }
}

#[cfg(test)]
#[cfg(feature = "yubikey")]
mod tests {
    use virtual_card::{CardOptions, Content, InProcess, Profile, VirtualCard};

    use super::*;

    fn card(profile: Profile) -> piv::Card {
        let content = Content::factory(profile).unwrap();
        let options = CardOptions { profile, ..CardOptions::default() };
        piv::Card::new(Box::new(InProcess::new(VirtualCard::new(content, options))))
    }

    #[test]
    fn another_card_is_not_the_one_that_was_looked_at() {
        for profile in [Profile::YubiKey54, Profile::YubiKey57, Profile::Federal] {
            let (mut one, mut other) = (card(profile), card(profile));
            let state = CardState::read(&mut one).unwrap();
            if !state.is_named() {
                continue;
            }
            state.check(&mut one.session().unwrap()).unwrap();
            let exchanged = state.check(&mut other.session().unwrap());
            assert!(matches!(exchanged, Err(Error::Provision(ProvisionError::CardExchanged))), "{exchanged:?}");
        }
    }
}
