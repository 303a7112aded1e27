//! Random numbers for a library that has no word for their absence.

use std::convert::Infallible;

use getrandom::rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

use crate::error::Error;

/// Makes something out of the system's random numbers.
///
/// # Errors
/// [`Error::Random`] when the system gave none at some point; what was made is thrown away then.
pub(crate) fn with_random<T>(make: impl FnOnce(&mut SystemOrNot) -> T) -> Result<T, Error> {
    let mut random = SystemOrNot { failure: None, filled: 0 };
    let made = make(&mut random);
    match random.failure {
        Some(failure) => Err(Error::Random(failure)),
        None => Ok(made),
    }
}

/// The system's random numbers. After a failure others that are none, so that a search for primes comes to its end.
pub(crate) struct SystemOrNot {
    failure: Option<getrandom::Error>,
    filled: u64,
}

impl SystemOrNot {
    /// Hashes of a counter.
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            self.filled = self.filled.wrapping_add(1);
            let hash = Sha256::digest(self.filled.to_be_bytes());
            chunk.iter_mut().zip(hash).for_each(|(byte, hashed)| *byte = hashed);
        }
    }
}

impl TryRng for SystemOrNot {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        if self.failure.is_none() {
            self.failure = getrandom::fill(bytes).err();
        }
        if self.failure.is_some() {
            self.fill(bytes);
        }
        Ok(())
    }
}

impl TryCryptoRng for SystemOrNot {}

#[cfg(test)]
mod tests {
    use super::*;
    use rsa::RsaPrivateKey;

    #[test]
    fn without_random_numbers_there_is_no_key_and_no_endless_search() {
        let made = with_random(|random| {
            random.failure = Some(getrandom::Error::UNSUPPORTED);
            RsaPrivateKey::new(random, 2048).is_ok()
        });
        assert!(matches!(made, Err(Error::Random(getrandom::Error::UNSUPPORTED))), "{made:?}");
    }
}
