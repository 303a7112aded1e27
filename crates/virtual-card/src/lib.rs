//! A software PIV card after SP 800-73-4, for tests and demonstrations.
//!
//! ```text
//! bytes ──> apdu ──> card (chaining, GET RESPONSE) ──> application ──> objects               GET DATA
//!                                                                  ├──> pin                   VERIFY
//!                                                                  ├──> reset_retry_counter   RESET RETRY COUNTER
//!                                                                  └──> general_authenticate  GENERAL AUTHENTICATE
//! InProcess (a smartcard::CardTransport) ──┐
//! VpcdClient (a reader across TCP) ────────┴──> VirtualCard ──> StateDirectory (optional)
//! ```
//!
//! # Which type when
//!
//! - A card in a test: [`Content`] says what is on it, [`VirtualCard`] is the card, [`InProcess`] the reader, and
//!   [`Probe`] the test's view from outside: what was sent, how many PIN tries are left, when to pull the card.
//! - A card in a real reader: [`VpcdClient`], as the binary `pivkit-vcard` does it.
//!
//! # What it is not
//!
//! A place for real keys. Keys and PIN lie unencrypted in memory and, if asked for, in files that only their owner can
//! read. The card shares no code with the `piv` client that is tested against it, only the bytes below (`smartcard`).
//!
//! # Logging
//!
//! Of each command the header, lengths and the status word are logged at DEBUG; never its data, a PIN or a key.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::as_conversions))]

mod apdu;
mod application;
mod authority;
mod card;
mod chuid;
mod content;
mod error;
mod fault;
mod general_authenticate;
mod icam;
mod in_process;
mod initial_pin;
mod keys;
mod load;
mod objects;
mod pin;
mod preset;
mod private_directory;
mod random;
mod reset_retry_counter;
mod slot;
mod state;
mod vpcd;

pub use card::{CardOptions, ExtendedLength, VirtualCard};
pub use chuid::Guid;
pub use content::Content;
pub use error::{Error, Source};
pub use fault::{CommandRecord, Fault, FaultPlan};
pub use in_process::{InProcess, Probe};
pub use initial_pin::InitialPin;
pub use keys::{Algorithm, PrivateKey};
pub use load::LoadRequest;
pub use objects::CertificateStorage;
pub use preset::{Issued, Preset};
pub use slot::Slot;
pub use state::StateDirectory;
pub use vpcd::{End, Stop, VpcdClient};
