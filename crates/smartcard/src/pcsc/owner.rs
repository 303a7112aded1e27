//! The thread that owns the card: it alone makes the calls that may take for ever. See [`super::connection`].

use std::ffi::CString;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use pcsc::{Context, Disposition, Protocols, Scope, ShareMode, State};
use zeroize::Zeroizing;

use super::from_pcsc;
use crate::{Error, Protocol};

/// What the thread is asked for.
pub(super) enum Request {
    Begin,
    Transmit(Zeroizing<Vec<u8>>),
    End,
}

/// What it answers.
pub(super) enum Answer {
    Connected {
        atr: Vec<u8>,
        protocol: Protocol,
    },
    /// A transaction has begun or ended.
    Done,
    /// What the card sent.
    Data(Vec<u8>),
}

/// What the thread owns.
pub(super) struct Owner {
    context: Context,
    reader: CString,
    name: String,
    card: OpenCard,
    /// The card was reset by someone else: the connection must be taken up again.
    stale: bool,
}

impl Owner {
    /// Connects; as an answer, what became of it.
    pub(super) fn connect(reader: CString, limit: Duration) -> Result<(Self, Answer), Error> {
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
    pub(super) fn serve(mut self, requests: &Receiver<Request>, answers: &Sender<Result<Answer, Error>>) {
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
        // A second try, because a reset may come to light only once the transaction has begun.
        for last_try in [false, true] {
            let transaction = match begin(card, stale) {
                Ok(transaction) => transaction,
                Err(error) => return answers.send(Err(from_pcsc(error, name))).is_ok(),
            };
            if !last_try && was_reset(&transaction) {
                *stale = true;
                continue;
            }
            if answers.send(Ok(Answer::Done)).is_err() {
                return false;
            }
            let place = Place { context, reader, name };
            return serve_transaction(transaction, &place, stale, requests, answers);
        }
        true
    }
}

/// Where a transaction takes place.
struct Place<'a> {
    context: &'a Context,
    reader: &'a CString,
    name: &'a str,
}

/// Carries commands to the card until the transaction is to end; false if nobody is there any more.
fn serve_transaction(
    transaction: pcsc::Transaction<'_>,
    place: &Place<'_>,
    stale: &mut bool,
    requests: &Receiver<Request>,
    answers: &Sender<Result<Answer, Error>>,
) -> bool {
    let mut buffer = Zeroizing::new(vec![0; pcsc::MAX_BUFFER_SIZE_EXTENDED]);
    while let Ok(request) = requests.recv() {
        let Request::Transmit(apdu) = request else {
            let ended = transaction.end(Disposition::LeaveCard).map_err(|(_, error)| from_pcsc(error, place.name));
            return answers.send(ended.map(|()| Answer::Done)).is_ok();
        };
        let answer = place.judge(transaction.transmit(&apdu, &mut buffer), stale);
        if answers.send(answer).is_err() {
            return false;
        }
    }
    false
}

impl Place<'_> {
    /// Tells the card's answer from the many ways in which drivers say that it has left or was reset.
    fn judge(&self, answer: Result<&[u8], pcsc::Error>, stale: &mut bool) -> Result<Answer, Error> {
        let reader = || self.name.to_owned();
        match answer {
            Ok(answer) if answer.len() < STATUS_WORD_LENGTH && self.is_gone() => {
                Err(Error::Removed { reader: reader() })
            }
            Ok(answer) => Ok(Answer::Data(answer.to_vec())),
            // pcscd knows of no protocol right after a reset.
            Err(pcsc::Error::ResetCard | pcsc::Error::ProtoMismatch) => {
                *stale = true;
                Err(Error::Reset { reader: reader() })
            }
            Err(pcsc::Error::ReaderUnavailable | pcsc::Error::UnknownReader | pcsc::Error::NoSmartcard) => {
                Err(Error::Removed { reader: reader() })
            }
            Err(error) => match from_pcsc(error, self.name) {
                Error::Failed { .. } if self.is_gone() => Err(Error::Removed { reader: reader() }),
                error => Err(error),
            },
        }
    }

    /// Asks the service whether the card has left the reader, and gives it time to notice.
    fn is_gone(&self) -> bool {
        let mut states = [pcsc::ReaderState::new(self.reader.clone(), State::PRESENT)];
        let deadline = Instant::now() + TIME_TO_NOTICE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.context.get_status_change(left, &mut states) {
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
}

/// True if the card was reset since the connection was made: the service says so, or knows of no protocol.
fn was_reset(transaction: &pcsc::Transaction<'_>) -> bool {
    match transaction.status2_owned() {
        Ok(status) => status.protocol2().is_none(),
        Err(error) => error == pcsc::Error::ResetCard,
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
        match settled(|| context.connect(reader, ShareMode::Shared, Protocols::ANY)) {
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
    settled(|| card.reconnect(ShareMode::Shared, Protocols::ANY, Disposition::LeaveCard))
}

/// Tries again for a moment while the card is being reset: pcscd resets the card of a program that died in a transaction,
/// and until that is done it knows of no protocol that could fit.
fn settled<T>(mut attempt: impl FnMut() -> Result<T, pcsc::Error>) -> Result<T, pcsc::Error> {
    let start = Instant::now();
    loop {
        match attempt() {
            Err(pcsc::Error::ProtoMismatch) if start.elapsed() < TIME_TO_NOTICE => std::thread::park_timeout(SETTLING),
            result => return result,
        }
    }
}

const SETTLING: Duration = Duration::from_millis(20);

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
