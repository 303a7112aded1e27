//! The checks of one verification, in their order, and the end at the first that fails.

use crate::check::{Check, Level, Record, Verdict};

/// A request that is refused, and by which check.
///
/// The name of the check may be told to the client; the rest is for the server's own log. Nothing in it is a secret of the
/// request, and what is quoted is escaped and cut.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the check of {check} failed: {why}")]
#[non_exhaustive]
pub struct Refusal {
    /// The name of the check, as [`inspect`](crate::inspect) has it.
    pub check: String,
    /// What was expected and what came.
    pub why: String,
    /// All checks that were made, this one the last or among the last.
    pub checks: Vec<Check>,
}

/// The checks so far.
#[derive(Debug, Default)]
pub(super) struct Trail {
    pub(super) checks: Vec<Check>,
    /// Whether a deviation is refused as well.
    pub(super) strict: bool,
}

impl Trail {
    /// Records a check, and ends at one that fails.
    pub(super) fn check(&mut self, name: impl Into<String>, verdict: impl Into<Verdict>) -> Result<(), Refusal> {
        self.checks.record(name, verdict);
        self.gate()
    }

    /// Records several checks, and ends at the first that fails.
    pub(super) fn checks(&mut self, checks: impl IntoIterator<Item = Check>) -> Result<(), Refusal> {
        self.checks.extend(checks);
        self.gate()
    }

    /// The end, if a check failed.
    fn gate(&self) -> Result<(), Refusal> {
        let bad = |level: Level| level == Level::Fails || (self.strict && level == Level::Deviates);
        match self.checks.iter().find(|check| bad(check.level)) {
            None => Ok(()),
            Some(check) => {
                Err(Refusal { check: check.name.clone(), why: check.detail.clone(), checks: self.checks.clone() })
            }
        }
    }

    /// The end, at a check that leaves no way on.
    pub(super) fn refuse<T>(&mut self, name: impl Into<String>, why: impl Into<String>) -> Result<T, Refusal> {
        let (check, why) = (name.into(), why.into());
        // What held so far under this name was not the whole of it.
        self.checks.retain(|other| other.name != check);
        self.checks.record(check.clone(), Verdict::fails(why.clone()));
        Err(Refusal { check, why, checks: self.checks.clone() })
    }

    /// The same end for an error.
    pub(super) fn need<T, E: Into<String>>(&mut self, name: &str, result: Result<T, E>) -> Result<T, Refusal> {
        match result {
            Ok(value) => Ok(value),
            Err(why) => self.refuse(name, why),
        }
    }
}
