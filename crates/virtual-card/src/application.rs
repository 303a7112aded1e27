//! The PIV card application: which command goes where, SELECT, and what keeps a change (SP 800-73-4 Part 2, section 3).
//!
//! ```text
//! power on ──> not selected: SELECT only, else 6986
//!                 │ SELECT A000000308...
//!                 v
//!              selected ── VERIFY ──────────────────────> PIN verified ──┐
//!                       └─ GENERAL AUTHENTICATE with 9B ─> administrator ─┴─ reset, power off ──> not selected
//! ```

use smartcard::StatusWord;
use smartcard::tlv::{self, Tag};

use crate::behaviour::SelectAnswer;
use crate::card::{Command, VirtualCard, Volatile};
use crate::instruction::{Application, Instruction};
use crate::pin::References;
use crate::{Content, objects, yubikey};

impl VirtualCard {
    /// Executes a command that is complete.
    pub(crate) fn execute(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        if command.instruction == Instruction::Select {
            return self.select(command);
        }
        if self.volatile.selected.is_none() {
            return Err(StatusWord::COMMAND_NOT_ALLOWED);
        }
        match command.instruction {
            Instruction::Select => self.select(command),
            Instruction::GetData => self.get_data(command),
            Instruction::PutData => self.put_data(command),
            Instruction::Verify => self.verify(command),
            Instruction::ChangeReferenceData => self.change_reference_data(command),
            Instruction::ResetRetryCounter => self.reset_retry_counter(command),
            Instruction::GeneralAuthenticate => self.general_authenticate(command),
            Instruction::GenerateAsymmetricKeyPair => self.generate_asymmetric_key_pair(command),
            Instruction::Version => self.version(command),
            Instruction::Serial => self.serial(command),
            Instruction::Metadata => self.metadata(command),
            Instruction::Attest => self.attest(command),
            Instruction::Import => self.import(command),
            Instruction::SetManagementKey => self.set_management_key(command),
            Instruction::SetPinRetries => self.set_pin_retries(command),
            Instruction::MoveKey => self.move_key(command),
            Instruction::Reset => self.factory_reset(command),
            Instruction::ReadConfiguration => self.read_configuration(command),
            Instruction::OtpRequest => self.otp_request(command),
        }
    }

    /// SP 800-73-4 Part 2, 3.1.1. Selecting anew keeps the PIN verified unless the card is one that does not; an unknown
    /// application changes nothing.
    fn select(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        if (command.p1, command.p2) != (0x04, 0x00) {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        if self.behaviour.selects(&command.data) {
            if self.behaviour.reselect_clears_pin || self.volatile.selected != Some(Application::Piv) {
                self.volatile = Volatile::selecting(Application::Piv);
            }
            return Ok(self.select_answer());
        }
        let (application, answer) =
            yubikey::application(&command.data, &self.behaviour).ok_or(StatusWord::NOT_FOUND)?;
        self.volatile = Volatile::selecting(application);
        Ok(answer)
    }

    /// The application property template (Part 2, Table 4).
    fn select_answer(&self) -> Vec<u8> {
        let (rid, pix) = objects::AID.split_at(objects::RID_LENGTH);
        let name = if self.behaviour.select_full_aid { &objects::AID[..] } else { pix };
        let mut parts = vec![tlv::encode(Tag(0x4f), name), tlv::encode(Tag(0x79), &tlv::encode(Tag(0x4f), rid))];
        match self.behaviour.select_answer {
            SelectAnswer::Short => {}
            SelectAnswer::Named => parts.push(tlv::encode(Tag(0x50), b"pivkit virtual card")),
            SelectAnswer::Long => {
                let algorithms = [[0x80, 1, 0x07], [0x80, 1, 0x11], [0x80, 1, 0x14], [0x06, 1, 0x00]].concat();
                parts.push(tlv::encode(Tag(0x50), b"pivkit virtual card"));
                parts.push(tlv::encode(Tag(0x5f50), b"https://csrc.nist.gov/pubs/sp/800/73/4/upd1"));
                parts.push(tlv::encode(Tag(0xac), &algorithms));
                // Discretionary data: room up to the length that the longest answer seen had.
                let length = parts.iter().map(Vec::len).sum::<usize>().saturating_add(4);
                parts.push(tlv::encode(Tag(0x53), &vec![0; LONG_ANSWER.saturating_sub(length)]));
            }
        }
        if self.behaviour.select_backwards {
            parts.reverse();
        }
        tlv::encode(Tag(0x61), &parts.concat())
    }

    /// Keeps PIN, PUK and their tries, if this card is one that is kept.
    pub(crate) fn keep(&self, references: &References) -> Result<(), StatusWord> {
        let Some(store) = &self.store else { return Ok(()) };
        store.write_references(references).map_err(|error| {
            tracing::error!(%error, "the PIN counter could not be kept");
            MEMORY_FAILURE
        })
    }

    /// Changes objects or keys. It is kept first: what a power cut would take back was never answered.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Content)) -> Result<(), StatusWord> {
        let Some(store) = &self.store else {
            change(&mut self.content);
            return Ok(());
        };
        let mut changed = self.content.clone();
        change(&mut changed);
        store.write_card(&changed).map_err(|error| {
            tracing::error!(%error, "the card could not be kept");
            MEMORY_FAILURE
        })?;
        self.content = changed;
        Ok(())
    }

    /// For commands that change what is on the card: the management key must be proven.
    pub(crate) fn require_administrator(&self) -> Result<(), StatusWord> {
        if self.volatile.administrator { Ok(()) } else { Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED) }
    }
}

/// Memory failure: the card could not keep what it must keep.
const MEMORY_FAILURE: StatusWord = StatusWord(0x6581);
const LONG_ANSWER: usize = 124;
