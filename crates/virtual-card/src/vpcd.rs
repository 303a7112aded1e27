//! The card's side of the vpcd protocol (see [`smartcard::vpcd`]): connect to a virtual reader, answer it, and be there
//! again when it comes back.
//!
//! The reader may be a pcscd's, which stays, or pivkit's own, which lives as long as one command. So the client looks
//! for it often, and a lost connection is the end of the reader, not of the card. Without a reader for a while it looks
//! less often: pivkit's waits some seconds for its card.

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use smartcard::vpcd::{self, Control};
use zeroize::Zeroizing;

use crate::fault::Outcome;
use crate::{Error, FaultPlan, VirtualCard};

/// Puts a card into the virtual reader at an address.
pub struct VpcdClient {
    address: String,
    stop: Stop,
    delay: Duration,
}

/// Why a card left its reader for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// [`Stop::request`] was called.
    Stopped,
    /// The fault plan pulled it.
    Removed {
        /// At which command, counted from 1: before the card saw it, or before it answered.
        command: u64,
    },
}

/// Ends a running client from another thread, at once, even while it waits for its reader.
#[derive(Clone, Default)]
pub struct Stop {
    shared: Arc<(Mutex<Connection>, Condvar)>,
}

#[derive(Default)]
struct Connection {
    stopped: bool,
    stream: Option<TcpStream>,
}

impl Stop {
    /// Ends the client.
    pub fn request(&self) {
        let mut connection = self.lock();
        connection.stopped = true;
        if let Some(stream) = connection.stream.take() {
            // The reader may have closed it already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.shared.1.notify_all();
    }

    fn is_requested(&self) -> bool {
        self.lock().stopped
    }

    /// Registers the connection to be cut; false if it is too late for a connection.
    fn watch(&self, stream: &TcpStream) -> io::Result<bool> {
        let stream = stream.try_clone()?;
        let mut connection = self.lock();
        if !connection.stopped {
            connection.stream = Some(stream);
        }
        Ok(!connection.stopped)
    }

    fn forget(&self) {
        self.lock().stream = None;
    }

    /// Until then, or until it is requested.
    pub(crate) fn wait(&self, limit: Duration) {
        let connection = self.lock();
        // Woken early or late, the caller looks again.
        drop(self.shared.1.wait_timeout_while(connection, limit, |connection| !connection.stopped));
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VpcdClient {
    /// A client for the reader at `address` (`HOST:PORT`).
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), stop: Stop::default(), delay: Duration::ZERO }
    }

    /// Lets each answer come this much later, as the answers of a real card in a real reader do.
    #[must_use]
    pub fn slowed(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The means to end [`VpcdClient::run`].
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Keeps `card` in the reader until it is stopped or pulled. `inserted` is called once: when a reader has first
    /// spoken to the card. A reader that is not there yet, or goes away, is waited for.
    ///
    /// # Errors
    ///
    /// [`Error::Address`] if the address names nothing.
    pub fn run(
        &self,
        card: &mut VirtualCard,
        plan: &mut FaultPlan,
        inserted: impl FnOnce(&VirtualCard),
    ) -> Result<End, Error> {
        let failed = |source| Error::Address { address: self.address.clone(), source };
        let addresses: Vec<SocketAddr> = self.address.to_socket_addrs().map_err(failed)?.collect();
        let mut inserted = Some(inserted);
        card.end_waiting_with(self.stop.clone());
        let mut last_message = Instant::now();
        loop {
            if self.stop.is_requested() {
                return Ok(End::Stopped);
            }
            let stream = addresses.iter().find_map(|address| connect(address).ok());
            let served = stream.map(|stream| self.serve(&stream, card, plan, &mut inserted, &mut last_message));
            // The last one to hold the connection: now the reader sees it closed.
            self.stop.forget();
            match served {
                Some(Ok(command)) => return Ok(End::Removed { command }),
                Some(Err(error)) => tracing::debug!(%error, "the reader is gone"),
                None => {}
            }
            card.reset();
            self.stop.wait(retry_interval(last_message.elapsed()));
        }
    }

    /// Answers one reader until the connection ends, which is an error, or the card is pulled: then the number of the
    /// command that it did not answer.
    fn serve(
        &self,
        stream: &TcpStream,
        card: &mut VirtualCard,
        plan: &mut FaultPlan,
        inserted: &mut Option<impl FnOnce(&VirtualCard)>,
        last_message: &mut Instant,
    ) -> io::Result<u64> {
        if !self.stop.watch(stream)? {
            return Err(io::ErrorKind::Interrupted.into());
        }
        stream.set_nodelay(true)?;
        let mut incoming = Acknowledging(stream);
        let mut outgoing = stream;
        acknowledge_at_once(stream)?;
        loop {
            let message = Zeroizing::new(vpcd::read_message(&mut incoming)?);
            *last_message = Instant::now();
            if let Some(inserted) = inserted.take() {
                inserted(card);
            }
            let answer = match message.as_slice() {
                [] => continue,
                [code] => match Control::from_code(*code) {
                    Some(Control::Atr) => card.atr(),
                    Some(Control::PowerOff | Control::PowerOn | Control::Reset) => {
                        card.reset();
                        continue;
                    }
                    None => continue,
                },
                apdu => match plan.transmit(card, apdu) {
                    Outcome::Answer(answer) => answer,
                    Outcome::Late(time, answer) if is_patient(stream, time)? => answer,
                    Outcome::Late(..) => continue,
                    Outcome::Reset => {
                        // An answer of no bytes: see `smartcard::vpcd`.
                        vpcd::write_message(&mut outgoing, &[])?;
                        if is_patient(stream, TIME_TO_NOTICE)? {
                            // pcscd's driver does not take that for an answer. So the card leaves, and the loop around
                            // this one brings it back.
                            return Err(io::ErrorKind::ConnectionReset.into());
                        }
                        continue;
                    }
                    Outcome::Removed => return Ok(plan.commands()),
                },
            };
            if message.len() > 1 && !is_patient(stream, self.delay)? {
                continue;
            }
            vpcd::write_message(&mut outgoing, &answer)?;
        }
    }
}

/// A reader that has noticed a reset speaks to the card again, or hangs up, within this time.
const TIME_TO_NOTICE: Duration = Duration::from_millis(200);

/// Connects to a reader, and not to itself: where nobody listens, the system may give the connection the very port that it
/// looks for, and it would succeed (RFC 9293 3.5, simultaneous open) and keep the reader's port from the reader.
fn connect(address: &SocketAddr) -> io::Result<TcpStream> {
    not_itself(TcpStream::connect_timeout(address, CONNECT_LIMIT)?)
}

fn not_itself(stream: TcpStream) -> io::Result<TcpStream> {
    if stream.local_addr()? == stream.peer_addr()? { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(stream) }
}

/// Lets `time` pass. False if the reader does not wait for so long: it says something else, or hangs up.
fn is_patient(stream: &TcpStream, time: Duration) -> io::Result<bool> {
    if time.is_zero() {
        return Ok(true);
    }
    stream.set_read_timeout(Some(time))?;
    let heard = stream.peek(&mut [0]);
    stream.set_read_timeout(None)?;
    match heard {
        Ok(_) => Ok(false),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(true),
        Err(error) => Err(error),
    }
}

/// How long a reader on another machine may take to accept.
const CONNECT_LIMIT: Duration = Duration::from_millis(500);
/// How long to wait before a reader that is not there is looked for again. pivkit's own is there for one command, which
/// should not wait while one follows the other; later, most of the time, nobody is there.
fn retry_interval(alone: Duration) -> Duration {
    if alone < PATIENCE { Duration::from_millis(10) } else { Duration::from_millis(100) }
}

const PATIENCE: Duration = Duration::from_secs(2);

/// A stream that acknowledges what it reads at once.
///
/// vpcd writes the length and the data of a message apart. With its Nagle algorithm the second part waits until the
/// first is acknowledged, which Linux delays by some 40 ms. Asking for quick acknowledgements lasts only until the
/// next read (tcp(7), TCP_QUICKACK).
struct Acknowledging<'a>(&'a TcpStream);

impl Read for Acknowledging<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(buffer)?;
        acknowledge_at_once(self.0)?;
        Ok(length)
    }
}

#[cfg(target_os = "linux")]
fn acknowledge_at_once(stream: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(stream).set_tcp_quickack(true)
}

#[cfg(not(target_os = "linux"))]
fn acknowledge_at_once(_stream: &TcpStream) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
