//! A YubiKey's applications beside PIV, as far as tools ask them what the key is.
//!
//! ```text
//! A000000527471117   management: 00 1D page 00 -> length, then 01 capabilities 02 serial 03 enabled 04 form 05 version
//! A0000005272001     one-time passwords: 00 01 10 00 -> serial number (4 bytes)
//! ```

use smartcard::StatusWord;
use smartcard::tlv::{self, Tag};

use crate::attestation::USB_A_KEYCHAIN;
use crate::behaviour::Behaviour;
use crate::card::{Command, VirtualCard};
use crate::instruction::Application;

/// The application with this name, and its answer to SELECT.
pub(crate) fn application(name: &[u8], behaviour: &Behaviour) -> Option<(Application, Vec<u8>)> {
    let firmware = behaviour.firmware()?;
    let [major, minor, patch] = firmware;
    match name {
        MANAGEMENT => {
            let text = format!("Virtual mgr - FW version {major}.{minor}.{patch}");
            Some((Application::Management, text.into_bytes()))
        }
        // Version, and a state without any password.
        OTP => Some((Application::Otp, [&firmware[..], &[0; 4]].concat())),
        _ => None,
    }
}

impl VirtualCard {
    /// The whole of a YubiKey's configuration fits into the first page.
    pub(crate) fn read_configuration(&self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        let firmware = self.behaviour.firmware().ok_or(StatusWord::INSTRUCTION_NOT_SUPPORTED)?;
        if (command.p1, command.p2) != (0x00, 0x00) {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        let serial = self.content.serial.unwrap_or_default().to_be_bytes();
        let mut page = Vec::new();
        for (tag, value) in [
            (0x01, &[CAPABILITIES][..]),
            (0x02, &serial),
            (0x03, &[CAPABILITIES]),
            (0x04, &[USB_A_KEYCHAIN]),
            (0x05, &firmware),
            (0x06, &[0, 0]),
            (0x07, &[15]),
            (0x08, &[0]),
            (0x0a, &[0]),
        ] {
            tlv::push(&mut page, Tag(tag), value);
        }
        let length = u8::try_from(page.len()).map_err(|_| StatusWord::NO_DIAGNOSIS)?;
        page.insert(0, length);
        Ok(page)
    }

    /// The serial number and nothing else.
    pub(crate) fn otp_request(&self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        if (command.p1, command.p2) != (SERIAL_NUMBER, 0x00) {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        let serial = self.content.serial.ok_or(StatusWord::INSTRUCTION_NOT_SUPPORTED)?;
        Ok(serial.to_be_bytes().to_vec())
    }
}

const MANAGEMENT: &[u8] = &[0xa0, 0x00, 0x00, 0x05, 0x27, 0x47, 0x11, 0x17];
const OTP: &[u8] = &[0xa0, 0x00, 0x00, 0x05, 0x27, 0x20, 0x01];
/// The OTP application's slot that stands for the serial number.
const SERIAL_NUMBER: u8 = 0x10;
/// PIV (bit 4) and one-time passwords (bit 0).
const CAPABILITIES: u8 = 0x11;
