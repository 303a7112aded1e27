//! The PIV card application: SELECT, GET DATA, VERIFY, GENERAL AUTHENTICATE (SP 800-73-4 Part 2, section 3). RESET RETRY
//! COUNTER has a file of its own.
//!
//! ```text
//! power on ──> not selected: SELECT only, else 6986
//!                 │ SELECT A000000308...
//!                 v
//!              selected ── VERIFY ──> PIN verified ── reset, power off ──> not selected
//! ```

use smartcard::StatusWord;
use smartcard::tlv::{self, Tag};

use crate::Slot;
use crate::card::{Command, Instruction, VirtualCard};
use crate::general_authenticate::general_authenticate;
use crate::keys::Algorithm;
use crate::objects::{self, ReadAccess};
use crate::pin::{APPLICATION_PIN, AuthenticationData, References};
use crate::slot::PinPolicy;

impl VirtualCard {
    /// Executes a command that is complete.
    pub(crate) fn execute(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        match command.instruction {
            Instruction::Select => self.select(command),
            _ if !self.volatile.selected => Err(StatusWord::COMMAND_NOT_ALLOWED),
            Instruction::GetData => self.get_data(command),
            Instruction::Verify => self.verify(command),
            Instruction::ResetRetryCounter => self.reset_retry_counter(command),
            Instruction::GeneralAuthenticate => self.general_authenticate(command),
        }
    }

    /// SP 800-73-4 Part 2, 3.1.1. Selecting anew keeps the PIN verified; an unknown application changes nothing.
    fn select(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        if (command.p1, command.p2) != (0x04, 0x00) {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        if command.data.len() < objects::RID_LENGTH || !objects::AID.starts_with(&command.data) {
            return Err(StatusWord::NOT_FOUND);
        }
        self.volatile.selected = true;
        let (rid, pix) = objects::AID.split_at(objects::RID_LENGTH);
        let mut template = tlv::encode(Tag(0x4f), pix);
        tlv::push(&mut template, Tag(0x79), &tlv::encode(Tag(0x4f), rid));
        tlv::push(&mut template, Tag(0x50), b"pivkit virtual card");
        Ok(tlv::encode(Tag(0x61), &template))
    }

    /// SP 800-73-4 Part 2, 3.1.2.
    fn get_data(&self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        if (command.p1, command.p2) != (0x3f, 0xff) {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        let tag = tlv::single(&command.data, Tag(0x5c)).map_err(|_| StatusWord::INCORRECT_DATA)?;
        let tag = match tag {
            [a] => Tag(u32::from(*a)),
            [a, b] => Tag(u32::from_be_bytes([0, 0, *a, *b])),
            [a, b, c] => Tag(u32::from_be_bytes([0, *a, *b, *c])),
            _ => return Err(StatusWord::INCORRECT_DATA),
        };
        match objects::read_access(tag) {
            None => return Err(StatusWord::NOT_FOUND),
            Some(ReadAccess::Pin) if !self.volatile.pin_verified => {
                return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
            }
            Some(_) => {}
        }
        self.content.object(tag).map(|content| objects::wrap(tag, content)).ok_or(StatusWord::NOT_FOUND)
    }

    /// SP 800-73-4 Part 2, 3.2.1. A malformed PIN is refused without costing a try.
    fn verify(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        let reset = match command.p1 {
            0x00 => false,
            0xff => true,
            _ => return Err(StatusWord::INCORRECT_P1_P2),
        };
        if command.p2 != APPLICATION_PIN {
            return Err(StatusWord::REFERENCE_NOT_FOUND);
        }
        if reset {
            if !command.data.is_empty() {
                return Err(StatusWord::INCORRECT_DATA);
            }
            self.volatile.pin_verified = false;
            return Ok(Vec::new());
        }
        if self.volatile.pin_verified && command.data.is_empty() {
            return Ok(Vec::new());
        }
        let pin = &self.content.references.pin;
        if pin.is_blocked() {
            self.volatile.pin_verified = false;
            return Err(StatusWord::AUTHENTICATION_METHOD_BLOCKED);
        }
        if command.data.is_empty() {
            return Err(pin.tries_left_status());
        }
        let candidate = AuthenticationData::parse_pin(&command.data).ok_or(StatusWord::INCORRECT_DATA)?;
        self.compare_pin(&candidate)?;
        self.volatile.pin_verified = true;
        self.volatile.pin_fresh = true;
        Ok(Vec::new())
    }

    /// Spends a try and keeps that, and only then compares: a power cut at any moment gives no try back.
    fn compare_pin(&mut self, candidate: &AuthenticationData) -> Result<(), StatusWord> {
        self.volatile.pin_verified = false;
        self.content.references.pin.spend_try();
        self.keep(&self.content.references)?;
        let pin = &mut self.content.references.pin;
        if !pin.matches(candidate) {
            return Err(pin.tries_left_status());
        }
        pin.restore_tries();
        self.keep(&self.content.references)
    }

    /// Keeps PIN, PUK and their tries, if this card is one that is kept.
    pub(crate) fn keep(&self, references: &References) -> Result<(), StatusWord> {
        let Some(store) = &self.store else { return Ok(()) };
        store.write_references(references).map_err(|error| {
            tracing::error!(%error, "the PIN counter could not be kept");
            MEMORY_FAILURE
        })
    }

    /// SP 800-73-4 Part 2, 3.2.4.
    fn general_authenticate(&self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        let algorithm = Algorithm::from_identifier(command.p1).ok_or(StatusWord::INCORRECT_P1_P2)?;
        let slot = Slot::from_key_reference(command.p2).ok_or(StatusWord::INCORRECT_P1_P2)?;
        let key = self.content.keys.get(&slot).ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
        if key.algorithm() != algorithm {
            return Err(StatusWord::INCORRECT_DATA);
        }
        let allowed = match slot.pin_policy() {
            PinPolicy::Never => true,
            PinPolicy::Once => self.volatile.pin_verified,
            PinPolicy::Always => self.volatile.pin_verified && command.pin_fresh,
        };
        if !allowed {
            return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
        }
        general_authenticate(key, &command.data)
    }
}

/// Memory failure: the card could not keep what it must keep.
const MEMORY_FAILURE: StatusWord = StatusWord(0x6581);
