use std::os::unix::fs::PermissionsExt;
use std::sync::MutexGuard;

use super::*;

/// A folder in which `id` is this script. One test at a time: a file that is being written while another test forks cannot be
/// run ("text file busy").
fn tools(script: &str) -> (Stage, SystemRunner) {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("id");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let runner = SystemRunner::with_tool_dir(folder.path()).unwrap();
    (Stage { folder, _alone: alone }, runner)
}

struct Stage {
    folder: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Stage {
    fn path(&self) -> &Path {
        self.folder.path()
    }
}

static ALONE: Mutex<()> = Mutex::new(());

fn id(arguments: &[&str]) -> ToolCommand {
    ToolCommand::new(Tool::Id, arguments.iter().copied())
}

#[test]
fn output_code_and_arguments_arrive_as_they_are() {
    let (_folder, runner) = tools("printf '%s|' \"$@\"; echo oops >&2; exit 3");
    let captured = runner.run(&id(&["a b", "$(touch /tmp/x)", "*", ""])).unwrap();
    assert_eq!(captured.stdout, b"a b|$(touch /tmp/x)|*||");
    assert_eq!((captured.ending, captured.stderr.as_slice()), (Ending::Code(3), b"oops\n".as_slice()));
}

#[test]
fn the_environment_is_its_own() {
    let (_folder, runner) = tools("env; cat");
    let mut command = id(&[]);
    command.stdin = b"standard input".to_vec();
    let captured = runner.run(&command).unwrap().text();
    assert!(captured.ends_with("standard input") && captured.contains("PATH=/usr/bin:/bin:/usr/sbin:/sbin"));
    assert!(!captured.contains("CARGO"), "{captured}");
}

#[test]
fn a_tool_that_hangs_is_ended_with_everything_it_started() {
    let (folder, runner) = tools("sleep 1000 & echo $! > \"$(dirname \"$0\")/child\"; trap '' TERM; wait; sleep 1000");
    let limit = Duration::from_millis(700);
    let started = Instant::now();
    let result = runner.run(&id(&[]).within(limit));
    assert!(matches!(result, Err(Error::TimedOut { .. })), "{result:?}");
    assert!(started.elapsed() < Duration::from_secs(20));
    let child = std::fs::read_to_string(folder.path().join("child")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
    assert!(stat.is_err() || stat.unwrap().contains(") Z"), "the child lives");
}

#[test]
fn a_tool_that_closes_its_streams_and_hangs_is_ended() {
    let (_folder, runner) = tools("exec >&- 2>&-; exec sleep 1000");
    let result = runner.run(&id(&[]).within(Duration::from_millis(300)));
    assert!(matches!(result, Err(Error::TimedOut { .. })), "{result:?}");
}

#[test]
fn what_a_tool_leaves_behind_is_not_waited_for() {
    let (_folder, runner) = tools("echo done; sleep 1000 &");
    let captured = runner.run(&id(&[]).within(Duration::from_secs(60))).unwrap();
    assert_eq!((captured.ending, captured.stdout.as_slice()), (Ending::Code(0), b"done\n".as_slice()));
}

#[test]
fn endless_output_is_stopped() {
    let (_folder, runner) = tools("exec cat /dev/zero");
    let result = runner.run(&id(&[]));
    assert!(matches!(result, Err(Error::TooMuchOutput { .. })), "{result:?}");
}

#[test]
fn a_tool_that_dies_or_is_not_there() {
    let (folder, runner) = tools("kill -9 $$");
    assert_eq!(runner.run(&id(&[])).unwrap().ending, Ending::Signal(9));
    assert!(runner.has(Tool::Id) && !runner.has(Tool::Dscl));
    let missing = runner.run(&ToolCommand::new(Tool::Dscl, ["x"]));
    assert!(matches!(missing, Err(Error::ToolMissing { program }) if program.ends_with("dscl")));
    std::fs::set_permissions(folder.path().join("id"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(runner.run(&id(&[])), Err(Error::NotStarted { .. })));
    assert!(matches!(SystemRunner::with_tool_dir(Path::new("/nonexistent")), Err(Error::File { .. })));
}
