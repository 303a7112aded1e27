//! See `pivkit_fuzz::ecdsa_der`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pivkit_fuzz::ecdsa_der(data));
