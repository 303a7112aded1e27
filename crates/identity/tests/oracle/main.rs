//! What this crate says about certificates, held against the OpenSSL command line, the published
//! pairing hash of macOS, and the GSA ICAM test cards. A machine without `openssl` fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

mod attestation;
mod files;
mod icam;
mod made;
mod openssl;
mod signatures;
mod ssh;
mod vector;
