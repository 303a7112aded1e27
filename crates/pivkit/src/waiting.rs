//! Waiting for a card, where a person is there to insert it.

use std::time::Duration;

use crate::choice::connect_one;
use crate::report::ReaderReport;
use crate::transport::CardReaders;
use crate::{CardChoice, Error, Ui};

/// Connects to the one card that `choice` means, as [`connect_one`]; a card or a reader that is not there is waited for.
///
/// # Errors
///
/// Those of [`connect_one`], but for a card or a reader that is missing.
pub(crate) fn for_card(readers: &mut CardReaders, choice: &CardChoice, ui: &mut dyn Ui) -> Result<piv::Card, Error> {
    let mut told = None;
    loop {
        let known = readers.list()?;
        if known.iter().any(ReaderReport::has_card) {
            match connect_one(readers, choice, ui) {
                Err(error) if is_missing(&error) => {}
                result => return result,
            }
        }
        let has_reader = !known.is_empty();
        if told.replace(has_reader) != Some(has_reader) {
            ui.wait_for_card(has_reader, &choice.describe());
        }
        while readers.wait_for_change(&known, LOOK_AGAIN)? == known {}
    }
}

/// True if what failed is that the card or its reader is not there, or is not any more.
pub(crate) fn is_missing(error: &Error) -> bool {
    use smartcard::Error as Way;
    match error {
        Error::NoReader | Error::NoCard { .. } | Error::Card { source: piv::Error::CardRemoved(_), .. } => true,
        Error::Transport(error) => {
            matches!(error, Way::NoCard { .. } | Way::Removed { .. } | Way::UnknownReader { .. })
        }
        _ => false,
    }
}

/// A service may miss what happens; and a virtual reader is only looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
