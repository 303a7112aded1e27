//! What a card tells of its keys, PIN, PUK and management key: Yubico's GET METADATA, from firmware 5.3 on, which some other
//! cards took over.
//!
//! ```text
//! -> 00 F7 00 reference (a slot, 80 PIN, 81 PUK, 9B management key)
//! <- 01 algorithm   02 PIN policy, touch policy   03 origin   04 public key   05 default value   06 tries in all, left
//! ```

use smartcard::tlv::{self, Tag};
use smartcard::{Command, Response, StatusWord};

use crate::{AlgorithmId, Error, ManagementAlgorithm, PinPolicy, PublicKey, TouchPolicy};

/// What a card tells of one of its parts, if it knows the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metadata<T> {
    /// The card does not know the command, or says nothing.
    Unknown,
    /// There is no such key.
    Absent,
    /// What it says.
    Present(T),
}

impl<T> Metadata<T> {
    /// What the card says, if it says something.
    #[must_use]
    pub fn present(self) -> Option<T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Unknown | Self::Absent => None,
        }
    }
}

/// A key in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMetadata {
    /// Its algorithm; `None` for one that is not known here.
    pub algorithm: Option<AlgorithmId>,
    /// When it wants the PIN.
    pub pin_policy: Option<PinPolicy>,
    /// When it wants a touch. With [`TouchPolicy::Always`] and [`TouchPolicy::Cached`] a signature may wait for a person.
    pub touch_policy: Option<TouchPolicy>,
    /// Where it was made.
    pub origin: Option<Origin>,
    /// Its public half.
    pub public_key: Option<PublicKey>,
}

/// Where a key was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// On the card, which it never left.
    Generated,
    /// Elsewhere, and brought to the card.
    Imported,
}

/// The PIN or the PUK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinMetadata {
    /// It is still the one of the factory.
    pub is_default: bool,
    /// How many tries it has in all.
    pub tries: u8,
    /// How many of them are left.
    pub tries_left: u8,
}

/// The management key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagementKeyMetadata {
    /// Its algorithm; `None` for one that is not known here.
    pub algorithm: Option<ManagementAlgorithm>,
    /// When it wants a touch.
    pub touch_policy: Option<TouchPolicy>,
    /// It is still the one of the factory.
    pub is_default: bool,
}

pub(crate) fn command(reference: u8) -> Command {
    Command::new(0x00, INS_GET_METADATA, 0x00, reference).expecting_answer()
}

/// Tells the three cases apart; `parse` reads what is there.
pub(crate) fn answer<T>(
    response: &Response,
    parse: impl FnOnce(&[u8]) -> Result<T, Error>,
) -> Result<Metadata<T>, Error> {
    match response.status {
        StatusWord::OK if response.data.is_empty() => Ok(Metadata::Unknown),
        StatusWord::OK => parse(&response.data).map(Metadata::Present),
        StatusWord::REFERENCE_NOT_FOUND | StatusWord::NOT_FOUND => Ok(Metadata::Absent),
        StatusWord::INSTRUCTION_NOT_SUPPORTED
        | StatusWord::CLASS_NOT_SUPPORTED
        | StatusWord::FUNCTION_NOT_SUPPORTED => Ok(Metadata::Unknown),
        // Not even whether there is such a key: to take it for none could cost it.
        sw => Err(Error::Status { command: NAME, sw }),
    }
}

impl KeyMetadata {
    pub(crate) fn parse(data: &[u8]) -> Result<Self, Error> {
        let number = byte(data, ALGORITHM, 0)?;
        let number =
            number.ok_or_else(|| Error::wrong_answer(NAME, "it does not say of which algorithm the key is"))?;
        let algorithm = AlgorithmId::from_number(number);
        let public_key = match (algorithm, value(data, PUBLIC_KEY)?) {
            (Some(algorithm), Some(key)) => Some(PublicKey::parse(algorithm, key, NAME)?),
            _ => None,
        };
        let origin = match byte(data, ORIGIN, 0)? {
            Some(1) => Some(Origin::Generated),
            Some(2) => Some(Origin::Imported),
            _ => None,
        };
        Ok(Self {
            algorithm,
            pin_policy: byte(data, POLICY, 0)?.and_then(PinPolicy::from_number),
            touch_policy: byte(data, POLICY, 1)?.and_then(TouchPolicy::from_number),
            origin,
            public_key,
        })
    }
}

impl PinMetadata {
    pub(crate) fn parse(data: &[u8]) -> Result<Self, Error> {
        let missing = || Error::wrong_answer(NAME, "it does not say how many tries are left");
        Ok(Self {
            is_default: byte(data, IS_DEFAULT, 0)?.is_some_and(|byte| byte != 0),
            tries: byte(data, TRIES, 0)?.ok_or_else(missing)?,
            tries_left: byte(data, TRIES, 1)?.ok_or_else(missing)?,
        })
    }
}

impl ManagementKeyMetadata {
    pub(crate) fn parse(data: &[u8]) -> Result<Self, Error> {
        let (number, is_default) = (byte(data, ALGORITHM, 0)?, byte(data, IS_DEFAULT, 0)?);
        if number.is_none() && is_default.is_none() {
            return Err(Error::wrong_answer(NAME, "it says nothing of the management key"));
        }
        // The first firmware with this command had Triple DES alone, and left its number out.
        let number = number.unwrap_or(0x03);
        Ok(Self {
            algorithm: ManagementAlgorithm::from_number(number),
            touch_policy: byte(data, POLICY, 1)?.and_then(TouchPolicy::from_number),
            is_default: is_default.is_some_and(|byte| byte != 0),
        })
    }
}

fn value(data: &[u8], tag: Tag) -> Result<Option<&[u8]>, Error> {
    tlv::find(data, tag).map_err(|error| Error::malformed_answer(NAME, error))
}

fn byte(data: &[u8], tag: Tag, index: usize) -> Result<Option<u8>, Error> {
    Ok(value(data, tag)?.and_then(|value| value.get(index)).copied())
}

const NAME: &str = "GET METADATA";
const INS_GET_METADATA: u8 = 0xf7;
const ALGORITHM: Tag = Tag(0x01);
const POLICY: Tag = Tag(0x02);
const ORIGIN: Tag = Tag(0x03);
const PUBLIC_KEY: Tag = Tag(0x04);
const IS_DEFAULT: Tag = Tag(0x05);
const TRIES: Tag = Tag(0x06);

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    fn response(data: &str, status: u16) -> Response {
        Response { data: hex(data), status: StatusWord(status) }
    }

    #[test]
    fn a_key_of_a_yubikey() {
        let point = "04".to_owned() + &"5a".repeat(64);
        let data = format!("010111 02020301 030101 0443 8641{point}").replace(' ', "");
        let key = KeyMetadata::parse(&hex(&data)).unwrap();
        assert_eq!(key.algorithm, Some(AlgorithmId::EccP256));
        assert_eq!((key.pin_policy, key.touch_policy), (Some(PinPolicy::Always), Some(TouchPolicy::Never)));
        assert_eq!(key.origin, Some(Origin::Generated));
        assert_eq!(key.public_key, Some(PublicKey::P256(hex(&point))));
    }

    #[test]
    fn pin_and_management_key_of_a_yubikey() {
        let pin = PinMetadata::parse(&hex("0101ff05010106020302")).unwrap();
        assert_eq!(pin, PinMetadata { is_default: true, tries: 3, tries_left: 2 });
        let key = ManagementKeyMetadata::parse(&hex("01010a020200010501 01".replace(' ', "").as_str())).unwrap();
        assert_eq!(key.algorithm, Some(ManagementAlgorithm::Aes192));
        assert!(key.is_default);
        let old = ManagementKeyMetadata::parse(&hex("02020001050100")).unwrap();
        assert_eq!((old.algorithm, old.is_default), (Some(ManagementAlgorithm::TripleDes), false));
    }

    #[test]
    fn no_key_no_command_and_an_empty_answer_are_told_apart() {
        let parse = |response| answer(&response, KeyMetadata::parse).unwrap();
        assert_eq!(parse(response("", 0x6a88)), Metadata::Absent);
        assert_eq!(parse(response("", 0x6d00)), Metadata::Unknown);
        assert_eq!(parse(response("", 0x9000)), Metadata::Unknown);
        for failed in [0x6f00, 0x6982, 0x6985] {
            let answer = answer(&response("", failed), KeyMetadata::parse);
            assert!(matches!(answer, Err(Error::Status { sw: StatusWord(sw), .. }) if sw == failed), "{answer:?}");
        }
        assert!(matches!(parse(response("0101ff", 0x9000)), Metadata::Present(key) if key.algorithm.is_none()));
    }

    #[test]
    fn nonsense_is_named() {
        for data in ["0105", "01011104028605", "010111040100", "7003010203"] {
            assert!(KeyMetadata::parse(&hex(data)).is_err(), "{data}");
        }
        assert!(PinMetadata::parse(&hex("060103")).is_err());
        assert!(ManagementKeyMetadata::parse(&hex("7003010203")).is_err());
    }
}
