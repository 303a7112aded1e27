//! A PIV client after NIST SP 800-73-4: reads a card's objects, lets it sign, decrypt and agree on secrets, and administers it,
//! over any transport.
//!
//! ```text
//! Card ──session()──> Session ──verify_pin()──> VerifiedSession
//! connected           in a transaction,   │     ... with the PIN verified: signs, decrypts, agrees
//!                     application         │                 │
//!                     selected            └─ authenticate_management() ──> Administration<Session | VerifiedSession>
//!                                            ... with the management key: writes objects, makes keys
//! ```
//!
//! Each state is a type. Connections are shared with other programs, which may select another application between two
//! transactions; therefore "the PIV application is selected" is only true inside one, and [`Card::session`] opens both
//! together. A signature exists only on [`VerifiedSession`] (and, for keys that want no PIN, under a name that says so);
//! writing exists only on [`Administration`], which can do all that the session inside it can.
//!
//! What YubiKeys, and cards like them, can beyond the standard is asked for and may be absent: metadata, serial number,
//! attestation, retries, reset. A card that knows none of it is fully usable.
//!
//! Nothing here repeats a VERIFY: after [`Error::CardReset`] open a new session and decide anew. Every PIN and PUK is sent
//! at most once for each call, after its counter was read.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::as_conversions))]

mod admin_data;
mod administration;
mod algorithm;
mod card;
mod ccc;
mod certificate;
mod chuid;
mod discovery;
mod error;
mod general_authenticate;
mod generate;
mod key_history;
mod management_key;
mod metadata;
mod mutual_authentication;
mod object;
mod pin;
mod policy;
mod public_key;
mod reference_data;
mod reset;
mod select;
mod session;
mod slot;
mod verified;
mod yubico;

pub use admin_data::AdminData;
pub use administration::{Administration, AnySession};
pub use algorithm::{AlgorithmId, Hash};
pub use card::{Card, is_yubikey};
pub use ccc::Ccc;
pub use certificate::{CertificateObject, MAX_CERTIFICATE_LENGTH};
pub use chuid::Chuid;
pub use discovery::{DiscoveryObject, PinUsagePolicy};
pub use error::{Error, ObjectName};
pub use key_history::KeyHistory;
pub use management_key::{ManagementAlgorithm, ManagementKey};
pub use metadata::{KeyMetadata, ManagementKeyMetadata, Metadata, Origin, PinMetadata};
pub use object::ObjectId;
pub use pin::{LastTry, Pin, PinReference, PinStatus, Puk};
pub use policy::{PinPolicy, TouchPolicy};
pub use public_key::PublicKey;
pub use select::Application;
pub use session::Session;
pub use slot::{InvalidSlot, RetiredSlot, Slot};
pub use verified::VerifiedSession;
pub use yubico::Version;
