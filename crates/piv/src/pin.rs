//! PINs and PUKs, and the guard that keeps the last try (SP 800-73-4 Part 2, 2.4.3 and 3.2.1).

use std::fmt;

use smartcard::{Command, StatusWord};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::Error;

/// A PIN: 6 to 8 characters of ASCII. Wiped from memory when dropped; shown by nothing.
pub struct Pin(Zeroizing<Vec<u8>>);

impl Pin {
    /// Takes the PIN as a person types it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPin`] if it is shorter than 6 or longer than 8 characters, or has a character that is not
    /// printable ASCII: cards refuse these, some at the cost of a try.
    pub fn new(text: &str) -> Result<Self, Error> {
        if is_valid(text) { Ok(Self(Zeroizing::new(text.as_bytes().to_vec()))) } else { Err(Error::InvalidPin) }
    }

    pub(crate) fn padded(&self) -> Zeroizing<Vec<u8>> {
        padded(&self.0)
    }

    /// What was typed, for a driver of a card that is not this crate. Keep no copy that is not wiped.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True if both are the same, in constant time.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.padded().ct_eq(&other.padded()).into()
    }
}

/// Filled with FF to 8 bytes.
fn padded(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(vec![0xff; 8]);
    padded.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
    padded
}

fn is_valid(text: &str) -> bool {
    (6..=8).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// A PUK (PIN unblocking key): 6 to 8 characters of ASCII. Wiped from memory when dropped; shown by nothing.
pub struct Puk(Zeroizing<Vec<u8>>);

impl Puk {
    /// Takes the PUK as a person types it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPuk`] if it is shorter than 6 or longer than 8 characters, or has a character that is not
    /// printable ASCII. The standard's PUK has 8; some cards take shorter ones, filled up as a PIN is.
    pub fn new(text: &str) -> Result<Self, Error> {
        if is_valid(text) { Ok(Self(Zeroizing::new(text.as_bytes().to_vec()))) } else { Err(Error::InvalidPuk) }
    }

    pub(crate) fn padded(&self) -> Zeroizing<Vec<u8>> {
        padded(&self.0)
    }

    /// What was typed, for a driver of a card that is not this crate. Keep no copy that is not wiped.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True if both are the same, in constant time.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.padded().ct_eq(&other.padded()).into()
    }
}

impl fmt::Debug for Puk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Puk(..)")
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(..)")
    }
}

/// What the card says about its PIN, asked without sending one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinStatus {
    /// So many tries are left; at least one.
    TriesLeft(u8),
    /// It was verified in this session of the card, so the counter is full.
    Verified,
    /// No try is left.
    Blocked,
    /// The card does not say.
    Unknown(StatusWord),
}

/// Whether a PIN may be sent when it could be the last try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastTry {
    /// Keep it: fail with [`Error::LastPinTry`] or [`Error::PinTriesUnknown`] instead.
    Keep,
    /// Use it.
    Use,
}

impl PinStatus {
    pub(crate) fn of(status: StatusWord) -> Self {
        match (status, status.tries_left()) {
            (StatusWord::OK, _) => Self::Verified,
            (StatusWord::AUTHENTICATION_METHOD_BLOCKED, _) | (_, Some(0)) => Self::Blocked,
            (_, Some(tries)) => Self::TriesLeft(tries),
            (status, None) => Self::Unknown(status),
        }
    }

    /// Lets a PUK pass, or not.
    ///
    /// # Errors
    ///
    /// [`Error::PukBlocked`]; [`Error::LastPukTry`] and [`Error::PukTriesUnknown`] if the last try is to be kept.
    pub fn permits_puk(self, last_try: LastTry) -> Result<(), Error> {
        match (self, last_try) {
            (Self::Blocked, _) => Err(Error::PukBlocked),
            (Self::TriesLeft(1), LastTry::Keep) => Err(Error::LastPukTry),
            (Self::Unknown(sw), LastTry::Keep) => Err(Error::PukTriesUnknown { sw }),
            _ => Ok(()),
        }
    }

    /// Lets a PIN pass, or not.
    ///
    /// # Errors
    ///
    /// [`Error::PinBlocked`]; [`Error::LastPinTry`] and [`Error::PinTriesUnknown`] if the last try is to be kept.
    pub fn permits_pin(self, last_try: LastTry) -> Result<(), Error> {
        match (self, last_try) {
            (Self::Blocked, _) => Err(Error::PinBlocked),
            (Self::TriesLeft(1), LastTry::Keep) => Err(Error::LastPinTry),
            (Self::Unknown(sw), LastTry::Keep) => Err(Error::PinTriesUnknown { sw }),
            _ => Ok(()),
        }
    }
}

/// Which PIN is meant (SP 800-73-4 Part 1, table 4a): its number in P2 of VERIFY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinReference {
    /// The PIN of the whole card.
    Global,
    /// The PIN of the PIV application.
    Application,
}

impl PinReference {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Global => 0x00,
            Self::Application => 0x80,
        }
    }
}

/// VERIFY without data asks for the retry counter. A padded empty PIN would cost a try.
pub(crate) fn status_command(reference: PinReference) -> Command {
    Command::new(0x00, INS_VERIFY, 0x00, reference.number())
}

pub(crate) fn verify_command(reference: PinReference, pin: &Pin) -> Command {
    status_command(reference).with_secret(pin.padded())
}

pub(crate) fn verify_answer(status: StatusWord) -> Result<(), Error> {
    old_answer(status, "VERIFY")
}

/// What a card says to a PIN that it compared, whatever the command.
pub(crate) fn old_answer(status: StatusWord, command: &'static str) -> Result<(), Error> {
    match (status, status.tries_left()) {
        (StatusWord::OK, _) => Ok(()),
        (StatusWord::AUTHENTICATION_METHOD_BLOCKED, _) | (_, Some(0)) => Err(Error::PinBlocked),
        (_, Some(tries)) => Err(Error::WrongPin { retries_left: Some(tries) }),
        (StatusWord::VERIFICATION_FAILED, None) => Err(Error::WrongPin { retries_left: None }),
        (sw, None) => Err(Error::Status { command, sw }),
    }
}

const INS_VERIFY: u8 = 0x20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_has_six_to_eight_printable_characters() {
        for pin in ["123456", "12345678", "aB3!x y"] {
            assert!(Pin::new(pin).is_ok(), "{pin}");
        }
        for pin in ["", "12345", "123456789", "12345\n", "pässwo", "\u{1f600}12"] {
            assert!(matches!(Pin::new(pin), Err(Error::InvalidPin)), "{pin:?}");
        }
    }

    #[test]
    fn a_pin_is_padded_with_ff_and_never_shown() {
        let pin = Pin::new("123456").unwrap();
        assert_eq!(pin.padded()[..], *b"123456\xff\xff");
        assert_eq!(format!("{pin:?}"), "Pin(..)");
    }

    #[test]
    fn a_puk_is_padded_with_ff_and_never_shown() {
        let puk = Puk::new("1234567").unwrap();
        assert_eq!(puk.padded()[..], *b"1234567\xff");
        assert_eq!(format!("{puk:?}"), "Puk(..)");
        for text in ["12345", "123456789", "12345678\n"] {
            assert!(matches!(Puk::new(text), Err(Error::InvalidPuk)), "{text:?}");
        }
    }

    #[test]
    fn secrets_are_compared_whole() {
        let pin = Pin::new("123456").unwrap();
        assert!(pin.is_same(&Pin::new("123456").unwrap()));
        assert!(!pin.is_same(&Pin::new("1234567").unwrap()));
    }

    #[test]
    fn the_guard_keeps_the_last_try() {
        let guard = |sw, last_try| PinStatus::of(StatusWord(sw)).permits_pin(last_try);
        assert!(guard(0x63c2, LastTry::Keep).is_ok());
        assert!(guard(0x9000, LastTry::Keep).is_ok());
        assert!(matches!(guard(0x63c1, LastTry::Keep), Err(Error::LastPinTry)));
        assert!(guard(0x63c1, LastTry::Use).is_ok());
        assert!(matches!(guard(0x6d00, LastTry::Keep), Err(Error::PinTriesUnknown { .. })));
        assert!(matches!(guard(0x6983, LastTry::Use), Err(Error::PinBlocked)));
        assert!(matches!(guard(0x63c0, LastTry::Use), Err(Error::PinBlocked)));
    }

    #[test]
    fn answers_to_verify() {
        assert!(matches!(verify_answer(StatusWord(0x63c2)), Err(Error::WrongPin { retries_left: Some(2) })));
        assert!(matches!(verify_answer(StatusWord(0x6300)), Err(Error::WrongPin { retries_left: None })));
        assert!(matches!(verify_answer(StatusWord(0x63c0)), Err(Error::PinBlocked)));
        assert!(matches!(verify_answer(StatusWord(0x6a80)), Err(Error::Status { .. })));
    }
}
