//! One way to run a Mac's tool.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Error;

/// The tools that are run, and no others. On a Mac each has one fixed path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tool {
    /// Smart card pairing: sc_auth(8).
    ScAuth,
    /// The directory service: dscl(1).
    Dscl,
    /// What is connected: system_profiler(8).
    SystemProfiler,
    /// Sessions and services: launchctl(1).
    Launchctl,
    /// Keychains and tokens: security(1).
    Security,
    /// Who runs this: id(1).
    Id,
    /// A change of user within a session: sudo(8).
    Sudo,
    /// Settings: defaults(1).
    Defaults,
}

impl Tool {
    /// All of them.
    pub const ALL: [Tool; 8] = [
        Tool::ScAuth,
        Tool::Dscl,
        Tool::SystemProfiler,
        Tool::Launchctl,
        Tool::Security,
        Tool::Id,
        Tool::Sudo,
        Tool::Defaults,
    ];

    /// Where macOS keeps the tool.
    pub fn path(self) -> &'static Path {
        Path::new(match self {
            Tool::ScAuth => "/usr/sbin/sc_auth",
            Tool::Dscl => "/usr/bin/dscl",
            Tool::SystemProfiler => "/usr/sbin/system_profiler",
            Tool::Launchctl => "/bin/launchctl",
            Tool::Security => "/usr/bin/security",
            Tool::Id => "/usr/bin/id",
            Tool::Sudo => "/usr/bin/sudo",
            Tool::Defaults => "/usr/bin/defaults",
        })
    }

    /// The name of the tool, which is its file name.
    pub fn name(self) -> &'static str {
        match self {
            Tool::ScAuth => "sc_auth",
            Tool::Dscl => "dscl",
            Tool::SystemProfiler => "system_profiler",
            Tool::Launchctl => "launchctl",
            Tool::Security => "security",
            Tool::Id => "id",
            Tool::Sudo => "sudo",
            Tool::Defaults => "defaults",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A tool with its arguments, which no shell ever sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCommand {
    /// Which tool.
    pub tool: Tool,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What it gets on standard input; nothing if empty.
    pub stdin: Vec<u8>,
    /// When it is stopped.
    pub time_limit: Duration,
}

impl ToolCommand {
    /// A command that gets nothing on standard input and [`TIME_LIMIT`].
    pub fn new<A: Into<String>>(tool: Tool, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { tool, arguments, stdin: Vec::new(), time_limit: TIME_LIMIT }
    }

    /// The same with another time limit.
    #[must_use]
    pub fn within(self, time_limit: Duration) -> Self {
        Self { time_limit, ..self }
    }
}

/// How a tool ended and what it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// How it ended.
    pub ending: Ending,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// How a tool ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Captured {
    /// Standard output as text; what is no UTF-8 becomes U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Both streams as text: tools are not consistent about which they use for messages.
    pub fn everything(&self) -> String {
        let (stdout, stderr) = (String::from_utf8_lossy(&self.stdout), String::from_utf8_lossy(&self.stderr));
        format!("{stdout}\n{stderr}")
    }

    /// The end of what the tool had to say, standard error first, for an error message: at most 1000 characters.
    pub fn message(&self) -> String {
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let text =
            [said(&self.stderr), said(&self.stdout)].into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        let length = text.chars().count();
        text.chars().skip(length.saturating_sub(MAX_MESSAGE)).collect()
    }
}

/// Runs a Mac's tools.
///
/// An implementation runs exactly the program that [`program`](CommandRunner::program) names, without a shell, ends it at the
/// time limit, and bounds what it keeps of its output.
pub trait CommandRunner: Send + Sync {
    /// The absolute path of a tool, also for handing it to another one (`launchctl asuser`).
    fn program(&self, tool: Tool) -> PathBuf;

    /// Runs a tool to its end, whatever its exit code.
    ///
    /// # Errors
    ///
    /// [`Error::ToolMissing`], [`Error::NotStarted`], [`Error::TimedOut`], [`Error::TooMuchOutput`].
    fn run(&self, command: &ToolCommand) -> Result<Captured, Error>;

    /// Whether the tool is there.
    fn has(&self, tool: Tool) -> bool {
        self.program(tool).is_file()
    }
}

/// Runs a tool that must end with code 0.
///
/// # Errors
///
/// Those of [`CommandRunner::run`]; [`Error::Killed`]; [`Error::Failed`].
pub fn run_to_success(runner: &dyn CommandRunner, command: &ToolCommand) -> Result<Captured, Error> {
    let captured = runner.run(command)?;
    match captured.ending {
        Ending::Code(0) => Ok(captured),
        Ending::Code(code) => {
            Err(Error::Failed { program: runner.program(command.tool), code, message: captured.message() })
        }
        Ending::Signal(signal) => Err(Error::Killed { program: runner.program(command.tool), signal }),
    }
}

/// How long a tool may take that asks nobody anything. `system_profiler` takes some seconds.
pub const TIME_LIMIT: Duration = Duration::from_secs(60);

const MAX_MESSAGE: usize = 1000;
