//! What a key pair is for, and its size (SP 800-78-5, Table 6-2, and Yubico's numbers beside them).

use std::fmt;

/// What a key is for, and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with a modulus of 1024 bits, 06: no longer in SP 800-78, still in YubiKeys.
    Rsa1024,
    /// RSA with a modulus of 2048 bits, 07.
    Rsa2048,
    /// RSA with a modulus of 3072 bits, 05.
    Rsa3072,
    /// RSA with a modulus of 4096 bits, 16: not in SP 800-78, as YubiKeys have it.
    Rsa4096,
    /// ECDSA and ECDH on P-256, 11.
    P256,
    /// ECDSA and ECDH on P-384, 14.
    P384,
    /// Ed25519, E0: Yubico's, as YubiKeys have it since 5.7.
    Ed25519,
    /// X25519, E1: Yubico's, as YubiKeys have it since 5.7.
    X25519,
}

impl Algorithm {
    const ALL: [Self; 8] = [
        Self::Rsa1024,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::P256,
        Self::P384,
        Self::Ed25519,
        Self::X25519,
    ];

    /// The algorithm identifier (P1 of GENERAL AUTHENTICATE; SP 800-78, key algorithm identifiers).
    #[must_use]
    pub fn identifier(self) -> u8 {
        match self {
            Self::Rsa1024 => 0x06,
            Self::Rsa2048 => 0x07,
            Self::Rsa3072 => 0x05,
            Self::Rsa4096 => 0x16,
            Self::P256 => 0x11,
            Self::P384 => 0x14,
            Self::Ed25519 => 0xe0,
            Self::X25519 => 0xe1,
        }
    }

    /// The algorithm of an identifier; `None` if no key pair has it.
    #[must_use]
    pub fn from_identifier(identifier: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.identifier() == identifier)
    }

    /// How many bits an RSA modulus has; `None` for what is not RSA.
    pub(crate) fn rsa_bits(self) -> Option<u32> {
        match self {
            Self::Rsa1024 => Some(1024),
            Self::Rsa2048 => Some(2048),
            Self::Rsa3072 => Some(3072),
            Self::Rsa4096 => Some(4096),
            Self::P256 | Self::P384 | Self::Ed25519 | Self::X25519 => None,
        }
    }

    /// The algorithm of RSA keys with so many bits.
    pub(crate) fn of_rsa_bits(bits: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.rsa_bits() == Some(bits))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa1024 => "RSA1024",
            Self::Rsa2048 => "RSA2048",
            Self::Rsa3072 => "RSA3072",
            Self::Rsa4096 => "RSA4096",
            Self::P256 => "P256",
            Self::P384 => "P384",
            Self::Ed25519 => "Ed25519",
            Self::X25519 => "X25519",
        })
    }
}
