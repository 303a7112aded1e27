//! The PC/SC transport: readers attached to this machine, through the system's smart card service (pcscd, the
//! CryptoTokenKit service of macOS, or the Windows service).
//!
//! Connections are shared, so that the system's own login keeps working. A card is left as it was found (neither reset
//! nor powered down) when a connection or a transaction ends.

use std::ffi::CString;
use std::time::{Duration, Instant};

use pcsc::{Context, Disposition, Protocols, Scope, ShareMode, State};

use crate::{Apdu, CardTransaction, CardTransport, Error};

/// The smart card service of this machine.
pub struct Readers {
    context: Context,
}

/// One reader at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Its name, as the driver gives it. Treat it as foreign text.
    pub name: String,
    /// The answer to reset of the card in it, if there is one.
    pub atr: Option<Vec<u8>>,
    /// True if another program holds the card for itself alone.
    pub exclusive: bool,
    /// True if what is in the reader does not answer to power-on.
    pub mute: bool,
}

impl Readers {
    /// Connects to the service.
    ///
    /// # Errors
    ///
    /// [`Error::ServiceUnavailable`] if it does not run, [`Error::AccessDenied`] if it refuses this user.
    pub fn establish() -> Result<Self, Error> {
        let context = Context::establish(Scope::User).map_err(|error| from_pcsc(error, ""))?;
        Ok(Self { context })
    }

    /// All readers with what is in them, sorted by name. None attached is an empty list.
    ///
    /// # Errors
    ///
    /// [`Error::ServiceUnavailable`], [`Error::AccessDenied`] or [`Error::Failed`].
    pub fn list(&self) -> Result<Vec<Reader>, Error> {
        let mut states = self.states(false)?;
        self.status(Duration::ZERO, &mut states)?;
        let mut readers: Vec<_> = states.iter().map(Reader::from_state).collect();
        readers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(readers)
    }

    /// Waits until the list of readers, or what is in them, is no longer `known`, and returns the new list; after
    /// `limit` without a change, the same list.
    ///
    /// # Errors
    ///
    /// As [`Readers::list`].
    pub fn wait_for_change(&self, known: &[Reader], limit: Duration) -> Result<Vec<Reader>, Error> {
        let deadline = Instant::now() + limit;
        loop {
            // The service compares with the state given here, so a change between two calls is not lost.
            let mut states = self.states(true)?;
            self.status(Duration::ZERO, &mut states)?;
            let now = self.list()?;
            let left = deadline.saturating_duration_since(Instant::now());
            if now != known || left.is_zero() {
                return Ok(now);
            }
            for state in &mut states {
                state.sync_current_state();
            }
            self.status(left.min(POLL_LIMIT), &mut states)?;
        }
    }

    /// Connects to the card in the reader named `name`.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownReader`], [`Error::NoCard`], [`Error::Unresponsive`], [`Error::Busy`] if another program holds
    /// the card for itself alone, or those of [`Readers::list`].
    pub fn connect(&self, name: &str) -> Result<PcscCard, Error> {
        let unknown = || Error::UnknownReader { name: name.to_owned() };
        let readers = self.names()?;
        let reader = readers.into_iter().find(|reader| reader.to_string_lossy() == name).ok_or_else(unknown)?;
        let failed = |error| from_pcsc(error, name);
        let card = self.context.connect(&reader, ShareMode::Shared, Protocols::ANY).map_err(failed)?;
        let card = OpenCard(Some(card));
        let atr = card.get(name)?.status2_owned().map_err(failed)?.atr().to_vec();
        Ok(PcscCard { card, name: name.to_owned(), atr, stale: false })
    }

    fn names(&self) -> Result<Vec<CString>, Error> {
        match self.context.list_readers_owned() {
            Ok(names) => Ok(names),
            Err(pcsc::Error::NoReadersAvailable) => Ok(Vec::new()),
            Err(error) => Err(from_pcsc(error, "")),
        }
    }

    fn states(&self, with_plug_and_play: bool) -> Result<Vec<pcsc::ReaderState>, Error> {
        let mut names = self.names()?;
        if with_plug_and_play {
            names.push(pcsc::PNP_NOTIFICATION().to_owned());
        }
        Ok(names.into_iter().map(|name| pcsc::ReaderState::new(name, State::UNAWARE)).collect())
    }

    fn status(&self, limit: Duration, states: &mut [pcsc::ReaderState]) -> Result<(), Error> {
        if states.is_empty() {
            return Ok(());
        }
        match self.context.get_status_change(limit, states) {
            Ok(()) | Err(pcsc::Error::Timeout | pcsc::Error::UnknownReader) => Ok(()),
            Err(error) => Err(from_pcsc(error, "")),
        }
    }
}

impl Reader {
    fn from_state(state: &pcsc::ReaderState) -> Self {
        let event = state.event_state();
        let present = event.contains(State::PRESENT);
        Self {
            name: state.name().to_string_lossy().into_owned(),
            atr: present.then(|| state.atr().to_vec()),
            exclusive: event.contains(State::EXCLUSIVE),
            mute: event.contains(State::MUTE),
        }
    }
}

/// A shared connection to the card in a reader.
pub struct PcscCard {
    card: OpenCard,
    name: String,
    atr: Vec<u8>,
    /// The card was reset by someone else: the connection must be taken up again.
    stale: bool,
}

impl CardTransport for PcscCard {
    fn name(&self) -> &str {
        &self.name
    }

    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn transaction(&mut self) -> Result<Box<dyn CardTransaction + '_>, Error> {
        let reader = self.name.as_str();
        let failed = |error| from_pcsc(error, reader);
        let card = self.card.0.as_mut().ok_or_else(|| Error::Removed { reader: reader.to_owned() })?;
        if std::mem::take(&mut self.stale) {
            take_up_again(card).map_err(failed)?;
        }
        let transaction = match card.transaction2() {
            Ok(transaction) => transaction,
            Err((card, pcsc::Error::ResetCard)) => {
                take_up_again(card).map_err(failed)?;
                card.transaction().map_err(failed)?
            }
            Err((_, error)) => return Err(failed(error)),
        };
        let buffer = vec![0; pcsc::MAX_BUFFER_SIZE_EXTENDED];
        Ok(Box::new(PcscTransaction { transaction, reader, stale: &mut self.stale, buffer }))
    }
}

fn take_up_again(card: &mut pcsc::Card) -> Result<(), pcsc::Error> {
    card.reconnect(ShareMode::Shared, Protocols::ANY, Disposition::LeaveCard)
}

struct PcscTransaction<'a> {
    /// Ends with `LeaveCard` when dropped.
    transaction: pcsc::Transaction<'a>,
    reader: &'a str,
    stale: &'a mut bool,
    buffer: Vec<u8>,
}

impl CardTransaction for PcscTransaction<'_> {
    fn transmit(&mut self, apdu: &Apdu) -> Result<Vec<u8>, Error> {
        match self.transaction.transmit(apdu.as_bytes(), &mut self.buffer) {
            Ok(answer) => Ok(answer.to_vec()),
            Err(error) => {
                *self.stale |= error == pcsc::Error::ResetCard;
                Err(from_pcsc(error, self.reader))
            }
        }
    }
}

/// A card handle that leaves the card alone when dropped; the handle of the `pcsc` crate would reset it.
struct OpenCard(Option<pcsc::Card>);

impl OpenCard {
    fn get(&self, reader: &str) -> Result<&pcsc::Card, Error> {
        self.0.as_ref().ok_or_else(|| Error::Removed { reader: reader.to_owned() })
    }
}

impl Drop for OpenCard {
    fn drop(&mut self) {
        if let Some(card) = self.0.take() {
            // A card that is gone cannot be disconnected; there is nothing left to do then.
            let _ = card.disconnect(Disposition::LeaveCard);
        }
    }
}

/// How long one call to the service may wait: some services do not report a new reader, so look again now and then.
const POLL_LIMIT: Duration = Duration::from_secs(2);

fn from_pcsc(error: pcsc::Error, reader: &str) -> Error {
    use pcsc::Error as E;
    let name = || reader.to_owned();
    match error {
        E::NoService | E::ServiceStopped => Error::ServiceUnavailable(Box::new(error)),
        E::SecurityViolation => Error::AccessDenied(Box::new(error)),
        E::UnknownReader | E::ReaderUnavailable | E::NoReadersAvailable => Error::UnknownReader { name: name() },
        E::NoSmartcard => Error::NoCard { reader: name() },
        E::RemovedCard => Error::Removed { reader: name() },
        E::ResetCard => Error::Reset { reader: name() },
        E::SharingViolation => Error::Busy { reader: name() },
        E::UnresponsiveCard | E::UnpoweredCard | E::UnsupportedCard => Error::Unresponsive { reader: name() },
        E::Timeout => Error::TimedOut { reader: name() },
        _ => Error::Failed { reader: name(), source: Box::new(error) },
    }
}
