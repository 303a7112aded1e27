//! The management key (key reference 9B): who has it may write to the card.

use std::fmt;

use zeroize::Zeroizing;

use crate::Error;

/// The cipher of a management key (SP 800-78-4 table 6-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagementKeyAlgorithm {
    /// Three-key triple DES: 24 bytes. The factory's up to firmware 5.6.
    TripleDes,
    /// AES-128: 16 bytes.
    Aes128,
    /// AES-192: 24 bytes. The factory's from firmware 5.7 on.
    Aes192,
    /// AES-256: 32 bytes.
    Aes256,
}

impl ManagementKeyAlgorithm {
    /// The number of the algorithm in commands (SP 800-78-4 table 6-2).
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::TripleDes => 0x03,
            Self::Aes128 => 0x08,
            Self::Aes192 => 0x0a,
            Self::Aes256 => 0x0c,
        }
    }

    /// The algorithm with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::TripleDes, Self::Aes128, Self::Aes192, Self::Aes256].into_iter().find(|known| known.number() == number)
    }

    /// The length of its keys in bytes.
    #[must_use]
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::TripleDes | Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }
}

/// A management key and its cipher. It is wiped when dropped and never shown.
pub struct ManagementKey {
    algorithm: ManagementKeyAlgorithm,
    bytes: Zeroizing<Vec<u8>>,
}

impl ManagementKey {
    /// A key given as bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if the length is not that of the cipher.
    pub fn new(algorithm: ManagementKeyAlgorithm, bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() != algorithm.key_length() {
            let why = format!("it has {} bytes, and {} are needed", bytes.len(), algorithm.key_length());
            return Err(Error::input("the management key", why));
        }
        Ok(Self { algorithm, bytes: Zeroizing::new(bytes.to_vec()) })
    }

    /// The key that Yubico's cards leave the factory with: the same 24 bytes as triple DES and, from firmware 5.7 on, as
    /// AES-192. `None` for the other ciphers, which no factory uses.
    #[must_use]
    pub fn factory(algorithm: ManagementKeyAlgorithm) -> Option<Self> {
        (algorithm.key_length() == FACTORY.len()).then(|| Self { algorithm, bytes: Zeroizing::new(FACTORY.to_vec()) })
    }

    /// A new random key.
    ///
    /// # Errors
    ///
    /// [`Error::Random`].
    pub fn random(algorithm: ManagementKeyAlgorithm) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new(vec![0; algorithm.key_length()]);
        getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.into()))?;
        Ok(Self { algorithm, bytes })
    }

    /// The cipher.
    #[must_use]
    pub fn algorithm(&self) -> ManagementKeyAlgorithm {
        self.algorithm
    }

    /// The key itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for ManagementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ManagementKey(..)")
    }
}

const FACTORY: [u8; 24] = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_length_of_its_cipher_and_is_never_shown() {
        assert!(ManagementKey::new(ManagementKeyAlgorithm::Aes256, &[7; 24]).is_err());
        let key = ManagementKey::new(ManagementKeyAlgorithm::Aes192, &[7; 24]).unwrap();
        assert_eq!(format!("{key:?}"), "ManagementKey(..)");
    }

    #[test]
    fn random_keys_differ() {
        let random = || ManagementKey::random(ManagementKeyAlgorithm::Aes256).unwrap();
        assert_ne!(random().as_bytes(), random().as_bytes());
        assert_eq!(random().as_bytes().len(), 32);
    }
}
