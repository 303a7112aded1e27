//! The vpcd protocol of vsmartcard, and a transport in which this process plays the reader's part.
//!
//! A virtual card (vpicc) connects by TCP to a virtual reader (vpcd). Every message is a length of two bytes,
//! big-endian, and that many bytes. A message of one byte from the reader is a control code, anything longer is an APDU:
//!
//! ```text
//! reader -> card   00 01  00            power off      no answer
//!                  00 01  01            power on       no answer
//!                  00 01  02            reset          no answer
//!                  00 01  04            get ATR        answer: length, ATR
//!                  length command APDU                 answer: length, data and status word
//! ```
//!
//! An answer of no bytes at all is one of a card that lost power or was reset before it answered: [`VpcdCard`]
//! reports [`Error::Reset`]. pcscd's driver does not take it for an answer and waits on.
//!
//! Usually pcscd's vpcd driver is the reader. With [`Listener`] it is this process: cards can then be used where no PC/SC
//! service runs, as in containers or in CI on macOS. The connection is plain TCP: use it on the loopback interface, or
//! on a network that you trust with a PIN.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::patience::MOMENT;
use crate::{Apdu, CardTransaction, CardTransport, Error, Patience, Wait};

/// What a reader tells a card besides APDUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Power off.
    PowerOff,
    /// Power on.
    PowerOn,
    /// Warm reset.
    Reset,
    /// Send the answer to reset.
    Atr,
}

impl Control {
    /// The byte on the wire.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::PowerOff => 0,
            Self::PowerOn => 1,
            Self::Reset => 2,
            Self::Atr => 4,
        }
    }

    /// The control code of a message of one byte; `None` for a byte that means nothing.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::PowerOff, Self::PowerOn, Self::Reset, Self::Atr].into_iter().find(|control| control.code() == code)
    }
}

/// Reads one message.
///
/// # Errors
///
/// Those of the stream; [`io::ErrorKind::UnexpectedEof`] when the other side has closed it.
pub fn read_message(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    Ok(message)
}

/// Writes one message, length and bytes in one piece so that they leave in one packet.
///
/// # Errors
///
/// Those of the stream; [`io::ErrorKind::InvalidInput`] for more than 65,535 bytes.
pub fn write_message(stream: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(2 + message.len()));
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(message);
    stream.write_all(&bytes)
}

/// A virtual reader that waits for its card.
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Opens the virtual reader at `address` (`HOST:PORT`; port 0 takes any free one).
    ///
    /// # Errors
    ///
    /// [`Error::AddressUnusable`] if the address is malformed or in use.
    pub fn bind(address: &str) -> Result<Self, Error> {
        let unusable =
            |error: io::Error| Error::AddressUnusable { address: address.to_owned(), source: Box::new(error) };
        let listener = TcpListener::bind(address).map_err(unusable)?;
        listener.set_nonblocking(true).map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        Ok(Self { listener, address })
    }

    /// The address that a card connects to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// True if a card, or another one, wants to be in this reader. It is turned away.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`].
    pub fn is_wanted(&self) -> Result<bool, Error> {
        match self.listener.accept() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(failed(&reader_name(&self.address.to_string()), error)),
        }
    }

    /// Waits for a card and powers it on. `patience` says how long its answers may take.
    ///
    /// # Errors
    ///
    /// [`Error::NoCard`] if none connects within `limit`, [`Error::Unresponsive`] if it gives no answer to reset.
    pub fn accept(&self, limit: Duration, patience: impl Into<Patience>) -> Result<VpcdCard, Error> {
        let patience = patience.into();
        let name = reader_name(&self.address.to_string());
        let deadline = Instant::now() + limit;
        let stream = loop {
            match self.listener.accept() {
                Ok((stream, _)) => break stream,
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(failed(&name, error)),
                Err(_) if Instant::now() >= deadline => return Err(Error::NoCard { reader: name }),
                Err(_) => std::thread::park_timeout(ACCEPT_INTERVAL),
            }
        };
        let prepare = || {
            stream.set_nonblocking(false)?;
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(patience.answer))
        };
        prepare().map_err(|error| failed(&name, error))?;
        let mut card = VpcdCard { stream, name, atr: Vec::new(), patience };
        card.control(Control::PowerOn)?;
        card.control(Control::Atr)?;
        card.atr = card.answer(Wait::Answer).map_err(|_| Error::Unresponsive { reader: card.name.clone() })?;
        Ok(card)
    }
}

/// How often a waiting listener looks for a card; the standard library has no accept with a time limit.
const ACCEPT_INTERVAL: Duration = Duration::from_millis(5);

/// A virtual card that has connected to this process. Nobody else can use it, so a transaction costs nothing. After a
/// failure it is gone for good: a late answer must not be taken for the answer to another command.
pub struct VpcdCard {
    stream: TcpStream,
    name: String,
    atr: Vec<u8>,
    patience: Patience,
}

impl VpcdCard {
    fn control(&mut self, control: Control) -> Result<(), Error> {
        self.send(&[control.code()])
    }

    fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        write_message(&mut self.stream, message).map_err(|error| self.give_up(error))
    }

    /// Waits for an answer, and says so after a moment.
    fn answer(&mut self, wait: Wait) -> Result<Vec<u8>, Error> {
        self.wait(wait).and_then(|()| read_message(&mut self.stream)).map_err(|error| self.give_up(error))
    }

    /// Waits until the first byte of an answer is there, or the time is over.
    fn wait(&self, wait: Wait) -> io::Result<()> {
        let limit = self.patience.limit(wait);
        self.stream.set_read_timeout(Some(limit.min(MOMENT)))?;
        let first = self.stream.peek(&mut [0]);
        self.stream.set_read_timeout(Some(limit))?;
        match first {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                (self.patience.waiting)(&self.name, wait);
                Ok(())
            }
            first => first.map(drop),
        }
    }

    fn give_up(&self, error: io::Error) -> Error {
        // A socket that is closed already is as good.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        failed(&self.name, error)
    }
}

impl CardTransport for VpcdCard {
    fn name(&self) -> &str {
        &self.name
    }

    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn transaction(&mut self) -> Result<Box<dyn CardTransaction + '_>, Error> {
        Ok(Box::new(self))
    }
}

impl CardTransaction for &mut VpcdCard {
    fn transmit(&mut self, apdu: &Apdu) -> Result<Vec<u8>, Error> {
        self.send(apdu.as_bytes())?;
        let answer = self.answer(apdu.wait())?;
        if answer.is_empty() { Err(Error::Reset { reader: self.name.clone() }) } else { Ok(answer) }
    }
}

impl Drop for VpcdCard {
    fn drop(&mut self) {
        // The card may be gone already.
        let _ = self.control(Control::PowerOff);
    }
}

fn reader_name(address: &str) -> String {
    format!("vpcd {address}")
}

fn failed(reader: &str, error: io::Error) -> Error {
    use io::ErrorKind as K;
    let reader = reader.to_owned();
    match error.kind() {
        K::WouldBlock | K::TimedOut => Error::TimedOut { reader },
        K::UnexpectedEof | K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe => Error::Removed { reader },
        _ => Error::Failed { reader, source: Box::new(error) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, Exchange, Link};

    /// A card on the other side of the socket: `serve` gets the reader's messages after power-on and ATR.
    fn card(address: SocketAddr, serve: impl FnOnce(TcpStream) + Send + 'static) -> std::thread::JoinHandle<()> {
        std::thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            assert_eq!(read_message(&mut stream).unwrap(), [Control::PowerOn.code()]);
            assert_eq!(read_message(&mut stream).unwrap(), [Control::Atr.code()]);
            write_message(&mut stream, &[0x3b, 0x80]).unwrap();
            serve(stream);
        })
    }

    fn send(card: &mut VpcdCard) -> Result<crate::Response, Error> {
        let mut link = Link::SHORT;
        Exchange::new(card.transaction()?, &mut link).send(&Command::new(0, 0xa4, 4, 0).expecting_answer())
    }

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn carries_commands_to_a_card_that_connects_and_powers_it_off_at_the_end() {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let thread = card(listener.address(), |mut stream| {
            assert_eq!(read_message(&mut stream).unwrap(), [0, 0xa4, 4, 0, 0]);
            write_message(&mut stream, &[0x61, 0x90, 0]).unwrap();
            assert_eq!(read_message(&mut stream).unwrap(), [Control::PowerOff.code()]);
        });
        let mut reader = listener.accept(LIMIT, LIMIT).unwrap();
        assert_eq!(reader.atr(), [0x3b, 0x80]);
        assert_eq!(send(&mut reader).unwrap().data, [0x61]);
        drop(reader);
        thread.join().unwrap();
    }

    #[test]
    fn without_a_card_there_is_a_clear_error() {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        assert!(matches!(listener.accept(Duration::ZERO, LIMIT), Err(Error::NoCard { .. })));
    }

    #[test]
    fn a_card_that_leaves_was_removed() {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let thread = card(listener.address(), drop);
        let mut reader = listener.accept(LIMIT, LIMIT).unwrap();
        thread.join().unwrap();
        assert!(matches!(send(&mut reader), Err(Error::Removed { .. })));
    }

    #[test]
    fn a_card_that_answers_nothing_was_reset_and_is_still_there() {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let thread = card(listener.address(), |mut stream| {
            for answer in [&[][..], &[0x90, 0x00]] {
                read_message(&mut stream).unwrap();
                write_message(&mut stream, answer).unwrap();
            }
        });
        let mut reader = listener.accept(LIMIT, LIMIT).unwrap();
        assert!(matches!(send(&mut reader), Err(Error::Reset { .. })));
        assert!(send(&mut reader).unwrap().status.is_ok());
        thread.join().unwrap();
    }

    #[test]
    fn a_card_that_hangs_is_given_up() {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let thread = card(listener.address(), move |_stream| {
            let _ = wait.recv();
        });
        let (told, heard) = std::sync::mpsc::channel();
        let waiting = move |_: &str, wait| told.send(wait).unwrap();
        let patience = Patience { waiting: std::sync::Arc::new(waiting), ..Duration::from_millis(50).into() };
        let mut reader = listener.accept(LIMIT, patience).unwrap();
        assert!(matches!(send(&mut reader), Err(Error::TimedOut { .. })));
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [Wait::Answer], "said once, before the time is over");
        assert!(matches!(send(&mut reader), Err(Error::Removed { .. })), "what it says now is too late");
        drop(release);
        thread.join().unwrap();
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        assert!(matches!(Listener::bind("nonsense"), Err(Error::AddressUnusable { .. })));
    }
}
