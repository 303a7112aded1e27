//! The card management key, key reference 9B: a symmetric key for whoever administers the card (SP 800-73-4 Part 1,
//! 5.1; SP 800-78, Table 6-2).

use std::fmt;
use std::str::FromStr;

use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use p256::elliptic_curve::subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::policy::TouchPolicy;

/// The cipher of a management key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ManagementAlgorithm {
    /// Three-key triple DES, 03 (00 is taken for it, too); 24 bytes.
    TripleDes,
    /// AES-128, 08; 16 bytes.
    Aes128,
    /// AES-192, 0A; 24 bytes.
    Aes192,
    /// AES-256, 0C; 32 bytes.
    Aes256,
}

impl ManagementAlgorithm {
    const ALL: [Self; 4] = [Self::TripleDes, Self::Aes128, Self::Aes192, Self::Aes256];

    /// The algorithm identifier (P1 of GENERAL AUTHENTICATE).
    #[must_use]
    pub fn identifier(self) -> u8 {
        match self {
            Self::TripleDes => 0x03,
            Self::Aes128 => 0x08,
            Self::Aes192 => 0x0a,
            Self::Aes256 => 0x0c,
        }
    }

    /// The algorithm of an identifier; `None` if no management key has it.
    #[must_use]
    pub fn from_identifier(identifier: u8) -> Option<Self> {
        match identifier {
            0x00 => Some(Self::TripleDes),
            _ => Self::ALL.into_iter().find(|algorithm| algorithm.identifier() == identifier),
        }
    }

    /// How long a key is, in bytes.
    #[must_use]
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::TripleDes | Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    /// How long a block is, and with it a challenge, in bytes.
    #[must_use]
    pub fn block_length(self) -> usize {
        if self == Self::TripleDes { 8 } else { 16 }
    }
}

impl fmt::Display for ManagementAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TripleDes => "3des",
            Self::Aes128 => "aes128",
            Self::Aes192 => "aes192",
            Self::Aes256 => "aes256",
        })
    }
}

impl FromStr for ManagementAlgorithm {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|algorithm| algorithm.to_string().eq_ignore_ascii_case(text)).ok_or(())
    }
}

/// A management key.
pub(crate) struct ManagementKey {
    algorithm: ManagementAlgorithm,
    bytes: Zeroizing<Vec<u8>>,
    pub(crate) touch_policy: TouchPolicy,
}

impl ManagementKey {
    /// `None` if the length is not the algorithm's, or a triple DES key has a part that is weak.
    pub(crate) fn new(algorithm: ManagementAlgorithm, bytes: &[u8], touch_policy: TouchPolicy) -> Option<Self> {
        let strong = algorithm != ManagementAlgorithm::TripleDes
            || bytes.chunks_exact(8).all(|part| des::weak_key_test(part).is_ok());
        (bytes.len() == algorithm.key_length() && strong).then(|| Self {
            algorithm,
            bytes: Zeroizing::new(bytes.to_vec()),
            touch_policy,
        })
    }

    /// The key of a new card: the bytes 01 to 08, again and again.
    pub(crate) fn factory(algorithm: ManagementAlgorithm) -> Self {
        let bytes = (1..=8).cycle().take(algorithm.key_length()).collect();
        Self { algorithm, bytes: Zeroizing::new(bytes), touch_policy: TouchPolicy::Never }
    }

    pub(crate) fn algorithm(&self) -> ManagementAlgorithm {
        self.algorithm
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// True for the bytes that every new card has.
    pub(crate) fn is_factory(&self) -> bool {
        self.bytes.ct_eq(&Self::factory(self.algorithm).bytes).into()
    }

    /// Encrypts one block; `None` if it has another length.
    pub(crate) fn encrypt(&self, block: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut out = Zeroizing::new(block.to_vec());
        match self.algorithm {
            ManagementAlgorithm::TripleDes => encrypt_block::<des::TdesEde3>(&self.bytes, &mut out)?,
            ManagementAlgorithm::Aes128 => encrypt_block::<aes::Aes128>(&self.bytes, &mut out)?,
            ManagementAlgorithm::Aes192 => encrypt_block::<aes::Aes192>(&self.bytes, &mut out)?,
            ManagementAlgorithm::Aes256 => encrypt_block::<aes::Aes256>(&self.bytes, &mut out)?,
        }
        Some(out)
    }

    #[cfg(test)]
    pub(crate) fn decrypt(&self, block: &[u8]) -> Option<Vec<u8>> {
        fn decrypt_block<C: aes::cipher::BlockCipherDecrypt + KeyInit>(key: &[u8], block: &mut [u8]) -> Option<()> {
            C::new_from_slice(key).ok()?.decrypt_block(<&mut Array<u8, C::BlockSize>>::try_from(block).ok()?);
            Some(())
        }
        let mut out = block.to_vec();
        match self.algorithm {
            ManagementAlgorithm::TripleDes => decrypt_block::<des::TdesEde3>(&self.bytes, &mut out)?,
            ManagementAlgorithm::Aes128 => decrypt_block::<aes::Aes128>(&self.bytes, &mut out)?,
            ManagementAlgorithm::Aes192 => decrypt_block::<aes::Aes192>(&self.bytes, &mut out)?,
            ManagementAlgorithm::Aes256 => decrypt_block::<aes::Aes256>(&self.bytes, &mut out)?,
        }
        Some(out)
    }
}

fn encrypt_block<C: BlockCipherEncrypt + KeyInit>(key: &[u8], block: &mut [u8]) -> Option<()> {
    C::new_from_slice(key).ok()?.encrypt_block(<&mut Array<u8, C::BlockSize>>::try_from(block).ok()?);
    Some(())
}

impl fmt::Debug for ManagementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManagementKey({}, ..)", self.algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 197, appendices C.1 to C.3; SP 800-20, Table A.1 with three equal keys; SP 800-67 by way of CAVP (TECBMMT3,
    /// first vector).
    #[test]
    fn blocks_encrypt_to_the_published_ones() {
        let plain = "00112233445566778899aabbccddeeff";
        let key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let cases = [
            (ManagementAlgorithm::Aes128, &key[..32], plain, "69c4e0d86a7b0430d8cdb78070b4c55a"),
            (ManagementAlgorithm::Aes192, &key[..48], plain, "dda97ca4864cdfe06eaf70a0ec0d7191"),
            (ManagementAlgorithm::Aes256, key, plain, "8ea2b7ca516745bfeafc49904b496089"),
            (
                ManagementAlgorithm::TripleDes,
                "0123456789abcdef23456789abcdef01456789abcdef0123",
                "5468652071756663",
                "a826fd8ce53b855f",
            ),
        ];
        for (algorithm, key, plain, cipher) in cases {
            let key = ManagementKey::new(algorithm, &hex::decode(key).unwrap(), TouchPolicy::Never).unwrap();
            let plain = hex::decode(plain).unwrap();
            assert_eq!(hex::encode(key.encrypt(&plain).unwrap()), cipher, "{algorithm}");
            assert_eq!(key.decrypt(&hex::decode(cipher).unwrap()).unwrap(), plain, "{algorithm}");
            assert!(key.encrypt(&plain[1..]).is_none());
        }
    }

    #[test]
    fn keys_have_their_length_and_no_weak_part() {
        assert!(ManagementKey::new(ManagementAlgorithm::Aes128, &[7; 24], TouchPolicy::Never).is_none());
        let weak = [&[0x01; 8][..], &[2; 16]].concat();
        assert!(ManagementKey::new(ManagementAlgorithm::TripleDes, &weak, TouchPolicy::Never).is_none());
        assert!(ManagementKey::new(ManagementAlgorithm::Aes192, &weak, TouchPolicy::Never).is_some());
        let factory = ManagementKey::factory(ManagementAlgorithm::TripleDes);
        assert_eq!(hex::encode(factory.bytes()), "0102030405060708".repeat(3));
        assert!(ManagementKey::new(factory.algorithm(), factory.bytes(), TouchPolicy::Never).unwrap().is_factory());
    }
}
