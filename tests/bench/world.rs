//! A world of its own for a scenario: mount, network and process namespaces with their own /etc, /home and /run.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::Service;

/// The namespaces, for as long as this value lives.
pub(crate) struct World {
    /// The first process in there, as seen from outside.
    first: u32,
    _service: Service,
}

impl World {
    /// Why worlds cannot be made here; `None` if they can.
    pub(crate) fn obstacle() -> Option<&'static str> {
        if !cfg!(target_os = "linux") {
            return Some("needs Linux: namespaces, pcscd and PAM");
        }
        if !nix::unistd::geteuid().is_root() {
            return Some("needs root for namespaces of its own");
        }
        let possible = Command::new("unshare").args(NAMESPACES).arg("true").output();
        if possible.is_ok_and(|output| output.status.success()) {
            None
        } else {
            Some("unshare is missing or not permitted")
        }
    }

    /// Makes a world that shares `directory` with this one. Its virtual readers have these names and ports.
    pub(crate) fn new(directory: &Path, readers: &[(&str, u16)]) -> Self {
        let mut command = Command::new("unshare");
        let readers: Vec<_> = readers.iter().map(|(name, port)| format!("{name}:{port}")).collect();
        command.env("READERS", readers.join("\n"));
        command.args(NAMESPACES).arg("sh").arg(script()).arg(directory);
        command.args(below_home());
        let service = Service::start("the world", command);
        service.wait_for("ready", |line| (line == "ready").then_some(()));
        let first = service.only_child();
        Self { first, _service: service }
    }

    /// A command that runs in there, with nothing of this process' environment but what is set here.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        // Its root as well: where this process runs in a chroot, that is not the root of the mount namespace.
        command.args(["--target", &self.first.to_string(), "--mount", "--net", "--pid", "--root", "--"]).arg(program);
        command
    }

    /// The first process in there, as seen from outside.
    pub(crate) fn first_process(&self) -> u32 {
        self.first
    }

    /// A path in there, as it is reached from out here.
    pub(crate) fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        let inside = inside.as_ref();
        Path::new(&format!("/proc/{}/root", self.first)).join(inside.strip_prefix("/").unwrap_or(inside))
    }
}

const NAMESPACES: [&str; 6] = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];

fn script() -> PathBuf {
    super::project().join("tests/bench/world.sh")
}

/// The directories of the project that the new /home would hide.
fn below_home() -> Vec<PathBuf> {
    let binaries = super::binary("pivkit").parent().map(Path::to_path_buf).unwrap_or_default();
    [super::project(), binaries].into_iter().filter(|path| path.starts_with("/home")).collect()
}
