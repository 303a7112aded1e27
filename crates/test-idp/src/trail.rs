//! The checks that were made on a request, in order, each with its verdict: what an administrator sees who asks why a
//! login was refused, or why it was not.

use crate::check::{Check, Refusal};

/// The checks of one request, up to the first that does not hold.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    made: Vec<(Check, Option<String>)>,
    /// Where the check stands whose verdict the database gives at the end.
    deferred: Option<usize>,
}

impl Trail {
    /// Notes the verdict of a check and passes it on.
    ///
    /// # Errors
    /// The refusal, when the check does not hold.
    pub(crate) fn hold<T, E: Into<String>>(&mut self, check: Check, verdict: Result<T, E>) -> Result<T, Refusal> {
        match verdict {
            Ok(value) => {
                // A check in several steps is one check.
                if !self.made.iter().any(|(made, _)| *made == check) {
                    self.made.push((check, None));
                }
                Ok(value)
            }
            Err(why) => {
                let why = why.into();
                self.refuse(check, &why);
                Err(check.refuse(why))
            }
        }
    }

    /// Notes a check whose verdict comes later, by [`overrule`](Self::overrule) or not at all.
    pub(crate) fn defer(&mut self, check: Check) {
        self.deferred = Some(self.made.len());
        self.made.push((check, None));
    }

    /// The deferred check does not hold: whatever was found after it does not count. Returns the refusal, unless a check
    /// before the deferred one had refused already.
    pub(crate) fn overrule(&mut self, why: &str) -> Option<Refusal> {
        // Whatever was removed since stood behind it.
        let at = self.deferred?;
        let check = self.made.get(at)?.0;
        self.made.truncate(at);
        self.refuse(check, why);
        Some(check.refuse(why))
    }

    /// A last check, after all others held, does not.
    pub(crate) fn refuse(&mut self, check: Check, why: &str) {
        self.made.retain(|(made, _)| *made != check);
        self.made.push((check, Some(why.to_owned())));
    }

    /// The names of the checks that held, for the log.
    pub(crate) fn held(&self) -> Vec<&'static str> {
        self.made.iter().filter(|(_, why)| why.is_none()).map(|(check, _)| check.name()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(trail: &Trail) -> Check {
        trail.made.last().unwrap().0
    }

    #[test]
    fn the_trail_ends_at_the_first_check_that_does_not_hold() {
        let mut trail = Trail::default();
        trail.hold(Check::OuterTyp, Ok::<_, String>(())).unwrap();
        trail.hold(Check::OuterAlg, Ok::<_, String>(())).unwrap();
        trail.hold(Check::OuterAlg, Ok::<_, String>(())).unwrap();
        let refusal = trail.hold(Check::OuterAlg, Err::<(), _>("no")).unwrap_err();
        assert_eq!((refusal.check, refusal.why.as_str()), (Check::OuterAlg, "no"));
        assert_eq!((trail.held(), last(&trail)), (vec!["outer.typ"], Check::OuterAlg));
    }

    #[test]
    fn a_deferred_check_overrules_what_came_after_it_and_nothing_before() {
        let mut trail = Trail::default();
        trail.hold(Check::OuterTyp, Ok::<_, String>(())).unwrap();
        trail.defer(Check::OuterRequestNonce);
        trail.hold(Check::OuterScope, Err::<(), _>("no")).unwrap_err();
        assert_eq!(trail.overrule("used").unwrap().check, Check::OuterRequestNonce);
        assert_eq!((trail.held(), last(&trail)), (vec!["outer.typ"], Check::OuterRequestNonce));

        let mut trail = Trail::default();
        trail.hold(Check::OuterTyp, Err::<(), _>("no")).unwrap_err();
        assert!(trail.overrule("used").is_none());
        assert_eq!((trail.held(), last(&trail)), (vec![], Check::OuterTyp));
    }
}
