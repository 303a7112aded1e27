//! See `pivkit_fuzz::certificate`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pivkit_fuzz::certificate(data));
