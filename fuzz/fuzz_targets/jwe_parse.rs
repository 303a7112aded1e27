//! See `pivkit_fuzz::jwe_parse`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pivkit_fuzz::jwe_parse(data));
