//! What can go wrong between this process and a card.

/// A failure of the connection to a card. What the card itself answered is never an error here: that is a
/// [`StatusWord`](crate::StatusWord).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The PC/SC service does not run or cannot be reached.
    #[error("the PC/SC service is not running")]
    ServiceUnavailable(#[source] Source),
    /// The service refuses this user.
    #[error("the PC/SC service refuses access")]
    AccessDenied(#[source] Source),
    /// No reader is attached, or none of the name asked for.
    #[error("no reader named {name:?}")]
    UnknownReader {
        /// The name asked for.
        name: String,
    },
    /// The reader is there and holds no card.
    #[error("no card in reader {reader:?}")]
    NoCard {
        /// The reader's name.
        reader: String,
    },
    /// The card does not answer to power-on: not a chip card, inserted the wrong way, or broken.
    #[error("the card in reader {reader:?} does not respond")]
    Unresponsive {
        /// The reader's name.
        reader: String,
    },
    /// The card left the reader during the operation.
    #[error("the card was removed from reader {reader:?}")]
    Removed {
        /// The reader's name.
        reader: String,
    },
    /// Another program reset the card during the operation; its state (application, PIN) is gone.
    #[error("the card in reader {reader:?} was reset by another program")]
    Reset {
        /// The reader's name.
        reader: String,
    },
    /// Another program held the card for itself alone, and did not let go of it in time.
    #[error("another program is using the card in reader {reader:?}")]
    Busy {
        /// The reader's name.
        reader: String,
    },
    /// The time limit passed.
    #[error("no answer from reader {reader:?} in time")]
    TimedOut {
        /// The reader's name.
        reader: String,
    },
    /// Two virtual cards want to be in one virtual reader.
    #[error("two virtual cards want to be in reader {reader:?}")]
    TwoCards {
        /// The reader's name.
        reader: String,
    },
    /// A virtual reader cannot listen at this address.
    #[error("no virtual reader can listen at {address:?}")]
    AddressUnusable {
        /// The address asked for.
        address: String,
        /// What the system said.
        #[source]
        source: Source,
    },
    /// The card answered something that ISO/IEC 7816-4 does not allow.
    #[error("the card sent a malformed answer: {reason}")]
    MalformedAnswer {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A command does not fit any form that the card takes.
    #[error("the command does not fit: {reason}")]
    CommandTooLong {
        /// Which limit it breaks.
        reason: &'static str,
    },
    /// Another failure of the PC/SC service or of the network connection to a virtual card.
    #[error("communication with reader {reader:?} failed")]
    Failed {
        /// The reader's name, or the address of the virtual reader.
        reader: String,
        /// What the layer below said.
        #[source]
        source: Source,
    },
}

/// The error of the layer below: PC/SC or the operating system.
pub type Source = Box<dyn std::error::Error + Send + Sync>;
