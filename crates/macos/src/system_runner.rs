//! Runs the real tools, or stand-ins for them.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::command::{Captured, CommandRunner, Ending, Tool, ToolCommand};
use crate::{Error, running_tools};

/// Runs tools by their fixed paths: no shell, an environment of its own, a process group of their own that is ended at the
/// time limit, and at most 16 MiB of output.
#[derive(Debug, Clone, Default)]
pub struct SystemRunner {
    tool_dir: Option<PathBuf>,
    time_limit: Option<Duration>,
}

impl SystemRunner {
    /// Runs `/usr/sbin/sc_auth` and its like.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `DIR/sc_auth` instead of `/usr/sbin/sc_auth`, and so with all tools.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the folder is not there.
    pub fn with_tool_dir(directory: &Path) -> Result<Self, Error> {
        let absolute = directory.canonicalize();
        let absolute = absolute.map_err(|source| Error::File { path: directory.to_owned(), source })?;
        Ok(Self { tool_dir: Some(absolute), time_limit: None })
    }

    /// No tool may take longer than this, whatever its own limit.
    #[must_use]
    pub fn within(self, time_limit: Duration) -> Self {
        Self { time_limit: Some(time_limit), ..self }
    }
}

impl CommandRunner for SystemRunner {
    fn program(&self, tool: Tool) -> PathBuf {
        match &self.tool_dir {
            Some(directory) => directory.join(tool.name()),
            None => tool.path().to_owned(),
        }
    }

    fn run(&self, command: &ToolCommand) -> Result<Captured, Error> {
        let program = self.program(command.tool);
        let limit = self.time_limit.map_or(command.time_limit, |limit| limit.min(command.time_limit));
        let started = Instant::now();
        let result = run(&program, command, limit);
        tracing::debug!(
            tool = command.tool.name(),
            arguments = ?command.arguments,
            ending = ?result.as_ref().map(|captured| captured.ending).ok(),
            milliseconds = started.elapsed().as_millis(),
            "tool"
        );
        result
    }
}

fn run(program: &Path, command: &ToolCommand, limit: Duration) -> Result<Captured, Error> {
    let mut tool = Command::new(program);
    tool.args(&command.arguments)
        .env_clear()
        .envs(environment())
        .stdin(if command.stdin.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let (mut child, _at_work) = running_tools::start(&mut tool).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Error::ToolMissing { program: program.to_owned() },
        _ => Error::NotStarted { program: program.to_owned(), source },
    })?;
    let running = Running::begin(&mut child, &command.stdin);
    let ended = running.wait(&mut child, limit);
    let status = match ended {
        Ok(status) => status,
        Err(why) => {
            end_group(&mut child);
            return Err(match why {
                Unfinished::TimeLimit => Error::TimedOut { program: program.to_owned(), limit },
                Unfinished::Output => Error::TooMuchOutput { program: program.to_owned(), limit: MAX_OUTPUT },
                Unfinished::System(source) => Error::NotStarted { program: program.to_owned(), source },
            });
        }
    };
    let ending = match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Code(code),
        (None, signal) => Ending::Signal(signal.unwrap_or_default()),
    };
    Ok(Captured { ending, stdout: running.stdout.take(), stderr: running.stderr.take() })
}

/// What the tools need of the environment: where the home directory is, a language for what is not localised by other means,
/// and a path, since `sc_auth` is a shell script on some versions.
fn environment() -> Vec<(&'static str, String)> {
    let kept = ["HOME", "USER", "LOGNAME", "TMPDIR"];
    let kept = kept.into_iter().filter_map(|name| std::env::var(name).ok().map(|value| (name, value)));
    let fixed = [("PATH", "/usr/bin:/bin:/usr/sbin:/sbin"), ("LANG", "en_US.UTF-8")];
    kept.chain(fixed.map(|(name, value)| (name, value.to_owned()))).collect()
}

/// A tool at work, with a thread on each of its streams.
struct Running {
    stdout: Stream,
    stderr: Stream,
    /// Told when a stream ends or overflows.
    events: mpsc::Receiver<()>,
}

/// Why a tool is not waited for any more.
enum Unfinished {
    TimeLimit,
    Output,
    System(io::Error),
}

impl Running {
    fn begin(child: &mut Child, stdin: &[u8]) -> Self {
        let (sender, events) = mpsc::channel();
        if let Some(mut pipe) = child.stdin.take() {
            let stdin = stdin.to_owned();
            // A tool that does not read its input is none of our business.
            std::thread::spawn(move || drop(pipe.write_all(&stdin)));
        }
        let stdout = Stream::read(child.stdout.take(), sender.clone());
        let stderr = Stream::read(child.stderr.take(), sender);
        Self { stdout, stderr, events }
    }

    /// Waits until the tool has ended and its streams are at their ends.
    fn wait(&self, child: &mut Child, limit: Duration) -> Result<ExitStatus, Unfinished> {
        let deadline = Instant::now() + limit;
        let mut ended: Option<(ExitStatus, Instant)> = None;
        loop {
            if self.stdout.overflowed() || self.stderr.overflowed() {
                return Err(Unfinished::Output);
            }
            if ended.is_none() {
                ended = child.try_wait().map_err(Unfinished::System)?.map(|status| (status, Instant::now()));
            }
            let now = Instant::now();
            match ended {
                Some((status, _)) if self.stdout.ended() && self.stderr.ended() => return Ok(status),
                // Something that the tool left behind holds its streams; what it said is there.
                Some((status, since)) if now > since + LINGER => {
                    end_group(child);
                    return Ok(status);
                }
                _ if now >= deadline => return Err(Unfinished::TimeLimit),
                _ => {}
            }
            if self.events.recv_timeout(POLL) == Err(mpsc::RecvTimeoutError::Disconnected) {
                // Both streams are at their ends, so nothing will be told any more; only the tool itself is left.
                std::thread::sleep(POLL.min(deadline.saturating_duration_since(now)));
            }
        }
    }
}

/// Asks the process group to end, then makes it. `sudo` hands the first signal on, and cannot do so with the second.
fn end_group(child: &mut Child) {
    let Ok(group) = i32::try_from(child.id()).map(Pid::from_raw) else { return };
    let _ = killpg(group, Signal::SIGTERM);
    let deadline = Instant::now() + LINGER;
    while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(POLL);
    }
    let _ = killpg(group, Signal::SIGKILL);
    let _ = child.wait();
}

/// What was read of one stream so far.
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    ended: Arc<AtomicBool>,
}

impl Stream {
    fn read(pipe: Option<impl Read + Send + 'static>, events: mpsc::Sender<()>) -> Self {
        let stream = Self { bytes: Arc::default(), ended: Arc::default() };
        let (bytes, ended) = (Arc::clone(&stream.bytes), Arc::clone(&stream.ended));
        std::thread::spawn(move || {
            if let Some(pipe) = pipe {
                keep(pipe, &bytes);
            }
            ended.store(true, Ordering::Release);
            // Nobody listens any more when the tool was given up.
            let _ = events.send(());
        });
        stream
    }

    fn ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn overflowed(&self) -> bool {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).len() > MAX_OUTPUT
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Reads until the end, an error, or one buffer more than is allowed.
fn keep(mut pipe: impl Read, bytes: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 64 * 1024];
    loop {
        let length = match pipe.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let mut bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend(buffer.iter().take(length));
        if bytes.len() > MAX_OUTPUT {
            return;
        }
    }
}

/// More than any sensible answer: `system_profiler` prints some kilobytes for each certificate, `dscl -readall` about one for
/// each account.
const MAX_OUTPUT: usize = 16 * 1024 * 1024;
/// How long something that a tool left behind may hold its streams.
const LINGER: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests;
