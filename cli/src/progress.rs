//! How far a bulk run is: a bar on a terminal, a line now and then elsewhere. And Ctrl-C, which ends it at a good place.

use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use pivkit::AccountError;
use pivkit::bulk::{Outcome, RowResult, UndoResult, Undone, Watcher};
use pivkit::text::escape_control;

use crate::interrupt::Hold;
use crate::{failure, interrupt, output};

/// Shows on standard error how far a run is.
pub(crate) struct Progress {
    what: &'static str,
    on_terminal: bool,
    begun: OnceLock<Begun>,
    stopping: AtomicBool,
    plain: Mutex<Plain>,
}

/// The run that is shown, from its first row on.
struct Begun {
    hold: Hold,
    bar: ProgressBar,
    at: Instant,
    total: usize,
}

/// What was said of it in lines.
#[derive(Default)]
struct Plain {
    done: usize,
    failures: usize,
    last: Option<Instant>,
}

impl Progress {
    /// Nothing is shown before the run begins.
    pub(crate) fn new(what: &'static str) -> Self {
        let (begun, stopping, plain) = Default::default();
        Self { what, on_terminal: io::stderr().is_terminal(), begun, stopping, plain }
    }

    /// Takes the bar away. The exit code if the run was asked to stop.
    pub(crate) fn finish(&self) -> Option<u8> {
        let begun = self.begun.get()?;
        begun.bar.finish_and_clear();
        begun.hold.asked()
    }

    fn step(&self, failure: Option<String>) {
        let Some(begun) = self.begun.get() else { return };
        let mut plain = self.plain.lock().unwrap_or_else(PoisonError::into_inner);
        plain.done += 1;
        if let Some(failure) = failure {
            plain.failures += 1;
            let more = format!("pivkit: more of them fail; `pivkit bulk report` tells of all {}.", self.what);
            match plain.failures {
                1..=MAX_FAILURES => self.say(begun, &failure),
                count if count == MAX_FAILURES + 1 => self.say(begun, &more),
                _ => {}
            }
        }
        begun.bar.inc(1);
        if !self.on_terminal && plain.last.unwrap_or(begun.at).elapsed() >= LINE_EVERY {
            plain.last = Some(Instant::now());
            output::say(&self.line(plain.done, begun.total, begun.at.elapsed()));
        }
    }

    fn say(&self, begun: &Begun, line: &str) {
        begun.bar.suspend(|| output::say(line));
    }

    fn line(&self, done: usize, total: usize, time: Duration) -> String {
        let rate = done as f64 / time.as_secs_f64().max(0.001);
        let left = total.saturating_sub(done) as f64 / rate.max(0.001);
        format!("pivkit: {done} of {total} {}, {rate:.0} a second, {left:.0} s left.", self.what)
    }
}

impl Watcher for Progress {
    fn begin(&self, total: usize) {
        let target = if self.on_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total as u64), target);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            let rate = |state: &ProgressState, out: &mut dyn Write| {
                // A bar that cannot be written is not shown.
                let _ = write!(out, "{:.0} a second", state.per_sec());
            };
            bar.set_style(style.progress_chars("=> ").with_key("rate", rate));
        }
        bar.set_message(self.what);
        let begun = Begun { hold: interrupt::hold(), bar, at: Instant::now(), total };
        // A second run on one display is not shown.
        let _ = self.begun.set(begun);
    }

    fn row(&self, outcome: &Outcome) {
        let (user, line) = (escape_control(&outcome.user), outcome.line);
        let why = outcome.error.as_deref().unwrap_or("it did not work");
        self.step(
            (outcome.result == RowResult::Failed).then(|| format!("pivkit: line {line}, account {user}: {why}.")),
        );
    }

    fn undone(&self, undone: &Undone) {
        let why = undone.error.as_deref().unwrap_or("it did not work");
        let left = || format!("pivkit: account {} is not as it was before: {why}.", escape_control(&undone.user));
        self.step((undone.result == UndoResult::Left).then(left));
    }

    fn stop(&self) -> bool {
        let Some(begun) = self.begun.get() else { return false };
        if begun.hold.asked().is_none() {
            return false;
        }
        if !self.stopping.swap(true, Ordering::SeqCst) {
            self.say(begun, "pivkit: stopping after what is in hand.");
        }
        true
    }

    fn next(&self, error: &AccountError) -> Option<String> {
        Some(failure::next(error)).filter(|next| !next.is_empty())
    }
}

const TEMPLATE: &str = "[{bar:30}] {pos} of {len} {msg}, {rate}, {eta} left";
/// How often a line is printed where no bar can be.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// How many failures are told one by one.
const MAX_FAILURES: usize = 20;
