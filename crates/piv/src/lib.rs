//! A PIV client after NIST SP 800-73-4: reads a card's objects and lets it sign, over any transport.
//!
//! ```text
//! Card ──session()──> Session ──verify_pin()──> VerifiedSession
//! connected           in a transaction,         ... with the PIN verified:
//!                     application selected      signs
//! ```
//!
//! Each state is a type. Connections are shared with other programs, which may select another application between two
//! transactions; therefore "the PIV application is selected" is only true inside one, and [`Card::session`] opens both
//! together. A signature exists only on [`VerifiedSession`].
//!
//! Nothing here repeats a VERIFY: after [`Error::CardReset`] open a new session and decide anew.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::as_conversions))]

mod algorithm;
mod card;
mod certificate;
mod chuid;
mod discovery;
mod error;
mod general_authenticate;
mod key_history;
mod object;
mod pin;
mod select;
mod session;
mod slot;

pub use algorithm::{AlgorithmId, Hash};
pub use card::{Card, is_yubikey};
pub use certificate::{CertificateObject, MAX_CERTIFICATE_LENGTH};
pub use chuid::Chuid;
pub use discovery::{DiscoveryObject, PinUsagePolicy};
pub use error::{Error, ObjectName};
pub use key_history::KeyHistory;
pub use object::ObjectId;
pub use pin::{LastTry, Pin, PinStatus};
pub use session::{Session, VerifiedSession};
pub use slot::{InvalidSlot, RetiredSlot, Slot};
