//! What can go wrong while a card is made ready.

/// A cause of any kind.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The reader holds no YubiKey, or the connection to the card failed or was lost.
    #[error("the connection to the card failed")]
    Connection(#[source] Source),
    /// The card was taken out.
    #[error("the card was removed")]
    CardRemoved,
    /// PIN or PUK is wrong. The card has counted the try.
    #[error("the {which} is wrong{}", tries(*.retries_left))]
    WrongReference {
        /// `PIN` or `PUK`.
        which: &'static str,
        /// Tries left, if the card said.
        retries_left: Option<u8>,
    },
    /// PIN or PUK is blocked.
    #[error("the {which} is blocked")]
    Blocked {
        /// `PIN` or `PUK`.
        which: &'static str,
    },
    /// The card did not accept the management key.
    #[error("the management key is not that of the card")]
    WrongManagementKey,
    /// The card wants the management key or the PIN, and has it no longer: another program selected another application.
    #[error("the card wants the PIN or the management key again for: {what}")]
    NotAuthenticated {
        /// What was tried, such as "writing the CHUID".
        what: String,
    },
    /// The card, or the library that speaks to it, cannot do this.
    #[error("the card cannot do this: {what}")]
    NotSupported {
        /// What was asked, such as "generate a key of type RSA4096".
        what: String,
    },
    /// There is no key in the slot, or one of another kind.
    #[error("the card has no such key: {what}")]
    NoSuchKey {
        /// What was tried.
        what: String,
        /// What was reported.
        source: Source,
    },
    /// The card refused without a reason of the other kinds.
    #[error("the card refused: {what}")]
    Refused {
        /// What was tried.
        what: String,
        /// What was reported.
        source: Source,
    },
    /// What the card answered is not what the standard says.
    #[error("the card's answer cannot be understood: {what}")]
    Malformed {
        /// What was read, such as "the public key".
        what: &'static str,
        /// The details, where a parser gave some.
        source: Option<Source>,
    },
    /// The object where Yubico's tools keep the management key holds something else, which would be lost.
    #[error("the object for printed information holds something else than a management key")]
    PrintedInUse,
    /// What was read back is not what was written.
    #[error("{what} did not read back as it was written")]
    NotReadBack {
        /// What was written.
        what: String,
    },
    /// A name, an address or a key given by a person cannot be used.
    #[error("{what} cannot be used: {why}")]
    Input {
        /// What was given, such as "the subject".
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate or a request could not be put together.
    #[error("the certificate could not be made")]
    Certificate(#[source] Source),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random(#[source] Source),
}

fn tries(left: Option<u8>) -> String {
    match left {
        Some(1) => "; one try is left".to_owned(),
        Some(left) => format!("; {left} tries are left"),
        None => String::new(),
    }
}

impl Error {
    pub(crate) fn certificate(source: impl Into<Source>) -> Self {
        Self::Certificate(source.into())
    }

    pub(crate) fn input(what: &'static str, why: impl Into<String>) -> Self {
        Self::Input { what, why: why.into() }
    }
}
