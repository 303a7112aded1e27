//! Which way to the cards: the PC/SC service, or a virtual card that connects to this process.

use std::panic::resume_unwind;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use smartcard::pcsc::Readers;
use smartcard::{CardTransport, Error, LinkMemory, Patience, Wait};

use crate::report::ReaderReport;
use crate::virtual_reader::VirtualReader;

/// A way to the cards, as `--transport` names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// `pcsc`: the readers of this machine.
    #[default]
    Pcsc,
    /// `vpcd:HOST:PORT[,HOST:PORT...]`: this process listens at each address as a virtual reader, and one virtual card
    /// connects to each.
    Vpcd(Vec<String>),
}

/// Not a transport.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a transport is pcsc or vpcd:HOST:PORT, with further HOST:PORT after commas")]
pub struct InvalidTransport;

impl FromStr for Transport {
    type Err = InvalidTransport;

    fn from_str(text: &str) -> Result<Self, InvalidTransport> {
        match text.split_once(':') {
            None if text == "pcsc" => Ok(Self::Pcsc),
            Some(("vpcd", addresses)) => {
                let addresses: Vec<_> = addresses.split(',').map(str::to_owned).collect();
                if addresses.iter().all(|address| is_address(address)) {
                    Ok(Self::Vpcd(addresses))
                } else {
                    Err(InvalidTransport)
                }
            }
            _ => Err(InvalidTransport),
        }
    }
}

fn is_address(text: &str) -> bool {
    matches!(text.rsplit_once(':'), Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok())
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
            Self::Vpcd(addresses) => {
                Way::Vpcd(addresses.iter().map(|address| VirtualReader::open(address)).collect::<Result<_, _>>()?)
            }
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
    Vpcd(Vec<VirtualReader>),
    /// A card in this process, and the lists of readers that are seen before it is in.
    #[cfg(test)]
    InProcess(virtual_card::Probe, std::collections::VecDeque<Vec<ReaderReport>>),
}

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
            Way::Vpcd(readers) => {
                let patience = &self.patience;
                // Each waits for its card.
                std::thread::scope(|scope| {
                    let threads: Vec<_> =
                        readers.iter().map(|reader| scope.spawn(|| reader.report(patience))).collect();
                    threads
                        .into_iter()
                        .map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
                        .collect()
                })
            }
            #[cfg(test)]
            Way::InProcess(_, before) => {
                if let Some(list) = before.pop_front() {
                    return Ok(list);
                }
                let (reader, atr) = ("in process".to_owned(), Some("3B00".to_owned()));
                Ok(vec![ReaderReport { reader, atr, exclusive: false, mute: false, events: 0 }])
            }
        }
    }

    /// The reader of a card in this process. Whoever connects puts the card back into it.
    #[cfg(test)]
    pub(crate) fn in_process(card: virtual_card::Probe) -> Self {
        Self::in_process_after(card, Vec::new())
    }

    /// As [`CardReaders::in_process`], after these lists of readers.
    #[cfg(test)]
    pub(crate) fn in_process_after(card: virtual_card::Probe, before: Vec<Vec<ReaderReport>>) -> Self {
        let patience =
            Patience { busy: BUSY_LIMIT, answer: ANSWER_LIMIT, work: WORK_LIMIT, waiting: Arc::new(|_, _| {}) };
        Self { way: Way::InProcess(card, before.into()), patience, memory: LinkMemory::default() }
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
            Way::Vpcd(_) => {
                let now = self.list()?;
                if now == known {
                    std::thread::park_timeout(limit);
                }
                Ok(now)
            }
            #[cfg(test)]
            Way::InProcess(..) => self.list(),
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
            Way::Vpcd(readers) => {
                let found = readers.iter().find(|virtual_reader| virtual_reader.name() == reader);
                let found = found.ok_or_else(|| Error::UnknownReader { name: reader.to_owned() })?;
                Box::new(found.connect(&self.patience)?)
            }
            #[cfg(test)]
            Way::InProcess(card, _) => Box::new(card.connect()),
        };
        Ok(piv::Card::remembering(transport, self.memory.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transports_have_two_forms() {
        assert_eq!("pcsc".parse(), Ok(Transport::Pcsc));
        assert_eq!("vpcd:127.0.0.1:35963".parse(), Ok(Transport::Vpcd(vec!["127.0.0.1:35963".into()])));
        assert_eq!("vpcd:[::1]:35963".parse(), Ok(Transport::Vpcd(vec!["[::1]:35963".into()])));
        let two = Transport::Vpcd(vec!["localhost:1".into(), "localhost:2".into()]);
        assert_eq!("vpcd:localhost:1,localhost:2".parse(), Ok(two));
        for text in [
            "vpcd:localhost:1,",
            "vpcd:localhost:1,2",
            "",
            "PCSC",
            "pcsc:",
            "vpcd",
            "vpcd:",
            "vpcd:35963",
            "vpcd:localhost",
            "vpcd::1",
            "vpcd:h:70000",
            "usb:1:2",
        ] {
            assert_eq!(text.parse::<Transport>(), Err(InvalidTransport), "{text}");
        }
    }
}
