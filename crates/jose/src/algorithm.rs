//! The signature algorithms (RFC 7518 section 3.1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::short;

/// A signature algorithm with an asymmetric key. There is no `none` and no HMAC here, so nobody can ask for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256 (RFC 7518 3.4); a signature has 64 bytes.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384 with SHA-384 (RFC 7518 3.4); a signature has 96 bytes.
    #[serde(rename = "ES384")]
    Es384,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 3.3).
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384 (RFC 7518 3.3).
    #[serde(rename = "RS384")]
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512 (RFC 7518 3.3).
    #[serde(rename = "RS512")]
    Rs512,
}

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 5] = [Self::Es256, Self::Es384, Self::Rs256, Self::Rs384, Self::Rs512];

    /// The name in a JOSE header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        }
    }

    /// The exact length of a signature in bytes where the algorithm fixes it (ECDSA); for RSA it is the key's.
    #[must_use]
    pub const fn signature_len(self) -> Option<usize> {
        match self {
            Self::Es256 => Some(64),
            Self::Es384 => Some(96),
            Self::Rs256 | Self::Rs384 | Self::Rs512 => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    /// Reads the name of an algorithm, in the one spelling of RFC 7518 (`alg` is case-sensitive).
    ///
    /// # Errors
    /// [`Error::AlgorithmRefused`] for every other name; `none` and HMAC get their own reason.
    fn from_str(name: &str) -> Result<Self, Error> {
        if let Some(algorithm) = Self::ALL.into_iter().find(|algorithm| algorithm.name() == name) {
            return Ok(algorithm);
        }
        let why = if name.eq_ignore_ascii_case("none") {
            "a token without a signature is never accepted"
        } else if name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("HS")) {
            "a shared-key algorithm; only signatures with a private key are accepted"
        } else if name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("PS")) {
            "RSASSA-PSS is not used by Platform SSO"
        } else {
            "not one of ES256, ES384, RS256, RS384, RS512"
        };
        Err(Error::AlgorithmRefused { name: short(name), why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse::<Algorithm>().unwrap(), algorithm);
            assert_eq!(serde_json::to_string(&algorithm).unwrap(), format!("\"{algorithm}\""));
        }
        for bad in
            ["none", "None", "nOnE", "HS256", "hs512", "PS256", "ES512", "EdDSA", "es256", "ES256 ", "", "é", "ECDH-ES"]
        {
            let error = bad.parse::<Algorithm>().unwrap_err();
            assert!(matches!(&error, Error::AlgorithmRefused { name, .. } if name == bad), "{bad}");
        }
    }
}
