//! Ctrl-C, SIGTERM, a terminal that is closed (SIGHUP) and SIGQUIT: exit code 130 (143, 129, 131), and a terminal as it was before the prompt.

use std::io::Write;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::termios::{InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::output;

/// Exit code after Ctrl-C, as shells count it: 128 and the number of the signal.
pub(crate) const INTERRUPTED: u8 = 130;

/// The terminal as it was before the prompt that is open now.
static BEFORE_PROMPT: Mutex<Option<Termios>> = Mutex::new(None);

/// From now on Ctrl-C (or another signal of [`signals`]) ends the program at once, wherever it is: files are replaced in one step and cards are
/// left as they are, so there is nothing to put away but the state of the terminal, and a Mac's tools that are at work.
pub(crate) fn watch() {
    // Without the watch Ctrl-C still ends the program, only less tidily.
    let Ok(mut signals) = Signals::new(signals()) else { return };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let first = ASKED.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst).is_ok();
            if first && HELD.load(Ordering::SeqCst) {
                if SPEAKS.load(Ordering::SeqCst) {
                    output::say("pivkit: ends when the identity provider's answer is kept; once more ends it at once.");
                }
                continue;
            }
            // Kept to the end: from now on nobody else sets the terminal by way of this file.
            let mut before_prompt = before_prompt();
            let state = before_prompt.take();
            state.iter().for_each(restore);
            pivkit::end_running_tools();
            if let Some(state) = state {
                // A question that is answered with keys may just have been about to set the terminal for itself. By now it waits.
                std::thread::sleep(SETTLED);
                restore(&state);
            }
            // At once: what runs at an ordinary exit would meet threads that are still at work, as in the PC/SC library.
            signal_hook::low_level::exit(128 + signal);
        }
    });
}

/// The signals that end the program. What `nohup` had it ignore stays ignored, where the system tells (Linux): a Mac does not, and
/// there a closed terminal asks a long run to stop at a good place.
fn signals() -> Vec<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let watched = |signal: &i32| *signal != SIGHUP || ignored & (1 << (SIGHUP - 1)) == 0;
    [SIGINT, SIGTERM, SIGHUP, SIGQUIT].into_iter().filter(watched).collect()
}

/// How long a prompt takes at most from its last line to the first key, with a margin.
const SETTLED: Duration = Duration::from_millis(30);

/// Whether the first signal only asks to stop.
static HELD: AtomicBool = AtomicBool::new(false);

/// The signal that has come, or 0.
static ASKED: AtomicI32 = AtomicI32::new(0);

/// From now on, until the value is dropped, the first signal only asks to stop: the work ends at a good place. A second one
/// ends the program at once, as ever.
pub(crate) fn hold() -> Hold {
    HELD.store(true, Ordering::SeqCst);
    Hold
}

/// As [`hold`], from the moment on at which [`no_return`] is called. Until then a signal ends the program at once.
pub(crate) fn hold_later() -> Hold {
    Hold
}

/// From now on something would be lost that an identity provider gives only once.
pub(crate) fn no_return() {
    SPEAKS.store(true, Ordering::SeqCst);
    HELD.store(true, Ordering::SeqCst);
}

/// Whether the first signal is answered with a sentence.
static SPEAKS: AtomicBool = AtomicBool::new(false);

/// While this lives, a signal only asks to stop.
pub(crate) struct Hold;

impl Hold {
    /// The exit code of a program that stops because it was asked to; `None` as long as it was not.
    pub(crate) fn asked(&self) -> Option<u8> {
        let signal = ASKED.load(Ordering::SeqCst);
        (signal != 0).then(|| u8::try_from(128 + signal).unwrap_or(INTERRUPTED))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        HELD.store(false, Ordering::SeqCst);
    }
}

/// Says that a prompt is open, until the value is dropped.
pub(crate) fn prompt() -> Prompt {
    let terminal = std::fs::File::open("/dev/tty").ok();
    *before_prompt() = terminal.and_then(|terminal| tcgetattr(terminal.as_fd()).ok());
    Prompt
}

/// As [`prompt`], for a secret: the echo is off from now on, so that nothing shows of what is typed before the prompt is there.
/// What was typed ahead, such as Enter after the answer to another question, is no secret and is dropped.
///
/// The terminal gives whole lines, edited, with Ctrl-C as a signal, whatever was set before. Ctrl-Z would leave a shell
/// without echo, and does nothing.
pub(crate) fn secret_prompt() -> SecretPrompt {
    let prompt = prompt();
    let before = before_prompt();
    if let (Some(before), Ok(terminal)) = (&*before, std::fs::File::open("/dev/tty")) {
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        quiet.local_flags.insert(LocalFlags::ICANON | LocalFlags::ECHONL | LocalFlags::ISIG);
        quiet.input_flags.insert(InputFlags::ICRNL | InputFlags::IUTF8);
        if let Some(suspend) = quiet.control_chars.get_mut(SpecialCharacterIndices::VSUSP as usize) {
            *suspend = nix::libc::_POSIX_VDISABLE;
        }
        let _ = tcsetattr(terminal.as_fd(), SetArg::TCSAFLUSH, &quiet);
    }
    drop(before);
    SecretPrompt { _prompt: prompt }
}

/// An open prompt.
pub(crate) struct Prompt;

impl Drop for Prompt {
    fn drop(&mut self) {
        *before_prompt() = None;
    }
}

/// An open prompt for a secret. The terminal is as before when it closes.
pub(crate) struct SecretPrompt {
    // Dropped after the state was put back, so that Ctrl-C in between puts it back too.
    _prompt: Prompt,
}

impl Drop for SecretPrompt {
    fn drop(&mut self) {
        let before = before_prompt();
        if let (Some(state), Ok(terminal)) = (&*before, std::fs::File::open("/dev/tty")) {
            let _ = tcsetattr(terminal.as_fd(), SetArg::TCSANOW, state);
        }
    }
}

fn before_prompt() -> MutexGuard<'static, Option<Termios>> {
    BEFORE_PROMPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Only called while a prompt is open, which takes the foreground: from the background the terminal would stop us.
fn restore(state: &Termios) {
    if let Ok(mut terminal) = std::fs::File::options().write(true).open("/dev/tty") {
        let _ = tcsetattr(terminal.as_fd(), SetArg::TCSANOW, state);
        // Show the cursor, which a list to choose from hides, and leave the line of the prompt.
        let _ = terminal.write_all(b"\x1b[?25h\r\n");
    }
}
