//! A real terminal with a program on it, and a person who reads and types.
//!
//! The program runs below a shell that stays on the terminal, sees whether its state is as before, and tells the exit code.

use std::fs::File;
use std::io::{Read, Write};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use expectrl::process::Process;
use expectrl::process::unix::UnixProcess;

use super::process::LIMIT;

/// `OUTPUT=FILE sh -c SCRIPT sh COLUMNS PROGRAM...`
///
/// Begins when a line is typed: only then has whoever made the terminal set its size.
pub(super) const SCRIPT: &str = r#"
read -r _
stty sane cols "$1" rows 24
shift
trap : INT
before=$(stty -g)
"$@" >"$OUTPUT"
code=$?
[ "$before" = "$(stty -g)" ] && echo "$0: the terminal is as before"
echo "$0: exit code $code."
"#;

/// The terminal, as a person sees it.
pub(crate) struct Terminal {
    _process: UnixProcess,
    keyboard: File,
    screen: Arc<(Mutex<Screen>, Condvar)>,
    /// How far the person has read.
    read: usize,
}

#[derive(Default)]
struct Screen {
    shown: Vec<u8>,
    ended: bool,
}

impl Terminal {
    pub(super) fn start(command: Command) -> Self {
        let process = UnixProcess::spawn_command(command).unwrap();
        let keyboard = process.get_raw_handle().unwrap();
        let mut output = keyboard.try_clone().unwrap();
        let screen: Arc<(Mutex<Screen>, Condvar)> = Arc::default();
        let shared = Arc::clone(&screen);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // The end of a terminal is an error on Linux.
                let count = output.read(&mut buffer).unwrap_or(0);
                let mut screen = shared.0.lock().unwrap();
                screen.shown.extend_from_slice(&buffer[..count]);
                screen.ended = count == 0;
                shared.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        let mut terminal = Self { _process: process, keyboard, screen, read: 0 };
        terminal.press("\n");
        terminal
    }

    /// Waits until `text` is shown, after what was waited for before.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + LIMIT;
        let (screen, changed) = &*self.screen;
        let mut screen = screen.lock().unwrap();
        loop {
            let unread = &screen.shown[self.read..];
            if let Some(at) = unread.windows(text.len()).position(|shown| shown == text.as_bytes()) {
                self.read += at + text.len();
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let ended = screen.ended || left.is_zero();
            assert!(!ended, "{text:?} is never shown:\n{}", String::from_utf8_lossy(&screen.shown));
            screen = changed.wait_timeout(screen, left).unwrap().0;
        }
    }

    /// Types what `keys` are, and no Enter.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the program reads single keys: before that, the terminal itself takes Ctrl-C and echoes keys. No event tells.
    #[track_caller]
    pub(crate) fn wait_for_keys(&self) {
        let deadline = Instant::now() + LIMIT;
        let reads_keys = || {
            let settings = nix::sys::termios::tcgetattr(&self.keyboard).unwrap();
            !settings.local_flags.contains(nix::sys::termios::LocalFlags::ICANON)
        };
        while !reads_keys() {
            assert!(Instant::now() < deadline, "no key is waited for:\n{}", self.shown());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for a question, and answers it.
    #[track_caller]
    pub(crate) fn answer(&mut self, question: &str, answer: &str) {
        self.wait_for(question);
        self.press(&format!("{answer}\r"));
    }

    /// Waits until the program has ended with this exit code, and has left the terminal as it was. Returns all that was shown.
    #[track_caller]
    pub(crate) fn ends_with(mut self, code: u8) -> String {
        self.wait_for("sh: the terminal is as before");
        self.wait_for(&format!("sh: exit code {code}."));
        let shown = self.shown();
        assert!(!shown.contains("panicked at"), "{shown}");
        shown
    }

    /// All that was shown so far.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.screen.0.lock().unwrap().shown).into_owned()
    }
}

/// The key for the next one in a list.
pub(crate) const DOWN: &str = "\u{1b}[B";
pub(crate) const CTRL_C: &str = "\u{3}";
