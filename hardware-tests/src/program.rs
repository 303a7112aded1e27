//! pivkit and openssl as programs.

use std::cell::OnceCell;
use std::fmt;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::consent::CardName;

/// The programs, the card that they work on, and a directory for files, which is gone at the end.
pub(crate) struct Programs {
    pub(crate) card: CardName,
    pivkit: PathBuf,
    directory: tempfile::TempDir,
    tries: OnceCell<Value>,
}

/// The pivkit that is tested.
const PIVKIT: &str = "PIVKIT_HARDWARE_PIVKIT";

impl Programs {
    /// Finds pivkit: the one that is named, or the one beside this program.
    ///
    /// # Errors
    ///
    /// A sentence for the owner.
    pub(crate) fn find(card: CardName) -> Result<Self, String> {
        let beside = || std::env::current_exe().ok().map(|path| path.with_file_name("pivkit"));
        let pivkit = std::env::var_os(PIVKIT).map(PathBuf::from).or_else(beside).filter(|path| path.exists());
        let pivkit =
            pivkit.ok_or_else(|| format!("there is no pivkit beside this program; build it, or set {PIVKIT}"))?;
        let directory = tempfile::tempdir().map_err(|error| format!("no directory for files: {error}"))?;
        Ok(Self { card, pivkit, directory, tries: OnceCell::new() })
    }

    /// Notes the tries of the PIN before anything else is run; what is noted later does not count.
    pub(crate) fn note_tries(&self, tries: &Value) {
        let _ = self.tries.set(tries.clone());
    }

    /// The tries that the PIN had at first.
    pub(crate) fn noted_tries(&self) -> Option<&Value> {
        self.tries.get()
    }

    /// Runs pivkit on the named card, and never asks a person.
    ///
    /// # Errors
    ///
    /// That it cannot be started.
    pub(crate) fn pivkit(&self, arguments: &[&str]) -> Result<Output, String> {
        let mut command = Command::new(&self.pivkit);
        command.args(arguments).args(self.card.flag()).args(["--json", "--non-interactive"]);
        run(command, &[])
    }

    /// Runs pivkit on whatever is there.
    ///
    /// # Errors
    ///
    /// That it cannot be started.
    pub(crate) fn pivkit_on_all(&self, arguments: &[&str]) -> Result<Output, String> {
        let mut command = Command::new(&self.pivkit);
        command.args(arguments).arg("--json");
        run(command, &[])
    }

    /// Runs openssl, which has to succeed.
    ///
    /// # Errors
    ///
    /// What it said.
    pub(crate) fn openssl(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
        let mut command = Command::new("openssl");
        command.args(arguments);
        Ok(run(command, input)?.exits_with(0)?.bytes)
    }

    /// A path in the directory for files.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file that only its owner can read, over one that is there.
    ///
    /// # Errors
    ///
    /// That it cannot be written.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> Result<String, String> {
        let path = self.path(name);
        let file = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(content)).map_err(|error| format!("{}: {error}", path.display()))?;
        text(&path)
    }
}

/// A path as an argument.
///
/// # Errors
///
/// That it is not text.
pub(crate) fn text(path: &Path) -> Result<String, String> {
    path.to_str().map(str::to_owned).ok_or_else(|| format!("{} is not UTF-8", path.display()))
}

/// What came out of a program.
pub(crate) struct Output {
    line: String,
    pub(crate) code: Option<i32>,
    pub(crate) bytes: Vec<u8>,
    errors: String,
}

impl Output {
    /// Asks for this exit code.
    pub(crate) fn exits_with(self, code: i32) -> Result<Self, String> {
        if self.code == Some(code) { Ok(self) } else { Err(format!("expected exit code {code}: {self}")) }
    }

    /// Asks for success, and gives the report.
    pub(crate) fn json(self) -> Result<Value, String> {
        let output = self.exits_with(0)?;
        serde_json::from_slice(&output.bytes).map_err(|error| format!("no JSON ({error}): {output}"))
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ended with {:?}", self.line, self.code)?;
        write!(f, "{}{}", String::from_utf8_lossy(&self.bytes), self.errors)
    }
}

fn run(mut command: Command, input: &[u8]) -> Result<Output, String> {
    let line = format!("{command:?}");
    let failed = |error: std::io::Error| format!("cannot run {line}: {error}");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    // What is given here is shorter than a pipe is long.
    child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(input)).map_err(failed)?;
    let output = child.wait_with_output().map_err(failed)?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if errors.contains("panicked at") {
        return Err(format!("a panic in {line}: {errors}"));
    }
    Ok(Output { line, code: output.status.code(), bytes: output.stdout, errors })
}
