//! See `pivkit_fuzz::psso_verify`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pivkit_fuzz::psso_verify(data));
