//! `pivkit-hardware-tests`: pivkit with a real card. Which one, and what may be done to it, stands in the environment; see
//! README.md.
#![forbid(unsafe_code)]

mod consent;
mod program;
mod read_only;
mod wipe;

use std::process::ExitCode;
use std::time::Instant;

use consent::Consent;
use program::Programs;

/// A check: what must hold, and what is done to find out.
pub(crate) type Check = (&'static str, fn(&Programs) -> Result<(), String>);

fn main() -> ExitCode {
    let consent = match Consent::read(|name| std::env::var(name).ok()) {
        Ok(Some(consent)) => consent,
        Ok(None) => {
            println!(
                "NOT RUN: no card is named. hardware-tests/README.md says how to name yours; {} is one way.",
                consent::SERIAL
            );
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("pivkit-hardware-tests: {why}");
            return ExitCode::from(2);
        }
    };
    let programs = match Programs::find(consent.card.clone()) {
        Ok(programs) => programs,
        Err(why) => {
            eprintln!("pivkit-hardware-tests: {why}");
            return ExitCode::FAILURE;
        }
    };
    let mut tally = Tally::default();
    if !tally.run(&programs, &read_only::CHECKS) {
        println!("The card {} is not there, or not readable: nothing else was tried.", consent.card);
    } else if consent.wipe {
        tally.run_to_the_end(&programs, &wipe::CHECKS, wipe::LAST);
    } else {
        println!(
            "NOT RUN: {} checks that erase the card. README.md says how you agree to that.",
            wipe::CHECKS.len() + 1
        );
    }
    println!("{} checks held, {} failed", tally.held, tally.failed);
    if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many checks held, and how many did not.
#[derive(Default)]
struct Tally {
    held: usize,
    failed: usize,
}

impl Tally {
    /// Runs all checks if the first one holds; false if it does not.
    fn run(&mut self, programs: &Programs, checks: &[Check]) -> bool {
        let Some((first, others)) = checks.split_first() else { return true };
        if !self.check(programs, first) {
            return false;
        }
        others.iter().for_each(|check| {
            self.check(programs, check);
        });
        true
    }

    /// Runs checks that build on each other up to the first that fails, and the last one whatever happens.
    fn run_to_the_end(&mut self, programs: &Programs, checks: &[Check], last: Check) {
        // Without short circuit nothing after a failure would mean anything.
        let _ = checks.iter().all(|check| self.check(programs, check));
        self.check(programs, &last);
    }

    fn check(&mut self, programs: &Programs, (what, check): &Check) -> bool {
        let start = Instant::now();
        match check(programs) {
            Ok(()) => {
                self.held += 1;
                println!("ok      {what} ({:.1} s)", start.elapsed().as_secs_f64());
                true
            }
            Err(why) => {
                self.failed += 1;
                println!("FAILED  {what}: {why}");
                false
            }
        }
    }
}
