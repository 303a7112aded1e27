//! A software PIV card after SP 800-73-4, which can also be a YubiKey, for tests and demonstrations.
//!
//! ```text
//! bytes ──> apdu ──> card (chaining, GET RESPONSE) ──> application ──> data_objects           GET DATA, PUT DATA
//!                                                                  ├──> verify                VERIFY
//!                                                                  ├──> change_reference_data, reset_retry_counter
//!                                                                  ├──> general_authenticate  a slot's key
//!                                                                  │    └──> administration   the management key
//!                                                                  ├──> generate              GENERATE
//!                                                                  └──> yubikey               Yubico's commands
//! InProcess (a smartcard::CardTransport) ──┐
//! VpcdClient (a reader across TCP) ────────┴──> VirtualCard ──> StateDirectory (optional)
//! ```
//!
//! A card is a [`Content`], which is kept, and a behaviour, which is not: its [`Profile`] says which real card it plays,
//! and [`Quirks`] what is different with this one.
//!
//! # Which type when
//!
//! - A card in a test: [`Content`] says what is on it, [`VirtualCard`] is the card, [`InProcess`] the reader, and
//!   [`Probe`] the test's view from outside: what was sent, how many PIN tries are left, when to pull the card.
//! - The cards of the world: [`CardOptions`] with a [`Profile`], [`Quirks`], and a [`Touch`] of its sensor;
//!   [`Content::factory`] is what their makers send out.
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

mod administration;
mod algorithm;
mod apdu;
mod application;
mod attestation;
mod authority;
mod behaviour;
mod card;
mod change_reference_data;
mod chuid;
mod content;
mod curve25519;
mod data_objects;
mod error;
mod fault;
mod general_authenticate;
mod generate;
mod icam;
mod in_process;
mod initial_pin;
mod instruction;
mod keys;
mod load;
mod management_key;
mod objects;
mod pin;
mod policy;
mod preset;
mod private_directory;
mod profile;
mod quirk;
mod quirks;
mod random;
mod reset_retry_counter;
mod slot;
mod state;
mod storage;
mod template;
mod touch;
mod verify;
mod vpcd;
mod yubikey;

pub use algorithm::Algorithm;
pub use card::{CardOptions, ExtendedLength, VirtualCard};
pub use chuid::Guid;
pub use content::Content;
pub use error::{Error, Source};
pub use fault::{CommandRecord, Fault, FaultPlan};
pub use in_process::{InProcess, Probe};
pub use initial_pin::InitialPin;
pub use keys::PrivateKey;
pub use load::LoadRequest;
pub use management_key::ManagementAlgorithm;
pub use objects::CertificateStorage;
pub use policy::{Origin, PinPolicy, TouchPolicy};
pub use preset::{Issued, Preset};
pub use profile::Profile;
pub use quirk::Quirk;
pub use quirks::Quirks;
pub use slot::Slot;
pub use state::StateDirectory;
pub use touch::Touch;
pub use vpcd::{End, Stop, VpcdClient};
