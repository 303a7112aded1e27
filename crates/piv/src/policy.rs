//! When a key wants the PIN and a touch (Yubico's extensions to GENERATE ASYMMETRIC KEY PAIR: tags AA and AB).

use std::fmt;

/// When a key wants the PIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PinPolicy {
    /// As the slot has it: never in 9E, always in 9C, once elsewhere. The only one that every card knows.
    #[default]
    Default,
    /// Never.
    Never,
    /// Once in a session of the card.
    Once,
    /// Before each use.
    Always,
    /// A fingerprint or the PIN, once in a session of the card.
    MatchOnce,
    /// A fingerprint or the PIN, before each use.
    MatchAlways,
}

/// When a key wants to be touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TouchPolicy {
    /// As the card has it: never. The only one that every card knows.
    #[default]
    Default,
    /// Never.
    Never,
    /// At each use.
    Always,
    /// At each use, unless it was touched in the last 15 seconds.
    Cached,
}

impl PinPolicy {
    const ALL: [Self; 6] = [Self::Default, Self::Never, Self::Once, Self::Always, Self::MatchOnce, Self::MatchAlways];

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Default => 0,
            Self::Never => 1,
            Self::Once => 2,
            Self::Always => 3,
            Self::MatchOnce => 4,
            Self::MatchAlways => 5,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.number() == number)
    }
}

impl TouchPolicy {
    const ALL: [Self; 4] = [Self::Default, Self::Never, Self::Always, Self::Cached];

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Default => 0,
            Self::Never => 1,
            Self::Always => 2,
            Self::Cached => 3,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.number() == number)
    }

    /// True if the key may wait for a person's touch.
    #[must_use]
    pub fn may_wait(self) -> bool {
        matches!(self, Self::Always | Self::Cached)
    }
}

impl fmt::Display for PinPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::Never => "never",
            Self::Once => "once",
            Self::Always => "always",
            Self::MatchOnce => "match-once",
            Self::MatchAlways => "match-always",
        })
    }
}

impl fmt::Display for TouchPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::Never => "never",
            Self::Always => "always",
            Self::Cached => "cached",
        })
    }
}
