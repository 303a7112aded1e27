//! The three ways to prove who logs in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a user proves who they are (ASAuthorizationProviderExtensionAuthenticationMethod: password 1, user Secure Enclave
/// key 2, smart card 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The card signs the embedded assertion.
    #[default]
    SmartCard,
    /// A key of the Secure Enclave signs it; here a key in software stands in ([`UserKey`](crate::UserKey)).
    SecureEnclaveKey,
    /// The password is sent, in the clear within TLS or encrypted to the identity provider.
    Password,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::SmartCard, Self::SecureEnclaveKey, Self::Password];

    /// Its name: `smart-card`, `secure-enclave-key` or `password`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SmartCard => "smart-card",
            Self::SecureEnclaveKey => "secure-enclave-key",
            Self::Password => "password",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|method| method.name() == text).ok_or(UnknownMethod)
    }
}

/// A text that names no method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the methods are smart-card, secure-enclave-key and password")]
pub struct UnknownMethod;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_everywhere() {
        for method in Method::ALL {
            assert_eq!(method.name().parse(), Ok(method));
            assert_eq!(serde_json::to_value(method).unwrap(), method.name());
        }
        assert!("smartcard".parse::<Method>().is_err());
    }
}
