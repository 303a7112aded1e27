//! A certificate in a slot of a card.

use time::OffsetDateTime;

use crate::{Certificate, PairingHash, Problem, TokenId, Usage};

/// A certificate together with where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The slot in two hexadecimal digits, lower case: `9a`, `9c`, `9d`, `9e`, `82` ... `95`.
    pub slot: String,
    /// The certificate of the slot.
    pub certificate: Certificate,
    /// The token id of the card, when it has a GUID.
    pub token_id: Option<TokenId>,
}

impl Identity {
    /// The pairing hash of the key in the slot.
    pub fn pairing_hash(&self) -> PairingHash {
        self.certificate.pairing_hash()
    }

    /// What slot and certificate together allow, after the rules of [`Usage`]; most important
    /// first. The dates are not looked at.
    pub fn usable_for(&self) -> Vec<Usage> {
        self.certificate.usable_for().into_iter().filter(|usage| usage.fits_slot(&self.slot)).collect()
    }

    /// Whether slot and certificate allow `usage`.
    pub fn is_usable_for(&self, usage: Usage) -> bool {
        usage.fits_slot(&self.slot) && self.certificate.allows(usage)
    }

    /// Everything that speaks against this identity at the time `now`: the problems of the
    /// certificate itself and what its key usages lack for the purpose of the slot.
    pub fn problems_at(&self, now: OffsetDateTime) -> Vec<Problem> {
        let purpose = match self.slot.to_ascii_lowercase().as_str() {
            "9a" => Some(Usage::Authentication),
            "9c" => Some(Usage::Signature),
            "9e" => Some(Usage::CardAuthentication),
            slot if Usage::KeyManagement.fits_slot(slot) => Some(Usage::KeyManagement),
            _ => None,
        };
        let mut problems = self.certificate.problems_at(now);
        problems.extend(purpose.map(|usage| self.certificate.problems_for(usage)).unwrap_or_default());
        problems
    }
}
