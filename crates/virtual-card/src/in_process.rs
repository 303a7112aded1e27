//! A reader in this process: the card as a [`CardTransport`], and the test's view of it from outside.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smartcard::{Apdu, CardTransaction, CardTransport, Error};

use crate::fault::Outcome;
use crate::{Fault, FaultPlan, VirtualCard};

/// A connection to a card in this process.
///
/// Several connections to one card behave as several programs at one reader, except that a transaction does not keep
/// the others out.
pub struct InProcess {
    reader: Arc<Mutex<Reader>>,
    atr: Vec<u8>,
}

/// What a test sees of a card and does to it, while a client holds the connection.
#[derive(Clone)]
pub struct Probe {
    reader: Arc<Mutex<Reader>>,
}

struct Reader {
    card: VirtualCard,
    inserted: bool,
    plan: FaultPlan,
}

impl InProcess {
    /// How long the reader waits for an answer.
    pub const ANSWER_LIMIT: Duration = Duration::from_secs(30);

    /// Puts `card` into a reader and connects to it.
    #[must_use]
    pub fn new(card: VirtualCard) -> Self {
        let atr = card.atr();
        let reader = Reader { card, inserted: true, plan: FaultPlan::default().recording() };
        Self { reader: Arc::new(Mutex::new(reader)), atr }
    }

    /// The view from outside, which stays when the connection is given away.
    #[must_use]
    pub fn probe(&self) -> Probe {
        Probe { reader: Arc::clone(&self.reader) }
    }
}

impl Probe {
    /// Another connection to the same card, which is put back into the reader if it was pulled.
    #[must_use]
    pub fn connect(&self) -> InProcess {
        let mut reader = lock(&self.reader);
        reader.inserted = true;
        InProcess { reader: Arc::clone(&self.reader), atr: reader.card.atr() }
    }

    /// How many command APDUs were sent, those that met a fault included.
    #[must_use]
    pub fn commands(&self) -> u64 {
        lock(&self.reader).plan.commands()
    }

    /// CLA, INS, P1 and P2 of every command APDU that was sent. Data are not kept: a PIN could be among them.
    #[must_use]
    pub fn headers(&self) -> Vec<[u8; 4]> {
        lock(&self.reader).plan.record().iter().map(|command| command.header).collect()
    }

    /// How many VERIFY commands with data were sent, to whatever they led.
    #[must_use]
    pub fn pins_sent(&self) -> usize {
        lock(&self.reader).plan.record().iter().filter(|command| command.sends_pin()).count()
    }

    /// How many wrong PINs the card still takes.
    #[must_use]
    pub fn tries_left(&self) -> u8 {
        lock(&self.reader).card.tries_left()
    }

    /// How many wrong PUKs the card still takes.
    #[must_use]
    pub fn puk_tries_left(&self) -> u8 {
        lock(&self.reader).card.puk_tries_left()
    }

    /// How often the card asked to be touched, and was.
    #[must_use]
    pub fn touches(&self) -> u64 {
        lock(&self.reader).card.touches()
    }

    /// Pulls the card just before the `n`-th command from now (1 is the next one): that command and all later ones get
    /// [`Error::Removed`], until [`Probe::connect`] puts the card back.
    pub fn pull_at(&self, n: u64) {
        lock(&self.reader).plan.plan(n, Fault::Remove);
    }

    /// Resets the card just before the `n`-th command from now, as another program would: that command gets
    /// [`Error::Reset`]; the selection and the verified PIN are gone.
    pub fn reset_at(&self, n: u64) {
        lock(&self.reader).plan.plan(n, Fault::Reset);
    }

    /// Has the `n`-th command from now answered with `status`, unexecuted.
    pub fn answer_at(&self, n: u64, status: smartcard::StatusWord) {
        lock(&self.reader).plan.plan(n, Fault::Status(status));
    }

    /// Has `fault` befall the `n`-th command from now. A [`Fault::Hang`] takes no time here: within [`InProcess::ANSWER_LIMIT`] the
    /// answer comes at once; after it the command gets [`Error::TimedOut`] and the connection is given up, as other
    /// transports do it, so that later commands get [`Error::Removed`] until [`Probe::connect`].
    pub fn fault_at(&self, n: u64, fault: Fault) {
        lock(&self.reader).plan.plan(n, fault);
    }

    /// As [`Probe::fault_at`], for the `n`-th command from now with this instruction (INS).
    pub fn fault_at_instruction(&self, n: u64, instruction: u8, fault: Fault) {
        lock(&self.reader).plan.plan_of(n, instruction, fault);
    }

    /// Works with the card itself.
    pub fn with_card<T>(&self, work: impl FnOnce(&mut VirtualCard) -> T) -> T {
        work(&mut lock(&self.reader).card)
    }
}

impl CardTransport for InProcess {
    fn name(&self) -> &str {
        NAME
    }

    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn transaction(&mut self) -> Result<Box<dyn CardTransaction + '_>, Error> {
        if lock(&self.reader).inserted { Ok(Box::new(self)) } else { Err(removed()) }
    }
}

impl CardTransaction for &mut InProcess {
    fn transmit(&mut self, apdu: &Apdu) -> Result<Vec<u8>, Error> {
        let mut reader = lock(&self.reader);
        if !reader.inserted {
            return Err(removed());
        }
        let Reader { card, inserted, plan } = &mut *reader;
        match plan.transmit(card, apdu.as_bytes()) {
            Outcome::Answer(answer) => Ok(answer),
            Outcome::Late(time, answer) if time <= InProcess::ANSWER_LIMIT => Ok(answer),
            Outcome::Late(..) => {
                *inserted = false;
                Err(Error::TimedOut { reader: NAME.to_owned() })
            }
            Outcome::Reset => Err(Error::Reset { reader: NAME.to_owned() }),
            Outcome::Removed => {
                *inserted = false;
                Err(removed())
            }
        }
    }
}

const NAME: &str = "in process";

fn removed() -> Error {
    Error::Removed { reader: NAME.to_owned() }
}

/// A test that failed while it held the lock leaves a card that is still a card.
fn lock(reader: &Mutex<Reader>) -> MutexGuard<'_, Reader> {
    reader.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use smartcard::{Command, Exchange, Link, Response, StatusWord};
    use zeroize::Zeroizing;

    use super::*;
    use crate::{CardOptions, Content};

    fn card() -> (InProcess, Probe) {
        let reader = InProcess::new(VirtualCard::new(Content::blank().unwrap(), CardOptions::default()));
        let probe = reader.probe();
        (reader, probe)
    }

    fn send(reader: &mut InProcess, command: &Command) -> Result<Response, Error> {
        let mut link = Link::SHORT;
        Exchange::new(reader.transaction()?, &mut link).send(command)
    }

    fn select() -> Command {
        Command::new(0, 0xa4, 4, 0).with_data([0xa0, 0, 0, 3, 8]).expecting_answer()
    }

    fn verify(pin: &[u8]) -> Command {
        Command::new(0, 0x20, 0, 0x80).with_secret(Zeroizing::new(pin.to_vec()))
    }

    #[test]
    fn counts_commands_and_keeps_their_headers() {
        let (mut reader, probe) = card();
        assert!(send(&mut reader, &select()).unwrap().status.is_ok());
        assert_eq!(send(&mut reader, &verify(b"000000\xff\xff")).unwrap().status, StatusWord(0x63c2));
        assert_eq!(probe.headers(), [[0, 0xa4, 4, 0], [0, 0x20, 0, 0x80]]);
        assert_eq!((probe.commands(), probe.tries_left()), (2, 2));
    }

    #[test]
    fn a_pulled_card_stays_away_until_it_is_put_back() {
        let (mut reader, probe) = card();
        probe.pull_at(2);
        assert!(send(&mut reader, &select()).is_ok());
        assert!(matches!(send(&mut reader, &verify(b"000000\xff\xff")), Err(Error::Removed { .. })));
        assert!(matches!(send(&mut reader, &select()), Err(Error::Removed { .. })));
        assert_eq!(probe.tries_left(), 3, "the card never saw the PIN");
        let mut again = probe.connect();
        assert!(send(&mut again, &select()).unwrap().status.is_ok());
    }

    #[test]
    fn a_reset_is_told_once_and_takes_selection_and_pin() {
        let (mut reader, probe) = card();
        send(&mut reader, &select()).unwrap();
        send(&mut reader, &verify(b"123456\xff\xff")).unwrap();
        probe.reset_at(1);
        assert!(matches!(send(&mut reader, &verify(b"")), Err(Error::Reset { .. })));
        assert_eq!(send(&mut reader, &verify(b"")).unwrap().status, StatusWord::COMMAND_NOT_ALLOWED);
        send(&mut reader, &select()).unwrap();
        assert_eq!(send(&mut reader, &verify(b"")).unwrap().status, StatusWord(0x63c3));
    }

    #[test]
    fn a_card_that_leaves_or_is_reset_after_a_command_has_executed_it() {
        for fault in [Fault::RemoveAfter, Fault::ResetAfter] {
            let (mut reader, probe) = card();
            send(&mut reader, &select()).unwrap();
            probe.fault_at_instruction(1, 0x20, fault);
            let lost = send(&mut reader, &verify(b"000000\xff\xff"));
            assert!(matches!(lost, Err(Error::Removed { .. } | Error::Reset { .. })), "{fault}: {lost:?}");
            assert_eq!(matches!(lost, Err(Error::Removed { .. })), fault == Fault::RemoveAfter, "{fault}");
            assert_eq!((probe.tries_left(), probe.pins_sent()), (2, 1), "the card saw it: {fault}");
        }
    }

    #[test]
    fn a_planned_status_word_is_answered_without_the_card() {
        let (mut reader, probe) = card();
        send(&mut reader, &select()).unwrap();
        probe.answer_at(1, StatusWord::NO_DIAGNOSIS);
        assert_eq!(send(&mut reader, &verify(b"000000\xff\xff")).unwrap().status, StatusWord::NO_DIAGNOSIS);
        assert_eq!(probe.tries_left(), 3);
    }

    #[test]
    fn a_card_that_hangs_is_given_up_after_the_limit_and_not_before() {
        let (mut reader, probe) = card();
        probe.fault_at(1, Fault::Hang(InProcess::ANSWER_LIMIT));
        assert!(send(&mut reader, &select()).unwrap().status.is_ok());
        probe.fault_at_instruction(1, 0x20, Fault::Hang(InProcess::ANSWER_LIMIT + Duration::from_secs(1)));
        assert!(matches!(send(&mut reader, &verify(b"000000\xff\xff")), Err(Error::TimedOut { .. })));
        assert!(matches!(send(&mut reader, &select()), Err(Error::Removed { .. })));
        assert_eq!((probe.tries_left(), probe.pins_sent()), (2, 1), "the card saw it");
        assert!(send(&mut probe.connect(), &select()).unwrap().status.is_ok());
    }
}
