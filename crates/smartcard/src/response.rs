//! The answer of a card: data and status word (ISO/IEC 7816-4:2020, 5.4 and 5.6).

use std::fmt;

use crate::Error;

/// The two status bytes SW1-SW2 that end every answer, big-endian in one number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusWord(pub u16);

impl StatusWord {
    /// Normal processing.
    pub const OK: Self = Self(0x9000);
    /// Verification failed; how many tries are left is not said.
    pub const VERIFICATION_FAILED: Self = Self(0x6300);
    /// Wrong length: the card does not take the command in this form.
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// The last command of a chain was expected.
    pub const LAST_COMMAND_OF_CHAIN_EXPECTED: Self = Self(0x6883);
    /// Command chaining is not supported.
    pub const CHAINING_NOT_SUPPORTED: Self = Self(0x6884);
    /// Security status not satisfied: a PIN, or the management key, is needed first.
    pub const SECURITY_STATUS_NOT_SATISFIED: Self = Self(0x6982);
    /// Authentication method blocked: no PIN try is left.
    pub const AUTHENTICATION_METHOD_BLOCKED: Self = Self(0x6983);
    /// Conditions of use not satisfied.
    pub const CONDITIONS_NOT_SATISFIED: Self = Self(0x6985);
    /// Command not allowed: no application is selected.
    pub const COMMAND_NOT_ALLOWED: Self = Self(0x6986);
    /// Incorrect parameters in the command data field.
    pub const INCORRECT_DATA: Self = Self(0x6A80);
    /// Function not supported.
    pub const FUNCTION_NOT_SUPPORTED: Self = Self(0x6A81);
    /// File, application or object not found.
    pub const NOT_FOUND: Self = Self(0x6A82);
    /// Incorrect parameters P1-P2.
    pub const INCORRECT_P1_P2: Self = Self(0x6A86);
    /// Referenced data (a key or a PIN) not found.
    pub const REFERENCE_NOT_FOUND: Self = Self(0x6A88);
    /// Instruction not supported.
    pub const INSTRUCTION_NOT_SUPPORTED: Self = Self(0x6D00);
    /// Class not supported.
    pub const CLASS_NOT_SUPPORTED: Self = Self(0x6E00);
    /// No precise diagnosis.
    pub const NO_DIAGNOSIS: Self = Self(0x6F00);

    /// True for 9000 alone.
    #[must_use]
    pub fn is_ok(self) -> bool {
        self == Self::OK
    }

    /// SW1.
    #[must_use]
    pub fn sw1(self) -> u8 {
        self.0.to_be_bytes()[0]
    }

    /// SW2.
    #[must_use]
    pub fn sw2(self) -> u8 {
        self.0.to_be_bytes()[1]
    }

    /// For 61xx: how many more bytes wait, in 1..=256, where 00 means 256 or more.
    #[must_use]
    pub fn more_data(self) -> Option<u16> {
        (self.sw1() == 0x61).then(|| nonzero_or_256(self.sw2()))
    }

    /// For 6Cxx: the right Le, in 1..=256.
    #[must_use]
    pub fn right_length(self) -> Option<u16> {
        (self.sw1() == 0x6c).then(|| nonzero_or_256(self.sw2()))
    }

    /// For 63Cx: how many tries are left, 0 to 15. Tokens older than the counter nibble answer 63xx with the plain
    /// number; 6300 says nothing about a counter and gives `None`.
    #[must_use]
    pub fn tries_left(self) -> Option<u8> {
        match (self.sw1(), self.sw2()) {
            (0x63, sw2) if sw2 & 0xf0 == 0xc0 => Some(sw2 & 0x0f),
            (0x63, sw2 @ 0x01..=0x0f) => Some(sw2),
            _ => None,
        }
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatusWord({self})")
    }
}

/// A whole answer: the data of every part of a 61xx chain, and the last status word.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The data field, without status bytes.
    pub data: Vec<u8>,
    /// The status word.
    pub status: StatusWord,
}

impl Response {
    /// Splits the bytes that a card sent into data and status word.
    ///
    /// # Errors
    ///
    /// [`Error::MalformedAnswer`] if there are fewer than two bytes, or the last two are no status word: those are 6XXX and
    /// 9XXX but for 60XX (ISO/IEC 7816-4:2020, 5.6). An answer that was cut ends with any bytes.
    pub fn parse(mut bytes: Vec<u8>) -> Result<Self, Error> {
        let (Some(sw2), Some(sw1)) = (bytes.pop(), bytes.pop()) else {
            return Err(Error::MalformedAnswer { reason: "it is shorter than a status word" });
        };
        if !matches!(sw1, 0x61..=0x6f | 0x90..=0x9f) {
            return Err(Error::MalformedAnswer { reason: "it does not end with a status word" });
        }
        Ok(Self { data: bytes, status: StatusWord(u16::from_be_bytes([sw1, sw2])) })
    }
}

impl fmt::Debug for Response {
    /// Length and status word only: the data may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({} bytes, {})", self.data.len(), self.status)
    }
}

fn nonzero_or_256(byte: u8) -> u16 {
    if byte == 0 { 256 } else { u16::from(byte) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_data_from_the_status_word() {
        let response = Response::parse(vec![1, 2, 0x90, 0]).unwrap();
        assert_eq!(response.data, [1, 2]);
        assert!(response.status.is_ok());
    }

    #[test]
    fn an_answer_without_a_status_word_is_malformed() {
        for short in [vec![], vec![0x90], vec![0x53, 0x3b], vec![0x60, 0x00], vec![0x70, 0x00]] {
            assert!(matches!(Response::parse(short), Err(Error::MalformedAnswer { .. })));
        }
    }

    #[test]
    fn tries_left_reads_both_the_nibble_and_the_old_plain_number() {
        assert_eq!(StatusWord(0x63c3).tries_left(), Some(3));
        assert_eq!(StatusWord(0x63cf).tries_left(), Some(15));
        assert_eq!(StatusWord(0x63c0).tries_left(), Some(0));
        assert_eq!(StatusWord(0x6302).tries_left(), Some(2));
        assert_eq!(StatusWord(0x6300).tries_left(), None);
        assert_eq!(StatusWord(0x6983).tries_left(), None);
    }

    #[test]
    fn lengths_of_zero_mean_256() {
        assert_eq!(StatusWord(0x6100).more_data(), Some(256));
        assert_eq!(StatusWord(0x61ff).more_data(), Some(255));
        assert_eq!(StatusWord(0x6c08).right_length(), Some(8));
        assert_eq!(StatusWord(0x9000).more_data(), None);
    }
}
