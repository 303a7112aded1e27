//! Smart card pairing and PIV authentication: the use cases of `pivkit`, for programs.
//!
//! | use case | function | needs |
//! |---|---|---|
//! | what is there | [`readers`], [`identities`], [`hash_in_slot`] | readers |
//! | certificate files | [`identities_in_files`], [`hashes`] | files |
//! | what a Mac sees | [`identities_from_system_profiler`] | a Mac, or what it said |
//! | a card opens an account | [`pair`], [`unpair`], [`list`], [`check`] | readers, accounts, a [`Ui`] |
//! | many accounts at once | [`bulk`] | accounts, a manifest or a plan, a [`Ui`] |
//! | what speaks against logging in | [`doctor`] | nothing |
//! | one card: what it is, its PIN and PUK, signatures, reset | [`card`] | readers, a [`Ui`] |
//! | a card is made ready | [`provision::provision`], [`provision::import`] | readers, a [`provision::ProvisionUi`] |
//! | Platform SSO | [`psso`](mod@psso) | readers, an identity provider, a [`Ui`] |
//!
//! Each returns a report from [`report`], which is plain data. Nothing here prints or reads a terminal: people are
//! reached through [`Ui`] alone.
#![forbid(unsafe_code)]

mod accounts;
pub mod bulk;
pub mod card;
mod choice;
mod doctor;
mod error;
mod files;
mod identities;
mod identities_on_mac;
mod login_identity;
pub mod mapping;
mod pair;
mod preflight;
pub mod provision;
pub mod psso;
pub mod report;
mod scan;
mod session;
mod signer;
mod transport;
mod ui;
mod virtual_reader;
mod waiting;

pub use accounts::{Accounts, MacTools};
pub use choice::CardChoice;
pub use doctor::{DoctorRequest, doctor};
pub use error::{Change, Error};
pub use files::hashes;
pub use identities::{hash_in_slot, identities, identities_in_files, readers};
pub use identities_on_mac::identities_from_system_profiler;
pub use identity::text::with_causes;
pub use login_identity::IdentityChoice;
pub use pair::{CheckRequest, PairRequest, check, list, pair, selection_by_certificate, unpair};
pub use scan::Slots;
pub use signer::CardSigner;
pub use transport::{CardReaders, InvalidTransport, Transport};
pub use ui::{Ui, UiError};

pub use ::psso::{Error as LoginError, SignOnError};
pub use identity::{PairingHash, text};
pub use jose::Algorithm;
pub use macos::Error as MacError;
pub use macos::end_running_tools;
pub use macos::sc_auth::PairingFailure;
pub use pairing::macos::Finding;
pub use pairing::{AccountName, Error as AccountError, Selection, System};
pub use piv::{Error as CardError, LastTry, ManagementKey, Pin, Puk, Slot};
pub use smartcard::{Error as TransportError, Wait};

/// The 16 bytes of a GUID from 32 hexadecimal digits, with or without hyphens.
#[must_use]
pub fn parse_guid(text: &str) -> Option<[u8; 16]> {
    hex::decode(text.replace('-', "")).ok()?.try_into().ok()
}
