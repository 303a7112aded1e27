//! See `pivkit_fuzz::chuid`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pivkit_fuzz::chuid(data));
