//! base64url without padding (RFC 7515 section 2, RFC 4648 section 5), strict.
//!
//! Strict: no padding, no white space, no characters of the standard alphabet, and the unused bits of the last
//! character are zero, so that one byte string has exactly one spelling.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Error;

/// Encodes bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes text; `what` names the part in the error.
///
/// # Errors
/// [`Error::Malformed`] when the text is not the one strict encoding of some bytes.
pub fn decode(what: &'static str, text: &str) -> Result<Vec<u8>, Error> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::malformed(what, "not unpadded base64url"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_only() {
        assert_eq!(decode("x", "_-8").unwrap(), [0xff, 0xef]);
        // Padding, the standard alphabet, white space, set bits after the last byte, an impossible length.
        for bad in ["_-8=", "/+8", "_-8\n", " _-8", "_-9", "_", "_-8_-"] {
            assert!(decode("x", bad).is_err(), "{bad:?}");
        }
        assert_eq!(encode(&[0xff, 0xef]), "_-8");
    }
}
