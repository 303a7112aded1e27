//! Between the reader and the firmware: what the token's other parts do with a command before and after the PIV application
//! sees it. Command chaining (ISO 7816-4 5.3.3), GET RESPONSE (7.6.1), which application is selected.

use heapless::Vec;
use iso7816::command::FromSliceError;
use iso7816::{Command, Instruction, Status};
use piv_authenticator::{Authenticator, Client};

/// Room for the longest command, and for the longest answer.
const SIZE: usize = 4096;

/// The whole application identifier of PIV.
const PIV_AID: [u8; 11] = [0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00];
/// By its first five bytes, NIST's identifier as a provider, people select it as well.
const RID_LENGTH: usize = 5;

/// The longest answer to a command without extended length, in bytes.
const SHORT: usize = 256;

/// The card from one power-on to the next: what it knows of PINs that were verified lives no longer.
pub(crate) struct Card<C> {
    application: Authenticator<C>,
    selected: bool,
    /// The parts of a chained command so far.
    chained: Option<Command<SIZE>>,
    /// What of an answer has not been fetched yet.
    rest: std::vec::Vec<u8>,
    powered: bool,
}

impl<C: Client> Card<C> {
    pub(crate) fn new(application: Authenticator<C>) -> Self {
        Self { application, selected: false, chained: None, rest: std::vec::Vec::new(), powered: true }
    }

    /// False as soon as the reader has taken the power away, or has reset the card.
    pub(crate) fn is_powered(&self) -> bool {
        self.powered
    }

    fn answer(&mut self, bytes: &[u8]) -> Result<std::vec::Vec<u8>, Status> {
        let command = Command::<SIZE>::try_from(bytes).map_err(|error| match error {
            FromSliceError::InvalidClass => Status::ClassNotSupported,
            _ => Status::WrongLength,
        })?;
        if command.instruction() == Instruction::GetResponse {
            return Ok(self.next_part(longest(&command)));
        }
        self.rest.clear();
        let Some(command) = self.unchain(command)? else { return Ok(Status::Success.to_u16().to_be_bytes().to_vec()) };
        self.rest = self.ask(&command)?;
        Ok(self.next_part(longest(&command)))
    }

    /// The whole command, if this is its last part.
    fn unchain(&mut self, part: Command<SIZE>) -> Result<Option<Command<SIZE>>, Status> {
        let more = !part.class().chain().last_or_only();
        let command = match self.chained.take() {
            None => part,
            Some(mut before) => {
                before.extend_from_command(&part).map_err(|_| Status::NotEnoughMemory)?;
                // The parts are short, and so is the answer to them.
                before.extended = part.extended;
                before
            }
        };
        if more {
            self.chained = Some(command);
            return Ok(None);
        }
        Ok(Some(command))
    }

    fn ask(&mut self, command: &Command<SIZE>) -> Result<std::vec::Vec<u8>, Status> {
        let by_name = command.instruction() == Instruction::Select && command.p1 == 0x04;
        if by_name {
            self.selected = self.selected && is_piv(command.data());
        }
        if !by_name && !self.selected {
            return Err(Status::ConditionsOfUseNotSatisfied);
        }
        let full_name;
        let command = if by_name && command.data().as_slice() == &PIV_AID[..RID_LENGTH] {
            full_name = select_by_full_name()?;
            &full_name
        } else {
            command
        };
        let mut reply = Vec::<u8, SIZE>::new();
        self.application.respond(command.as_view(), &mut reply)?;
        self.selected |= by_name;
        Ok(reply.to_vec())
    }

    /// As much of the answer as fits, with the status: 9000, or 61xx if something is left.
    fn next_part(&mut self, longest: usize) -> std::vec::Vec<u8> {
        let rest = self.rest.split_off(self.rest.len().min(longest));
        let mut part = std::mem::replace(&mut self.rest, rest);
        let status = match self.rest.len() {
            0 => Status::Success,
            left => Status::MoreAvailable(u8::try_from(left).unwrap_or(0)),
        };
        part.extend(status.to_u16().to_be_bytes());
        part
    }
}

impl<C: Client> vpicc::VSmartCard for Card<C> {
    /// The answer to reset of a Nitrokey 3.
    fn atr(&self) -> &[u8] {
        b"\x3b\x8f\x01\x80\x5dNitrokey\x00\x00\x00\x00\x00\x6a"
    }

    fn power_off(&mut self) {
        self.powered = false;
    }

    fn reset(&mut self) {
        self.powered = false;
    }

    fn execute(&mut self, command: &[u8]) -> std::vec::Vec<u8> {
        self.answer(command).unwrap_or_else(|status| {
            self.chained = None;
            status.to_u16().to_be_bytes().to_vec()
        })
    }
}

/// Le; without one, and as 00, it is as much as fits into a short answer.
fn longest(command: &Command<SIZE>) -> usize {
    match command.expected() {
        0 => SHORT,
        expected if command.extended => expected,
        expected => expected.min(SHORT),
    }
}

fn is_piv(name: &[u8]) -> bool {
    name.len() >= RID_LENGTH && PIV_AID.starts_with(name)
}

fn select_by_full_name() -> Result<Command<SIZE>, Status> {
    let length = [0x00, 0xa4, 0x04, 0x00, 0x0b];
    Command::try_from(&[&length[..], &PIV_AID, &[0x00]].concat()).map_err(|_| Status::WrongLength)
}
