//! The cards of the matrix. All copies of one kind have the same keys.

use std::fmt;
use std::sync::OnceLock;

use virtual_card::{CardOptions, Content, ExtendedLength, Profile, VirtualCard};

use crate::bench::hosted_card::{full, yubikey};

/// A kind of card.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Certificates in many slots.
    Full,
    /// The same without extended length.
    Short,
    /// The same, and people use the global PIN, 654321.
    GlobalPin,
    /// A YubiKey 5.4 with the certificates of alice.
    YubiKey,
    /// A YubiKey 5.7 as it is sold.
    Factory,
    /// A card with the standard's commands alone, as it is sold.
    Plain,
}

impl Kind {
    pub(super) fn card(self) -> VirtualCard {
        static FACTORY: OnceLock<Content> = OnceLock::new();
        static PLAIN: OnceLock<Content> = OnceLock::new();
        let options = CardOptions::default();
        let (content, options) = match self {
            Self::Full => (&full().content, options),
            Self::Short => (&full().content, CardOptions { extended_length: ExtendedLength::Refused, ..options }),
            Self::GlobalPin => (&full().content, CardOptions { quirks: "pin-policy=6020".parse().unwrap(), ..options }),
            Self::YubiKey => (&yubikey().content, CardOptions { profile: Profile::YubiKey54, ..options }),
            Self::Factory => {
                let content = FACTORY.get_or_init(|| Content::factory(Profile::YubiKey57).unwrap());
                (content, CardOptions { profile: Profile::YubiKey57, ..options })
            }
            Self::Plain => (PLAIN.get_or_init(|| Content::factory(Profile::Plain).unwrap()), options),
        };
        VirtualCard::new(content.clone(), options)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "card with extended length",
            Self::Short => "card without extended length",
            Self::GlobalPin => "card with a global PIN",
            Self::YubiKey => "YubiKey 5.4",
            Self::Factory => "YubiKey 5.7 from the factory",
            Self::Plain => "plain card from the factory",
        })
    }
}
