//! The system's random numbers for a library that knows none that can fail.

use std::convert::Infallible;

use getrandom::SysRng;
use getrandom::rand_core::{TryCryptoRng, TryRng};

/// Random numbers of `source`. Once it has failed, numbers of no worth are given instead, and [`Fallible::into_error`]
/// says so: what was made with them is to be thrown away. They differ, so that a search for a prime comes to its end.
pub(crate) struct Fallible<S: TryRng> {
    source: S,
    error: Option<S::Error>,
    filler: u64,
}

impl Fallible<SysRng> {
    /// The system's.
    pub(crate) fn system() -> Self {
        Self::of(SysRng)
    }
}

impl<S: TryRng> Fallible<S> {
    pub(crate) fn of(source: S) -> Self {
        Self { source, error: None, filler: 0 }
    }

    /// Why not all numbers were random; `None` if all were.
    pub(crate) fn into_error(self) -> Option<S::Error> {
        self.error
    }

    fn keep<T>(&mut self, result: Result<T, S::Error>) -> Option<T> {
        result.map_err(|error| self.error.get_or_insert(error)).ok()
    }

    /// SplitMix64: equally distributed, known to everyone.
    fn filler(&mut self) -> u64 {
        self.filler = self.filler.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.filler;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

impl<S: TryRng> TryRng for Fallible<S> {
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
        let result = self.source.try_fill_bytes(bytes);
        if self.keep(result).is_none() {
            for chunk in bytes.chunks_mut(8) {
                let word = self.filler().to_le_bytes();
                chunk.iter_mut().zip(word).for_each(|(byte, filler)| *byte = filler);
            }
        }
        Ok(())
    }
}

impl<S: TryCryptoRng> TryCryptoRng for Fallible<S> {}
