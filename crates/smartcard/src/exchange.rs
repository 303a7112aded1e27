//! From a command of any length to APDUs and back: command chaining, GET RESPONSE, wrong Le, extended length
//! (ISO/IEC 7816-4:2020, 5.3.2 to 5.3.4; SP 800-73-4 Part 2, 3.1 and Appendix A).

use crate::command::Treatment;
use crate::link::{LongAnswers, LongData};
use crate::{Apdu, CardTransaction, Command, Error, Header, Link, Protocol, Response, StatusWord};

/// Sends commands within one transaction.
pub struct Exchange<'a> {
    transaction: Box<dyn CardTransaction + 'a>,
    link: &'a mut Link,
}

impl<'a> Exchange<'a> {
    /// Takes the transaction, and what is known of the card, which it adds to.
    pub fn new(transaction: Box<dyn CardTransaction + 'a>, link: &'a mut Link) -> Self {
        Self { transaction, link }
    }

    /// Sends `command` and returns the card's whole answer.
    ///
    /// Extended APDUs are for GET DATA, whose answers are long, and for data of more than 255 bytes, and only for a card that is
    /// known or likely to take them; otherwise long data go in a chain of short ones. Answers in pieces (61xx) are always read
    /// to their end: what is left behind would poison the next command. A wrong Le (6Cxx) is corrected once. A secret is never
    /// sent twice.
    ///
    /// # Errors
    ///
    /// Those of [`CardTransaction::transmit`]; [`Error::MalformedAnswer`] if the card's answer has no end, is more than
    /// 512 parts or 64 KiB long, or has no status word; [`Error::CommandTooLong`] if the data exceed 64 KiB.
    pub fn send(&mut self, command: &Command) -> Result<Response, Error> {
        if command.data().len() > MAX_DATA {
            return Err(Error::CommandTooLong { reason: "its data exceed 64 KiB" });
        }
        let (answers, data) = (self.link.answers, self.link.data);
        let first = if reads(command) && answers != LongAnswers::NoGain {
            self.send_extended(command, answers == LongAnswers::Honoured)?
        } else if is_long(command) && (data == LongData::Taken || data == LongData::Likely && command.is_repeatable()) {
            self.send_extended(command, data == LongData::Taken)?
        } else {
            self.send_short(command)?
        };
        self.read_to_end(command.header(), first)
    }

    /// In the extended form, and if that is refused, in the short one. Until the card has `proven` that it takes what is
    /// sent here, much counts as a refusal of the form, and what came of it is remembered.
    fn send_extended(&mut self, command: &Command, proven: bool) -> Result<Response, Error> {
        let apdu = Apdu::extended(command.header(), command.data(), command.answer_expected(), command.treatment())?;
        match self.transmit(&apdu) {
            // A driver that cannot carry an extended APDU fails before the card sees it.
            Err(Error::Failed { .. }) if !proven => {}
            Err(error) => return Err(error),
            Ok(response) if command.is_repeatable() && refuses_form(response.status, proven) => {}
            Ok(response) => {
                self.learn(command, &response);
                return Ok(response);
            }
        }
        let response = self.send_short(command)?;
        if reads(command) && !proven {
            (self.link.answers, self.link.data) = (LongAnswers::NoGain, LongData::Refused);
        } else if is_long(command) && goes_on(&response) {
            self.link.data = LongData::Refused;
        }
        Ok(response)
    }

    /// What the answer to an extended APDU tells about the card.
    fn learn(&mut self, command: &Command, response: &Response) {
        let link = &mut *self.link;
        if is_long(command) && goes_on(response) {
            link.data = LongData::Taken;
        } else if link.data == LongData::Unknown {
            link.data = LongData::Likely;
        }
        if response.data.len() > MAX_SHORT_ANSWER {
            link.answers = LongAnswers::Honoured;
        } else if response.status.more_data().is_some() && link.answers == LongAnswers::Unknown {
            link.answers = LongAnswers::NoGain;
        }
    }

    /// Sends in short APDUs, chained where the data exceed one, up to the first answer.
    fn send_short(&mut self, command: &Command) -> Result<Response, Error> {
        let le = command.answer_expected().then_some(0);
        let mut chunks = command.data().chunks(MAX_SHORT_DATA).peekable();
        let Header([cla, ins, p1, p2]) = command.header();
        while let Some(chunk) = chunks.next() {
            if chunks.peek().is_none() {
                return self.transmit_correcting_le(command.header(), chunk, le, command.treatment());
            }
            let chained = Header([cla | CHAINING, ins, p1, p2]);
            let response = self.transmit(&Apdu::short(chained, chunk, None, command.treatment())?)?;
            if !response.status.is_ok() {
                return Ok(response);
            }
        }
        self.transmit_correcting_le(command.header(), &[], le, command.treatment())
    }

    fn transmit_correcting_le(
        &mut self,
        header: Header,
        data: &[u8],
        le: Option<u8>,
        treatment: Treatment,
    ) -> Result<Response, Error> {
        let le = match self.link.protocol {
            Protocol::T1 => le,
            // A T=0 command has a fifth byte that is either Lc or Le, never both (ISO/IEC 7816-3, 12.2).
            Protocol::T0 if data.is_empty() => le.or(Some(0)),
            Protocol::T0 => None,
        };
        let response = self.transmit(&Apdu::short(header, data, le, treatment)?)?;
        if response.status.right_length().is_none() || treatment.secret {
            return Ok(response);
        }
        self.transmit(&Apdu::short(header, data, Some(response.status.sw2()), treatment)?)
    }

    /// GET RESPONSE until the card has nothing more to say.
    fn read_to_end(&mut self, header: Header, first: Response) -> Result<Response, Error> {
        let Response { mut data, mut status } = first;
        let Header([cla, ..]) = header;
        let get_response = Header([cla & !CHAINING, INS_GET_RESPONSE, 0, 0]);
        for _ in 0..=MAX_PARTS {
            if status.more_data().is_none() {
                return Ok(Response { data, status });
            }
            let part = self.transmit_correcting_le(get_response, &[], Some(status.sw2()), Treatment::default())?;
            if part.data.is_empty() && part.status.more_data().is_some() {
                return Err(Error::MalformedAnswer { reason: "it promises more data and sends none" });
            }
            data.extend_from_slice(&part.data);
            status = part.status;
            if data.len() > MAX_ANSWER {
                return Err(Error::MalformedAnswer { reason: "it exceeds 64 KiB" });
            }
        }
        Err(Error::MalformedAnswer { reason: "it comes in more than 512 parts" })
    }

    fn transmit(&mut self, apdu: &Apdu) -> Result<Response, Error> {
        let response = self.transaction.transmit(apdu).and_then(Response::parse);
        tracing::trace!(?apdu, ?response, "apdu");
        response
    }
}

/// CLA bit 5: this is not the last command of the chain.
const CHAINING: u8 = 0x10;
const INS_GET_RESPONSE: u8 = 0xc0;
const MAX_SHORT_DATA: usize = 255;
const MAX_SHORT_ANSWER: usize = 256;
/// Cards that take extended APDUs have buffers of at least about 1,300 bytes; longer data are chained.
const MAX_EXTENDED_DATA: usize = 1024;
const MAX_DATA: usize = 65_535;
const MAX_ANSWER: usize = 65_536;
/// Twice what the longest answer takes. Bytes alone are no bound for the time: at 10 ms a command, 65,536 parts of one byte
/// would take eleven minutes.
const MAX_PARTS: usize = 512;

/// GET DATA: its answer may be long, it shows whether extended length pays, and a refusal changes nothing.
fn reads(command: &Command) -> bool {
    let Header([_, ins, ..]) = command.header();
    ins == INS_GET_DATA && command.answer_expected() && !command.is_secret()
}

const INS_GET_DATA: u8 = 0xcb;

/// Too long for one short APDU, not too long for an extended one, and fit to be sent again in another form.
fn is_long(command: &Command) -> bool {
    (MAX_SHORT_DATA + 1..=MAX_EXTENDED_DATA).contains(&command.data().len()) && !command.is_secret()
}

/// True if the card did what it was told, or is about to say what came of it.
fn goes_on(response: &Response) -> bool {
    response.status.is_ok() || response.status.more_data().is_some()
}

fn refuses_form(status: StatusWord, proven: bool) -> bool {
    let otherwise = matches!(
        status,
        StatusWord::INCORRECT_DATA
            | StatusWord::INCORRECT_P1_P2
            | StatusWord::INSTRUCTION_NOT_SUPPORTED
            | StatusWord::CLASS_NOT_SUPPORTED
            | StatusWord::NO_DIAGNOSIS
    );
    status == StatusWord::WRONG_LENGTH || !proven && (otherwise || status.right_length().is_some())
}

#[cfg(test)]
mod tests;
