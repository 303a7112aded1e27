//! Scenarios that cannot run here say so, past the test runner's capture, and are counted.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Says that the current test does not run, and why. With `PIVKIT_REQUIRE_ALL=1` that is a failure.
pub(crate) fn report<T>(why: &str) -> Option<T> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = test_name();
    assert!(std::env::var_os("PIVKIT_REQUIRE_ALL").is_none_or(|value| value.is_empty()), "NOT RUN: {name} {why}");
    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    to_terminal(&format!("NOT RUN ({count}): {name} {why}"));
    // scripts/test adds them up.
    if let Some(file) = std::env::var_os("PIVKIT_NOT_RUN") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        writeln!(file, "{name} {why}").unwrap();
    }
    None
}

/// `None`, said aloud, if a program of somebody else is not installed.
pub(crate) fn unless_installed(program: &str) -> Option<()> {
    let found = super::PATH.split(':').any(|directory| Path::new(directory).join(program).exists());
    if found { Some(()) } else { report(&format!("needs {program}; scripts/setup installs it, or says how")) }
}

/// Writes a line that the test runner does not capture.
pub(crate) fn to_terminal(line: &str) {
    // One write, so that lines of several threads do not mix.
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// The name of the test that this thread runs.
pub(crate) fn test_name() -> String {
    std::thread::current().name().unwrap_or("a scenario").to_owned()
}
