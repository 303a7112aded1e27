//! RESET RETRY COUNTER: a new PIN for whoever knows the PUK (SP 800-73-4 Part 2, 3.2.3).
//!
//! ```text
//! 00 2C 00 80 10   PUK (8 bytes)   new PIN (8 bytes, padded with FF)
//!
//! 9000   the PIN is the new one, PIN and PUK have all their tries; a PIN that was verified stays so
//! 63Cx   wrong PUK, x tries left; the PIN is as it was and no longer verified
//! 6983   the PUK is blocked
//! 6A80   not 16 bytes, or no PIN: no try is spent
//! ```

use smartcard::StatusWord;

use crate::card::{Command, VirtualCard};
use crate::pin::{APPLICATION_PIN, AuthenticationData, ReferenceName};

impl VirtualCard {
    /// As with VERIFY, the spent try is kept before anything is compared. Only the application PIN has a PUK.
    pub(crate) fn reset_retry_counter(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        if command.p1 != 0x00 {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        if command.p2 != APPLICATION_PIN {
            return Err(StatusWord::REFERENCE_NOT_FOUND);
        }
        if self.reference(ReferenceName::Puk)?.is_blocked() {
            return Err(StatusWord::AUTHENTICATION_METHOD_BLOCKED);
        }
        let (puk, pin) = command.data.split_at_checked(8).ok_or(StatusWord::INCORRECT_DATA)?;
        let puk = AuthenticationData::from_block(puk).ok_or(StatusWord::INCORRECT_DATA)?;
        let pin = match self.new_pin(pin) {
            Err(_) if self.behaviour.malformed_pin_costs_try => {
                // A YubiKey looks at the PUK first, and Yubico's tools block it in this way.
                self.compare(ReferenceName::Puk, &puk)?;
                return Err(StatusWord::INCORRECT_DATA);
            }
            pin => pin?,
        };
        self.compare_and_replace(ReferenceName::Puk, &puk, ReferenceName::Pin, pin)?;
        Ok(Vec::new())
    }
}
