//! The hash by which a Mac names a key.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// SHA-1 over the contents of the subjectPublicKey bit string, 20 bytes: what `sc_auth` calls *hash*, and the pairing hash of
/// this project.
///
/// Written as 40 upper-case hexadecimal digits, as `sc_auth` and the directory do; read in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash([u8; 20]);

impl KeyHash {
    /// The 20 bytes.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The first word of a text that is a hash: 40 hexadecimal digits with nothing else beside them.
    pub(crate) fn find(text: &str) -> Option<Self> {
        text.split(|character: char| !character.is_ascii_alphanumeric()).find_map(|word| word.parse().ok())
    }
}

impl From<[u8; 20]> for KeyHash {
    fn from(bytes: [u8; 20]) -> Self {
        KeyHash(bytes)
    }
}

impl FromStr for KeyHash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.as_bytes();
        let mut bytes = [0; 20];
        if digits.len() != 40 {
            return Err(Error::InvalidHash);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = pair
                .iter()
                .try_fold(0, |value, digit| {
                    char::from(*digit)
                        .to_digit(16)
                        .and_then(|digit| u8::try_from(digit).ok())
                        .map(|digit| value * 16 + digit)
                })
                .ok_or(Error::InvalidHash)?;
        }
        Ok(KeyHash(bytes))
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_case_is_read_and_upper_case_written() {
        let hash: KeyHash = "46f8353e93ef4f609c8f09ce898054d5d99fa230".parse().unwrap();
        assert_eq!(hash.to_string(), "46F8353E93EF4F609C8F09CE898054D5D99FA230");
        assert_eq!(hash.as_bytes()[..2], [0x46, 0xf8]);
    }

    #[test]
    fn what_is_no_hash() {
        for text in ["", "46F8", &"G".repeat(40), &"4".repeat(39), &"4".repeat(41), &"é".repeat(20)] {
            assert!(text.parse::<KeyHash>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_hash_within_a_text() {
        let text = "Cannot pair user (public key hash: 46F8353E93EF4F609C8F09CE898054D5D99FA230).";
        assert_eq!(KeyHash::find(text).unwrap().to_string(), "46F8353E93EF4F609C8F09CE898054D5D99FA230");
        assert_eq!(KeyHash::find(&"a".repeat(64)), None);
    }
}
