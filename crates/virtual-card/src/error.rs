//! What can go wrong outside the card. What a command does wrong is answered with a status word, never with an error.

use std::path::PathBuf;

use crate::{Preset, Profile, Slot};

/// A card that cannot be made, loaded, kept or put into a reader.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A slot that PIV does not have.
    #[error("{text:?} is not a PIV slot: use 9a, 9c, 9d, 9e, f9, or 82 to 95 for retired keys")]
    UnknownSlot {
        /// What was given.
        text: String,
    },
    /// A preset that does not exist.
    #[error("there is no preset {name:?}: use alice or reference")]
    UnknownPreset {
        /// What was given.
        name: String,
    },
    /// A profile that does not exist.
    #[error("there is no profile {name:?}: `pivkit-vcard profiles` lists them")]
    UnknownProfile {
        /// What was given.
        name: String,
    },
    /// A quirk that does not exist, or has no such value.
    #[error("{text:?} is not a quirk: `pivkit-vcard profiles` lists them with the values that they take")]
    UnknownQuirk {
        /// What was given.
        text: String,
    },
    /// Not a time for a touch.
    #[error("{text:?} is not a touch: give seconds, `never`, or `never=SECONDS`")]
    MalformedTouch {
        /// What was given.
        text: String,
    },
    /// The kept card is of another profile than the one that was asked for.
    #[error(
        "the card kept in {} is a {kept}, not a {asked}: leave --profile out, use another directory, \
         or delete this one to have a new card made",
        path.display()
    )]
    KeptProfile {
        /// The state directory.
        path: PathBuf,
        /// What the kept card is.
        kept: Profile,
        /// What was asked for.
        asked: Profile,
    },
    /// Not of the form SLOT=CERTIFICATE,KEY.
    #[error("{text:?} is not of the form SLOT=CERTIFICATE,KEY")]
    MalformedLoad {
        /// What was given.
        text: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file that cannot be loaded onto the card.
    #[error("cannot load {}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<Error>,
    },
    /// Not one X.509 certificate in PEM or DER.
    #[error("not a certificate in PEM or DER: {reason}")]
    Certificate {
        /// What is wrong with it.
        reason: String,
    },
    /// Not a private key that the card can hold.
    #[error("not a private key that this card can hold: {reason}")]
    PrivateKey {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The private key is not the certificate's.
    #[error("the private key for slot {slot} does not belong to its certificate")]
    KeyMismatch {
        /// The slot.
        slot: Slot,
    },
    /// An object that PIV does not have, or too many bytes for one.
    #[error("object {tag} cannot be stored: {reason}")]
    Object {
        /// Its tag.
        tag: smartcard::tlv::Tag,
        /// Why not.
        reason: &'static str,
    },
    /// A key or a certificate could not be made.
    #[error("cannot make {what}")]
    Issue {
        /// What was to be made.
        what: &'static str,
        /// What the layer below said.
        #[source]
        source: Source,
    },
    /// The state directory, or a file in it, cannot be read or written.
    #[error("cannot use the card's state in {}", path.display())]
    State {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The state directory holds private keys and is open to other users.
    #[error("{} is open to other users, and would hold private keys: run chmod 700 on it", path.display())]
    StateOpenToOthers {
        /// The directory.
        path: PathBuf,
    },
    /// The state directory, or a file in it, is a link or belongs to another user, who could have put anything there.
    #[error("{} cannot hold the card's state: {reason}", path.display())]
    StateUntrusted {
        /// The directory or file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// Another virtual card runs on this state.
    #[error("another virtual card is running with the state in {}", path.display())]
    StateInUse {
        /// The directory.
        path: PathBuf,
    },
    /// A file of the state is not what this program writes.
    #[error("{} is damaged: {reason}", path.display())]
    StateDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The kept card is not the one that was asked for.
    #[error(
        "the card kept in {} is another one than {preset}: it has no key in {}. \
         Use another directory, or delete this one to have a new card made",
        path.display(), list(slots)
    )]
    KeptWithoutPreset {
        /// The state directory.
        path: PathBuf,
        /// What was asked for.
        preset: Preset,
        /// The preset's slots that are empty on the kept card.
        slots: Vec<Slot>,
    },
    /// The kept card has another PIN than the one for a new card.
    #[error(
        "the card kept in {} has another PIN, and keeps it: the PIN file is for new cards. \
         Leave it out, use another directory, or delete this one to have a new card made",
        path.display()
    )]
    KeptPin {
        /// The state directory.
        path: PathBuf,
    },
    /// The kept card is not the one of the directory that was asked for.
    #[error(
        "the card kept in {} is another one than that of {}. \
         Use another directory, or delete this one to have a new card made",
        path.display(), directory.display()
    )]
    KeptOther {
        /// The state directory.
        path: PathBuf,
        /// The directory with the card that was asked for.
        directory: PathBuf,
    },
    /// A directory that holds no card of the ICAM set.
    #[error("{} holds no card: {reason}", directory.display())]
    NoCard {
        /// The directory.
        directory: PathBuf,
        /// What is missing.
        reason: &'static str,
    },
    /// A PKCS#12 file that cannot be opened.
    #[error("not a PKCS#12 file with one private key and no password: {reason}")]
    Pkcs12 {
        /// What is wrong with it.
        reason: String,
    },
    /// A file that gives no PIN.
    #[error("cannot use the PIN file {}: {reason}", path.display())]
    PinFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// A line of a fault file.
    #[error("line {line} of the fault file: {reason}")]
    FaultLine {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The address of the reader names nothing.
    #[error("{address:?} is not a reader's address (HOST:PORT)")]
    Address {
        /// What was given.
        address: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// The error of the layer below.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

fn list(slots: &[Slot]) -> String {
    slots.iter().map(Slot::to_string).collect::<Vec<_>>().join(", ")
}
