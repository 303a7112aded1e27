//! Programs: one run with a time limit, and services that end with the scenario.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Longer than anything takes on a busy machine; a program that needs it hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// One run of a program: what goes in, and how long it may take.
#[must_use]
pub(crate) struct Run {
    command: Command,
    stdin: Vec<u8>,
    limit: Duration,
}

impl Run {
    pub(crate) fn new(command: Command) -> Self {
        Self { command, stdin: Vec::new(), limit: LIMIT }
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    pub(crate) fn args<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    /// Runs to the end. A program that exceeds its time is killed, and the test fails with what it had said.
    pub(crate) fn output(mut self) -> Output {
        let line = format!("{:?}", self.command);
        // A group of its own, so that a program behind nsenter can be killed with it.
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {line}: {error}"));
        let group = group(&child);
        let mut stdin = child.stdin.take().unwrap();
        let bytes = self.stdin;
        // A program may end without reading what it was given.
        thread::spawn(move || drop(stdin.write_all(&bytes)));
        let (sender, receiver) = channel();
        thread::spawn(move || sender.send(child.wait_with_output()));
        let (output, late) = match receiver.recv_timeout(self.limit) {
            Ok(output) => (output, false),
            Err(_) => {
                let _ = killpg(group, Signal::SIGKILL);
                (receiver.recv().unwrap(), true)
            }
        };
        let output = output.unwrap();
        let output = Output {
            line,
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            bytes: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        assert!(!late, "still running after {:?}: {output}", self.limit);
        output
    }
}

/// What came out of a run.
pub(crate) struct Output {
    line: String,
    pub(crate) code: Option<i32>,
    signal: Option<i32>,
    pub(crate) stdout: String,
    /// The standard output as it was.
    pub(crate) bytes: Vec<u8>,
    pub(crate) stderr: String,
}

impl Output {
    /// Asserts exit code 0.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        self.exits_with(0)
    }

    /// Asserts the exit code, and that nothing panicked.
    #[track_caller]
    pub(crate) fn exits_with(self, code: i32) -> Self {
        self.assert_exit(code);
        self
    }

    /// As [`Output::exits_with`], and leaves the output where it is.
    #[track_caller]
    pub(crate) fn assert_exit(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{self}");
        self.assert_no_panic();
    }

    /// Asserts that neither a panic nor a backtrace was printed, and that no signal ended the program.
    #[track_caller]
    pub(crate) fn never_panicked(self) -> Self {
        self.assert_no_panic();
        self
    }

    #[track_caller]
    fn assert_no_panic(&self) {
        for word in ["panicked at", "stack backtrace", "RUST_BACKTRACE"] {
            assert!(!self.stderr.contains(word) && !self.stdout.contains(word), "{self}");
        }
        assert_eq!(self.signal, None, "{self}");
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON ({error}): {self}"))
    }

    /// Asserts that the standard output contains all of `words`.
    #[track_caller]
    pub(crate) fn prints(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stdout.contains(word), "{word:?} is missing: {self}");
        }
        self
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.line)?;
        match (self.code, self.signal) {
            (Some(code), _) => writeln!(f, "exit code {code}")?,
            (None, signal) => writeln!(f, "ended by signal {}", signal.unwrap_or(0))?,
        }
        write!(f, "--- stdout\n{}\n--- stderr\n{}\n---", self.stdout, self.stderr)
    }
}

/// A program that runs until it is dropped, or until this process dies, whichever way.
pub(crate) struct Service {
    name: String,
    child: Child,
    lines: Receiver<String>,
    log: Arc<Mutex<String>>,
}

/// Runs a program in the background, and terminates it, and what it has started, as soon as standard input ends.
const KEEPER: &str = r#""$@" </dev/null & exec >/dev/null 2>&1; cat; trap '' TERM; kill 0; wait"#;

impl Service {
    /// Starts a program that would not end by itself.
    pub(crate) fn keep(name: &str, program: &Command) -> Self {
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh"]).arg(program.get_program()).args(program.get_args()).env_clear();
        keeper.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self::start(name, keeper)
    }

    /// Starts a program that ends when its standard input does.
    pub(crate) fn start(name: &str, mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let (sender, lines) = channel();
        let log = Arc::new(Mutex::new(String::new()));
        let read = |stream: Box<dyn Read + Send>| {
            let (sender, log) = (sender.clone(), Arc::clone(&log));
            thread::spawn(move || {
                for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                    let line = String::from_utf8_lossy(&line).into_owned();
                    log.lock().unwrap().push_str(&format!("{line}\n"));
                    if sender.send(line).is_err() {
                        // Nobody waits any more; the program must not block on a full pipe.
                        continue;
                    }
                }
            });
        };
        read(Box::new(child.stdout.take().unwrap()));
        read(Box::new(child.stderr.take().unwrap()));
        Self { name: name.to_owned(), child, lines, log }
    }

    /// Waits for a line, on either stream, that `wanted` takes; fails the test if the program ends first.
    #[track_caller]
    pub(crate) fn wait_for<T>(&self, what: &str, mut wanted: impl FnMut(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(found) = wanted(&line) {
                        return found;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("{} never said {what}:\n{}", self.name, self.log()),
                Err(RecvTimeoutError::Disconnected) => panic!("{} ended without {what}:\n{}", self.name, self.log()),
            }
        }
    }

    /// Waits until the program has ended by itself.
    #[track_caller]
    pub(crate) fn wait_for_end(&self) {
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => panic!("{} goes on:\n{}", self.name, self.log()),
            }
        }
    }

    /// The one process that this program has started, as seen from outside of its namespaces.
    pub(crate) fn only_child(&self) -> u32 {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        children.trim().parse().unwrap_or_else(|_| panic!("{} has the children {children:?}", self.name))
    }

    /// The process of a program that [`Service::keep`] runs.
    pub(crate) fn process(&self, program: &str) -> u32 {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let is_it = |child: &&str| {
            std::fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|name| name.trim() == program)
        };
        let found = children.split_whitespace().find(is_it);
        found.unwrap_or_else(|| panic!("{program} is not among {children:?}")).parse().unwrap()
    }

    /// Everything the program has said so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Both streams end when everybody who could write to them has ended; who does not is killed.
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = killpg(group(&self.child), Signal::SIGKILL);
                    break;
                }
            }
        }
        let _ = self.child.wait();
    }
}

/// How long a service may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

fn group(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}
