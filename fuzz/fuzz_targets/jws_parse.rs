//! See `pivkit_fuzz::jws_parse`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pivkit_fuzz::jws_parse(data));
