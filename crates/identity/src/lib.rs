//! A certificate as an identity: its names, its key, and its macOS pairing hash.
//!
//! ```text
//! bytes -> load::certificates -> Certificate -> Identity { slot, certificate, token id }
//!                                    |                |
//!                 names, dates, usage, problems     select::select (exactly one)
//!                                    |                |
//!                              PairingHash          proof::Challenge -> Proof
//! ```
//!
//! [`attestation`] checks what a YubiKey states about a key that it made.
//!
//! Everything here is pure: no reader, no file and no network is touched, and the time is always
//! an argument. Reading a certificate does not mean believing it. But for [`attestation`], nothing in this crate checks
//! who issued a certificate; what it states is only reported.
//!
//! Texts taken from a certificate are returned as they are and must be treated as hostile:
//! whoever made the certificate chose them. Pass them through [`text::escape_control`] before
//! they reach a terminal or a log.
//!
//! Standards: RFC 5280 (certificates), RFC 7468 (PEM), RFC 5652 (PKCS#7), RFC 4514 (names),
//! SP 800-73-4 and SP 800-78-4 (slots and keys of a PIV card).
#![forbid(unsafe_code)]

pub mod attestation;
mod certificate;
mod encoding;
mod error;
mod extension;
mod identity;
mod key;
pub mod load;
mod name;
mod pairing_hash;
pub mod pem;
pub mod proof;
pub mod select;
pub mod ssh;
#[cfg(test)]
mod testing;
pub mod text;
mod token_id;
mod usage;

pub use certificate::{Certificate, MAX_CERTIFICATE};
pub use error::Error;
pub use extension::{ExtendedKeyUsage, KeyUsage};
pub use identity::Identity;
pub use key::{Hash, KeyAlgorithm, PublicKey};
pub use name::SubjectAttribute;
pub use pairing_hash::PairingHash;
pub use token_id::TokenId;
pub use usage::{Problem, Usage};
