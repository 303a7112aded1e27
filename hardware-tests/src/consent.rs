//! What the owner of a card allows: which card, and whether it may be erased.

use std::fmt;

/// The card that the owner names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CardName {
    /// The serial number of a YubiKey.
    Serial(u32),
    /// The GUID in the CHUID, 32 upper-case hexadecimal digits.
    Guid(String),
}

impl CardName {
    /// The flag of pivkit that chooses this card.
    pub(crate) fn flag(&self) -> [String; 2] {
        match self {
            Self::Serial(serial) => ["--serial".to_owned(), serial.to_string()],
            Self::Guid(guid) => ["--guid".to_owned(), guid.clone()],
        }
    }
}

impl fmt::Display for CardName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(serial) => write!(f, "{serial}"),
            Self::Guid(guid) => f.write_str(guid),
        }
    }
}

/// What may be done, and with which card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Consent {
    pub(crate) card: CardName,
    /// Everything on it may be destroyed.
    pub(crate) wipe: bool,
}

/// The serial number of the card.
pub(crate) const SERIAL: &str = "PIVKIT_HARDWARE_SERIAL";
/// The GUID of the card.
pub(crate) const GUID: &str = "PIVKIT_HARDWARE_GUID";
/// The sentence that agrees to the loss of everything on the card.
pub(crate) const WIPE: &str = "PIVKIT_HARDWARE_WIPE";

impl Consent {
    /// Reads the variables; an empty one counts as absent. `None` if no card is named and nothing is agreed to.
    ///
    /// # Errors
    ///
    /// A sentence for the owner.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let card = match (variable(SERIAL), variable(GUID)) {
            (Some(serial), None) => CardName::Serial(parse_serial(&serial)?),
            (None, Some(guid)) => CardName::Guid(parse_guid(&guid)?),
            (Some(_), Some(_)) => return Err(format!("{SERIAL} and {GUID} are both set: name the card in one way")),
            (None, None) if variable(WIPE).is_some() => {
                return Err(format!("{WIPE} is set and no card is named: set {SERIAL} too"));
            }
            (None, None) => return Ok(None),
        };
        let wipe = match (variable(WIPE), &card) {
            (None, _) => false,
            (Some(_), CardName::Guid(_)) => {
                return Err(format!("only a YubiKey can be erased, and it is named by {SERIAL}"));
            }
            (Some(sentence), card) if sentence == agreement(card) => true,
            (Some(_), card) => {
                return Err(format!("{WIPE} has to be exactly \"{}\", or not set at all", agreement(card)));
            }
        };
        Ok(Some(Self { card, wipe }))
    }
}

/// The sentence that agrees to the loss of everything on `card`.
pub(crate) fn agreement(card: &CardName) -> String {
    format!("I agree that card {card} is erased")
}

fn parse_serial(text: &str) -> Result<u32, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| format!("{SERIAL}: {text:?} is no serial number"))
}

fn parse_guid(text: &str) -> Result<String, String> {
    let valid = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if valid { Ok(text.to_ascii_uppercase()) } else { Err(format!("{GUID}: {text:?} has not 32 hexadecimal digits")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID_TEXT: &str = "7B13D0E61F6E478EA0AABE0F9AD64A6C";

    fn read(variables: &[(&str, &str)]) -> Result<Option<Consent>, String> {
        Consent::read(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn without_a_card_nothing_is_allowed() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[(SERIAL, ""), (GUID, ""), (WIPE, "")]), Ok(None));
        assert!(read(&[(WIPE, "I agree that card 1 is erased")]).is_err());
    }

    #[test]
    fn a_named_card_may_be_read() {
        let expected = Consent { card: CardName::Serial(12_345_678), wipe: false };
        assert_eq!(read(&[(SERIAL, "12345678")]), Ok(Some(expected)));
        let expected = Consent { card: CardName::Guid(GUID_TEXT.to_owned()), wipe: false };
        assert_eq!(read(&[(GUID, &GUID_TEXT.to_lowercase())]), Ok(Some(expected)));
        for bad in [(SERIAL, "+1"), (SERIAL, "0x10"), (SERIAL, "4294967296"), (GUID, "7B13"), (GUID, &"x".repeat(32))] {
            assert!(read(&[bad]).is_err(), "{bad:?}");
        }
        assert!(read(&[(SERIAL, "1"), (GUID, GUID_TEXT)]).is_err());
    }

    #[test]
    fn only_the_exact_sentence_allows_to_erase() {
        let good = read(&[(SERIAL, "123"), (WIPE, "I agree that card 123 is erased")]);
        assert_eq!(good, Ok(Some(Consent { card: CardName::Serial(123), wipe: true })));
        for sentence in [
            "yes",
            "I agree that card 124 is erased",
            "I agree that card 123 is erased.",
            "i agree that card 123 is erased",
        ] {
            assert!(read(&[(SERIAL, "123"), (WIPE, sentence)]).is_err(), "{sentence}");
        }
        let sentence = format!("I agree that card {GUID_TEXT} is erased");
        assert!(read(&[(GUID, GUID_TEXT), (WIPE, &sentence)]).is_err());
    }
}
