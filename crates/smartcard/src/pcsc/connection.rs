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
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pcsc::{Context, Disposition, Protocols, Scope, ShareMode, State};
use zeroize::Zeroizing;

use super::from_pcsc;
use crate::{Apdu, CardTransaction, CardTransport, Error, Protocol};

/// How long to wait for a card, and whom to tell.
#[derive(Clone)]
pub struct Patience {
    /// How long another program may keep the card before it is given up with [`Error::Busy`].
    pub busy: Duration,
    /// How long the card may take for one answer before it is given up with [`Error::TimedOut`]. A person may have to
    /// touch it in this time.
    pub answer: Duration,
    /// Called with the reader's name when another program keeps the card for longer than a moment.
    pub waiting: Arc<dyn Fn(&str) + Send + Sync>,
}

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

enum Request {
    Begin,
    Transmit(Zeroizing<Vec<u8>>),
    End,
}

enum Answer {
    Connected {
        atr: Vec<u8>,
        protocol: Protocol,
    },
    /// A transaction has begun or ended.
    Done,
    /// What the card sent.
    Data(Vec<u8>),
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

    /// Waits for what another program may delay; says so after a moment.
    fn wait_while_busy(&mut self) -> Result<Answer, Error> {
        let Some(thread) = &self.thread else { return Err(Error::Removed { reader: self.name.clone() }) };
        let answer = match thread.answers.recv_timeout(MOMENT) {
            Err(RecvTimeoutError::Timeout) => {
                (self.patience.waiting)(&self.name);
                thread.answers.recv_timeout(self.patience.busy)
            }
            answer => answer,
        };
        self.or_give_up(answer, |reader| Error::Busy { reader })
    }

    /// Sends a request to the thread.
    fn send(&self, request: Request) {
        // A thread that has ended shows when its answer is waited for.
        let _ = self.thread.as_ref().map(|thread| thread.requests.send(request));
    }

    /// Waits for what the card may delay.
    fn wait_for_answer(&mut self) -> Result<Answer, Error> {
        let Some(thread) = &self.thread else { return Err(Error::Removed { reader: self.name.clone() }) };
        let answer = thread.answers.recv_timeout(self.patience.answer);
        self.or_give_up(answer, |reader| Error::TimedOut { reader })
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

/// What is not yet worth a word.
const MOMENT: Duration = Duration::from_secs(1);

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
        match self.0.wait_for_answer()? {
            Answer::Data(data) => Ok(data),
            Answer::Connected { .. } | Answer::Done => Err(Error::MalformedAnswer { reason: "it is none" }),
        }
    }
}

impl Drop for PcscTransaction<'_> {
    fn drop(&mut self) {
        // Waits until it has ended, so that nobody who acts on it is too early. A card that is gone has no transaction.
        self.0.send(Request::End);
        let _ = self.0.wait_for_answer();
    }
}

/// What the thread owns.
struct Owner {
    context: Context,
    reader: CString,
    name: String,
    card: OpenCard,
    /// The card was reset by someone else: the connection must be taken up again.
    stale: bool,
}

impl Owner {
    fn connect(reader: CString, limit: Duration) -> Result<(Self, Answer), Error> {
        let name = reader.to_string_lossy().into_owned();
        let failed = |error| from_pcsc(error, &name);
        let context = Context::establish(Scope::User).map_err(failed)?;
        let card = OpenCard(Some(connect_when_free(&context, &reader, limit).map_err(failed)?));
        let status = card.get(&name)?.status2_owned().map_err(failed)?;
        let protocol = match status.protocol2() {
            Some(pcsc::Protocol::T0) => Protocol::T0,
            _ => Protocol::T1,
        };
        let connected = Answer::Connected { atr: status.atr().to_vec(), protocol };
        Ok((Self { context, reader, name: name.clone(), card, stale: false }, connected))
    }

    /// Serves one transaction after the other until nobody asks any more.
    fn serve(mut self, requests: &Receiver<Request>, answers: &Sender<Result<Answer, Error>>) {
        while let Ok(request) = requests.recv() {
            let served = match request {
                Request::Begin => self.transaction(requests, answers),
                // A transaction that could not begin has nothing to end.
                Request::Transmit(_) | Request::End => answers.send(Ok(Answer::Done)).is_ok(),
            };
            if !served {
                return;
            }
        }
    }

    /// Serves one transaction; false if nobody is there any more.
    fn transaction(&mut self, requests: &Receiver<Request>, answers: &Sender<Result<Answer, Error>>) -> bool {
        let Self { context, reader, name, card: OpenCard(card), stale } = self;
        let Some(card) = card else { return false };
        let transaction = match begin(card, stale) {
            Ok(transaction) => transaction,
            Err(error) => return answers.send(Err(from_pcsc(error, name))).is_ok(),
        };
        if answers.send(Ok(Answer::Done)).is_err() {
            return false;
        }
        let mut buffer = Zeroizing::new(vec![0; pcsc::MAX_BUFFER_SIZE_EXTENDED]);
        while let Ok(request) = requests.recv() {
            let Request::Transmit(apdu) = request else {
                let ended = transaction.end(Disposition::LeaveCard).map_err(|(_, error)| from_pcsc(error, name));
                return answers.send(ended.map(|()| Answer::Done)).is_ok();
            };
            let answer = match transaction.transmit(&apdu, &mut buffer) {
                Ok(answer) if answer.len() >= STATUS_WORD_LENGTH => Ok(Answer::Data(answer.to_vec())),
                // Drivers say in many ways that the card has left.
                Ok(_) if is_gone(context, reader) => Err(Error::Removed { reader: name.clone() }),
                Ok(answer) => Ok(Answer::Data(answer.to_vec())),
                Err(pcsc::Error::ResetCard) => {
                    *stale = true;
                    Err(Error::Reset { reader: name.clone() })
                }
                Err(pcsc::Error::ReaderUnavailable | pcsc::Error::UnknownReader | pcsc::Error::NoSmartcard) => {
                    Err(Error::Removed { reader: name.clone() })
                }
                Err(error) => match from_pcsc(error, name) {
                    Error::Failed { .. } if is_gone(context, reader) => Err(Error::Removed { reader: name.clone() }),
                    error => Err(error),
                },
            };
            if answers.send(answer).is_err() {
                return false;
            }
        }
        false
    }
}

const STATUS_WORD_LENGTH: usize = 2;

/// Connects; waits while another program has the card for itself alone.
fn connect_when_free(context: &Context, reader: &CString, limit: Duration) -> Result<pcsc::Card, pcsc::Error> {
    let deadline = Instant::now() + limit;
    let mut states = [pcsc::ReaderState::new(reader.clone(), State::UNAWARE)];
    loop {
        // Whether it was worth waiting shows at the next try to connect.
        let _ = context.get_status_change(Duration::ZERO, &mut states);
        let left = deadline.saturating_duration_since(Instant::now());
        match context.connect(reader, ShareMode::Shared, Protocols::ANY) {
            Err(pcsc::Error::SharingViolation) if !left.is_zero() => {
                states.iter_mut().for_each(pcsc::ReaderState::sync_current_state);
                let _ = context.get_status_change(left.min(LOOK_AGAIN), &mut states);
            }
            result => return result,
        }
    }
}

/// How often to look for a card to become free; not every service tells.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Begins a transaction; takes the connection up again if another program has reset the card.
fn begin<'a>(card: &'a mut pcsc::Card, stale: &mut bool) -> Result<pcsc::Transaction<'a>, pcsc::Error> {
    if std::mem::take(stale) {
        take_up_again(card)?;
    }
    match card.transaction2() {
        Ok(transaction) => Ok(transaction),
        Err((card, pcsc::Error::ResetCard)) => {
            take_up_again(card)?;
            card.transaction()
        }
        Err((_, error)) => Err(error),
    }
}

fn take_up_again(card: &mut pcsc::Card) -> Result<(), pcsc::Error> {
    card.reconnect(ShareMode::Shared, Protocols::ANY, Disposition::LeaveCard)
}

/// Asks the service whether the card has left the reader, and gives it time to notice.
fn is_gone(context: &Context, reader: &CString) -> bool {
    let mut states = [pcsc::ReaderState::new(reader.clone(), State::PRESENT)];
    let deadline = Instant::now() + TIME_TO_NOTICE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match context.get_status_change(left, &mut states) {
            Ok(()) => {}
            Err(pcsc::Error::Timeout) => return false,
            Err(_) => return true,
        }
        let [state] = &mut states;
        if !state.event_state().contains(State::PRESENT) || left.is_zero() {
            return !state.event_state().contains(State::PRESENT);
        }
        state.sync_current_state();
    }
}

/// pcscd looks into its readers every 400 ms.
const TIME_TO_NOTICE: Duration = Duration::from_millis(1500);

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
