//! Which way to the cards: the PC/SC service, or a virtual card that connects to this process.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smartcard::pcsc::Readers;
use smartcard::vpcd::{Listener, VpcdCard};
use smartcard::{CardTransport, Error, LinkMemory, Patience, Wait};

use crate::report::ReaderReport;

/// A way to the cards, as `--transport` names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// `pcsc`: the readers of this machine.
    #[default]
    Pcsc,
    /// `vpcd:HOST:PORT`: this process listens there as a virtual reader, and one virtual card connects to it.
    Vpcd(String),
}

/// Not a transport.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a transport is pcsc or vpcd:HOST:PORT")]
pub struct InvalidTransport;

impl FromStr for Transport {
    type Err = InvalidTransport;

    fn from_str(text: &str) -> Result<Self, InvalidTransport> {
        match text.split_once(':') {
            None if text == "pcsc" => Ok(Self::Pcsc),
            Some(("vpcd", address)) => match address.rsplit_once(':') {
                Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                    Ok(Self::Vpcd(address.to_owned()))
                }
                _ => Err(InvalidTransport),
            },
            _ => Err(InvalidTransport),
        }
    }
}

impl Transport {
    /// Opens the way to the cards. `waiting` is called with the name of a reader when something there takes longer than a
    /// moment.
    ///
    /// # Errors
    ///
    /// [`Error::ServiceUnavailable`] or [`Error::AccessDenied`] of the PC/SC service, [`Error::AddressUnusable`] if no
    /// virtual reader can listen at the address.
    pub fn open(&self, waiting: impl Fn(&str, Wait) + Send + Sync + 'static) -> Result<CardReaders, Error> {
        let way = match self {
            Self::Pcsc => Way::Pcsc(Readers::establish()?),
            Self::Vpcd(address) => Way::Vpcd { listener: Listener::bind(address)?, card: Mutex::default() },
        };
        let patience =
            Patience { busy: BUSY_LIMIT, answer: ANSWER_LIMIT, work: WORK_LIMIT, waiting: Arc::new(waiting) };
        Ok(CardReaders { way, patience, memory: LinkMemory::default() })
    }
}

/// The readers that a transport leads to.
pub struct CardReaders {
    way: Way,
    patience: Patience,
    memory: LinkMemory,
}

enum Way {
    Pcsc(Readers),
    /// The card that has connected, until it is handed out.
    Vpcd {
        listener: Listener,
        card: Mutex<Option<VpcdCard>>,
    },
    /// A card in this process.
    #[cfg(test)]
    InProcess(virtual_card::Probe),
}

/// How long a virtual reader waits for its card.
const VPCD_CARD_LIMIT: Duration = Duration::from_secs(5);
/// How long a card may take for one answer; somebody may have to touch it.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// How long a card may take to make a key; YubiKeys have been seen to need more than a minute for RSA with 4096 bits.
const WORK_LIMIT: Duration = Duration::from_secs(300);
/// How long to wait for another program that keeps a card.
const BUSY_LIMIT: Duration = Duration::from_secs(10);

impl CardReaders {
    /// The readers and what is in them.
    ///
    /// # Errors
    ///
    /// Those of the PC/SC service or of the virtual reader's socket.
    pub fn list(&mut self) -> Result<Vec<ReaderReport>, Error> {
        match &mut self.way {
            Way::Pcsc(readers) => Ok(readers.list()?.into_iter().map(ReaderReport::from).collect()),
            Way::Vpcd { listener, card } => {
                let card = card.get_mut().unwrap_or_else(PoisonError::into_inner);
                if card.is_none() {
                    *card = accept(listener, &self.patience)?;
                }
                let reader = format!("vpcd {}", listener.address());
                let atr = card.as_ref().map(|card| hex::encode_upper(card.atr()));
                Ok(vec![ReaderReport { reader, atr, exclusive: false, mute: false, events: 0 }])
            }
            #[cfg(test)]
            Way::InProcess(_) => {
                let (reader, atr) = ("in process".to_owned(), Some("3B00".to_owned()));
                Ok(vec![ReaderReport { reader, atr, exclusive: false, mute: false, events: 0 }])
            }
        }
    }

    /// The reader of a card in this process. Whoever connects puts the card back into it.
    #[cfg(test)]
    pub(crate) fn in_process(card: virtual_card::Probe) -> Self {
        let patience =
            Patience { busy: BUSY_LIMIT, answer: ANSWER_LIMIT, work: WORK_LIMIT, waiting: Arc::new(|_, _| {}) };
        Self { way: Way::InProcess(card), patience, memory: LinkMemory::default() }
    }

    /// Whether the cards are in readers that other programs reach too.
    #[cfg(feature = "yubikey")]
    pub(crate) fn is_pcsc(&self) -> bool {
        matches!(self.way, Way::Pcsc(_))
    }

    /// Waits for a change of the list `known`, at most for `limit`. A virtual reader does not change.
    ///
    /// # Errors
    ///
    /// As [`CardReaders::list`].
    pub fn wait_for_change(&mut self, known: &[ReaderReport], limit: Duration) -> Result<Vec<ReaderReport>, Error> {
        match &mut self.way {
            Way::Pcsc(readers) => {
                let known: Vec<_> = known.iter().map(ReaderReport::to_reader).collect();
                Ok(readers.wait_for_change(&known, limit)?.into_iter().map(ReaderReport::from).collect())
            }
            Way::Vpcd { .. } => {
                let now = self.list()?;
                if now == known {
                    std::thread::park_timeout(limit);
                }
                Ok(now)
            }
            #[cfg(test)]
            Way::InProcess(_) => self.list(),
        }
    }

    /// Connects to the card in `reader`, and waits a while if another program holds it for itself. Several threads may connect
    /// to several cards at once.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownReader`], [`Error::NoCard`], [`Error::Busy`], [`Error::Unresponsive`], or that of a broken
    /// connection.
    pub fn connect(&self, reader: &str) -> Result<piv::Card, Error> {
        let transport: Box<dyn CardTransport> = match &self.way {
            Way::Pcsc(readers) => Box::new(readers.connect(reader, self.patience.clone())?),
            Way::Vpcd { listener, card } => {
                let card = match card.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    Some(card) => Some(card),
                    None => accept(listener, &self.patience)?,
                };
                Box::new(card.ok_or_else(|| Error::NoCard { reader: reader.to_owned() })?)
            }
            #[cfg(test)]
            Way::InProcess(card) => Box::new(card.connect()),
        };
        Ok(piv::Card::remembering(transport, self.memory.clone()))
    }
}

fn accept(listener: &Listener, patience: &Patience) -> Result<Option<VpcdCard>, Error> {
    match listener.accept(VPCD_CARD_LIMIT, patience.clone()) {
        Ok(card) => Ok(Some(card)),
        Err(Error::NoCard { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transports_have_two_forms() {
        assert_eq!("pcsc".parse(), Ok(Transport::Pcsc));
        assert_eq!("vpcd:127.0.0.1:35963".parse(), Ok(Transport::Vpcd("127.0.0.1:35963".into())));
        assert_eq!("vpcd:[::1]:35963".parse(), Ok(Transport::Vpcd("[::1]:35963".into())));
        for text in
            ["", "PCSC", "pcsc:", "vpcd", "vpcd:", "vpcd:35963", "vpcd:localhost", "vpcd::1", "vpcd:h:70000", "usb:1:2"]
        {
            assert_eq!(text.parse::<Transport>(), Err(InvalidTransport), "{text}");
        }
    }
}
