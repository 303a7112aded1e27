//! A card that is connected.

use smartcard::{CardTransport, Exchange, Link};

use crate::pin::PinReference;
use crate::yubico::Vendor;
use crate::{Error, Session, select};

/// A connection to a card, and what was learnt about it: how it takes commands, and which PIN it wants.
pub struct Card {
    transport: Box<dyn CardTransport>,
    link: Link,
    pin_reference: Option<PinReference>,
    name: select::Name,
    vendor: Vendor,
}

impl Card {
    /// Takes a connection. Nothing is sent yet, and whether the card is a PIV card is not known.
    #[must_use]
    pub fn new(transport: Box<dyn CardTransport>) -> Self {
        let link = Link::new(transport.protocol());
        Self { transport, link, pin_reference: None, name: select::Name::default(), vendor: Vendor::default() }
    }

    /// The name of the reader. Foreign text.
    #[must_use]
    pub fn reader(&self) -> &str {
        self.transport.name()
    }

    /// The answer to reset.
    #[must_use]
    pub fn atr(&self) -> &[u8] {
        self.transport.atr()
    }

    /// Takes the card for this program alone and selects the PIV application (SP 800-73-4 Part 2, 3.1.1): one command, the
    /// first time up to three on a card that wants another form of the name. Drop the session before a prompt or the network.
    ///
    /// # Errors
    ///
    /// [`Error::NotPiv`], or that of a lost connection.
    pub fn session(&mut self) -> Result<Session<'_>, Error> {
        let mut exchange = Exchange::new(self.transport.transaction()?, &mut self.link);
        let mut name = self.name;
        let application = loop {
            let response = exchange.send(&select::command(name))?;
            match (select::answer(&response), name.next()) {
                (Err(Error::NotPiv { .. }), Some(next)) => name = next,
                (answer, _) => break answer?,
            }
        };
        self.name = name;
        Ok(Session::new(exchange, application, &mut self.pin_reference, &mut self.vendor))
    }
}

impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Card").field("reader", &self.reader()).field("link", &self.link).finish()
    }
}
