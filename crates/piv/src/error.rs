//! What can go wrong with a PIV card.

use smartcard::{StatusWord, tlv::TlvError};

use crate::{ObjectId, Slot};

/// Why a PIV operation failed, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The card left the reader. Insert it and start again.
    #[error(transparent)]
    CardRemoved(smartcard::Error),
    /// Another program reset the card; the selection and the PIN verification are gone. Start the operation again, but do
    /// not verify a PIN a second time without asking.
    #[error(transparent)]
    CardReset(smartcard::Error),
    /// The connection failed in another way.
    #[error(transparent)]
    Transport(smartcard::Error),
    /// The card has no PIV application.
    #[error("the card has no PIV application (status {sw})")]
    NotPiv {
        /// The answer to SELECT.
        sw: StatusWord,
    },
    /// The PIN is wrong.
    #[error("the PIN is wrong")]
    WrongPin {
        /// How many tries are left, if the card says so.
        retries_left: Option<u8>,
    },
    /// No PIN try is left. The PUK, or the card's issuer, can unblock it.
    #[error("the PIN is blocked")]
    PinBlocked,
    /// One try is left, and the caller did not allow to use it ([`LastTry`](crate::LastTry)). No PIN was sent.
    #[error("only one PIN try is left")]
    LastPinTry,
    /// The card does not say how many tries are left, and the caller did not allow to use what may be the last one. No PIN
    /// was sent.
    #[error("the card does not say how many PIN tries are left (status {sw})")]
    PinTriesUnknown {
        /// The answer to the empty VERIFY.
        sw: StatusWord,
    },
    /// The text is not a PIV PIN.
    #[error("a PIV PIN has 6 to 8 characters of ASCII")]
    InvalidPin,
    /// The key in this slot wants the PIN (again).
    #[error("slot {slot} requires the PIN")]
    PinRequired {
        /// The slot.
        slot: Slot,
    },
    /// The slot has no key of that algorithm.
    #[error("slot {slot} has no {algorithm} key that can sign (status {sw})")]
    NoKey {
        /// The slot.
        slot: Slot,
        /// The algorithm asked for.
        algorithm: crate::AlgorithmId,
        /// The answer of the card.
        sw: StatusWord,
    },
    /// The PIN was verified and the key still did not sign: it waited in vain for a touch, or its policy forbids it.
    #[error("the key in slot {slot} did not sign although the PIN is right; it may have waited for a touch")]
    TouchTimeout {
        /// The slot.
        slot: Slot,
    },
    /// The card refused a command for a reason without a variant of its own.
    #[error("the card refused {command} (status {sw})")]
    Status {
        /// The command, by its name in the standard.
        command: &'static str,
        /// The answer.
        sw: StatusWord,
    },
    /// The card's answer to a command breaks ISO/IEC 7816-4 or has no end. Other commands may still work.
    #[error("the card sent an answer that cannot be used")]
    UnusableAnswer(#[source] smartcard::Error),
    /// An object or an answer is not what the standard says.
    #[error("{object} is malformed at byte {offset}: {reason}")]
    Malformed {
        /// What was read.
        object: ObjectName,
        /// Where, in bytes.
        offset: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

/// What was malformed: a data object, or the answer to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectName {
    /// A data object of the card.
    Object(ObjectId),
    /// The answer to a command, by its name in the standard.
    Answer(&'static str),
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Object(object) => write!(f, "the {object}"),
            Self::Answer(command) => write!(f, "the answer to {command}"),
        }
    }
}

impl Error {
    pub(crate) fn malformed(object: ObjectId, error: TlvError) -> Self {
        Self::Malformed { object: ObjectName::Object(object), offset: error.offset, reason: error.reason }
    }

    pub(crate) fn malformed_answer(command: &'static str, error: TlvError) -> Self {
        Self::Malformed { object: ObjectName::Answer(command), offset: error.offset, reason: error.reason }
    }

    /// True if the card is gone, was reset, or the connection broke: what was read so far may be of use, but nothing more
    /// can be read in this session.
    #[must_use]
    pub fn ends_session(&self) -> bool {
        matches!(self, Self::CardRemoved(_) | Self::CardReset(_) | Self::Transport(_))
    }
}

impl From<smartcard::Error> for Error {
    fn from(error: smartcard::Error) -> Self {
        match error {
            smartcard::Error::Removed { .. } | smartcard::Error::NoCard { .. } => Self::CardRemoved(error),
            smartcard::Error::Reset { .. } => Self::CardReset(error),
            smartcard::Error::MalformedAnswer { .. } | smartcard::Error::CommandTooLong { .. } => {
                Self::UnusableAnswer(error)
            }
            _ => Self::Transport(error),
        }
    }
}
