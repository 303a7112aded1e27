//! A card that is connected.

use smartcard::{CardTransport, Exchange, Link, LinkMemory};

use crate::pin::PinReference;
use crate::yubico::Vendor;
use crate::{Error, Session, select};

/// A connection to a card, and what was learnt about it: how it takes commands, and which PIN it wants.
pub struct Card {
    transport: Box<dyn CardTransport>,
    link: Link,
    memory: LinkMemory,
    pub(crate) known: Known,
}

/// What a card's sessions have found out, and done.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Which PIN it wants.
    pub(crate) pin_reference: Option<PinReference>,
    /// A PIN or PUK was sent in the last session, or the card was changed.
    pub(crate) changed: bool,
    /// Such a command was sent in the last session, and its answer never came or could not be used.
    pub(crate) unanswered: bool,
    /// By which name its PIV application is selected.
    name: select::Name,
    /// The keys of which the card said that they want the PIN before each use.
    pub(crate) pin_always: Vec<crate::Slot>,
    /// What its maker's own commands told.
    pub(crate) vendor: Vendor,
}

impl Card {
    /// Takes a connection. Nothing is sent yet, and whether the card is a PIV card is not known.
    #[must_use]
    pub fn new(transport: Box<dyn CardTransport>) -> Self {
        Self::remembering(transport, LinkMemory::default())
    }

    /// As [`Card::new`], with what `memory` knows of cards of this kind. It learns from this one.
    #[must_use]
    pub fn remembering(transport: Box<dyn CardTransport>, memory: LinkMemory) -> Self {
        let link = memory.recall(transport.protocol(), transport.atr());
        // YubiKeys have no global PIN.
        let pin_reference = is_yubikey(transport.atr()).then_some(PinReference::Application);
        Self { transport, link, memory, known: Known { pin_reference, ..Known::default() } }
    }

    /// True if the last session sent a PIN or PUK to the card, or changed it. If that session was lost, nothing may be repeated without asking.
    #[must_use]
    pub fn pin_was_sent(&self) -> bool {
        self.known.changed
    }

    /// True if the last session sent a PIN or PUK, or a change, and never had a usable answer to it: whether the card did as told,
    /// or counted a try, is not known.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.known.unanswered
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
        (self.known.changed, self.known.unanswered) = (false, false);
        let mut exchange = Exchange::new(self.transport.transaction()?, &mut self.link);
        let mut name = self.known.name;
        let application = loop {
            let response = exchange.send(&select::command(name))?;
            match (select::answer(&response), name.next()) {
                (Err(Error::NotPiv { .. }), Some(next)) => name = next,
                (answer, _) => break answer?,
            }
        };
        self.known.name = name;
        Ok(Session::new(exchange, application, &mut self.known))
    }
}

/// True for the answer to reset of a YubiKey, which names itself in its historical bytes. Over NFC, and with a virtual
/// reader, it may look different: a hint.
#[must_use]
pub fn is_yubikey(atr: &[u8]) -> bool {
    atr.windows(YUBIKEY.len()).any(|bytes| bytes.eq_ignore_ascii_case(YUBIKEY))
}

const YUBIKEY: &[u8] = b"Yubikey";

impl Drop for Card {
    fn drop(&mut self) {
        self.memory.keep(self.transport.atr(), self.link);
    }
}

impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Card").field("reader", &self.reader()).field("link", &self.link).finish()
    }
}
