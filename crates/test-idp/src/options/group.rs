//! Who is in which group.

use std::str::FromStr;

use crate::error::Error;

/// A user's membership of a group, written `alice=staff`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    user: String,
    name: String,
}

impl Group {
    /// Who is in it.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The name of the group, as an id_token carries it in `groups`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for Group {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why| Error::Group { group: text.to_owned(), why };
        if text.len() > MAX_LENGTH || text.chars().any(char::is_control) {
            return Err(refuse("it is longer than 256 bytes or has a control character"));
        }
        match text.split_once('=') {
            Some((user, name)) if !user.is_empty() && !name.is_empty() => {
                Ok(Self { user: user.to_owned(), name: name.to_owned() })
            }
            _ => Err(refuse("a membership looks like alice=staff")),
        }
    }
}

/// Longest `USER=GROUP`, in bytes.
const MAX_LENGTH: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memberships_have_two_parts() {
        let group: Group = "alice=the staff".parse().unwrap();
        assert_eq!((group.user(), group.name()), ("alice", "the staff"));
        for bad in ["", "alice", "alice=", "=staff", "a=b\n", &format!("a={}", "b".repeat(256))] {
            assert!(bad.parse::<Group>().is_err(), "{bad:?}");
        }
    }
}
