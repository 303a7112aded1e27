//! What can go wrong when certificates are read and signatures are checked.

/// An error of this crate. The texts never repeat strings taken from a certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input is larger than anything this crate reads.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What was too large, such as "the certificate".
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// The file holds more certificates than anybody needs; the first ones were read.
    #[error("the file holds more than {limit} certificates; the rest was not read")]
    TooMany {
        /// How many are read.
        limit: usize,
    },
    /// The input holds no certificate in any of the known forms.
    #[error("no certificate found: neither PEM, DER nor a PKCS#7 certificate bundle")]
    NoCertificate,
    /// The bytes are not what they claim to be.
    #[error("{what} cannot be read: {reason}")]
    Malformed {
        /// What could not be read, such as "the certificate".
        what: &'static str,
        /// Why, in our own words.
        reason: &'static str,
        /// What the parser reported, where a parser was asked.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The key or the algorithm is known, but this crate cannot compute with it.
    #[error("{what} is not supported for signatures")]
    NotSupported {
        /// The key or the combination, such as "an Ed25519 key".
        what: String,
    },
    /// The signature does not belong to this message and this public key.
    #[error("the signature does not match the public key of the certificate")]
    SignatureInvalid,
    /// The text is not a pairing hash.
    #[error("a pairing hash has exactly 40 hexadecimal digits")]
    InvalidPairingHash,
    /// The card's GUID cannot name a token.
    #[error("the card's GUID cannot name a token: {why}")]
    InvalidGuid {
        /// What is wrong with the GUID.
        why: &'static str,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub(crate) fn malformed(what: &'static str, reason: &'static str) -> Self {
        Error::Malformed { what, reason, source: None }
    }
}
