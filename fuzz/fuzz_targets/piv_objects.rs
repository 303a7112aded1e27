//! See `pivkit_fuzz::piv_objects`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pivkit_fuzz::piv_objects(data));
