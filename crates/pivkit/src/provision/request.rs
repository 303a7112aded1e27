//! What `pivkit provision` was asked.

use std::path::PathBuf;

use identity::attestation::Roots;
use piv::LastTry;
use provision::{KeyAlgorithm, KeySlot, PinPolicy, Subject, TouchPolicy};

use crate::CardChoice;

/// What `pivkit provision` was asked.
#[derive(Debug)]
pub struct ProvisionRequest {
    /// Which card.
    pub card: CardChoice,
    /// Which of the slots; the others are not touched.
    pub slots: Vec<KeySlot>,
    /// The kind of the key in 9A; a new one is P-256 if nothing is said.
    pub authentication_algorithm: Option<KeyAlgorithm>,
    /// The kind of the key in 9D; as above.
    pub key_management_algorithm: Option<KeyAlgorithm>,
    /// When new keys want the PIN.
    pub pin_policy: PinPolicy,
    /// When new keys want a touch.
    pub touch_policy: TouchPolicy,
    /// The subject of the certificates; a person is asked if one is needed and not given.
    pub subject: Option<Subject>,
    /// The user principal name in the certificates.
    pub upn: Option<String>,
    /// The e-mail address in the certificates.
    pub email: Option<String>,
    /// Where the certificates come from.
    pub certificates: Certificates,
    /// The card's management key, if it is neither the factory's nor on the card under the PIN.
    pub management_key: Option<piv::ManagementKey>,
    /// Leave the management key as it is.
    pub keep_management_key: bool,
    /// Accept only keys that the card attests, up to one of these roots.
    pub attestation: Option<Roots>,
    /// Whether keys and certificates that are there may be overwritten.
    pub replace: bool,
    /// Whether the last PIN or PUK try may be used.
    pub last_try: LastTry,
    /// Only say what would change.
    pub dry_run: bool,
}

/// Where certificates come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificates {
    /// Each key signs its own, valid for so many days.
    SelfSigned {
        /// The validity in days, counted from yesterday.
        days: u32,
    },
    /// Requests for a certification authority, `9a.csr` and `9d.csr` in this folder. Its certificates are brought to the card
    /// later by [`import`](crate::provision::import).
    Requests {
        /// The folder; one for each card.
        folder: PathBuf,
    },
}

impl ProvisionRequest {
    /// The kind of key asked for in a slot, if one is.
    pub(crate) fn wanted(&self, slot: KeySlot) -> Option<KeyAlgorithm> {
        match slot {
            KeySlot::Authentication => self.authentication_algorithm,
            KeySlot::KeyManagement => self.key_management_algorithm,
        }
    }

    /// Where the request for a slot is kept.
    pub(crate) fn request_path(&self, slot: KeySlot) -> Option<PathBuf> {
        match &self.certificates {
            Certificates::Requests { folder } => Some(folder.join(format!("{slot}.csr"))),
            Certificates::SelfSigned { .. } => None,
        }
    }
}

/// The kind of key where nothing is asked: small, fast on every card, and a Mac pairs with it.
pub(crate) const USUAL_ALGORITHM: KeyAlgorithm = KeyAlgorithm::P256;
