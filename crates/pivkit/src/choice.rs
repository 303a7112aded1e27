//! Choosing one card.

use crate::report::ReaderReport;
use crate::transport::CardReaders;
use crate::{Error, Ui};

/// Which card is meant. Nothing set means: the only one there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardChoice {
    /// The reader's name, or a part of it that no other reader's name has.
    pub reader: Option<String>,
    /// The serial number of a YubiKey.
    pub serial: Option<u32>,
    /// The GUID of the card's CHUID.
    pub guid: Option<[u8; 16]>,
}

/// Connects to the one card that `choice` means. With several and nothing to tell them by, lets `ui` choose.
///
/// A single card in a single reader costs no command: whether it is a PIV card shows when it is used.
///
/// # Errors
///
/// [`Error::NoReader`], [`Error::NoCard`], [`Error::SeveralCards`] if `ui` cannot ask, [`Error::Transport`] or
/// [`Error::Card`].
pub(crate) fn connect_one(readers: &mut CardReaders, choice: &CardChoice, ui: &mut dyn Ui) -> Result<piv::Card, Error> {
    let all = readers.list()?;
    if all.is_empty() {
        return Err(Error::NoReader);
    }
    let meant = choice.readers(&all);
    if meant.is_empty() {
        let name = choice.reader.clone().unwrap_or_default();
        return Err(smartcard::Error::UnknownReader { name }.into());
    }
    let with_card: Vec<_> = meant.into_iter().filter(|reader| reader.has_card()).collect();
    match with_card.as_slice() {
        [] => Err(Error::NoCard { wanted: choice.describe() }),
        [only] if choice.serial.is_none() && choice.guid.is_none() => Ok(readers.connect(&only.reader)?),
        several => one_of(probe(readers, choice, several)?, choice, ui),
    }
}

/// A card that fits, and what it is called in a list.
struct Candidate {
    card: piv::Card,
    label: String,
}

/// Asks each card for what tells it from others, and keeps those that fit.
///
/// A card that could not be examined may be the one that is meant: unless a serial number or a GUID has found the one, its
/// error is the result, so that a busy card does not leave the choice to chance. Cards that are no PIV cards, or that do
/// not respond, are not meant.
fn probe(readers: &mut CardReaders, choice: &CardChoice, with_card: &[&ReaderReport]) -> Result<Vec<Candidate>, Error> {
    let (mut found, mut unexamined, mut not_piv) = (Vec::new(), None, None);
    for reader in with_card {
        match readers.connect(&reader.reader).map_err(Error::from).and_then(|card| choice.examine(card)) {
            Ok(candidate) => found.extend(candidate),
            Err(error @ Error::Card { source: piv::Error::NotPiv { .. }, .. }) => not_piv = Some(error),
            Err(error @ Error::Transport(smartcard::Error::Unresponsive { .. })) => not_piv = Some(error),
            Err(error) => unexamined = unexamined.or(Some(error)),
        }
    }
    let named = choice.serial.is_some() || choice.guid.is_some();
    match (unexamined, not_piv) {
        (Some(error), _) if found.is_empty() || !named => Err(error),
        (None, Some(error)) if found.is_empty() && !named => Err(error),
        _ => Ok(found),
    }
}

fn one_of(mut cards: Vec<Candidate>, choice: &CardChoice, ui: &mut dyn Ui) -> Result<piv::Card, Error> {
    let index = match cards.len() {
        0 => return Err(Error::NoCard { wanted: choice.describe() }),
        1 => 0,
        _ => {
            let labels: Vec<_> = cards.iter().map(|card| card.label.clone()).collect();
            match ui.choose("Which card", &labels) {
                Ok(index) => index.min(cards.len() - 1),
                Err(crate::UiError::Unanswered { .. }) => return Err(Error::SeveralCards { choices: labels }),
                Err(error) => return Err(error.into()),
            }
        }
    };
    Ok(cards.swap_remove(index).card)
}

impl CardChoice {
    pub(crate) fn readers<'a>(&self, all: &'a [ReaderReport]) -> Vec<&'a ReaderReport> {
        let Some(name) = &self.reader else { return all.iter().collect() };
        let exact: Vec<_> = all.iter().filter(|reader| reader.reader == *name).collect();
        if exact.is_empty() {
            all.iter().filter(|reader| reader.reader.contains(name.as_str())).collect()
        } else {
            exact
        }
    }

    /// Reads the card's GUID, and its serial number where that is asked for; `None` if it is another card.
    fn examine(&self, mut card: piv::Card) -> Result<Option<Candidate>, Error> {
        let reader = card.reader().to_owned();
        let in_reader = |source| Error::Card { reader: reader.clone(), source };
        let ask_serial = self.serial.is_some() || piv::is_yubikey(card.atr());
        let mut session = card.session().map_err(in_reader)?;
        let guid = session.chuid().map_err(in_reader)?.and_then(|chuid| chuid.guid);
        let serial = if ask_serial { session.yubikey_serial().map_err(in_reader)? } else { None };
        drop(session);
        let fits = self.fits(guid, serial);
        let guid = guid.map_or("no GUID".to_owned(), |guid| format!("GUID {}", hex::encode_upper(guid)));
        let serial = serial.map(|serial| format!(", serial {serial}")).unwrap_or_default();
        Ok(fits.then(|| Candidate { card, label: format!("{reader} ({guid}{serial})") }))
    }

    /// Whether a card with this GUID and serial number is meant.
    pub(crate) fn fits(&self, guid: Option<[u8; 16]>, serial: Option<u32>) -> bool {
        (self.guid.is_none() || self.guid == guid) && (self.serial.is_none() || self.serial == serial)
    }

    pub(crate) fn describe(&self) -> String {
        let reader = self.reader.as_ref().map(|name| format!("in a reader named {name:?}"));
        let serial = self.serial.map(|serial| format!("with serial {serial}"));
        let guid = self.guid.map(|guid| format!("with GUID {}", hex::encode_upper(guid)));
        [reader, serial, guid].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}
