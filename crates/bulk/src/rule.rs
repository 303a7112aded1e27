//! How a row finds its certificate in a folder.

use std::str::FromStr;

use identity::Certificate;

use crate::manifest::Row;

/// Which name in a certificate is compared with which name of a row. Letters of ASCII are the same in both cases; everything
/// else is compared as it is.
///
/// | rule | in the certificate | in the row |
/// |---|---|---|
/// | `upn` | each user principal name | its `upn`, otherwise its `user` |
/// | `email` | each e-mail address | its `user` |
/// | `cn` | the most specific common name | its `user` |
///
/// With `upn` and `email`, a name without `@` in the row is compared with what stands before the `@` in the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchRule {
    /// By user principal name.
    Upn,
    /// By e-mail address.
    Email,
    /// By common name.
    CommonName,
}

impl MatchRule {
    /// The names in the certificate.
    pub(crate) fn names(self, certificate: &Certificate) -> Vec<String> {
        match self {
            MatchRule::Upn => certificate.upns().to_vec(),
            MatchRule::Email => certificate.emails().to_vec(),
            MatchRule::CommonName => certificate.common_name().map(str::to_owned).into_iter().collect(),
        }
    }

    /// The name of the row.
    pub(crate) fn wanted(self, row: &Row) -> &str {
        match (self, &row.card.upn) {
            (MatchRule::Upn, Some(upn)) => upn,
            _ => row.user.as_str(),
        }
    }

    /// Whether its names have a domain behind an `@`.
    pub(crate) fn has_domain(self) -> bool {
        !matches!(self, MatchRule::CommonName)
    }

    /// What it looks at, in words.
    pub(crate) fn what(self) -> &'static str {
        match self {
            MatchRule::Upn => "UPN",
            MatchRule::Email => "e-mail address",
            MatchRule::CommonName => "common name",
        }
    }
}

impl FromStr for MatchRule {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "upn" => Ok(MatchRule::Upn),
            "email" => Ok(MatchRule::Email),
            "cn" => Ok(MatchRule::CommonName),
            _ => Err("a rule is upn, email or cn"),
        }
    }
}
