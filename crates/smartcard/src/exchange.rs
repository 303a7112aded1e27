//! From a command of any length to APDUs and back: command chaining, GET RESPONSE, wrong Le, extended length
//! (ISO/IEC 7816-4:2020, 5.3.2 to 5.3.4; SP 800-73-4 Part 2, 3.1 and Appendix A).

use crate::{Apdu, CardTransaction, Command, Error, Header, Protocol, Response, StatusWord};

/// What was learnt about how a card takes and gives data. Keep it with the card: it saves commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    extended: Extended,
    protocol: Protocol,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Extended {
    /// Not tried yet.
    #[default]
    Unknown,
    /// The card took an extended APDU, and gave more than 256 bytes in one answer.
    Honoured,
    /// The card refuses extended APDUs, or takes them and answers in pieces all the same.
    NoGain,
}

impl Link {
    /// A card that is only ever spoken to in short APDUs.
    pub const SHORT: Self = Self { extended: Extended::NoGain, protocol: Protocol::T1 };

    /// What is known of a card from the protocol that it speaks: T=0 has no extended APDUs.
    #[must_use]
    pub fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::T0 => Self { protocol, ..Self::SHORT },
            Protocol::T1 => Self { protocol, ..Self::default() },
        }
    }

    /// True once the card has shown that it gives long answers in one piece.
    #[must_use]
    pub fn extended_length(&self) -> bool {
        self.extended == Extended::Honoured
    }
}

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
    /// Extended APDUs are for GET DATA, whose answers are long, and for data of more than 255 bytes, and only for a card
    /// that has shown that it takes them; otherwise long data go in a chain of short ones. Answers in pieces (61xx) are always read to their end: what is left behind would poison the next
    /// command. A wrong Le (6Cxx) is corrected once. A secret is never sent twice.
    ///
    /// # Errors
    ///
    /// Those of [`CardTransaction::transmit`]; [`Error::MalformedAnswer`] if the card's answer has no end or exceeds
    /// 64 KiB; [`Error::CommandTooLong`] if the data exceed 64 KiB.
    pub fn send(&mut self, command: &Command) -> Result<Response, Error> {
        if command.data().len() > MAX_DATA {
            return Err(Error::CommandTooLong { reason: "its data exceed 64 KiB" });
        }
        let first = match self.link.extended {
            Extended::Unknown if reads(command) => self.try_extended(command)?,
            Extended::Honoured if reads(command) || is_long(command) => {
                let response = self.transmit(&extended(command)?)?;
                if response.status == StatusWord::WRONG_LENGTH { self.send_short(command)? } else { response }
            }
            _ => self.send_short(command)?,
        };
        self.read_to_end(command.header(), first)
    }

    /// Learns from one harmless reading command whether extended APDUs pay.
    fn try_extended(&mut self, command: &Command) -> Result<Response, Error> {
        let response = match self.transmit(&extended(command)?) {
            // A driver that cannot carry an extended APDU fails before the card sees it.
            Err(Error::Failed { .. }) => None,
            Err(error) => return Err(error),
            Ok(response) if refuses_form(response.status) => None,
            Ok(response) => Some(response),
        };
        let Some(response) = response else {
            let response = self.send_short(command)?;
            self.link.extended = Extended::NoGain;
            return Ok(response);
        };
        if response.data.len() > MAX_SHORT_ANSWER {
            self.link.extended = Extended::Honoured;
        } else if response.status.more_data().is_some() {
            self.link.extended = Extended::NoGain;
        }
        Ok(response)
    }

    /// Sends in short APDUs, chained where the data exceed one, up to the first answer.
    fn send_short(&mut self, command: &Command) -> Result<Response, Error> {
        let le = command.answer_expected().then_some(0);
        let mut chunks = command.data().chunks(MAX_SHORT_DATA).peekable();
        let Header([cla, ins, p1, p2]) = command.header();
        while let Some(chunk) = chunks.next() {
            if chunks.peek().is_none() {
                return self.transmit_correcting_le(command.header(), chunk, le, command.is_secret());
            }
            let chained = Header([cla | CHAINING, ins, p1, p2]);
            let response = self.transmit(&Apdu::short(chained, chunk, None, command.is_secret())?)?;
            if !response.status.is_ok() {
                return Ok(response);
            }
        }
        self.transmit_correcting_le(command.header(), &[], le, command.is_secret())
    }

    fn transmit_correcting_le(
        &mut self,
        header: Header,
        data: &[u8],
        le: Option<u8>,
        secret: bool,
    ) -> Result<Response, Error> {
        let le = match self.link.protocol {
            Protocol::T1 => le,
            // A T=0 command has a fifth byte that is either Lc or Le, never both (ISO/IEC 7816-3, 12.2).
            Protocol::T0 if data.is_empty() => le.or(Some(0)),
            Protocol::T0 => None,
        };
        let response = self.transmit(&Apdu::short(header, data, le, secret)?)?;
        if response.status.right_length().is_none() || secret {
            return Ok(response);
        }
        self.transmit(&Apdu::short(header, data, Some(response.status.sw2()), secret)?)
    }

    /// GET RESPONSE until the card has nothing more to say.
    fn read_to_end(&mut self, header: Header, first: Response) -> Result<Response, Error> {
        let Response { mut data, mut status } = first;
        let Header([cla, ..]) = header;
        let get_response = Header([cla & !CHAINING, INS_GET_RESPONSE, 0, 0]);
        while status.more_data().is_some() {
            let part = self.transmit_correcting_le(get_response, &[], Some(status.sw2()), false)?;
            if part.data.is_empty() && part.status.more_data().is_some() {
                return Err(Error::MalformedAnswer { reason: "it promises more data and sends none" });
            }
            data.extend_from_slice(&part.data);
            status = part.status;
            if data.len() > MAX_ANSWER {
                return Err(Error::MalformedAnswer { reason: "it exceeds 64 KiB" });
            }
        }
        Ok(Response { data, status })
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

fn refuses_form(status: StatusWord) -> bool {
    matches!(
        status,
        StatusWord::WRONG_LENGTH
            | StatusWord::INCORRECT_DATA
            | StatusWord::INCORRECT_P1_P2
            | StatusWord::INSTRUCTION_NOT_SUPPORTED
            | StatusWord::CLASS_NOT_SUPPORTED
            | StatusWord::NO_DIAGNOSIS
    ) || status.right_length().is_some()
}

fn extended(command: &Command) -> Result<Apdu, Error> {
    Apdu::extended(command.header(), command.data(), command.answer_expected(), command.is_secret())
}

#[cfg(test)]
mod tests;
