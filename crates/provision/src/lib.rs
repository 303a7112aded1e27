//! What a card must hold to be ready for pairing, and a card that takes it.
//!
//! ```text
//! CertificateTemplate ──> Unsigned ──(the card signs)──> certificate or request, DER
//! protected ──> the management key under the PIN
//! AdministeredCard: keys, objects, PIN, PUK, management key
//!   └── YubiKeyCard (feature `yubikey`): a YubiKey over PC/SC
//! ```
//!
//! Which contents: certificates after RFC 5280, requests after RFC 2986; the management key that is kept under the PIN
//! after Yubico's tools, in [`protected`].
//!
//! Which card: whatever implements [`AdministeredCard`]. Only slots 9A and 9D exist here ([`KeySlot`]), and only the
//! objects that provisioning writes ([`Object`]); nothing else on a card can be touched.
//!
//! The crate `yubikey` writes whole commands, PINs among them, to the crate `log` at trace level. A program that uses
//! this one must cut the target `yubikey` off above that.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::as_conversions))]

mod card;
mod error;
#[cfg(feature = "yubikey")]
mod guard;
mod key;
mod management_key;
pub mod protected;
mod request;
mod subject;
mod template;
mod tlv;
mod unsigned;
#[cfg(feature = "yubikey")]
mod yubikey_card;

pub use card::{AdministeredCard, Object, ReferenceData};
pub use error::{Error, Source};
pub use key::{KeyAlgorithm, KeySlot, PinPolicy, TouchPolicy, UnknownName};
pub use management_key::{ManagementKey, ManagementKeyAlgorithm};
pub use request::public_key_of_request;
pub use subject::Subject;
pub use template::{CertificateTemplate, Validity};
pub use unsigned::Unsigned;
#[cfg(feature = "yubikey")]
pub use yubikey_card::YubiKeyCard;
