//! Why what an earlier login left behind cannot be used.

use super::KeyPlace;

/// Why a sign-on cannot be used, or not be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignOnError {
    /// Nobody signed in, or they signed out.
    #[error("nobody is signed in here")]
    Missing,
    /// The identity provider gave no refresh token at the login.
    #[error("the identity provider gave no refresh token at the last login")]
    NoRefreshToken,
    /// The refresh token's time is over.
    #[error("the refresh token expired at {at}")]
    Expired {
        /// When, RFC 3339.
        at: String,
    },
    /// It is of another identity provider, or of another client there.
    #[error("this state directory is of {found}, and the configuration is of {wanted}")]
    OtherProvider {
        /// Issuer and client id in the state directory.
        found: String,
        /// Issuer and client id that were given.
        wanted: String,
    },
    /// The key that it is sealed with is gone.
    #[error("the sign-on is sealed with a key that is not there any more ({place})")]
    KeyGone {
        /// Where the key was.
        place: KeyPlace,
    },
    /// The operating system's key store failed.
    #[error("the operating system's key store failed ({place})")]
    KeyStore {
        /// Which one.
        place: KeyPlace,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// This system has no key store that could be used.
    #[error("this system has no key store that keeps a key")]
    NoKeyStore,
    /// The file is not what was written.
    #[error("the sign-on in the state directory is damaged: {why}")]
    Damaged {
        /// What is wrong.
        why: &'static str,
    },
    /// A later version wrote it.
    #[error("the sign-on was written by a later version of this program (schema_version {version})")]
    Later {
        /// Its `schema_version`.
        version: u64,
    },
    /// The sign-on is larger than one may be.
    #[error("the tokens are larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}
