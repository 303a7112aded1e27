//! The name of a user record.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The record name of a user, safe as a part of a directory path and as an argument of `sudo`, `sc_auth` and `dscl`.
///
/// 1 to 255 bytes; no `/`, no `\`, no control character; does not begin with `-` (an option), `#` (a user id for `sudo`)
/// or `.`. Case is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordName(String);

impl RecordName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the record stands in a directory node: `/Users/NAME`.
    pub(crate) fn path(&self) -> String {
        format!("/Users/{}", self.0)
    }
}

impl FromStr for RecordName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let refused = name.is_empty()
            || name.len() > 255
            || name.starts_with(['-', '#', '.'])
            || name.chars().any(|character| matches!(character, '/' | '\\') || character.is_control());
        if refused { Err(Error::InvalidRecordName { name: name.to_owned() }) } else { Ok(RecordName(name.to_owned())) }
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_something_else_to_a_tool_are_refused() {
        for name in ["alice", "alice.smith", "EX alice", "zoë", "_spotlight", "a$b"] {
            assert_eq!(name.parse::<RecordName>().unwrap().to_string(), name);
        }
        for name in ["", "-u", "#0", "..", ".", "a/b", "a\\b", "a\nb", &"x".repeat(256)] {
            assert!(matches!(name.parse::<RecordName>(), Err(Error::InvalidRecordName { .. })), "{name:?}");
        }
    }
}
