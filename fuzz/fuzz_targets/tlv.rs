//! See `pivkit_fuzz::tlv`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pivkit_fuzz::tlv(data));
