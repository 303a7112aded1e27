//! The keys that make a card ready: which slot, which kind, and what the card asks before it uses them.

use std::fmt;
use std::str::FromStr;

use der::Decode;
use spki::SubjectPublicKeyInfoRef;

use crate::Error;

/// The two slots that macOS pairs with. There are no others here, so that no other can be touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeySlot {
    /// 9A, PIV Authentication: logs in.
    Authentication,
    /// 9D, Key Management: unlocks the login keychain.
    KeyManagement,
}

impl KeySlot {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Authentication, Self::KeyManagement];

    /// The key reference in a command (SP 800-73-4 Part 1, table 4b).
    #[must_use]
    pub fn key_reference(self) -> u8 {
        match self {
            Self::Authentication => 0x9a,
            Self::KeyManagement => 0x9d,
        }
    }
}

/// A kind of key that a card can generate and a Mac can pair with.
///
/// Ed25519 and X25519, which newer YubiKeys also have, are missing: nothing says that macOS uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 3072 bits (YubiKey firmware 5.7).
    Rsa3072,
    /// RSA with 4096 bits (YubiKey firmware 5.7).
    Rsa4096,
    /// The NIST curve P-256.
    P256,
    /// The NIST curve P-384.
    P384,
}

impl KeyAlgorithm {
    /// The kind of the key in a SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if it cannot be read, [`Error::NotSupported`] if it is another kind.
    pub fn of(public_key: &[u8]) -> Result<Self, Error> {
        let malformed = |source: der::Error| Error::Malformed { what: "the public key", source: Some(source.into()) };
        let key = SubjectPublicKeyInfoRef::from_der(public_key).map_err(malformed)?;
        let curve = key.algorithm.parameters.and_then(|any| any.decode_as::<der::asn1::ObjectIdentifier>().ok());
        let other = || Error::NotSupported { what: "a certificate for a key of this kind".to_owned() };
        match (key.algorithm.oid, curve) {
            (RSA_ENCRYPTION, _) => match key.subject_public_key.raw_bytes().len() {
                // RSAPublicKey in DER: the modulus and about twenty bytes around it and the exponent.
                257..=300 => Ok(Self::Rsa2048),
                385..=430 => Ok(Self::Rsa3072),
                513..=560 => Ok(Self::Rsa4096),
                _ => Err(other()),
            },
            (EC_PUBLIC_KEY, Some(P256)) => Ok(Self::P256),
            (EC_PUBLIC_KEY, Some(P384)) => Ok(Self::P384),
            _ => Err(other()),
        }
    }

    /// Whether it is an elliptic curve.
    #[must_use]
    pub fn is_elliptic_curve(self) -> bool {
        matches!(self, Self::P256 | Self::P384)
    }
}

/// When the card asks for the PIN before it uses a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PinPolicy {
    /// What the slot is made for: once for 9A and 9D.
    #[default]
    Default,
    /// Never: whoever has the card has the key.
    Never,
    /// Once in each session.
    Once,
    /// Before each use.
    Always,
}

/// When somebody must touch the card before it uses a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TouchPolicy {
    /// What the card does by itself: never.
    #[default]
    Default,
    /// Never.
    Never,
    /// Before each use.
    Always,
    /// Before a use, unless the last touch was less than 15 seconds ago.
    Cached,
}

/// Not one of the names that exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown; there are {0}")]
pub struct UnknownName(String);

/// The names of a type's values, and what is read from them, in any case.
macro_rules! names {
    ($type:ident: $($name:literal => $value:ident),+) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$value => $name),+ })
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                $(if text.eq_ignore_ascii_case($name) {
                    return Ok(Self::$value);
                })+
                Err(UnknownName([$($name),+].join(", ")))
            }
        }
    };
}

names!(KeySlot: "9a" => Authentication, "9d" => KeyManagement);
names!(KeyAlgorithm: "RSA2048" => Rsa2048, "RSA3072" => Rsa3072, "RSA4096" => Rsa4096, "P256" => P256, "P384" => P384);
names!(PinPolicy: "default" => Default, "never" => Never, "once" => Once, "always" => Always);
names!(TouchPolicy: "default" => Default, "never" => Never, "always" => Always, "cached" => Cached);

/// RFC 8017 A.1, RFC 5480 2.1.1.
const RSA_ENCRYPTION: der::asn1::ObjectIdentifier = der::asn1::ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: der::asn1::ObjectIdentifier = der::asn1::ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: der::asn1::ObjectIdentifier = der::asn1::ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: der::asn1::ObjectIdentifier = der::asn1::ObjectIdentifier::new_unwrap("1.3.132.0.34");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for slot in KeySlot::ALL {
            assert_eq!(slot.to_string().parse(), Ok(slot));
        }
        assert_eq!("rsa2048".parse(), Ok(KeyAlgorithm::Rsa2048));
        assert_eq!("Cached".parse(), Ok(TouchPolicy::Cached));
        assert_eq!(
            "9c".parse::<KeySlot>().map_err(|error| error.to_string()),
            Err("unknown; there are 9a, 9d".to_owned())
        );
        assert!("ed25519".parse::<KeyAlgorithm>().is_err());
    }
}
