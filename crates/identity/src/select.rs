//! Choosing the one identity that logs in.

use std::fmt;

use crate::text::escape_control;
use crate::{Identity, PairingHash, Usage};

/// What the user asked for. Nothing set means: the identity for authentication.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Criteria {
    /// The slot in two hexadecimal digits, either case.
    pub slot: Option<String>,
    /// The pairing hash.
    pub hash: Option<PairingHash>,
}

/// An identity that could have been chosen; enough to tell it from the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The slot.
    pub slot: String,
    /// The pairing hash.
    pub pairing_hash: PairingHash,
    /// The subject, with everything escaped that could deceive a reader.
    pub subject: String,
    /// Whether slot and certificate allow authentication.
    pub authenticates: bool,
}

impl From<&Identity> for Choice {
    fn from(identity: &Identity) -> Self {
        Choice {
            slot: identity.slot.clone(),
            pairing_hash: identity.pairing_hash(),
            subject: escape_control(identity.certificate.subject()).into_owned(),
            authenticates: identity.is_usable_for(Usage::Authentication),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.slot, self.pairing_hash, self.subject)?;
        if self.authenticates { Ok(()) } else { f.write_str(" (not for authentication)") }
    }
}

/// Why not exactly one identity was left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// Nothing fits what was asked for, or nothing is for authentication.
    #[error("no identity fits{}", list(.choices, "; there is none on the card", "; there are:"))]
    None {
        /// Everything there is.
        choices: Vec<Choice>,
    },
    /// More than one fits.
    #[error("several identities fit{}", list(.choices, "", ":"))]
    Several {
        /// Those that fit.
        choices: Vec<Choice>,
    },
    /// What was asked for is there, but slot or certificate does not allow authentication.
    #[error("this identity is not for authentication{}", list(.choices, "", ":"))]
    NotForAuthentication {
        /// Those that were asked for.
        choices: Vec<Choice>,
    },
}

impl SelectError {
    /// The identities to show to the user.
    pub fn choices(&self) -> &[Choice] {
        match self {
            SelectError::None { choices }
            | SelectError::Several { choices }
            | SelectError::NotForAuthentication { choices } => choices,
        }
    }
}

/// Returns the one identity that fits `criteria` and [is usable](Identity::is_usable_for) for
/// authentication.
///
/// When neither slot nor hash is asked for, 9a, the PIV authentication slot, goes before the
/// others. Dates and other [problems](Identity::problems_at) are the caller's to judge.
///
/// # Errors
///
/// Every error lists the choices: [`SelectError::None`] when nothing fits,
/// [`SelectError::Several`] when more than one does, [`SelectError::NotForAuthentication`] when
/// what was asked for is not for authentication.
pub fn select<'a>(identities: &'a [Identity], criteria: &Criteria) -> Result<&'a Identity, SelectError> {
    let asked: Vec<&Identity> = identities.iter().filter(|identity| criteria.fit(identity)).collect();
    let mut usable: Vec<&Identity> = asked.iter().copied().filter(|one| authenticates(one)).collect();
    if *criteria == Criteria::default() && usable.iter().any(|one| is_9a(one)) {
        usable.retain(|one| is_9a(one));
    }
    match usable.as_slice() {
        [one] => Ok(one),
        [] if asked.is_empty() || *criteria == Criteria::default() => {
            Err(SelectError::None { choices: identities.iter().map(Choice::from).collect() })
        }
        [] => Err(SelectError::NotForAuthentication { choices: to_choices(&asked) }),
        several => Err(SelectError::Several { choices: to_choices(several) }),
    }
}

impl Criteria {
    fn fit(&self, identity: &Identity) -> bool {
        self.slot.as_ref().is_none_or(|slot| slot.eq_ignore_ascii_case(&identity.slot))
            && self.hash.is_none_or(|hash| hash == identity.pairing_hash())
    }
}

fn authenticates(identity: &Identity) -> bool {
    identity.is_usable_for(Usage::Authentication)
}

fn is_9a(identity: &Identity) -> bool {
    identity.slot.eq_ignore_ascii_case("9a")
}

fn to_choices(identities: &[&Identity]) -> Vec<Choice> {
    identities.iter().map(|identity| Choice::from(*identity)).collect()
}

/// The choices, one a line, after `none` or `some`.
fn list(choices: &[Choice], none: &str, some: &str) -> String {
    let mut text = if choices.is_empty() { none } else { some }.to_owned();
    for choice in choices {
        text.push_str(&format!("\n  {choice}"));
    }
    text
}

#[cfg(test)]
mod tests;
