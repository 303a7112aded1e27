//! The card: APDUs in and out, and what it remembers between two of them.
//!
//! Command chaining and GET RESPONSE as in ISO/IEC 7816-4:2020, 5.3.3 and 5.3.4. What the commands do is in
//! [`application`](crate::application).

use std::mem;

use smartcard::StatusWord;
use zeroize::Zeroizing;

use crate::administration::Authentication;
use crate::apdu::{Answer, CommandApdu, MAX_SHORT_ANSWER};
use crate::behaviour::{Behaviour, GuidHabit};
use crate::instruction::{Application, Instruction};
use crate::pin::Reference;
use crate::touch::TouchSensor;
use crate::{Algorithm, Content, Error, Guid, Profile, Quirk, Quirks, Slot, StateDirectory, Stop, Touch};

/// How the card takes APDUs of the extended form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExtendedLength {
    /// In full: long commands, and a whole object in one answer.
    #[default]
    Honoured,
    /// Commands are taken; answers come in pieces of 256 bytes and 61xx all the same.
    LeIgnored,
    /// Refused with 6700.
    Refused,
}

/// How a card behaves where the standard leaves a choice, and beyond it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardOptions {
    /// Which card it plays.
    pub profile: Profile,
    /// What is different with this one.
    pub quirks: Quirks,
    /// When it is touched.
    pub touch: Touch,
    /// How it takes extended APDUs, unless a quirk says otherwise.
    pub extended_length: ExtendedLength,
}

/// A software PIV card.
pub struct VirtualCard {
    pub(crate) content: Content,
    pub(crate) behaviour: Behaviour,
    pub(crate) touch: TouchSensor,
    pub(crate) store: Option<StateDirectory>,
    pub(crate) volatile: Volatile,
}

/// What a reset clears.
#[derive(Default)]
pub(crate) struct Volatile {
    pub(crate) selected: Option<Application>,
    pub(crate) pin_verified: bool,
    pub(crate) global_pin_verified: bool,
    /// A PIN was verified by the command right before: the condition of slot 9C.
    pub(crate) pin_fresh: bool,
    /// The management key was proven.
    pub(crate) administrator: bool,
    /// What was asked for in the first half of an authentication with the management key.
    pub(crate) authentication: Option<Authentication>,
    chain: Option<Chain>,
    pending: Option<Pending>,
}

impl Volatile {
    /// An application selected anew, and nothing proven.
    pub(crate) fn selecting(application: Application) -> Self {
        Self { selected: Some(application), ..Self::default() }
    }
}

/// Parts of a command that came in a chain.
struct Chain {
    header: [u8; 4],
    data: Zeroizing<Vec<u8>>,
    pin_fresh: bool,
}

/// The part of an answer that was not fetched yet.
struct Pending {
    data: Vec<u8>,
    status: StatusWord,
}

/// A command with all its data.
pub(crate) struct Command {
    pub(crate) instruction: Instruction,
    pub(crate) p1: u8,
    pub(crate) p2: u8,
    pub(crate) data: Zeroizing<Vec<u8>>,
    pub(crate) pin_fresh: bool,
}

const INS_GET_RESPONSE: u8 = 0xc0;
/// CLA bit 5: more parts of this command follow.
const CHAINING: u8 = 0x10;
/// The longest command that may come in a chain, in bytes of data.
const MAX_CHAINED_DATA: usize = 16 * 1024;

impl VirtualCard {
    /// A card that forgets everything at the end.
    #[must_use]
    pub fn new(content: Content, options: CardOptions) -> Self {
        let mut card = Self::bare(content, options);
        card.behaviour.furnish(&mut card.content);
        card
    }

    /// A card that keeps its content, and each spent try of PIN and PUK, in `store`. One that `store` keeps already has the
    /// tries, management key and global PIN that it was made with or was given since, whatever the quirks say:
    /// [`VirtualCard::idle_quirks`] names those.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if the content cannot be written.
    pub fn kept(content: Content, options: CardOptions, store: StateDirectory) -> Result<Self, Error> {
        let is_new = !store.has_card()?;
        let mut card = if is_new { Self::new(content, options) } else { Self::bare(content, options) };
        store.write(&card.content)?;
        card.store = Some(store);
        Ok(card)
    }

    fn bare(content: Content, options: CardOptions) -> Self {
        let touch = TouchSensor::new(options.touch);
        let volatile = Volatile::default();
        let mut card = Self { content, behaviour: Behaviour::of(options), touch, store: None, volatile };
        card.reset();
        card
    }

    /// The quirks that are for new cards, and that this one has not: it was kept, or has been changed.
    #[must_use]
    pub fn idle_quirks(&self) -> Vec<Quirk> {
        self.behaviour.unfurnished(&self.content)
    }

    /// The answer to reset (ISO/IEC 7816-3): a YubiKey's for a YubiKey. Other cards say in the historical bytes what they
    /// can do, and a name that no real card has, so nobody takes this one for a card with other habits.
    #[must_use]
    pub fn atr(&self) -> Vec<u8> {
        if let Some(atr) = &self.behaviour.atr {
            return atr.clone();
        }
        // T0: 12 historical bytes, and TD1 follows. TD1: T=0, TD2 follows. TD2: T=1. With T=0 alone no TD1, and no TCK.
        let mut atr = if self.behaviour.t0 { vec![0x3b, 0x0c] } else { vec![0x3b, 0x8c, 0x80, 0x01] };
        // Compact TLV: card capabilities (selection by full and partial name; chaining, extended length), issuer's data.
        let capabilities = if self.behaviour.extended_length == ExtendedLength::Refused { 0x80 } else { 0xc0 };
        atr.extend_from_slice(&[0x80, 0x73, 0xc0, 0x21, capabilities, 0x56]);
        atr.extend_from_slice(b"pivkit");
        if !self.behaviour.t0 {
            // TCK: all bytes after TS give zero.
            atr.push(atr.iter().skip(1).fold(0, |check, byte| check ^ byte));
        }
        atr
    }

    /// Takes one command APDU, returns the answer with the status word as its last two bytes. Never fails: what is
    /// wrong with a command is said by the status word.
    #[must_use]
    pub fn transmit(&mut self, apdu: &[u8]) -> Vec<u8> {
        let pin_fresh = mem::take(&mut self.volatile.pin_fresh);
        let answer = match CommandApdu::parse(apdu) {
            Ok(command) => self.receive(&command, pin_fresh),
            Err(status) => status.into(),
        };
        let header = hex::encode(apdu.get(..4).unwrap_or_default());
        tracing::debug!(%header, command_length = apdu.len(), answer_length = answer.data.len(), status = %answer.status, "command");
        answer.into_bytes()
    }

    /// Reset or power cut: selection, verified PIN and unfinished chains are gone.
    pub fn reset(&mut self) {
        let selected = self.behaviour.selected_after_reset.then_some(Application::Piv);
        self.volatile = Volatile { selected, ..Volatile::default() };
        self.touch.forget();
    }

    /// What is on the card.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The card's identity, as its CHUID tells it; `None` if that has none.
    #[must_use]
    pub fn guid(&self) -> Option<Guid> {
        match self.behaviour.guid {
            GuidHabit::Own => self.content.guid(),
            GuidHabit::Absent => None,
            GuidHabit::Zero => self.content.guid().map(|_| Guid::from([0; 16])),
        }
    }

    /// How many wrong global PINs the card still takes; `None` if it has no global PIN.
    #[must_use]
    pub fn global_tries_left(&self) -> Option<u8> {
        self.content.references.global.as_ref().map(Reference::tries_left)
    }

    /// How many wrong PUKs the card still takes.
    #[must_use]
    pub fn puk_tries_left(&self) -> u8 {
        self.content.references.puk.tries_left()
    }

    /// How often the card asked to be touched, and was.
    #[must_use]
    pub fn touches(&self) -> u64 {
        self.touch.touches()
    }

    /// Waiting for a touch ends when `stop` is requested.
    pub(crate) fn end_waiting_with(&mut self, stop: Stop) {
        self.touch.end_with(stop);
    }

    /// The slots with keys.
    #[must_use]
    pub fn slots(&self) -> Vec<(Slot, Algorithm)> {
        self.content.slots()
    }

    /// How many wrong PINs the card still takes.
    #[must_use]
    pub fn tries_left(&self) -> u8 {
        self.content.references.pin.tries_left()
    }

    fn receive(&mut self, apdu: &CommandApdu<'_>, pin_fresh: bool) -> Answer {
        let habits = &self.behaviour;
        if (apdu.extended && habits.extended_length == ExtendedLength::Refused) || apdu.data.len() > habits.max_data {
            return StatusWord::WRONG_LENGTH.into();
        }
        let limit = match habits.extended_length {
            ExtendedLength::Honoured => apdu.le,
            ExtendedLength::LeIgnored | ExtendedLength::Refused => apdu.le.min(MAX_SHORT_ANSWER),
        };
        let pending = self.volatile.pending.take();
        let [cla, ins, p1, p2] = apdu.header;
        match pending {
            Some(pending) if ins == INS_GET_RESPONSE && [cla, p1, p2] == [0; 3] => {
                return self.deliver(pending, limit, apdu.data.is_empty());
            }
            // The card goes on with what it was saying.
            Some(pending) if habits.undrained_poisons && ins != INS_GET_RESPONSE => {
                return self.deliver(pending, limit, false);
            }
            Some(_) if ins == INS_GET_RESPONSE && cla == 0 => return StatusWord::INCORRECT_P1_P2.into(),
            None if ins == INS_GET_RESPONSE && cla == 0 => return StatusWord::CONDITIONS_NOT_SATISFIED.into(),
            _ => {}
        }
        if cla & !CHAINING != 0 {
            self.volatile.chain = None;
            return StatusWord::CLASS_NOT_SUPPORTED.into();
        }
        let result = match self.assemble(apdu, pin_fresh) {
            Ok(Some(command)) => self.execute(&command),
            Ok(None) => Ok(Vec::new()),
            Err(status) => Err(status),
        };
        match result {
            Ok(data) => self.deliver(Pending { data, status: StatusWord::OK }, limit, apdu.data.is_empty()),
            Err(status) => status.into(),
        }
    }

    /// Answers `apdu` with `data`, in as many pieces as the card's own answers have, and without executing it.
    pub(crate) fn answer_instead(&mut self, apdu: &[u8], data: Vec<u8>) -> Vec<u8> {
        let (le, without_data) =
            CommandApdu::parse(apdu).map_or((MAX_SHORT_ANSWER, true), |command| (command.le, command.data.is_empty()));
        let long = self.behaviour.extended_length == ExtendedLength::Honoured;
        let limit = if long { le } else { le.min(MAX_SHORT_ANSWER) };
        self.deliver(Pending { data, status: StatusWord::OK }, limit, without_data).into_bytes()
    }

    /// Hands out as much of an answer as was asked for, and keeps the rest for GET RESPONSE. With T=0 a command with data
    /// gets none back at once, and one without must ask for the right length (ISO/IEC 7816-3, 12.2).
    fn deliver(&mut self, answer: Pending, limit: usize, without_data: bool) -> Answer {
        let Pending { mut data, status } = answer;
        let limit = if self.behaviour.t0 && !without_data { 0 } else { limit };
        if self.behaviour.t0 && without_data && data.len() < limit && !data.is_empty() {
            let right = u8::try_from(data.len()).unwrap_or(0);
            self.volatile.pending = Some(Pending { data, status });
            return StatusWord(u16::from_be_bytes([0x6c, right])).into();
        }
        if data.len() <= limit {
            return Answer { data, status };
        }
        let rest = data.split_off(limit);
        // 6100: 256 bytes or more.
        let more = u8::try_from(rest.len()).unwrap_or(0);
        self.volatile.pending = Some(Pending { data: rest, status });
        Answer { data, status: StatusWord(u16::from_be_bytes([0x61, more])) }
    }

    /// Adds one APDU to its chain; `None` until the last part has come.
    fn assemble(&mut self, apdu: &CommandApdu<'_>, pin_fresh: bool) -> Result<Option<Command>, StatusWord> {
        let [cla, ins, p1, p2] = apdu.header;
        let header = [cla & !CHAINING, ins, p1, p2];
        let mut chain = match self.volatile.chain.take() {
            Some(chain) if chain.header == header => chain,
            Some(_) => return Err(StatusWord::LAST_COMMAND_OF_CHAIN_EXPECTED),
            None => Chain { header, data: Zeroizing::new(Vec::new()), pin_fresh },
        };
        let instruction = Instruction::from_code(ins, self.volatile.selected, &self.behaviour)
            .ok_or(StatusWord::INSTRUCTION_NOT_SUPPORTED)?;
        if chain.data.len().saturating_add(apdu.data.len()) > MAX_CHAINED_DATA {
            return Err(StatusWord::WRONG_LENGTH);
        }
        chain.data.extend_from_slice(apdu.data);
        if cla & CHAINING != 0 {
            self.volatile.chain = Some(chain);
            return Ok(None);
        }
        let Chain { data, pin_fresh, .. } = chain;
        Ok(Some(Command { instruction, p1, p2, data, pin_fresh }))
    }
}
