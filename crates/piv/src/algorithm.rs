//! Algorithms of keys, and how a message becomes what a card signs (SP 800-78-4 tables 6-2 and 6-3; RFC 8017 9.2;
//! FIPS 186-5 6.4.1).

use std::fmt;

use sha2::{Digest, Sha256, Sha384, Sha512};

/// The algorithm of a key, with its number in GENERAL AUTHENTICATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlgorithmId {
    /// RSA with 1024 bits (06): old cards only.
    Rsa1024,
    /// RSA with 2048 bits (07).
    Rsa2048,
    /// RSA with 3072 bits (05, SP 800-78-5).
    Rsa3072,
    /// RSA with 4096 bits (16, a number of Yubico's that others took over).
    Rsa4096,
    /// ECDSA on P-256 (11).
    EccP256,
    /// ECDSA on P-384 (14).
    EccP384,
    /// Ed25519 (E0, a number of Yubico's): signs whole messages.
    Ed25519,
    /// X25519 (E1, a number of Yubico's): agrees on secrets and signs nothing.
    X25519,
}

impl AlgorithmId {
    /// Every algorithm.
    pub const ALL: [Self; 8] = [
        Self::Rsa1024,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::EccP256,
        Self::EccP384,
        Self::Ed25519,
        Self::X25519,
    ];

    /// The algorithm with this number; `None` if it is none of ours.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.number() == number)
    }

    /// The number in P1 of GENERAL AUTHENTICATE.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Rsa1024 => 0x06,
            Self::Ed25519 => 0xe0,
            Self::X25519 => 0xe1,
            Self::Rsa3072 => 0x05,
            Self::Rsa2048 => 0x07,
            Self::EccP256 => 0x11,
            Self::EccP384 => 0x14,
            Self::Rsa4096 => 0x16,
        }
    }

    /// True for RSA of any length.
    #[must_use]
    pub fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa1024 | Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }

    /// Length of the RSA modulus or of a coordinate, in bytes.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            Self::Ed25519 | Self::X25519 => 32,
            Self::Rsa1024 => 128,
            Self::Rsa2048 => 256,
            Self::Rsa3072 => 384,
            Self::Rsa4096 => 512,
            Self::EccP256 => 32,
            Self::EccP384 => 48,
        }
    }

    /// What the card signs for `message`: for RSA the whole block of EMSA-PKCS1-v1_5, of the length of the modulus; for
    /// ECDSA the hash, cut or padded on the left to the length of a coordinate, because cards do neither; for Ed25519 the
    /// message itself. `None` for X25519, which signs nothing.
    #[must_use]
    pub fn signature_input(self, hash: Hash, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::X25519 => None,
            Self::Ed25519 => Some(message.to_vec()),
            _ => Some(self.hashed_input(hash, message)),
        }
    }

    fn hashed_input(self, hash: Hash, message: &[u8]) -> Vec<u8> {
        let mut digest = hash.digest(message);
        let length = self.length();
        if self.is_rsa() {
            let digest_info = [hash.digest_info_prefix(), &digest].concat();
            let padding = length - digest_info.len() - 3;
            [&[0x00, 0x01][..], &vec![0xff; padding], &[0x00], &digest_info].concat()
        } else {
            digest.truncate(length);
            left_pad(&digest, length)
        }
    }
}

impl fmt::Display for AlgorithmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa1024 => "RSA-1024",
            Self::Rsa2048 => "RSA-2048",
            Self::Rsa3072 => "RSA-3072",
            Self::Rsa4096 => "RSA-4096",
            Self::EccP256 => "P-256",
            Self::EccP384 => "P-384",
            Self::Ed25519 => "Ed25519",
            Self::X25519 => "X25519",
        })
    }
}

/// The hash of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    /// DER of DigestInfo up to the digest (RFC 8017 9.2, note 1).
    fn digest_info_prefix(self) -> &'static [u8] {
        match self {
            Self::Sha256 => &[
                0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
                0x04, 0x20,
            ],
            Self::Sha384 => &[
                0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00,
                0x04, 0x30,
            ],
            Self::Sha512 => &[
                0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00,
                0x04, 0x40,
            ],
        }
    }
}

fn left_pad(bytes: &[u8], length: usize) -> Vec<u8> {
    let mut padded = vec![0; length.saturating_sub(bytes.len())];
    padded.extend_from_slice(bytes);
    padded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rsa_block_fills_the_modulus() {
        for algorithm in [AlgorithmId::Rsa1024, AlgorithmId::Rsa2048, AlgorithmId::Rsa3072, AlgorithmId::Rsa4096] {
            for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
                let block = algorithm.signature_input(hash, b"message").unwrap();
                assert_eq!(block.len(), algorithm.length());
                assert_eq!(block[..3], [0, 1, 0xff]);
            }
        }
    }

    #[test]
    fn every_number_names_one_algorithm() {
        for algorithm in AlgorithmId::ALL {
            assert_eq!(AlgorithmId::from_number(algorithm.number()), Some(algorithm));
        }
        assert_eq!(AlgorithmId::from_number(0x03), None);
    }

    #[test]
    fn ed25519_takes_the_message_and_x25519_nothing() {
        assert_eq!(AlgorithmId::Ed25519.signature_input(Hash::Sha256, b"message").unwrap(), b"message");
        assert_eq!(AlgorithmId::X25519.signature_input(Hash::Sha256, b"message"), None);
    }

    #[test]
    fn a_hash_is_fitted_to_the_curve_on_the_host() {
        let sha512 = Hash::Sha512.digest(b"message");
        assert_eq!(AlgorithmId::EccP256.signature_input(Hash::Sha512, b"message").unwrap(), sha512[..32]);
        let sha256 = Hash::Sha256.digest(b"message");
        let padded = AlgorithmId::EccP384.signature_input(Hash::Sha256, b"message").unwrap();
        assert_eq!((&padded[..16], &padded[16..]), (&[0; 16][..], &sha256[..]));
    }
}
