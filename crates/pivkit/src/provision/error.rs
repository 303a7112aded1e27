//! Why a card was not made ready.

use std::path::PathBuf;

use identity::attestation::AttestationError;
use provision::KeySlot;

/// Why a card was not made ready, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// A slot holds something else than what was asked for, and it may not be overwritten.
    #[error("slot {slot} is in use: {holds}")]
    SlotInUse {
        /// The slot.
        slot: KeySlot,
        /// What is in it, and how that differs.
        holds: String,
    },
    /// An object holds something that would be lost, and it may not be overwritten.
    #[error("{object} is in use: {holds}")]
    ObjectInUse {
        /// The object.
        object: provision::Object,
        /// What is wrong with what is in it.
        holds: String,
    },
    /// Another card than the one that was looked at is in the reader now. Nothing was changed.
    #[error("another card is in the reader than the one that was looked at")]
    CardExchanged,
    /// The PIN or the PUK would stay, or become, the factory's, which everybody knows.
    #[error("the {which} is the one that every card leaves the factory with")]
    FactoryCode {
        /// `PIN` or `PUK`.
        which: &'static str,
    },
    /// The management key is neither the factory's, nor on the card under the PIN, nor given.
    #[error("the card's management key is not known")]
    UnknownManagementKey,
    /// The card does not attest a key, and that was asked for.
    #[error("the card does not attest the key in slot {slot}")]
    NotAttested {
        /// The slot.
        slot: KeySlot,
        /// What the card said, if it was asked.
        source: Option<provision::Error>,
    },
    /// The attestation of a key does not count.
    #[error("the attestation of the key in slot {slot} does not count")]
    Attestation {
        /// The slot.
        slot: KeySlot,
        /// Why.
        source: AttestationError,
    },
    /// The attestation names another card.
    #[error("the attestation of the key in slot {slot} is by another card")]
    OtherCard {
        /// The slot.
        slot: KeySlot,
    },
    /// A certificate is not for the key in the slot.
    #[error("none of the certificates in the file is for the key in slot {slot}")]
    OtherKey {
        /// The slot.
        slot: KeySlot,
    },
    /// A slot has no key.
    #[error("slot {slot} has no key")]
    NoKey {
        /// The slot.
        slot: KeySlot,
    },
    /// The key that the card has made does not sign what it should.
    #[error("the key in slot {slot} gave a signature that does not verify")]
    Signature {
        /// The slot.
        slot: KeySlot,
        /// Why.
        source: identity::Error,
    },
    /// A file is there already, and it is about another key.
    #[error("{} is about another key", .path.display())]
    FileInUse {
        /// The file.
        path: PathBuf,
    },
    /// The card failed or refused. What was done before stays done; the same command goes on from there.
    #[error(transparent)]
    Card(#[from] provision::Error),
}
