//! ISO/IEC 7816-4 commands, BER-TLV data objects, and the transports that carry them to a card.
//!
//! This crate knows bytes, readers and connections. It knows no application: PIV lives in the `piv` crate.
//!
//! ```text
//! Command ──> Exchange ──> Apdu ──> CardTransaction ──> PC/SC reader        (pcsc, feature `pcsc`)
//!             chaining, 61xx, 6Cxx,                └──> a card that calls us (vpcd)
//!             extended length
//! ```
//!
//! # Which type when
//!
//! - To talk to a card in a reader: [`pcsc::Readers::connect`], which gives a [`CardTransport`].
//! - To talk to a virtual card where no PC/SC service runs: [`vpcd::Listener`].
//! - To send a command whatever its length: [`Exchange::send`] inside a [`CardTransport::transaction`].
//! - To take card data apart: [`tlv`].
//!
//! # Logging
//!
//! [`Exchange::send`] is the only place that logs: at TRACE, the header and the length of every APDU, the data of commands
//! that are not secret, and of each answer its length and status word. PINs and answers are never logged, so the
//! log is safe to keep.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::as_conversions))]

mod atr;
mod command;
mod error;
mod exchange;
mod link;
mod patience;
#[cfg(feature = "pcsc")]
pub mod pcsc;
mod response;
pub mod tlv;
mod transport;
pub mod vpcd;

pub use command::{Apdu, Command, Header};
pub use error::{Error, Source};
pub use exchange::Exchange;
pub use link::{Link, LinkMemory};
pub use patience::{Patience, Wait, Waiting};
pub use response::{Response, StatusWord};
pub use transport::{CardTransaction, CardTransport, Protocol};
