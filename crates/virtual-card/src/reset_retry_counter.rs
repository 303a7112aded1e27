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
use crate::pin::{APPLICATION_PIN, AuthenticationData};

impl VirtualCard {
    /// As with VERIFY, the spent try is kept before anything is compared.
    pub(crate) fn reset_retry_counter(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        if command.p1 != 0x00 {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        if command.p2 != APPLICATION_PIN {
            return Err(StatusWord::REFERENCE_NOT_FOUND);
        }
        if self.content.references.puk.is_blocked() {
            return Err(StatusWord::AUTHENTICATION_METHOD_BLOCKED);
        }
        let (puk, pin) = command.data.split_at_checked(8).ok_or(StatusWord::INCORRECT_DATA)?;
        let puk = AuthenticationData::from_block(puk).ok_or(StatusWord::INCORRECT_DATA)?;
        let pin = AuthenticationData::parse_pin(pin).ok_or(StatusWord::INCORRECT_DATA)?;

        self.content.references.puk.spend_try();
        let kept = self.keep(&self.content.references);
        let reference = &self.content.references.puk;
        if kept.is_ok() && reference.matches(&puk) {
            // Kept first: what a power cut would take back was never answered.
            let mut references = self.content.references.clone();
            references.pin.replace(pin);
            references.puk.restore_tries();
            self.keep(&references)?;
            self.content.references = references;
            return Ok(Vec::new());
        }
        let status = reference.tries_left_status();
        self.volatile.pin_verified = false;
        Err(kept.err().unwrap_or(status))
    }
}
