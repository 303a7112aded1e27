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
    /// The PUK is wrong.
    #[error("the PUK is wrong")]
    WrongPuk {
        /// How many tries are left, if the card says so.
        retries_left: Option<u8>,
    },
    /// No PUK try is left. Only its issuer, or a reset that destroys every key, can help the card.
    #[error("the PUK is blocked")]
    PukBlocked,
    /// One PUK try is left, and the caller did not allow to use it. No PUK was sent.
    #[error("only one PUK try is left")]
    LastPukTry,
    /// The card does not say how many PUK tries are left, and the caller did not allow to use what may be the last one. No
    /// PUK was sent.
    #[error("the card does not say how many PUK tries are left (status {sw})")]
    PukTriesUnknown {
        /// The answer to the question.
        sw: StatusWord,
    },
    /// The old PIN or PUK was right, and the card refuses the new one: its own rules are stricter.
    #[error("the card refuses the new PIN or PUK (status {sw})")]
    NewSecretRefused {
        /// The answer of the card.
        sw: StatusWord,
    },
    /// The text is not a PUK.
    #[error("a PUK has 6 to 8 characters of ASCII")]
    InvalidPuk,
    /// The text is not a management key.
    #[error("a management key has 32, 48 or 64 hexadecimal digits")]
    InvalidManagementKey,
    /// The management key is not the card's.
    #[error("the management key is wrong (status {sw})")]
    WrongManagementKey {
        /// The answer of the card.
        sw: StatusWord,
    },
    /// The card's management key has another length or algorithm than the one given. The key was not used.
    #[error("the card's management key is of another kind (status {sw})")]
    OtherManagementKey {
        /// The answer of the card.
        sw: StatusWord,
    },
    /// The card accepted the management key but did not prove that it knows it. Do not trust it.
    #[error("the card did not prove that it knows its management key")]
    CardNotAuthentic,
    /// The management key has to be authenticated first.
    #[error("{command} requires the management key")]
    ManagementKeyRequired {
        /// The command.
        command: &'static str,
    },
    /// The card does not know the command: it is a vendor's, or optional.
    #[error("the card cannot do this: {what}")]
    NotSupported {
        /// What was asked for.
        what: &'static str,
    },
    /// The card makes no attestation for the key in this slot: there is none, or it was not made on the card.
    #[error("the card does not attest the key in slot {slot} (status {sw})")]
    NotAttested {
        /// The slot.
        slot: Slot,
        /// The answer of the card.
        sw: StatusWord,
    },
    /// The card is only reset when PIN and PUK are blocked.
    #[error("the card cannot be reset while PIN or PUK has tries left (status {sw})")]
    NotBlocked {
        /// The answer of the card.
        sw: StatusWord,
    },
    /// What the key shall work on has not the length that its algorithm wants. Nothing was sent.
    #[error("the input has {given} bytes where the key wants {wanted}")]
    InputLength {
        /// Bytes wanted.
        wanted: usize,
        /// Bytes given.
        given: usize,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random(#[source] getrandom::Error),
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

    /// An answer whose TLV is right and whose content is not.
    pub(crate) fn wrong_answer(command: &'static str, reason: &'static str) -> Self {
        Self::Malformed { object: ObjectName::Answer(command), offset: 0, reason }
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

impl Error {
    /// True if a command that ended so may have been carried out all the same: the connection was lost, the answer cannot be
    /// used, or the card says that something failed on the way (62xx to 66xx, 6Fxx) rather than that it refuses.
    #[must_use]
    pub fn leaves_doubt(&self) -> bool {
        match self {
            Self::Status { sw, .. } => matches!(sw.0 >> 8, 0x61..=0x66 | 0x6f),
            Self::UnusableAnswer(_) | Self::Malformed { .. } => true,
            error => error.ends_session(),
        }
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
