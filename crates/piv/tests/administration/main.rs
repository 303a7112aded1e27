//! Administration against a software card of another hand, with openssl as the judge of keys and signatures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench;
mod keys;
mod management;
mod secrets;
mod variety;
