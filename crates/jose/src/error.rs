//! What can go wrong with a token or a key.

/// Why a token or a key was not made, not read or not accepted.
///
/// Text that came from a token is shown escaped and cut to a few dozen characters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input is longer than this crate reads.
    #[error("the {what} is larger than {limit} bytes")]
    TooLarge {
        /// What is too large: "token", "JSON document".
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// A token, a key or a signature does not have the form that its standard prescribes.
    #[error("malformed {what}: {why}")]
    Malformed {
        /// The part at fault, such as "JWS", "epk" or "ECDSA signature".
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// JSON that is not JSON, or names a member twice. The reason is shown: it has no value of the document in it, and a
    /// member's name only escaped and cut short.
    #[error("malformed {what}: {source}")]
    Json {
        /// The part at fault, such as "header" or "claims".
        what: &'static str,
        /// The reason and the position.
        source: serde_json::Error,
    },
    /// The token asks for an algorithm that is not implemented, not safe, or not allowed by the caller.
    #[error("algorithm {name:?} refused: {why}")]
    AlgorithmRefused {
        /// The name in the header, cut short.
        name: String,
        /// Why it is refused.
        why: &'static str,
    },
    /// The header carries a member that this crate must not ignore (`crit`, `zip`).
    #[error("header member {name:?} refused: {why}")]
    HeaderRefused {
        /// The member's name.
        name: &'static str,
        /// Why it is refused.
        why: &'static str,
    },
    /// The header's `alg` is not the algorithm of the signer.
    #[error("the header says {header:?} but the signer makes {signer}")]
    AlgorithmMismatch {
        /// `alg` in the header, cut short.
        header: String,
        /// What the signer makes.
        signer: crate::Algorithm,
    },
    /// A key that cannot be used: unsupported kind or size, a point off its curve.
    #[error("unusable key: {why}")]
    Key {
        /// What is wrong with it.
        why: String,
    },
    /// The signature does not verify with this key.
    #[error("the signature does not verify")]
    Signature,
    /// The signer (a card, for example) failed.
    #[error("the signer failed")]
    Signer(#[source] crate::SignerError),
    /// The JWE says it was made for other PartyVInfo (`apv`) than expected.
    #[error("the apv in the header is not the expected one")]
    PartyVInfo,
    /// The JWE does not decrypt: another key, other PartyUInfo or PartyVInfo, or changed bytes.
    #[error("the content does not decrypt with this key and this apu and apv")]
    Decrypt,
    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system")]
    Random(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub(crate) fn malformed(what: &'static str, why: impl Into<String>) -> Self {
        Self::Malformed { what, why: why.into() }
    }

    pub(crate) fn key(why: impl Into<String>) -> Self {
        Self::Key { why: why.into() }
    }

    pub(crate) fn random(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Random(Box::new(source))
    }
}

/// Text of a stranger, fit to be shown: at most 48 characters, cut with an ellipsis.
///
/// The escaping is done where it is printed, by `{:?}`.
pub(crate) fn short(text: &str) -> String {
    let mut characters = text.chars();
    let mut out: String = characters.by_ref().take(SHORT).collect();
    if characters.next().is_some() {
        out.push('…');
    }
    out
}

const SHORT: usize = 48;
