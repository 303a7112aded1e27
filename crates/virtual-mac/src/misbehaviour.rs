//! Carries quirks out.

use std::io::Write as _;
use std::os::unix::process::parent_id;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Outcome;
use crate::language::PairingError;
use crate::mac::{Mac, Stream};
use crate::quirk::{Done, What};

/// What a call comes to.
pub(crate) enum End {
    Outcome(Outcome),
    Hang,
    Signal(i32),
    KillCaller,
    Endless,
}

/// What happens instead of the tool's work; `None` if the work is done.
pub(crate) fn instead(what: &What, mac: &Mac, arguments: &[String]) -> Option<End> {
    let end = match what {
        What::Exit(code, Done::Not) => End::Outcome(Outcome::fails(*code, "")),
        What::Hang(Done::Not) => End::Hang,
        What::Signal(number, Done::Not) => End::Signal(*number),
        What::KillCaller(Done::Not) => End::KillCaller,
        What::Endless => End::Endless,
        What::Print(text) => End::Outcome(Outcome::says(text.as_str())),
        What::Error(code) => {
            let hash = arguments.iter().skip_while(|word| *word != "-h").nth(1).map_or("", String::as_str);
            let text = mac.language.cannot_pair(hash, &PairingError::numbered(*code));
            End::Outcome(complaint(mac, &text))
        }
        What::Ui => End::Outcome(complaint(mac, UI_NOT_ENABLED)),
        _ => return None,
    };
    Some(end)
}

/// What becomes of a call whose work is done.
pub(crate) fn afterwards(what: Option<What>, mut outcome: Outcome) -> Outcome {
    let Some(what) = what else { return outcome };
    let half = outcome.stdout.len() / 2;
    let end = match what {
        What::Exit(code, _) => End::Outcome(Outcome::fails(code, "")),
        What::Hang(_) => End::Hang,
        What::Signal(number, _) => End::Signal(number),
        What::KillCaller(_) => End::KillCaller,
        What::InvalidUtf8 => {
            outcome.stdout.splice(half..half, [0xff, 0xfe]);
            End::Outcome(outcome)
        }
        What::Truncated => {
            outcome.stdout.truncate(half);
            End::Outcome(outcome)
        }
        What::Garbage => {
            // Each byte once, and no two in the order of ASCII.
            outcome.stdout = (0..=255_u8).map(|byte| byte.wrapping_mul(167).wrapping_add(13)).collect();
            End::Outcome(outcome)
        }
        _ => End::Outcome(outcome),
    };
    perform(end)
}

/// Lets it happen.
pub(crate) fn perform(end: End) -> Outcome {
    match end {
        End::Outcome(outcome) => return outcome,
        End::Hang => wait_to_be_killed(),
        End::Signal(number) => {
            if let Ok(signal) = Signal::try_from(number) {
                let _ = nix::sys::signal::raise(signal);
            }
        }
        End::KillCaller => {
            if let Ok(caller) = i32::try_from(parent_id()) {
                let _ = kill(Pid::from_raw(caller), Signal::SIGKILL);
            }
        }
        End::Endless => write_without_end(),
    }
    Outcome::fails(1, "")
}

/// What `sc_auth` answers where it may not show a dialog (errSecInteractionNotAllowed).
pub(crate) const UI_NOT_ENABLED: &str = "UI not enabled\n";

/// `sc_auth` fails, and says so where this Mac's does.
pub(crate) fn complaint(mac: &Mac, text: &str) -> Outcome {
    match mac.messages_on {
        Stream::Stderr => Outcome::fails(1, text),
        Stream::Stdout => Outcome { code: 1, ..Outcome::says(text) },
    }
}

/// As good as forever, but no process outlives a test that forgot it by more than that.
fn wait_to_be_killed() {
    let end = Instant::now() + Duration::from_secs(600);
    while let Some(rest) = end.checked_duration_since(Instant::now()) {
        std::thread::sleep(rest);
    }
}

fn write_without_end() {
    let line = [b"endless output ".as_slice(); 4096].concat();
    let mut stdout = std::io::stdout().lock();
    let end = Instant::now() + Duration::from_secs(600);
    while Instant::now() < end && stdout.write_all(&line).is_ok() {}
}
