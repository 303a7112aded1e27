//! The contract of a connection to a card.

use crate::{Apdu, Error};

/// A connection to one card in one reader. It is shared: other programs may use the card between two transactions.
pub trait CardTransport: Send {
    /// The reader's name.
    fn name(&self) -> &str;

    /// The card's answer to reset (ISO/IEC 7816-3), as the reader got it.
    fn atr(&self) -> &[u8];

    /// The transmission protocol that reader and card agreed on.
    fn protocol(&self) -> Protocol {
        Protocol::T1
    }

    /// Takes the card for this program alone until the transaction is dropped; the card is then left as it is, neither
    /// reset nor powered down. Keep it short: never while a person thinks, never across the network.
    ///
    /// # Errors
    ///
    /// [`Error::Removed`] when the card is gone, [`Error::Busy`] when another program holds it for itself,
    /// [`Error::TimedOut`] or [`Error::Failed`] when the connection broke. A card that was reset since the last
    /// transaction is not an error here: the connection is taken up again.
    fn transaction(&mut self) -> Result<Box<dyn CardTransaction + '_>, Error>;
}

/// How bytes travel between reader and card (ISO/IEC 7816-3). It decides the form of APDUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// T=0, byte by byte: no extended APDUs, and a command has data or an answer, not both at once.
    T0,
    /// T=1, block by block; contactless and virtual cards behave the same.
    #[default]
    T1,
}

/// The card for this program alone.
pub trait CardTransaction {
    /// Sends one command APDU and returns the answer with the status word as its last two bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Removed`], [`Error::Reset`], [`Error::TimedOut`] or [`Error::Failed`].
    fn transmit(&mut self, apdu: &Apdu) -> Result<Vec<u8>, Error>;
}
