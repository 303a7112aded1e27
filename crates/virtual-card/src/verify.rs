//! VERIFY, and how a PIN or PUK is compared (SP 800-73-4 Part 2, 3.2.1).
//!
//! ```text
//! 00 20 00 80 08   PIN (8 bytes, padded with FF)    the application PIN
//! 00 20 00 00 08   PIN                              the global PIN, where the discovery object knows one
//! 00 20 00 80                                       9000 verified already, 63Cx tries left, 6983 blocked
//! 00 20 FF 80                                       takes the verification back
//! ```

use smartcard::StatusWord;

use crate::card::{Command, VirtualCard};
use crate::objects;
use crate::pin::{AuthenticationData, Reference, ReferenceName, tries_status};

impl VirtualCard {
    /// A malformed PIN is refused without costing a try, unless the card is one that does not look at the form.
    pub(crate) fn verify(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        let reset = match command.p1 {
            0x00 => false,
            0xff => true,
            _ => return Err(StatusWord::INCORRECT_P1_P2),
        };
        let name = self.verifiable(command.p2)?;
        if reset {
            if !command.data.is_empty() {
                return Err(StatusWord::INCORRECT_DATA);
            }
            self.set_verified(name, false);
            return Ok(Vec::new());
        }
        if self.is_verified(name) && command.data.is_empty() {
            return Ok(Vec::new());
        }
        let reference = self.reference(name)?;
        if reference.is_blocked() {
            self.set_verified(name, false);
            return Err(StatusWord::AUTHENTICATION_METHOD_BLOCKED);
        }
        if command.data.is_empty() {
            return Err(self.tries_left_status(name));
        }
        let candidate = self.candidate(&command.data)?;
        self.compare(name, &candidate)?;
        self.set_verified(name, true);
        self.volatile.pin_fresh = true;
        Ok(Vec::new())
    }

    /// The PIN that VERIFY may name. The PUK is none.
    fn verifiable(&self, key_reference: u8) -> Result<ReferenceName, StatusWord> {
        match ReferenceName::from_key_reference(key_reference) {
            Some(ReferenceName::Pin) => Ok(ReferenceName::Pin),
            Some(ReferenceName::Global) if self.global_pin_is_used() => Ok(ReferenceName::Global),
            _ => Err(StatusWord::REFERENCE_NOT_FOUND),
        }
    }

    /// True if the card has a global PIN and its PIN usage policy says so.
    pub(crate) fn global_pin_is_used(&self) -> bool {
        let stored = || self.content.object(objects::DISCOVERY).and_then(objects::policy_of_discovery);
        let policy = self.behaviour.pin_usage_policy.or_else(stored).unwrap_or_default();
        self.content.references.global.is_some() && policy & objects::GLOBAL_PIN_USED != 0
    }

    /// True if a PIN that satisfies the access rules was verified.
    pub(crate) fn user_is_verified(&self) -> bool {
        self.volatile.pin_verified || (self.volatile.global_pin_verified && self.global_pin_is_used())
    }

    fn is_verified(&self, name: ReferenceName) -> bool {
        match name {
            ReferenceName::Pin => self.volatile.pin_verified,
            ReferenceName::Global => self.volatile.global_pin_verified,
            ReferenceName::Puk => false,
        }
    }

    pub(crate) fn set_verified(&mut self, name: ReferenceName, verified: bool) {
        match name {
            ReferenceName::Pin => self.volatile.pin_verified = verified,
            ReferenceName::Global => self.volatile.global_pin_verified = verified,
            // A wrong PUK costs the verification of the PIN that it would have changed.
            ReferenceName::Puk => self.volatile.pin_verified &= verified,
        }
    }

    pub(crate) fn reference(&self, name: ReferenceName) -> Result<&Reference, StatusWord> {
        self.content.references.reference(name).ok_or(StatusWord::REFERENCE_NOT_FOUND)
    }

    pub(crate) fn tries_left_status(&self, name: ReferenceName) -> StatusWord {
        let tries_left = self.content.references.reference(name).map_or(0, Reference::tries_left);
        tries_status(tries_left, self.behaviour.old_tries)
    }

    /// What is to be compared. A card that looks at the form refuses what is no PIN.
    pub(crate) fn candidate(&self, data: &[u8]) -> Result<AuthenticationData, StatusWord> {
        let candidate = if self.behaviour.malformed_pin_costs_try {
            AuthenticationData::from_block(data).or_else(|| AuthenticationData::pad(&[]))
        } else {
            AuthenticationData::parse_pin(data)
        };
        candidate.ok_or(StatusWord::INCORRECT_DATA)
    }

    /// A value that a PIN may be changed to.
    pub(crate) fn new_pin(&self, data: &[u8]) -> Result<AuthenticationData, StatusWord> {
        let pin = if self.behaviour.any_pin {
            AuthenticationData::parse_puk(data)
        } else {
            AuthenticationData::parse_pin(data)
        };
        pin.ok_or(StatusWord::INCORRECT_DATA)
    }

    /// Spends a try and keeps that, and only then compares: a power cut at any moment gives no try back.
    pub(crate) fn compare(&mut self, name: ReferenceName, candidate: &AuthenticationData) -> Result<(), StatusWord> {
        self.spend_try(name)?;
        if !self.reference(name)?.matches(candidate) {
            self.set_verified(name, false);
            return Err(self.tries_left_status(name));
        }
        self.set_verified(name, false);
        let mut references = self.content.references.clone();
        if let Some(reference) = references.reference_mut(name) {
            reference.restore_tries();
        }
        self.keep(&references)?;
        self.content.references = references;
        Ok(())
    }

    /// As [`VirtualCard::compare`], and if it is the right one, `changed` gets a new value along with the tries.
    pub(crate) fn compare_and_replace(
        &mut self,
        name: ReferenceName,
        candidate: &AuthenticationData,
        changed: ReferenceName,
        value: AuthenticationData,
    ) -> Result<(), StatusWord> {
        self.spend_try(name)?;
        if !self.reference(name)?.matches(candidate) {
            self.set_verified(name, false);
            return Err(self.tries_left_status(name));
        }
        // Kept first: what a power cut would take back was never answered.
        let mut references = self.content.references.clone();
        if let Some(reference) = references.reference_mut(name) {
            reference.restore_tries();
        }
        if let Some(reference) = references.reference_mut(changed) {
            reference.replace(value);
        }
        self.keep(&references)?;
        self.content.references = references;
        Ok(())
    }

    fn spend_try(&mut self, name: ReferenceName) -> Result<(), StatusWord> {
        let reference = self.content.references.reference_mut(name).ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
        reference.spend_try();
        let kept = self.keep(&self.content.references);
        if kept.is_err() {
            self.set_verified(name, false);
        }
        kept
    }
}
