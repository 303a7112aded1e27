//! What is known of how a card takes and gives data.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Protocol, atr};

/// What was learnt about how a card takes and gives data. Keep it with the card: it saves commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    pub(crate) answers: LongAnswers,
    pub(crate) data: LongData,
    pub(crate) protocol: Protocol,
}

/// Whether an extended APDU brings more than 256 bytes in one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LongAnswers {
    /// Not tried yet, or only with answers that were short anyway.
    #[default]
    Unknown,
    /// It did.
    Honoured,
    /// The card refuses extended APDUs, or takes them and answers in pieces all the same.
    NoGain,
}

/// Whether an extended APDU may carry more than 255 bytes to the card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LongData {
    /// Nothing says so.
    #[default]
    Unknown,
    /// The answer to reset says so, or the card took an extended APDU with little data. Good for a command that may be sent
    /// again if this is wrong.
    Likely,
    /// It did.
    Taken,
    /// The card refused.
    Refused,
}

impl Link {
    /// A card that is only ever spoken to in short APDUs.
    pub const SHORT: Self = Self { answers: LongAnswers::NoGain, data: LongData::Refused, protocol: Protocol::T1 };

    /// What is known of a card from the protocol that it speaks, where T=0 has no extended APDUs, and from its answer to
    /// reset, whose card capabilities (ISO/IEC 7816-4:2020, 12.2.2) may name them. What these do not name is tried all the
    /// same: many cards have no capabilities there.
    #[must_use]
    pub fn new(protocol: Protocol, atr: &[u8]) -> Self {
        match protocol {
            Protocol::T0 => Self { protocol, ..Self::SHORT },
            Protocol::T1 if atr::names_extended_length(atr) => Self { data: LongData::Likely, ..Self::default() },
            Protocol::T1 => Self::default(),
        }
    }

    /// True once the card has shown that it gives long answers in one piece.
    #[must_use]
    pub fn extended_length(&self) -> bool {
        self.answers == LongAnswers::Honoured
    }
}

/// What was learnt about cards, by their answer to reset: cards of one kind behave alike. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct LinkMemory {
    links: Arc<Mutex<HashMap<Vec<u8>, Link>>>,
}

impl LinkMemory {
    /// What is known of a card with this answer to reset and protocol.
    #[must_use]
    pub fn recall(&self, protocol: Protocol, atr: &[u8]) -> Link {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.get(atr).filter(|link| link.protocol == protocol).copied().unwrap_or_else(|| Link::new(protocol, atr))
    }

    /// Keeps what was learnt of a card.
    pub fn keep(&self, atr: &[u8], link: Link) {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).insert(atr.to_vec(), link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learnt_of_one_card_serves_the_next_of_its_kind() {
        let memory = LinkMemory::default();
        let clone = memory.clone();
        clone.keep(&[0x3b, 0x00], Link::SHORT);
        assert_eq!(memory.recall(Protocol::T1, &[0x3b, 0x00]), Link::SHORT);
        assert_eq!(memory.recall(Protocol::T1, &[0x3b, 0x01, 0x00]), Link::default());
        assert_eq!(memory.recall(Protocol::T0, &[0x3b, 0x00]).protocol, Protocol::T0, "learnt over another protocol");
    }
}
