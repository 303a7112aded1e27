//! The stand-ins as other programs see them: arguments in, streams, exit codes and the plist out.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "tools/bench.rs"]
mod bench;
#[path = "tools/directory.rs"]
mod directory;
#[path = "tools/misbehaviour.rs"]
mod misbehaviour;
#[path = "tools/pairing.rs"]
mod pairing;
