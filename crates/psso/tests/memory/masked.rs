//! Secrets that can be looked for without being found where they are kept.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::SecretString;
use zeroize::Zeroizing;

const MASK: u8 = 0xa5;
/// How much of the end of a secret is looked for: an allocator writes over the beginning of what is freed.
const TAIL: usize = 24;

/// Bytes that are never whole in memory.
#[derive(Clone)]
pub(crate) struct Masked(Vec<u8>);

impl Masked {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|byte| byte ^ MASK).collect())
    }

    /// A fresh secret text, of letters.
    pub(crate) fn fresh() -> Self {
        let mut bytes = Zeroizing::new([0; 96]);
        getrandom::fill(&mut *bytes).unwrap();
        Self(bytes.iter().map(|byte| (b'a' + byte % 26) ^ MASK).collect())
    }

    pub(crate) fn reveal(&self) -> SecretString {
        let mut text = String::with_capacity(self.0.len());
        text.extend(self.0.iter().map(|byte| char::from(byte ^ MASK)));
        SecretString::from(text)
    }

    /// The bytes that it is the base64 of.
    pub(crate) fn decoded(&self) -> Self {
        let text: Zeroizing<Vec<u8>> = Zeroizing::new(self.0.iter().map(|byte| byte ^ MASK).collect());
        let bytes = Zeroizing::new(STANDARD.decode(&*text).unwrap());
        Self::new(&bytes)
    }

    /// Shows it to somebody who does not keep it.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        let bytes: Zeroizing<Vec<u8>> = Zeroizing::new(self.0.iter().map(|byte| byte ^ MASK).collect());
        look(&bytes)
    }

    /// What stands for it inside base64, whatever comes before it: one form for each alignment.
    pub(crate) fn base64_forms(&self) -> Vec<Self> {
        let form = |skip: usize| {
            let bytes: Zeroizing<Vec<u8>> = Zeroizing::new(self.0[skip..].iter().map(|byte| byte ^ MASK).collect());
            // Whole groups only: the last one depends on what follows.
            let whole = &bytes[..bytes.len() / 3 * 3];
            let mut text = Zeroizing::new(String::with_capacity(160));
            URL_SAFE_NO_PAD.encode_string(whole, &mut text);
            Self::new(text.as_bytes())
        };
        (0..3).map(form).collect()
    }

    /// How often its end is in the writable memory of this process.
    pub(crate) fn occurrences(&self) -> usize {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let memory = File::open("/proc/self/mem").unwrap();
        let tail = &self.0[self.0.len() - TAIL.min(self.0.len() / 3)..];
        let mut found = 0;
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (range, mode) = (words.next().unwrap(), words.next().unwrap());
            if !mode.starts_with("rw") || line.contains("[vvar") {
                continue;
            }
            let (start, end) = range.split_once('-').unwrap();
            let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
            let mut region = vec![0; usize::try_from(end - start).unwrap()];
            // A region that is gone meanwhile holds nothing.
            let Ok(len) = memory.read_at(&mut region, start) else { continue };
            region.truncate(len);
            region.iter_mut().for_each(|byte| *byte ^= MASK);
            found += region.windows(tail.len()).filter(|window| *window == tail).count();
            region.fill(0);
        }
        found
    }
}
