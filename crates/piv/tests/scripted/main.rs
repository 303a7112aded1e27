//! The client against cards that are written down: commands and answers byte for byte, from the standard and from what real
//! cards send.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod administration;
mod pins;
mod public_keys;
mod script;
mod select;
mod variety;
