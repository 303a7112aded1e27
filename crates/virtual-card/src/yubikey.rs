//! Yubico's commands beside PIV's, as YubiKeys of the profile's firmware have them.
//!
//! ```text
//! FD             version: 3 bytes
//! F8             serial number: 4 bytes                                              since 5.0.3
//! F7 00 KEY      metadata                                                            since 5.3
//! F9 SLOT 00     attestation: a certificate in DER                                   since 4.3
//! FE ALG SLOT    imports a private key                                with 9B
//! FF FF FF|FE    sets the management key, FE with touch               with 9B
//! FA PIN PUK     sets the tries of PIN and PUK, and both to default   with 9B and PIN
//! F6 TO FROM     moves a key; TO = FF deletes it                      with 9B        since 5.7
//! FB             resets everything                                    with PIN and PUK blocked
//! ```

mod applications;
mod import;
mod metadata;

use std::sync::Arc;

use smartcard::StatusWord;
use smartcard::tlv::{self, Tag};

pub(crate) use self::applications::application;
use crate::Slot;
use crate::administration::MANAGEMENT_KEY;
use crate::attestation;
use crate::card::{Command, VirtualCard, Volatile};
use crate::instruction::Application;
use crate::management_key::{ManagementAlgorithm, ManagementKey};
use crate::pin::References;
use crate::policy::TouchPolicy;
use crate::profile::Firmware;

impl VirtualCard {
    fn firmware(&self) -> Result<Firmware, StatusWord> {
        self.behaviour.firmware().ok_or(StatusWord::INSTRUCTION_NOT_SUPPORTED)
    }

    pub(crate) fn version(&self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        expect_parameters(command, 0, 0)?;
        Ok(self.firmware()?.to_vec())
    }

    pub(crate) fn serial(&self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        expect_parameters(command, 0, 0)?;
        let serial = self.content.serial.ok_or(StatusWord::INSTRUCTION_NOT_SUPPORTED)?;
        Ok(serial.to_be_bytes().to_vec())
    }

    pub(crate) fn attest(&self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        if command.p2 != 0x00 {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        let slot = self.slot(command.p1)?;
        attestation::attest(&self.content, self.firmware()?, slot)
    }

    /// The new key takes effect at once; whoever set it stays administrator.
    pub(crate) fn set_management_key(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        let touch_policy = match (command.p1, command.p2) {
            (0xff, 0xff) => TouchPolicy::Never,
            (0xff, 0xfe) => TouchPolicy::Always,
            (0xff, 0xfd) => TouchPolicy::Cached,
            _ => return Err(StatusWord::INCORRECT_P1_P2),
        };
        self.require_administrator()?;
        let (algorithm, key) = command.data.split_first().ok_or(StatusWord::INCORRECT_DATA)?;
        let algorithm = ManagementAlgorithm::from_identifier(*algorithm)
            .filter(|algorithm| *algorithm == ManagementAlgorithm::TripleDes || self.has_aes())
            .ok_or(StatusWord::INCORRECT_DATA)?;
        let key = tlv::single(key, Tag(u32::from(MANAGEMENT_KEY))).map_err(|_| StatusWord::INCORRECT_DATA)?;
        let key = ManagementKey::new(algorithm, key, touch_policy).ok_or(StatusWord::INCORRECT_DATA)?;
        self.change(|card| card.management_key = Arc::new(key))?;
        Ok(Vec::new())
    }

    fn has_aes(&self) -> bool {
        self.behaviour.is_yubikey_since([5, 4, 0])
    }

    pub(crate) fn set_pin_retries(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        self.require_administrator()?;
        if !self.volatile.pin_verified {
            return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
        }
        if command.p1 == 0 || command.p2 == 0 {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        let mut references = References::factory(false).ok_or(StatusWord::NO_DIAGNOSIS)?;
        references.pin.set_tries(command.p1);
        references.puk.set_tries(command.p2);
        references.global = self.content.references.global.clone();
        self.keep(&references)?;
        self.content.references = references;
        self.volatile.pin_verified = false;
        Ok(Vec::new())
    }

    /// P1 is where to, P2 where from. The certificate stays where it is, as on a YubiKey.
    pub(crate) fn move_key(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        self.require_administrator()?;
        let from = self.slot(command.p2)?;
        let to = if command.p1 == DELETE { None } else { Some(self.slot(command.p1)?) };
        if to == Some(from) || to == Some(Slot::ATTESTATION) {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        if !self.content.keys.contains_key(&from) {
            return Err(StatusWord::REFERENCE_NOT_FOUND);
        }
        self.change(|card| {
            let key = card.keys.remove(&from);
            if let Some((to, key)) = to.zip(key) {
                card.keys.insert(to, key);
            }
        })?;
        Ok(Vec::new())
    }

    pub(crate) fn factory_reset(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        expect_parameters(command, 0, 0)?;
        let references = &self.content.references;
        if !references.pin.is_blocked() || !references.puk.is_blocked() {
            return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
        }
        let mut wiped = self.content.wiped().ok_or(StatusWord::NO_DIAGNOSIS)?;
        self.behaviour.furnish(&mut wiped);
        let references = wiped.references.clone();
        // The keys go before the old PIN does: whoever cuts the power in between has a blocked card without keys.
        wiped.references = self.content.references.clone();
        self.change(|card| *card = wiped)?;
        self.keep(&references)?;
        self.content.references = references;
        self.volatile = Volatile::selecting(Application::Piv);
        Ok(Vec::new())
    }
}

/// In place of a slot to move to.
const DELETE: u8 = 0xff;

fn expect_parameters(command: &Command, p1: u8, p2: u8) -> Result<(), StatusWord> {
    if (command.p1, command.p2) == (p1, p2) { Ok(()) } else { Err(StatusWord::INCORRECT_P1_P2) }
}
