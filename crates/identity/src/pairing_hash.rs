//! The pairing hash: how macOS names the public key of an identity.
//!
//! SHA-1 over the *contents of the subjectPublicKey BIT STRING*, without the octet that counts
//! unused bits:
//!
//! ```text
//! RSA   SHA-1( RSAPublicKey ::= SEQUENCE { n, e } )        RFC 8017 A.1.1
//! EC    SHA-1( 04 || X || Y )                              SEC 1 2.3.3
//! ```
//!
//! It is neither the SHA-1 of the SubjectPublicKeyInfo nor that of the certificate. SHA-1 serves
//! here as a name that Apple chose, not as a protection: two keys with one hash would be
//! confused, so proofs and comparisons use the key itself.

use std::fmt;
use std::str::FromStr;

use sha1::{Digest, Sha1};

use crate::Error;

/// The 20 bytes of a pairing hash; prints as 40 upper-case hexadecimal digits, as `sc_auth` does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairingHash([u8; 20]);

impl PairingHash {
    /// Computes the hash from the contents of a subjectPublicKey BIT STRING.
    pub fn of_public_key(subject_public_key: &[u8]) -> Self {
        PairingHash(Sha1::digest(subject_public_key).into())
    }

    /// The hash as bytes.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl From<[u8; 20]> for PairingHash {
    fn from(bytes: [u8; 20]) -> Self {
        PairingHash(bytes)
    }
}

impl FromStr for PairingHash {
    type Err = Error;

    /// Reads 40 hexadecimal digits in either case, and nothing around them.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut bytes = [0; 20];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| Error::InvalidPairingHash)?;
        Ok(PairingHash(bytes))
    }
}

impl fmt::Display for PairingHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode_upper(self.0))
    }
}

impl fmt::Debug for PairingHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PairingHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_upper_case_and_reads_both() {
        // SHA-1("abc"), FIPS 180-4 example.
        let hash = PairingHash::of_public_key(b"abc");
        assert_eq!(hash.to_string(), "A9993E364706816ABA3E25717850C26C9CD0D89D");
        assert_eq!("a9993e364706816aba3e25717850c26c9cd0d89d".parse::<PairingHash>().unwrap(), hash);
        assert_eq!(hash.to_string().parse::<PairingHash>().unwrap(), hash);
        assert_eq!(PairingHash::from(*hash.as_bytes()), hash);
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "A9",
            "A9993E364706816ABA3E25717850C26C9CD0D89",
            "A9993E364706816ABA3E25717850C26C9CD0D89D0A",
            " A9993E364706816ABA3E25717850C26C9CD0D89",
            "G9993E364706816ABA3E25717850C26C9CD0D89D",
            "é9993E364706816ABA3E25717850C26C9CD0D89D",
        ] {
            assert!(matches!(text.parse::<PairingHash>(), Err(Error::InvalidPairingHash)), "{text:?}");
        }
    }
}
