//! Interruptions of a replacement, for tests: at a chosen step either an error, or the end of the
//! process as a power cut would bring it.

use std::cell::Cell;
use std::io;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Step;

/// What happens at the chosen step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The system call fails.
    Error,
    /// The process ends at once, nothing is cleaned up.
    Kill,
}

/// All steps by name, in order.
pub(crate) const STEPS: [&str; 5] = ["Directory", "Created", "Written", "Synced", "Renamed"];

thread_local! {
    static CHOSEN: Cell<Option<(&'static str, Fault)>> = const { Cell::new(None) };
}

/// Chooses the step for this thread, or none.
pub(crate) fn choose(fault: Option<(&'static str, Fault)>) {
    CHOSEN.set(fault);
}

pub(super) fn step(step: Step) -> io::Result<()> {
    match CHOSEN.get() {
        Some((name, fault)) if name == format!("{step:?}") => match fault {
            Fault::Error => Err(io::Error::other("made to fail")),
            Fault::Kill => {
                kill(Pid::this(), Signal::SIGKILL)?;
                unreachable!("killed");
            }
        },
        _ => Ok(()),
    }
}
