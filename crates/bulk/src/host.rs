//! Names of hosts.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The name of a host, short (`mac1`) or full (`mac1.example.test`); exists only when it is safe to print and to name a
/// folder with.
///
/// 1 to 253 letters, digits, `-`, `_` and `.` of ASCII; neither the first nor the last is `.`, the first is no `-`, and no two
/// dots follow each other (RFC 1123 2.1, and the `_` that Windows allows). Kept in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

impl HostName {
    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of this machine, as the system has it.
    ///
    /// # Errors
    ///
    /// [`Error::NoHostName`] when it has none, or one that is none.
    pub fn of_this_machine() -> Result<Self, Error> {
        let name = nix::unistd::gethostname().map_err(|_| Error::NoHostName)?;
        let name = name.into_string().map_err(|_| Error::NoHostName)?;
        name.trim_end_matches('.').parse().map_err(|_| Error::NoHostName)
    }

    /// Whether both are the same host: the same name, or one of them is short and the other one begins with it.
    pub fn is_same_host(&self, other: &HostName) -> bool {
        let (mine, theirs) = (self.0.split_once('.'), other.0.split_once('.'));
        match (mine, theirs) {
            (Some((short, _)), None) => short == other.0,
            (None, Some((short, _))) => short == self.0,
            _ => self.0 == other.0,
        }
    }
}

impl FromStr for HostName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let refused = |why| Err(Error::HostName { why });
        let allowed = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        match name {
            "" => refused("must not be empty"),
            name if name.len() > MAX_NAME => refused("has at most 253 characters"),
            name if !name.chars().all(allowed) => refused("has only letters, digits, - and ."),
            name if name.starts_with(['.', '-']) || name.ends_with('.') || name.contains("..") => {
                refused("does not begin with - or ., end with ., or have two dots side by side")
            }
            name => Ok(HostName(name.to_ascii_lowercase())),
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

const MAX_NAME: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HostName {
        text.parse().unwrap()
    }

    #[test]
    fn short_and_full_names() {
        for (one, other, same) in [
            ("mac1", "MAC1", true),
            ("mac1", "mac1.example.test", true),
            ("Mac1.Example.test", "mac1", true),
            ("mac1.example.test", "mac1.example.test", true),
            ("mac1.example.test", "mac1.other.test", false),
            ("mac1", "mac10", false),
            ("mac1", "mac10.example.test", false),
            ("mac", "mac1.example.test", false),
        ] {
            assert_eq!(name(one).is_same_host(&name(other)), same, "{one} {other}");
            assert_eq!(name(other).is_same_host(&name(one)), same, "{other} {one}");
        }
    }

    #[test]
    fn names_that_are_refused() {
        let long = "x".repeat(254);
        for text in ["", ".", "..", "a/b", "../a", "a..b", "-a", ".a", "a.", "a b", "a\n", "zoë", &long] {
            assert!(matches!(text.parse::<HostName>(), Err(Error::HostName { .. })), "{text:?}");
        }
    }
}
