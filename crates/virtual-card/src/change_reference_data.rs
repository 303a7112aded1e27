//! CHANGE REFERENCE DATA: a new PIN or PUK for whoever knows the old one (SP 800-73-4 Part 2, 3.2.2).
//!
//! ```text
//! 00 24 00 80 10   PIN (8 bytes)   new PIN (8 bytes, padded with FF)
//! 00 24 00 81 10   PUK (8 bytes)   new PUK (8 bytes)
//! 00 24 00 00 10   global PIN      new global PIN, where there is one
//!
//! 9000   it is the new one, with all its tries; a PIN counts as verified
//! 63Cx   wrong, x tries left; a PIN is no longer verified
//! 6983   blocked
//! 6A80   not 16 bytes, or the new one is none: no try is spent
//! ```

use smartcard::StatusWord;

use crate::card::{Command, VirtualCard};
use crate::pin::{AuthenticationData, ReferenceName};

impl VirtualCard {
    pub(crate) fn change_reference_data(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        if command.p1 != 0x00 {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        let name = ReferenceName::from_key_reference(command.p2)
            .filter(|name| *name != ReferenceName::Global || self.global_pin_is_used())
            .ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
        if self.reference(name)?.is_blocked() {
            return Err(StatusWord::AUTHENTICATION_METHOD_BLOCKED);
        }
        let (old, new) = command.data.split_at_checked(8).ok_or(StatusWord::INCORRECT_DATA)?;
        let (old, new) = if name == ReferenceName::Puk {
            let puk = AuthenticationData::from_block(old).zip(AuthenticationData::parse_puk(new));
            puk.ok_or(StatusWord::INCORRECT_DATA)?
        } else {
            // The new one first: a malformed one must not cost a try of the old.
            let new = self.new_pin(new)?;
            (self.candidate(old)?, new)
        };
        self.compare_and_replace(name, &old, name, new)?;
        if name != ReferenceName::Puk {
            self.set_verified(name, true);
        }
        Ok(Vec::new())
    }
}
