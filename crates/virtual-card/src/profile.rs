//! Which card this one plays: what a real one of its kind has and answers.

use std::fmt;
use std::str::FromStr;

use crate::management_key::ManagementAlgorithm;
use crate::{Algorithm, Error};

/// A kind of card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// SP 800-73-4 and nothing beside it: every algorithm that this card has, no vendor command.
    #[default]
    Plain,
    /// A YubiKey 4, firmware 4.3.7: attestation, import and touch, no metadata, no serial number through PIV.
    YubiKey4,
    /// A YubiKey 5, firmware 5.4.3: metadata, AES management keys, a 3DES one at the start.
    YubiKey54,
    /// A YubiKey 5, firmware 5.7.4: RSA-3072 and 4096, Curve25519, keys that move, an AES-192 management key at the start.
    YubiKey57,
    /// A card as federal agencies issue it: application PIN and global PIN, key history, twenty retired keys, the
    /// algorithms of SP 800-78 and no vendor command.
    Federal,
}

/// A YubiKey's firmware version: major, minor, patch.
pub(crate) type Firmware = [u8; 3];

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 5] = [Self::Plain, Self::YubiKey4, Self::YubiKey54, Self::YubiKey57, Self::Federal];

    /// Its name, as `--profile` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::YubiKey4 => "yubikey-4",
            Self::YubiKey54 => "yubikey-5.4",
            Self::YubiKey57 => "yubikey-5.7",
            Self::Federal => "federal",
        }
    }

    /// What it is, in one line.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Plain => "SP 800-73-4 and nothing beside it: every algorithm, no vendor command",
            Self::YubiKey4 => "YubiKey 4, firmware 4.3.7: attestation, import, touch; no metadata, 3DES management key",
            Self::YubiKey54 => "YubiKey 5, firmware 5.4.3: metadata, 3DES management key to begin with",
            Self::YubiKey57 => {
                "YubiKey 5, firmware 5.7.4: RSA-3072/4096, Ed25519, X25519, move and delete, AES-192 management key"
            }
            Self::Federal => {
                "a federal agency's card: global PIN 654321 beside the PIN, key history, AES-256 management key"
            }
        }
    }

    /// The firmware of a YubiKey; `None` for other cards.
    pub(crate) fn firmware(self) -> Option<Firmware> {
        match self {
            Self::YubiKey4 => Some([4, 3, 7]),
            Self::YubiKey54 => Some([5, 4, 3]),
            Self::YubiKey57 => Some([5, 7, 4]),
            Self::Plain | Self::Federal => None,
        }
    }

    /// True if it is a YubiKey with this firmware or a later one.
    pub(crate) fn is_yubikey_since(self, firmware: Firmware) -> bool {
        self.firmware().is_some_and(|own| own >= firmware)
    }

    /// True for algorithms that such a card has.
    pub(crate) fn has(self, algorithm: Algorithm) -> bool {
        match self {
            Self::Plain | Self::YubiKey57 => true,
            Self::YubiKey4 | Self::YubiKey54 => {
                matches!(algorithm, Algorithm::Rsa1024 | Algorithm::Rsa2048 | Algorithm::P256 | Algorithm::P384)
            }
            Self::Federal => {
                matches!(algorithm, Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::P256 | Algorithm::P384)
            }
        }
    }

    /// The algorithm of a new card's management key.
    pub(crate) fn management_algorithm(self) -> ManagementAlgorithm {
        match self {
            Self::Plain | Self::YubiKey4 | Self::YubiKey54 => ManagementAlgorithm::TripleDes,
            Self::YubiKey57 => ManagementAlgorithm::Aes192,
            Self::Federal => ManagementAlgorithm::Aes256,
        }
    }

    /// The answer to reset, if real cards of this kind have a known one.
    pub(crate) fn atr(self) -> Option<&'static [u8]> {
        match self {
            Self::YubiKey4 => Some(&YUBIKEY_4_ATR),
            Self::YubiKey54 | Self::YubiKey57 => Some(&YUBIKEY_5_ATR),
            Self::Plain | Self::Federal => None,
        }
    }
}

impl FromStr for Profile {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.name() == name)
            .ok_or_else(|| Error::UnknownProfile { name: name.to_owned() })
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const YUBIKEY_4_ATR: [u8; 18] =
    [0x3b, 0xf8, 0x13, 0x00, 0x00, 0x81, 0x31, 0xfe, 0x15, 0x59, 0x75, 0x62, 0x69, 0x6b, 0x65, 0x79, 0x34, 0xd4];
const YUBIKEY_5_ATR: [u8; 23] = [
    0x3b, 0xfd, 0x13, 0x00, 0x00, 0x81, 0x31, 0xfe, 0x15, 0x80, 0x73, 0xc0, 0x21, 0xc0, 0x57, 0x59, 0x75, 0x62, 0x69,
    0x4b, 0x65, 0x79, 0x40,
];
