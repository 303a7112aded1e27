//! Quirks do what they say, at the call that they name.

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use crate::bench::{Bench, text};

#[test]
fn a_lie_says_what_the_truth_would_and_changes_nothing() {
    let bench = Bench::new();
    let hash = bench.hash();
    let before = bench.values("alice", "AuthenticationAuthority");
    bench.state(&["quirk", "sc_auth.pair=lie"]);
    let output = bench.run_as_alice("sc_auth", &["pair", "-u", "alice", "-h", &hash]);
    assert!(output.status.success());
    assert_eq!(text(&output.stdout), format!("User was successfully paired (public key hash: {hash})\n"));
    assert_eq!(bench.values("alice", "AuthenticationAuthority"), before);
}

#[test]
fn the_call_that_is_named_fails_and_no_other() {
    let bench = Bench::new();
    bench.state(&["quirk", "dscl.read#2=exit 7", "any#5=signal 9"]);
    let read = || bench.run("dscl", &[".", "-read", "/Users/alice", "UniqueID"]).status;
    assert_eq!([read(), read(), read()].map(|status| status.code()), [Some(0), Some(7), Some(0)]);
    assert_eq!(bench.run("id", &["-u"]).status.code(), Some(0));
    assert_eq!(bench.run("id", &["-u"]).status.signal(), Some(9));
}

#[test]
fn work_can_be_done_before_it_goes_wrong() {
    let bench = Bench::new();
    let hash = bench.hash();
    bench.state(&["quirk", "sc_auth.pair=done-exit 3"]);
    let output = bench.run_as_alice("sc_auth", &["pair", "-u", "alice", "-h", &hash]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0));
    assert!(bench.values("alice", "AuthenticationAuthority").contains(&format!(";tokenidentity;{hash}")));
}

#[test]
fn output_is_spoilt_as_asked() {
    let bench = Bench::new();
    let read = |quirk: &str| {
        bench.state(&["quirk", quirk]);
        bench.run("dscl", &["-plist", ".", "-read", "/Users/alice", "UniqueID"]).stdout
    };
    assert!(String::from_utf8(read("dscl=invalid-utf8")).is_err());
    assert!(plist::Value::from_reader_xml(read("dscl=truncated").as_slice()).is_err());
    assert!(plist::Value::from_reader_xml(read("dscl=garbage").as_slice()).is_err());
    assert_eq!(read("dscl=print hello"), b"hello");
}

#[test]
fn who_hangs_or_never_ends_can_be_killed() {
    let bench = Bench::new();
    bench.state(&["quirk", "id=hang", "security=endless"]);
    let start = |tool: &str| Command::new(bench.tool(tool)).stdout(Stdio::piped()).spawn().unwrap();
    let mut hanging = start("id");
    let mut endless = start("security");
    let mut bytes = vec![0; 1 << 20];
    endless.stdout.take().unwrap().read_exact(&mut bytes).unwrap();
    assert!(hanging.try_wait().unwrap().is_none());
    // Meanwhile the others work: nobody holds the state.
    assert!(bench.run("dscl", &[".", "-list", "/Users"]).status.success());
    hanging.kill().unwrap();
    assert_eq!(hanging.wait().unwrap().signal(), Some(9));
    // It ends by itself when nobody reads it.
    assert!(!endless.wait().unwrap().success());
}

#[test]
fn a_caller_can_be_killed_after_the_change() {
    let bench = Bench::new();
    let hash = bench.hash();
    bench.state(&["quirk", "sc_auth.pair=done-kill-caller"]);
    // The shell would say something if it came to that.
    let script = format!("{} asuser 501 sudo -u alice sc_auth pair -u alice -h {hash}; echo alive", tool(&bench));
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!((output.status.signal(), output.stdout.len()), (Some(9), 0));
    assert!(bench.values("alice", "AuthenticationAuthority").contains(&format!(";tokenidentity;{hash}")));
}

fn tool(bench: &Bench) -> String {
    bench.tool("launchctl").display().to_string()
}
