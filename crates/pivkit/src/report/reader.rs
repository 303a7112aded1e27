//! Readers and what happens at them.

use serde::Serialize;

use super::SCHEMA_VERSION;

/// `pivkit readers`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ReadersReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The readers, sorted by name.
    pub readers: Vec<ReaderReport>,
}

/// One reader at one moment.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ReaderReport {
    /// Its name.
    pub reader: String,
    /// The answer to reset of the card in it, upper-case hex; none without a card.
    pub atr: Option<String>,
    /// Another program holds the card for itself.
    pub exclusive: bool,
    /// What is in the reader does not answer.
    pub mute: bool,
    /// How many insertions and removals the PC/SC service has counted in this reader.
    #[serde(skip)]
    pub events: u32,
}

impl From<smartcard::pcsc::Reader> for ReaderReport {
    fn from(reader: smartcard::pcsc::Reader) -> Self {
        let smartcard::pcsc::Reader { name, atr, exclusive, mute, events } = reader;
        Self { reader: name, atr: atr.map(hex::encode_upper), exclusive, mute, events }
    }
}

/// One line of `pivkit readers --watch`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ReaderEvent {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What happened.
    pub event: ReaderEventKind,
    /// The reader.
    pub reader: String,
    /// The answer to reset of the card that was inserted, upper-case hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub atr: Option<String>,
}

impl ReaderEvent {
    /// What happened between two lists of readers, in the order of their names.
    #[must_use]
    pub fn between(before: &[ReaderReport], after: &[ReaderReport]) -> Vec<Self> {
        let mut events = Vec::new();
        let mut happened = |event, reader: &str, atr: Option<&String>| {
            events.push(Self { schema_version: SCHEMA_VERSION, event, reader: reader.to_owned(), atr: atr.cloned() });
        };
        for old in before.iter().filter(|old| !after.iter().any(|new| new.reader == old.reader)) {
            happened(ReaderEventKind::ReaderDetached, &old.reader, None);
        }
        for new in after {
            let old = before.iter().find(|old| old.reader == new.reader);
            let had_card = old.is_some_and(ReaderReport::has_card);
            // Two changes within one look are a card that was exchanged for another, perhaps of the same kind.
            let same_card = old.is_some_and(|old| old.atr == new.atr && old.events == new.events);
            if old.is_none() {
                happened(ReaderEventKind::ReaderAttached, &new.reader, None);
            }
            if had_card && !same_card {
                happened(ReaderEventKind::CardRemoved, &new.reader, None);
            }
            if new.has_card() && !(had_card && same_card) {
                happened(ReaderEventKind::CardInserted, &new.reader, new.atr.as_ref());
            }
        }
        events
    }
}

/// What happened at a reader.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ReaderEventKind {
    /// A reader was attached.
    ReaderAttached,
    /// A reader was detached.
    ReaderDetached,
    /// A card was inserted.
    CardInserted,
    /// A card was removed.
    CardRemoved,
}

impl ReaderReport {
    /// True if a card is in the reader.
    #[must_use]
    pub fn has_card(&self) -> bool {
        self.atr.is_some()
    }

    pub(crate) fn to_reader(&self) -> smartcard::pcsc::Reader {
        let atr = self.atr.as_ref().map(|atr| hex::decode(atr).unwrap_or_default());
        let Self { reader, exclusive, mute, events, .. } = self.clone();
        smartcard::pcsc::Reader { name: reader, atr, exclusive, mute, events }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(name: &str, atr: Option<&str>, events: u32) -> ReaderReport {
        ReaderReport { reader: name.into(), atr: atr.map(Into::into), exclusive: false, mute: false, events }
    }

    fn kinds(before: &[ReaderReport], after: &[ReaderReport]) -> Vec<ReaderEventKind> {
        ReaderEvent::between(before, after).iter().map(|event| event.event).collect()
    }

    #[test]
    fn events_between_two_lists_of_readers() {
        use ReaderEventKind::{CardInserted, CardRemoved, ReaderAttached, ReaderDetached};
        let empty = || vec![reader("a", None, 0)];
        let full = |events| vec![reader("a", Some("3B"), events)];
        assert_eq!(kinds(&[], &full(1)), [ReaderAttached, CardInserted]);
        assert_eq!(kinds(&full(1), &[]), [ReaderDetached]);
        assert_eq!(kinds(&empty(), &full(1)), [CardInserted]);
        assert_eq!(kinds(&full(1), &empty()), [CardRemoved]);
        assert_eq!(kinds(&full(1), &full(3)), [CardRemoved, CardInserted], "exchanged for one of the same kind");
        let exclusive = vec![ReaderReport { exclusive: true, ..full(1).remove(0) }];
        assert_eq!(kinds(&full(1), &exclusive), []);
    }
}
