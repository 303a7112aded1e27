//! Local accounts and their names.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use identity::text::escape_control;

use crate::Error;

/// The name of an account; exists only when it is safe to look up, to print and to compare.
///
/// 1 to 255 bytes of UTF-8; no `/`, no `:`, no control or invisible character; does not begin
/// with `-` and is not `.` or `..`. Whether an account of this name exists is another question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(String);

impl AccountName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let refused = |why| Err(Error::InvalidAccountName { why });
        match name {
            "" => refused("must not be empty"),
            "." | ".." => refused("must not be . or .."),
            name if name.len() > MAX_NAME => refused("has at most 255 bytes"),
            name if name.starts_with('-') => refused("must not begin with -"),
            name if name.contains(['/', ':']) => refused("must not contain / or :"),
            name if escape_control(name) != name => refused("must not contain control characters or invisible ones"),
            name => Ok(AccountName(name.to_owned())),
        }
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

const MAX_NAME: usize = 255;

/// An account of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: AccountName,
    /// Its user id.
    pub uid: u32,
    /// The id of its primary group.
    pub gid: u32,
    /// Its home directory, as the system itself would call it (for a directory tree: without
    /// the path of the tree).
    pub home: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names() {
        for name in ["alice", "a", "alice.smith", "a-b_c$", "EXAMPLE\\alice", "alice@example.test", "zoë", "a b"] {
            assert_eq!(name.parse::<AccountName>().unwrap().to_string(), name);
        }
        assert!("x".repeat(255).parse::<AccountName>().is_ok());
    }

    #[test]
    fn names_that_are_refused() {
        let long = "x".repeat(256);
        for name in [
            "",
            ".",
            "..",
            "-a",
            "--help",
            "a/b",
            "/",
            "a:b",
            "a\nb",
            "a\0",
            "\u{7f}",
            "a\u{202e}b",
            "a\u{200b}",
            &long,
        ] {
            let result = name.parse::<AccountName>();
            assert!(matches!(result, Err(Error::InvalidAccountName { .. })), "{name:?}");
        }
    }
}
