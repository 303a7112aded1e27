//! The SHA-256 fingerprint of a certification authority, as `TrustedAuthorities` wants it.

use std::fmt;
use std::str::FromStr;

/// The SHA-256 digest of a DER certificate. Prints as 64 upper-case hexadecimal digits without colons, the form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// From the digest.
    pub fn new(digest: [u8; 32]) -> Self {
        Fingerprint(digest)
    }
}

/// Why a text is no fingerprint in the form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// Colons stand between the octets.
    #[error("it has colons, which must go")]
    Colons,
    /// Blanks stand in it.
    #[error("it has blanks, which must go")]
    Blanks,
    /// Some digits are lower-case.
    #[error("it has lower-case digits; macOS wants upper case")]
    LowerCase,
    /// It has the length of a SHA-1 digest.
    #[error("it has 40 digits, like a SHA-1 fingerprint; macOS wants SHA-256, which has 64")]
    Sha1,
    /// It does not have 64 hexadecimal digits.
    #[error("it does not have 64 hexadecimal digits")]
    NotHexadecimal,
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        if text.contains(':') {
            return Err(FingerprintError::Colons);
        }
        if text.chars().any(char::is_whitespace) {
            return Err(FingerprintError::Blanks);
        }
        let digits: Option<Vec<u8>> =
            text.chars().map(|digit| digit.to_digit(16).and_then(|n| u8::try_from(n).ok())).collect();
        let digits = digits.ok_or(FingerprintError::NotHexadecimal)?;
        if digits.len() == 40 {
            return Err(FingerprintError::Sha1);
        }
        let octets: Vec<u8> =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit)).collect();
        let digest = octets.try_into().ok().filter(|_| digits.len() == 64).ok_or(FingerprintError::NotHexadecimal)?;
        if text.chars().any(|digit| digit.is_ascii_lowercase()) {
            return Err(FingerprintError::LowerCase);
        }
        Ok(Fingerprint(digest))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_form_of_the_file_is_read() {
        let good = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF";
        assert_eq!(good.parse::<Fingerprint>().unwrap().to_string(), good);
        for (text, why) in [
            (good.to_lowercase(), FingerprintError::LowerCase),
            (format!("{}:11", &good[..62]), FingerprintError::Colons),
            (format!(" {good}"), FingerprintError::Blanks),
            (good[..40].to_owned(), FingerprintError::Sha1),
            (good[..62].to_owned(), FingerprintError::NotHexadecimal),
            (good[..63].to_owned(), FingerprintError::NotHexadecimal),
            (format!("{good}0"), FingerprintError::NotHexadecimal),
            (good.replace('F', "G"), FingerprintError::NotHexadecimal),
            (String::new(), FingerprintError::NotHexadecimal),
        ] {
            assert_eq!(text.parse::<Fingerprint>(), Err(why), "{text}");
        }
    }
}
