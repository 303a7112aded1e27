//! A reader that this process plays itself, for one virtual card.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use smartcard::vpcd::{Listener, VpcdCard};
use smartcard::{Error, Patience};

use crate::report::ReaderReport;

/// A virtual reader at an address. It has one slot.
pub(crate) struct VirtualReader {
    listener: Listener,
    /// The card that has connected, until it is handed out.
    card: Mutex<Option<VpcdCard>>,
}

impl VirtualReader {
    /// Opens the reader at `HOST:PORT`.
    ///
    /// # Errors
    ///
    /// [`Error::AddressUnusable`].
    pub(crate) fn open(address: &str) -> Result<Self, Error> {
        Ok(Self { listener: Listener::bind(address)?, card: Mutex::default() })
    }

    /// Its name.
    pub(crate) fn name(&self) -> String {
        format!("vpcd {}", self.listener.address())
    }

    /// What is in it; a card that has not connected yet is waited for.
    ///
    /// # Errors
    ///
    /// Those of the socket; [`Error::TwoCards`].
    pub(crate) fn report(&self, patience: &Patience) -> Result<ReaderReport, Error> {
        let mut card = self.card.lock().unwrap_or_else(PoisonError::into_inner);
        if card.is_none() {
            *card = self.accept(patience)?;
        }
        let atr = card.as_ref().map(|card| hex::encode_upper(smartcard::CardTransport::atr(card)));
        Ok(ReaderReport { reader: self.name(), atr, exclusive: false, mute: false, events: 0 })
    }

    /// The card in it.
    ///
    /// # Errors
    ///
    /// [`Error::NoCard`], [`Error::TwoCards`], or those of the socket.
    pub(crate) fn connect(&self, patience: &Patience) -> Result<VpcdCard, Error> {
        let card = match self.card.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(card) => Some(card),
            None => self.accept(patience)?,
        };
        // Which of two cards gets in first is chance, and so would be which one gets the PIN.
        if self.listener.is_wanted()? {
            return Err(Error::TwoCards { reader: self.name() });
        }
        card.ok_or_else(|| Error::NoCard { reader: self.name() })
    }

    fn accept(&self, patience: &Patience) -> Result<Option<VpcdCard>, Error> {
        match self.listener.accept(CARD_LIMIT, patience.clone()) {
            Ok(card) => Ok(Some(card)),
            Err(Error::NoCard { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// How long the reader waits for its card.
const CARD_LIMIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use smartcard::vpcd::{read_message, write_message};

    use super::*;

    #[test]
    fn a_second_card_is_told_of_and_none_is_used() {
        let reader = VirtualReader::open("127.0.0.1:0").unwrap();
        let address = reader.listener.address();
        let cards = std::thread::spawn(move || {
            let mut first = TcpStream::connect(address).unwrap();
            let second = TcpStream::connect(address).unwrap();
            // Power on, then the request for the answer to reset.
            read_message(&mut first).unwrap();
            read_message(&mut first).unwrap();
            write_message(&mut first, &[0x3b, 0x80]).unwrap();
            (first, second)
        });
        let patience = Patience::from(Duration::from_secs(5));
        assert_eq!(reader.report(&patience).unwrap().atr.as_deref(), Some("3B80"));
        let _cards = cards.join().unwrap();
        assert!(matches!(reader.connect(&patience), Err(Error::TwoCards { .. })));
    }
}
