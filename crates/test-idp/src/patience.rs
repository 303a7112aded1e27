//! Whether somebody still waits for an answer. Either the wait ends first, and then nothing may change any more; or the
//! request changes something first, and then its answer is sent, be it late: a client that is told nothing of a refresh
//! still has its old token, which must not have been used up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// The wait for one answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patience(Arc<AtomicU8>);

impl Patience {
    /// Ends the wait; false when the request has changed something before.
    pub(crate) fn end(&self) -> bool {
        self.decide(ENDED)
    }

    /// Asks before a change; false when nobody waits any more.
    pub(crate) fn lasts(&self) -> bool {
        self.decide(SETTLED)
    }

    /// Ends the wait when it is dropped, as when the connection is gone.
    pub(crate) fn guard(&self) -> Guard {
        Guard(self.clone())
    }

    fn decide(&self, verdict: u8) -> bool {
        let before = self.0.compare_exchange(OPEN, verdict, Ordering::AcqRel, Ordering::Acquire);
        before.is_ok() || before == Err(verdict)
    }
}

/// See [`Patience::guard`].
pub(crate) struct Guard(Patience);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.end();
    }
}

const OPEN: u8 = 0;
const ENDED: u8 = 1;
const SETTLED: u8 = 2;
