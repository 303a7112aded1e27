//! The tools that are at work, so that they can end with the program.
//!
//! Each has a process group of its own, which Ctrl-C at a terminal does not reach. One that went on by itself would pair after
//! the person was told that it is over.

use std::collections::BTreeSet;
use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The ids of their process groups.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Asks all tools that are at work to end (SIGTERM), and lets none begin any more: for a program that is about to exit.
/// Whoever runs a tool from then on waits until the program has ended.
pub fn end_running_tools() {
    let groups = groups();
    for group in groups.iter() {
        let _ = killpg(Pid::from_raw(*group), Signal::SIGTERM);
    }
    std::mem::forget(groups);
}

/// A tool that is known to be at work, until this value is dropped.
pub(crate) struct AtWork(Option<i32>);

/// Starts a tool, which has to be in a process group of its own.
pub(crate) fn start(command: &mut Command) -> io::Result<(Child, AtWork)> {
    // Under the lock: either it is known when all are ended, or it never begins.
    let mut groups = groups();
    let child = command.spawn()?;
    let group = i32::try_from(child.id()).ok();
    groups.extend(group);
    Ok((child, AtWork(group)))
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            groups().remove(&group);
        }
    }
}

fn groups() -> MutexGuard<'static, BTreeSet<i32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}
