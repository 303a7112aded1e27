//! Habits of real cards that differ from one to the next, one switch each.
//!
//! A card is its profile, and then its quirks: `--quirk select-short,pin-tries=5`.

use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::management_key::ManagementAlgorithm;

/// One habit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quirk {
    /// `select-full-aid`: tag 4F of SELECT's answer holds the whole AID.
    SelectFullAid,
    /// `select-pix-only`: it holds the PIX alone.
    SelectPixOnly,
    /// `select-short`: an answer of 19 bytes.
    SelectShort,
    /// `select-long`: an answer of 124 bytes.
    SelectLong,
    /// `select-order`: the data objects of the answer in another order.
    SelectOrder,
    /// `select-needs-full-aid`: a part of the AID selects nothing.
    SelectNeedsFullAid,
    /// `reselect-clears-pin`: SELECT takes the verification back.
    ReselectClearsPin,
    /// `selected-after-reset`: PIV is selected without SELECT.
    SelectedAfterReset,
    /// `no-extended`: the extended form is refused.
    NoExtended,
    /// `le-ignored`: the extended form is taken, answers come in parts all the same.
    LeIgnored,
    /// `chaining-only`: more than 255 bytes of command data come in a chain or not at all.
    ChainingOnly,
    /// `max-data=N`: no more than so many bytes of command data in one APDU.
    MaxData(u16),
    /// `undrained-poisons`: an answer that was not read to its end comes instead of the next command's.
    UndrainedPoisons,
    /// `no-discovery`: there is no discovery object.
    NoDiscovery,
    /// `pin-policy=HEX4`: the PIN usage policy in the discovery object; a new card has a global PIN for it.
    PinPolicy(u16),
    /// `no-key-history`: there is no key history object.
    NoKeyHistory,
    /// `key-history=ON:OFF`: the key history counts so many retired keys, whatever is on the card.
    KeyHistory(u8, u8),
    /// `retired=N`: only the first so many retired slots exist.
    Retired(u8),
    /// `empty-slot-9000`: an object that is not there is answered with 9000 and no data.
    EmptySlot9000,
    /// `empty-metadata`: GET METADATA is answered with 9000 and no data.
    EmptyMetadata,
    /// `pin-tries=N`: a new card has so many tries for the PIN.
    PinTries(u8),
    /// `old-tries`: the tries left as 63 0x.
    OldTries,
    /// `padding-costs-try`: a malformed PIN is a wrong one.
    PaddingCostsTry,
    /// `9c-pin-once`: one PIN for any number of signatures in 9C.
    SignaturePinOnce,
    /// `truncates-hash`: a hash longer than the curve is cut, not refused.
    TruncatesHash,
    /// `management-key=ALG`: a new card's management key is of this algorithm.
    ManagementKey(ManagementAlgorithm),
    /// `no-vendor`: no vendor command.
    NoVendor,
    /// `zlib`: certificates compressed with zlib, CertInfo 01.
    Zlib,
    /// `gzip`: certificates compressed with gzip, CertInfo 01.
    Gzip,
    /// `gzip-0x80`: certificates compressed with gzip, CertInfo 80.
    Gzip80,
    /// `no-fe`: certificate objects without the error detection code.
    NoFe,
    /// `object-order`: the data objects of a certificate object backwards.
    ObjectOrder,
    /// `trailing`: bytes that belong to nothing at the end of certificate objects.
    Trailing,
    /// `no-guid`: a CHUID without GUID.
    NoGuid,
    /// `zero-guid`: a CHUID whose GUID is all zeros.
    ZeroGuid,
    /// `atr=HEX`: this answer to reset.
    Atr(Vec<u8>),
    /// `t0`: protocol T=0, with 61xx after every command with data and 6Cxx for a wrong Le.
    T0,
}

/// What `--quirk` takes: name, form of its value, and what it is.
const CATALOGUE: [(&str, &str, &str); 37] = [
    ("select-full-aid", "", "SELECT answers the whole AID in tag 4F"),
    ("select-pix-only", "", "SELECT answers the PIX alone in tag 4F"),
    ("select-short", "", "SELECT answers 19 bytes"),
    ("select-long", "", "SELECT answers 124 bytes"),
    ("select-order", "", "SELECT answers its data objects in another order"),
    ("select-needs-full-aid", "", "SELECT by a part of the AID finds nothing"),
    ("reselect-clears-pin", "", "SELECT takes the verification of the PIN back"),
    ("selected-after-reset", "", "PIV is selected after a reset, without SELECT"),
    ("no-extended", "", "APDUs of the extended form are refused"),
    ("le-ignored", "", "extended APDUs are taken, answers come in parts with 61xx all the same"),
    ("chaining-only", "", "more than 255 bytes of command data come in a chain or not at all"),
    ("max-data", "N", "no more than N bytes of command data in one APDU"),
    ("undrained-poisons", "", "an answer not read to its end comes instead of the next command's"),
    ("no-discovery", "", "no discovery object"),
    (
        "pin-policy",
        "HEX4",
        "the PIN usage policy of the discovery object, as in 4000, 4010, 6010, 6020; a new card has a global PIN for it",
    ),
    ("no-key-history", "", "no key history object"),
    ("key-history", "ON:OFF", "the key history has these counts, whatever is on the card"),
    ("retired", "N", "only the first N of the retired slots exist"),
    ("empty-slot-9000", "", "an object that is not there is answered 9000 without data"),
    ("empty-metadata", "", "GET METADATA is answered 9000 without data"),
    ("pin-tries", "N", "a new card has N tries for the PIN, 1 to 15"),
    ("old-tries", "", "the tries left as 630x, not 63Cx"),
    ("padding-costs-try", "", "a malformed PIN costs a try"),
    ("9c-pin-once", "", "one PIN for any number of signatures in 9C"),
    ("truncates-hash", "", "a hash longer than the curve is cut, not refused"),
    ("management-key", "ALG", "a new card has a management key of 3des, aes128, aes192 or aes256"),
    ("no-vendor", "", "no vendor command"),
    ("zlib", "", "certificates compressed with zlib"),
    ("gzip", "", "certificates compressed with gzip"),
    ("gzip-0x80", "", "certificates compressed with gzip, CertInfo 80"),
    ("no-fe", "", "certificate objects end without FE"),
    ("object-order", "", "certificate objects have their parts backwards"),
    ("trailing", "", "certificate objects have stray bytes at their end"),
    ("no-guid", "", "the CHUID has no GUID"),
    ("zero-guid", "", "the CHUID has a GUID of zeros"),
    ("atr", "HEX", "this answer to reset"),
    ("t0", "", "protocol T=0: 61xx after commands with data, 6Cxx for a wrong Le"),
];

impl Quirk {
    /// Every quirk: as `--quirk` takes it, and what it is in one line.
    pub fn catalogue() -> impl Iterator<Item = (String, &'static str)> {
        CATALOGUE.iter().map(|(name, value, what)| {
            let form = if value.is_empty() { (*name).to_owned() } else { format!("{name}={value}") };
            (form, *what)
        })
    }

    /// What it is, in one line.
    #[must_use]
    pub fn description(&self) -> &'static str {
        let name = self.name();
        CATALOGUE.iter().find(|(other, _, _)| *other == name).map_or("", |(_, _, what)| what)
    }

    /// Its name, without value.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::SelectFullAid => "select-full-aid",
            Self::SelectPixOnly => "select-pix-only",
            Self::SelectShort => "select-short",
            Self::SelectLong => "select-long",
            Self::SelectOrder => "select-order",
            Self::SelectNeedsFullAid => "select-needs-full-aid",
            Self::ReselectClearsPin => "reselect-clears-pin",
            Self::SelectedAfterReset => "selected-after-reset",
            Self::NoExtended => "no-extended",
            Self::LeIgnored => "le-ignored",
            Self::ChainingOnly => "chaining-only",
            Self::MaxData(_) => "max-data",
            Self::UndrainedPoisons => "undrained-poisons",
            Self::NoDiscovery => "no-discovery",
            Self::PinPolicy(_) => "pin-policy",
            Self::NoKeyHistory => "no-key-history",
            Self::KeyHistory(..) => "key-history",
            Self::Retired(_) => "retired",
            Self::EmptySlot9000 => "empty-slot-9000",
            Self::EmptyMetadata => "empty-metadata",
            Self::PinTries(_) => "pin-tries",
            Self::OldTries => "old-tries",
            Self::PaddingCostsTry => "padding-costs-try",
            Self::SignaturePinOnce => "9c-pin-once",
            Self::TruncatesHash => "truncates-hash",
            Self::ManagementKey(_) => "management-key",
            Self::NoVendor => "no-vendor",
            Self::Zlib => "zlib",
            Self::Gzip => "gzip",
            Self::Gzip80 => "gzip-0x80",
            Self::NoFe => "no-fe",
            Self::ObjectOrder => "object-order",
            Self::Trailing => "trailing",
            Self::NoGuid => "no-guid",
            Self::ZeroGuid => "zero-guid",
            Self::Atr(_) => "atr",
            Self::T0 => "t0",
        }
    }

    fn with_value(name: &str, value: &str) -> Option<Self> {
        Some(match name {
            "max-data" => Self::MaxData(value.parse().ok().filter(|limit| *limit > 0)?),
            "pin-policy" => Self::PinPolicy(u16::from_str_radix(value, 16).ok().filter(|_| value.len() == 4)?),
            "key-history" => {
                let (on, off) = value.split_once(':')?;
                Self::KeyHistory(on.parse().ok()?, off.parse().ok()?)
            }
            "retired" => Self::Retired(value.parse().ok().filter(|count| *count <= 20)?),
            "pin-tries" => Self::PinTries(value.parse().ok().filter(|tries| (1..=15).contains(tries))?),
            "management-key" => Self::ManagementKey(value.parse().ok()?),
            "atr" => Self::Atr(hex::decode(value).ok().filter(|atr| (2..=33).contains(&atr.len()))?),
            _ => return None,
        })
    }
}

impl FromStr for Quirk {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let quirk = match text.split_once('=') {
            None => PLAIN.into_iter().find(|quirk| quirk.name() == text),
            Some((name, value)) => Self::with_value(name, value),
        };
        quirk.ok_or_else(|| Error::UnknownQuirk { text: text.to_owned() })
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::MaxData(limit) => write!(f, "={limit}"),
            Self::PinPolicy(policy) => write!(f, "={policy:04X}"),
            Self::KeyHistory(on, off) => write!(f, "={on}:{off}"),
            Self::Retired(number) | Self::PinTries(number) => write!(f, "={number}"),
            Self::ManagementKey(algorithm) => write!(f, "={algorithm}"),
            Self::Atr(atr) => write!(f, "={}", hex::encode_upper(atr)),
            _ => Ok(()),
        }
    }
}

/// The quirks without a value.
const PLAIN: [Quirk; 30] = [
    Quirk::SelectFullAid,
    Quirk::SelectPixOnly,
    Quirk::SelectShort,
    Quirk::SelectLong,
    Quirk::SelectOrder,
    Quirk::SelectNeedsFullAid,
    Quirk::ReselectClearsPin,
    Quirk::SelectedAfterReset,
    Quirk::NoExtended,
    Quirk::LeIgnored,
    Quirk::ChainingOnly,
    Quirk::UndrainedPoisons,
    Quirk::NoDiscovery,
    Quirk::NoKeyHistory,
    Quirk::EmptySlot9000,
    Quirk::EmptyMetadata,
    Quirk::OldTries,
    Quirk::PaddingCostsTry,
    Quirk::SignaturePinOnce,
    Quirk::TruncatesHash,
    Quirk::NoVendor,
    Quirk::Zlib,
    Quirk::Gzip,
    Quirk::Gzip80,
    Quirk::NoFe,
    Quirk::ObjectOrder,
    Quirk::Trailing,
    Quirk::NoGuid,
    Quirk::ZeroGuid,
    Quirk::T0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quirk_of_the_catalogue_is_read_and_written_and_said() {
        let values = [
            ("max-data", "1300"),
            ("pin-policy", "6010"),
            ("key-history", "3:1"),
            ("retired", "11"),
            ("pin-tries", "15"),
            ("management-key", "aes256"),
            ("atr", "3B00"),
        ];
        for (name, form, what) in CATALOGUE {
            let value = values.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
            assert_eq!(value.is_some(), !form.is_empty(), "{name}");
            let text = value.map_or(name.to_owned(), |value| format!("{name}={value}"));
            let quirk: Quirk = text.parse().unwrap();
            assert_eq!((quirk.to_string(), quirk.name(), quirk.description()), (text, name, what));
            assert!(!what.is_empty());
        }
    }

    #[test]
    fn what_is_no_quirk_is_refused_by_its_name() {
        for text in [
            "",
            "quick",
            "zlib=1",
            "pin-tries",
            "pin-tries=0",
            "pin-tries=16",
            "pin-policy=40",
            "retired=21",
            "key-history=1",
            "atr=3",
            "atr=",
            "management-key=des",
        ] {
            assert!(matches!(text.parse::<Quirk>(), Err(Error::UnknownQuirk { .. })), "{text}");
        }
    }
}
