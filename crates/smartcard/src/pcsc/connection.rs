//! A shared connection to the card in a reader.
//!
//! Some calls of PC/SC may take for ever: SCardConnect and SCardBeginTransaction, while another program is in a
//! transaction, and SCardTransmit, when the card hangs. Therefore a thread of its own, with a context of its own, owns the
//! card, and whoever waits for it waits with a time limit:
//!
//! ```text
//! PcscCard ──(started)───────────> thread: SCardConnect, SCardStatus
//!          <─Answer (ATR)──────────
//!          ──Request::Begin──────> SCardBeginTransaction
//!          <─Answer────────────────
//!          ──Request::Transmit───> SCardTransmit
//!          <─Answer────────────────
//!          ──Request::End────────> SCardEndTransaction(SCARD_LEAVE_CARD)
//!          (dropped)               SCardDisconnect(SCARD_LEAVE_CARD), the thread ends
//! ```

use std::ffi::CString;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use zeroize::Zeroizing;

use super::owner::{Answer, Owner, Request};
use crate::patience::MOMENT;
use crate::{Apdu, CardTransaction, CardTransport, Error, Patience, Protocol, Wait};

/// A shared connection to the card in a reader.
pub struct PcscCard {
    name: String,
    atr: Vec<u8>,
    protocol: Protocol,
    patience: Patience,
    /// None once the thread was given up.
    thread: Option<Thread>,
}

/// The thread that owns the card, and the ends of the channels to it.
struct Thread {
    requests: Sender<Request>,
    answers: Receiver<Result<Answer, Error>>,
    handle: JoinHandle<()>,
}

impl PcscCard {
    pub(super) fn connect(reader: CString, patience: Patience) -> Result<Self, Error> {
        let name = reader.to_string_lossy().into_owned();
        let (requests, incoming) = channel();
        let (outgoing, answers) = channel();
        let limit = MOMENT + patience.busy;
        let handle = std::thread::spawn(move || {
            let (owner, connected) = match Owner::connect(reader, limit) {
                Ok((owner, connected)) => (Some(owner), Ok(connected)),
                Err(error) => (None, Err(error)),
            };
            if let (Some(owner), Ok(())) = (owner, outgoing.send(connected)) {
                owner.serve(&incoming, &outgoing);
            }
        });
        let thread = Some(Thread { requests, answers, handle });
        let mut card = Self { name, atr: Vec::new(), protocol: Protocol::default(), patience, thread };
        if let Answer::Connected { atr, protocol } = card.wait_while_busy()? {
            (card.atr, card.protocol) = (atr, protocol);
        }
        Ok(card)
    }

    /// Waits for what another program may delay.
    fn wait_while_busy(&mut self) -> Result<Answer, Error> {
        self.wait(Wait::OtherProgram, |reader| Error::Busy { reader })
    }

    /// Waits for what the card may delay.
    fn wait_for_answer(&mut self, wait: Wait) -> Result<Answer, Error> {
        self.wait(wait, |reader| Error::TimedOut { reader })
    }

    /// Waits, and says so after a moment.
    fn wait(&mut self, wait: Wait, too_late: impl Fn(String) -> Error) -> Result<Answer, Error> {
        let Some(thread) = &self.thread else { return Err(Error::Removed { reader: self.name.clone() }) };
        let answer = match thread.answers.recv_timeout(MOMENT) {
            Err(RecvTimeoutError::Timeout) => {
                (self.patience.waiting)(&self.name, wait);
                thread.answers.recv_timeout(self.patience.limit(wait))
            }
            answer => answer,
        };
        self.or_give_up(answer, too_late)
    }

    /// Sends a request to the thread.
    fn send(&self, request: Request) {
        // A thread that has ended shows when its answer is waited for.
        let _ = self.thread.as_ref().map(|thread| thread.requests.send(request));
    }

    /// After a failure to answer in time the thread is left to itself: a late answer must not be taken for the answer to
    /// another request.
    fn or_give_up(
        &mut self,
        answer: Result<Result<Answer, Error>, RecvTimeoutError>,
        too_late: impl Fn(String) -> Error,
    ) -> Result<Answer, Error> {
        answer.unwrap_or_else(|error| {
            self.thread = None;
            Err(match error {
                RecvTimeoutError::Disconnected => Error::Removed { reader: self.name.clone() },
                RecvTimeoutError::Timeout => too_late(self.name.clone()),
            })
        })
    }
}

impl Drop for PcscCard {
    /// Waits until the card was disconnected: a process that ends earlier would leave that to the service, which may reset
    /// the card.
    fn drop(&mut self) {
        if let Some(Thread { requests, handle, .. }) = self.thread.take() {
            drop(requests);
            let _ = handle.join();
        }
    }
}

impl CardTransport for PcscCard {
    fn name(&self) -> &str {
        &self.name
    }

    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn transaction(&mut self) -> Result<Box<dyn CardTransaction + '_>, Error> {
        self.send(Request::Begin);
        self.wait_while_busy()?;
        Ok(Box::new(PcscTransaction(self)))
    }
}

struct PcscTransaction<'a>(&'a mut PcscCard);

impl CardTransaction for PcscTransaction<'_> {
    fn transmit(&mut self, apdu: &Apdu) -> Result<Vec<u8>, Error> {
        self.0.send(Request::Transmit(Zeroizing::new(apdu.as_bytes().to_vec())));
        match self.0.wait_for_answer(apdu.wait())? {
            Answer::Data(data) => Ok(data),
            Answer::Connected { .. } | Answer::Done => Err(Error::MalformedAnswer { reason: "it is none" }),
        }
    }
}

impl Drop for PcscTransaction<'_> {
    fn drop(&mut self) {
        // Waits until it has ended, so that nobody who acts on it is too early. A card that is gone has no transaction.
        self.0.send(Request::End);
        let _ = self.0.wait_while_busy();
    }
}
