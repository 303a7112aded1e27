//! The management key: key reference 9B, which opens the administration of a card (SP 800-78-4 tables 6-1 and 6-2;
//! SP 800-73-4 Part 1, table 4b).

use std::fmt;

use aes::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use zeroize::Zeroizing;

use crate::Error;

/// A management key: 16, 24 or 32 bytes. Wiped from memory when dropped; shown by nothing.
pub struct ManagementKey(Zeroizing<Vec<u8>>);

/// The cipher of a management key, with its number in GENERAL AUTHENTICATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManagementAlgorithm {
    /// Triple DES with three keys (03).
    TripleDes,
    /// AES-128 (08).
    Aes128,
    /// AES-192 (0A).
    Aes192,
    /// AES-256 (0C).
    Aes256,
}

impl ManagementKey {
    /// Takes 16, 24 or 32 bytes.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidManagementKey`] for any other length.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Result<Self, Error> {
        if matches!(bytes.len(), 16 | 24 | 32) { Ok(Self(bytes)) } else { Err(Error::InvalidManagementKey) }
    }

    /// Takes 32, 48 or 64 hexadecimal digits of any case.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidManagementKey`] for anything else.
    pub fn from_hex(text: &str) -> Result<Self, Error> {
        Self::new(Zeroizing::new(hex::decode(text).map_err(|_| Error::InvalidManagementKey)?))
    }

    /// The key that cards leave the factory with: 01 to 08, three times over. It is a Triple DES key, and an AES-192 key on
    /// YubiKeys from firmware 5.7 on.
    #[must_use]
    pub fn factory_default() -> Self {
        Self(Zeroizing::new(FACTORY_DEFAULT.repeat(3)))
    }

    /// A random key for `algorithm`.
    ///
    /// # Errors
    ///
    /// [`Error::Random`].
    pub fn generate(algorithm: ManagementAlgorithm) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new(vec![0; algorithm.key_length()]);
        getrandom::fill(&mut bytes).map_err(Error::Random)?;
        Ok(Self(bytes))
    }

    /// True for [`ManagementKey::factory_default`], which everybody knows.
    #[must_use]
    pub fn is_factory_default(&self) -> bool {
        *self.0 == FACTORY_DEFAULT.repeat(3)
    }

    /// The key as 32, 48 or 64 lower-case hexadecimal digits: for a file of its owner's, never for a screen.
    #[must_use]
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(&*self.0))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ManagementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ManagementKey(..)")
    }
}

const FACTORY_DEFAULT: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

impl ManagementAlgorithm {
    /// All of them, in the order of how likely a card has them.
    pub const ALL: [Self; 4] = [Self::TripleDes, Self::Aes192, Self::Aes256, Self::Aes128];

    /// The number in P1 of GENERAL AUTHENTICATE.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::TripleDes => 0x03,
            Self::Aes128 => 0x08,
            Self::Aes192 => 0x0a,
            Self::Aes256 => 0x0c,
        }
    }

    /// The algorithm with this number; 00 is Triple DES too.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        let number = if number == 0 { 0x03 } else { number };
        Self::ALL.into_iter().find(|algorithm| algorithm.number() == number)
    }

    /// Length of a key, in bytes.
    #[must_use]
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::TripleDes | Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    /// Length of a block, and so of witness and challenge, in bytes.
    #[must_use]
    pub fn block_length(self) -> usize {
        match self {
            Self::TripleDes => 8,
            Self::Aes128 | Self::Aes192 | Self::Aes256 => 16,
        }
    }

    /// Encrypts one block. `None` if the key or the block is of the wrong length.
    pub(crate) fn encrypt(self, key: &ManagementKey, block: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::TripleDes => encrypt::<des::TdesEde3>(key, block),
            Self::Aes128 => encrypt::<aes::Aes128>(key, block),
            Self::Aes192 => encrypt::<aes::Aes192>(key, block),
            Self::Aes256 => encrypt::<aes::Aes256>(key, block),
        }
    }

    /// Decrypts one block. `None` if the key or the block is of the wrong length.
    pub(crate) fn decrypt(self, key: &ManagementKey, block: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::TripleDes => decrypt::<des::TdesEde3>(key, block),
            Self::Aes128 => decrypt::<aes::Aes128>(key, block),
            Self::Aes192 => decrypt::<aes::Aes192>(key, block),
            Self::Aes256 => decrypt::<aes::Aes256>(key, block),
        }
    }
}

impl fmt::Display for ManagementAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TripleDes => "3DES",
            Self::Aes128 => "AES-128",
            Self::Aes192 => "AES-192",
            Self::Aes256 => "AES-256",
        })
    }
}

fn encrypt<C: KeyInit + BlockCipherEncrypt>(key: &ManagementKey, block: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = C::new_from_slice(key.bytes()).ok()?;
    let mut block = Block::<C>::try_from(block).ok()?;
    cipher.encrypt_block(&mut block);
    Some(Zeroizing::new(block.to_vec()))
}

fn decrypt<C: KeyInit + BlockCipherDecrypt>(key: &ManagementKey, block: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = C::new_from_slice(key.bytes()).ok()?;
    let mut block = Block::<C>::try_from(block).ok()?;
    cipher.decrypt_block(&mut block);
    Some(Zeroizing::new(block.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 197 appendix C.1 to C.3, and the example of SP 800-67 rev. 2 (B.1 of the 2012 edition): "The qufck".
    #[test]
    fn the_ciphers_give_the_published_answers() {
        let aes = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let plain = "00112233445566778899aabbccddeeff";
        let tdes = "0123456789abcdef23456789abcdef01456789abcdef0123";
        for (algorithm, key, plain, encrypted) in [
            (ManagementAlgorithm::Aes128, &aes[..32], plain, "69c4e0d86a7b0430d8cdb78070b4c55a"),
            (ManagementAlgorithm::Aes192, &aes[..48], plain, "dda97ca4864cdfe06eaf70a0ec0d7191"),
            (ManagementAlgorithm::Aes256, aes, plain, "8ea2b7ca516745bfeafc49904b496089"),
            (ManagementAlgorithm::TripleDes, tdes, "5468652071756663", "a826fd8ce53b855f"),
        ] {
            let key = ManagementKey::from_hex(key).unwrap();
            let block = algorithm.encrypt(&key, &hex::decode(plain).unwrap()).unwrap();
            assert_eq!(hex::encode(&*block), encrypted, "{algorithm}");
            assert_eq!(hex::encode(&*algorithm.decrypt(&key, &block).unwrap()), plain, "{algorithm}");
            assert!(algorithm.decrypt(&key, &block[1..]).is_none(), "{algorithm}");
        }
    }

    #[test]
    fn a_key_is_hexadecimal_of_one_of_three_lengths_and_never_shown() {
        for text in ["", "00", "zz", &"0".repeat(47), &"0".repeat(50), &"0".repeat(66)] {
            assert!(matches!(ManagementKey::from_hex(text), Err(Error::InvalidManagementKey)), "{text}");
        }
        let key = ManagementKey::from_hex("010203040506070801020304050607080102030405060708").unwrap();
        assert!(key.is_factory_default());
        assert_eq!(format!("{key:?}"), "ManagementKey(..)");
        assert!(!ManagementKey::from_hex(&"A0".repeat(32)).unwrap().is_factory_default());
    }

    #[test]
    fn random_keys_differ_and_fit_their_algorithm() {
        for algorithm in ManagementAlgorithm::ALL {
            let [a, b] = [(); 2].map(|()| ManagementKey::generate(algorithm).unwrap());
            assert_eq!(a.bytes().len(), algorithm.key_length());
            assert_ne!(a.bytes(), b.bytes());
            assert_eq!(ManagementAlgorithm::from_number(algorithm.number()), Some(algorithm));
        }
    }
}
