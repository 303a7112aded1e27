//! See `pivkit_fuzz::login_response`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pivkit_fuzz::login_response(data));
