//! The PC/SC transport: readers attached to this machine, through the system's smart card service (pcscd, the
//! CryptoTokenKit service of macOS, or the Windows service).
//!
//! Connections are shared, so that the system's own login keeps working. A card is left as it was found (neither reset
//! nor powered down) when a connection or a transaction ends.

mod connection;
mod owner;
mod reader;

use std::ffi::CString;
use std::time::{Duration, Instant};

use pcsc::{Context, Scope, State};

use crate::{Error, Patience};

pub use connection::PcscCard;
pub use reader::Reader;

/// The smart card service of this machine.
pub struct Readers {
    context: Context,
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
        let mut states = self.states()?;
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
            let mut states = self.states()?;
            states.push(pcsc::ReaderState::new(pcsc::PNP_NOTIFICATION(), State::UNAWARE));
            self.status(Duration::ZERO, &mut states)?;
            let now = self.list()?;
            let left = deadline.saturating_duration_since(Instant::now());
            if now != known || left.is_zero() {
                return Ok(now);
            }
            // A service that cannot tell of new readers (macOS) would answer at once, and for ever.
            states.retain(|state| !state.event_state().contains(State::UNKNOWN));
            states.iter_mut().for_each(pcsc::ReaderState::sync_current_state);
            if states.is_empty() {
                std::thread::park_timeout(left.min(POLL_LIMIT));
            }
            self.status(left.min(POLL_LIMIT), &mut states)?;
        }
    }

    /// Connects to the card in the reader named `name`. `patience` says how long its operations may wait.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownReader`], [`Error::NoCard`], [`Error::Unresponsive`], [`Error::Busy`] if another program holds
    /// the card for itself alone, or those of [`Readers::list`].
    pub fn connect(&self, name: &str, patience: Patience) -> Result<PcscCard, Error> {
        let unknown = || Error::UnknownReader { name: name.to_owned() };
        let reader = self.names()?.into_iter().find(|reader| reader.to_string_lossy() == name).ok_or_else(unknown)?;
        PcscCard::connect(reader, patience)
    }

    fn names(&self) -> Result<Vec<CString>, Error> {
        match self.context.list_readers_owned() {
            Ok(names) => Ok(names),
            Err(pcsc::Error::NoReadersAvailable) => Ok(Vec::new()),
            Err(error) => Err(from_pcsc(error, "")),
        }
    }

    fn states(&self) -> Result<Vec<pcsc::ReaderState>, Error> {
        Ok(self.names()?.into_iter().map(|name| pcsc::ReaderState::new(name, State::UNAWARE)).collect())
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

/// How long one call to the service may wait: not every service reports a new reader, so look again now and then.
const POLL_LIMIT: Duration = Duration::from_secs(1);

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
