//! What id_tokens are signed with.

use std::fmt;

use clap::ValueEnum;
use jose::Algorithm;

/// The algorithm of the id_tokens: one of the two that Apple documents for a login response, by its name in RFC 7518
/// section 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
#[non_exhaustive]
pub enum IdTokenAlgorithm {
    /// ECDSA on P-256 with SHA-256
    #[default]
    #[value(name = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, and a key of 2048 bits
    #[value(name = "RS256")]
    Rs256,
}

impl IdTokenAlgorithm {
    /// The name in a JOSE header.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.jose().name()
    }

    /// The algorithm with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::value_variants().iter().copied().find(|algorithm| algorithm.name() == name)
    }

    /// The same among all the algorithms of JOSE.
    pub(crate) fn jose(self) -> Algorithm {
        match self {
            Self::Es256 => Algorithm::Es256,
            Self::Rs256 => Algorithm::Rs256,
        }
    }
}

impl fmt::Display for IdTokenAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
