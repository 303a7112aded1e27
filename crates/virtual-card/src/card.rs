//! The card: APDUs in and out, and what it remembers between two of them.
//!
//! Command chaining and GET RESPONSE as in ISO/IEC 7816-4:2020, 5.3.3 and 5.3.4. What the commands do is in
//! [`application`](crate::application).

use std::mem;

use smartcard::StatusWord;
use zeroize::Zeroizing;

use crate::apdu::{Answer, CommandApdu, MAX_SHORT_ANSWER};
use crate::keys::Algorithm;
use crate::{Content, Error, Guid, Slot, StateDirectory};

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

/// How a card behaves where the standard leaves a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CardOptions {
    /// How it takes extended APDUs.
    pub extended_length: ExtendedLength,
}

/// A software PIV card.
pub struct VirtualCard {
    pub(crate) content: Content,
    options: CardOptions,
    pub(crate) store: Option<StateDirectory>,
    pub(crate) volatile: Volatile,
}

/// What a reset clears.
#[derive(Default)]
pub(crate) struct Volatile {
    pub(crate) selected: bool,
    pub(crate) pin_verified: bool,
    /// The PIN was verified by the command right before: the condition of slot 9C.
    pub(crate) pin_fresh: bool,
    chain: Option<Chain>,
    pending: Option<Pending>,
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

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instruction {
    Select,
    GetData,
    Verify,
    ResetRetryCounter,
    GeneralAuthenticate,
}

impl Instruction {
    fn from_code(code: u8) -> Option<Self> {
        match code {
            0xa4 => Some(Self::Select),
            0xcb => Some(Self::GetData),
            0x20 => Some(Self::Verify),
            0x2c => Some(Self::ResetRetryCounter),
            0x87 => Some(Self::GeneralAuthenticate),
            _ => None,
        }
    }
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
        Self { content, options, store: None, volatile: Volatile::default() }
    }

    /// A card that keeps its content, and each spent try of PIN and PUK, in `store`.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if the content cannot be written.
    pub fn kept(content: Content, options: CardOptions, store: StateDirectory) -> Result<Self, Error> {
        store.write(&content)?;
        Ok(Self { content, options, store: Some(store), volatile: Volatile::default() })
    }

    /// The answer to reset (ISO/IEC 7816-3): protocol T=1, and in the historical bytes what the card can do and its
    /// name. No real card has it, so nobody takes this one for a card with other habits.
    #[must_use]
    pub fn atr(&self) -> Vec<u8> {
        // T0: TD1 follows, 12 historical bytes. TD1: T=0, TD2 follows. TD2: T=1.
        let mut atr = vec![0x3b, 0x8c, 0x80, 0x01];
        // Compact TLV: card capabilities (selection by full and partial name; chaining, extended length), issuer's data.
        let capabilities = if self.options.extended_length == ExtendedLength::Refused { 0x80 } else { 0xc0 };
        atr.extend_from_slice(&[0x80, 0x73, 0xc0, 0x21, capabilities, 0x56]);
        atr.extend_from_slice(b"pivkit");
        // TCK: all bytes after TS give zero.
        atr.push(atr.iter().skip(1).fold(0, |check, byte| check ^ byte));
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
        self.volatile = Volatile::default();
    }

    /// What is on the card.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The card's identity; `None` if its CHUID has none.
    #[must_use]
    pub fn guid(&self) -> Option<Guid> {
        self.content.guid()
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
        if apdu.extended && self.options.extended_length == ExtendedLength::Refused {
            return StatusWord::WRONG_LENGTH.into();
        }
        let limit = match self.options.extended_length {
            ExtendedLength::Honoured => apdu.le,
            ExtendedLength::LeIgnored | ExtendedLength::Refused => apdu.le.min(MAX_SHORT_ANSWER),
        };
        let pending = self.volatile.pending.take();
        let [cla, ins, p1, p2] = apdu.header;
        if cla & !CHAINING != 0 {
            self.volatile.chain = None;
            return StatusWord::CLASS_NOT_SUPPORTED.into();
        }
        if ins == INS_GET_RESPONSE {
            return match pending {
                Some(pending) if [cla, p1, p2] == [0; 3] => self.deliver(pending, limit),
                Some(_) => StatusWord::INCORRECT_P1_P2.into(),
                None => StatusWord::CONDITIONS_NOT_SATISFIED.into(),
            };
        }
        let result = match self.assemble(apdu, pin_fresh) {
            Ok(Some(command)) => self.execute(&command),
            Ok(None) => Ok(Vec::new()),
            Err(status) => Err(status),
        };
        match result {
            Ok(data) => self.deliver(Pending { data, status: StatusWord::OK }, limit),
            Err(status) => status.into(),
        }
    }

    /// Answers `apdu` with `data`, in as many pieces as the card's own answers have, and without executing it.
    pub(crate) fn answer_instead(&mut self, apdu: &[u8], data: Vec<u8>) -> Vec<u8> {
        let long = self.options.extended_length == ExtendedLength::Honoured;
        let limit = CommandApdu::parse(apdu).map_or(MAX_SHORT_ANSWER, |command| command.le);
        let limit = if long { limit } else { limit.min(MAX_SHORT_ANSWER) };
        self.deliver(Pending { data, status: StatusWord::OK }, limit).into_bytes()
    }

    /// Hands out as much of an answer as was asked for, and keeps the rest for GET RESPONSE.
    fn deliver(&mut self, answer: Pending, limit: usize) -> Answer {
        let Pending { mut data, status } = answer;
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
        let instruction = Instruction::from_code(ins).ok_or(StatusWord::INSTRUCTION_NOT_SUPPORTED)?;
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
