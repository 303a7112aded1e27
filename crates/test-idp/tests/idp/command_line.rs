//! `pivkit-idp` as a process: its one line, its signals, its errors.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::cards::Ca;
use crate::http::get;

fn serve(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pivkit-idp"));
    command.arg("serve").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn failed(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = serve(arguments).output().unwrap();
    assert!(stdout.is_empty(), "{stdout:?}");
    let stderr = String::from_utf8(stderr).unwrap();
    let message = stderr.lines().find(|line| line.starts_with("pivkit-idp: ") || line.starts_with("error: "));
    (status.code(), message.unwrap_or(&stderr).to_owned())
}

fn kill(child: &Child, signal: &str) {
    let status = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Starts a server, reads its line, ends it with a signal; the first line of its configuration
/// that starts with `client_id`.
fn run_once(state: &Path, trust: &Path, signal: &str) -> String {
    let (state, trust) = (state.to_str().unwrap(), trust.to_str().unwrap());
    let mut child =
        serve(&["--listen", "127.0.0.1:0", "--state", state, "--user", "alice", "--trust-ca", trust]).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let url = line.trim_end().strip_prefix("pivkit-idp listening on ").unwrap().to_owned();
    assert!(!url.ends_with(":0"));
    let configuration = get(&format!("{url}/psso.toml")).body;
    assert!(configuration.contains(&format!("issuer = \"{url}\"\n")));

    let (code, message) = failed(&["--listen", "127.0.0.1:0", "--state", state]);
    assert_eq!(code, Some(1));
    assert!(message.contains("in use"), "{message}");

    kill(&child, signal);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "one line on stdout and no more");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    configuration.lines().find(|line| line.starts_with("client_id")).unwrap().to_owned()
}

#[test]
fn it_serves_until_a_signal_and_remembers_who_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let (state, trust) = (directory.path().join("state"), directory.path().join("ca.pem"));
    fs::write(&trust, Ca::new("CA").pem()).unwrap();
    let first = run_once(&state, &trust, "-TERM");
    assert_eq!(run_once(&state, &trust, "-INT"), first);
    for (name, mode) in [("", 0o700), ("idp.sqlite", 0o600)] {
        let found = fs::metadata(state.join(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(found, mode, "{name}");
    }
}

#[test]
fn wrong_usage_is_code_2_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let state_text = state.to_str().unwrap();
    for (arguments, expected) in [
        (&["--listen", "192.0.2.1:0"][..], "other machines"),
        (&["--listen", "0.0.0.0:0", "--allow-remote"], "not an address"),
        (&["--listen", "localhost"], "--listen"),
        (&["--listen", "127.0.0.1:0", "--url", "idp.example"], "not the URL of a server"),
        (&["--listen", "127.0.0.1:0", "--user", "a b"], "is not a user"),
        (&["--listen", "127.0.0.1:0", "--user", "a", "--user", "a=a@b"], "given twice"),
        (&["--listen", "127.0.0.1:0", "--user", "alice", "--user", "Alice"], "`Alice` is not a user"),
        (&["--demo", "--passwords", "file"], "--passwords"),
        (&["--listen", "127.0.0.1:0", "--mimic", "wrong"], "nonce-lower-case, nonce-uuid"),
        (&["--listen", "127.0.0.1:0", "--group", "alice"], "alice=staff"),
        (&["--listen", "127.0.0.1:0", "--user", "alice=ski:xyz"], "hexadecimal"),
        (&["--listen", "127.0.0.1:0", "--fault", "wrong"], "wrong-nonce, wrong-aud"),
        (&["--listen", "127.0.0.1:0", "--id-token-algorithm", "HS256"], "--id-token-algorithm"),
        (&["--listen", "127.0.0.1:0", "--page", "all"], "loopback, published, everyone or nobody"),
    ] {
        let (code, message) = failed(&[arguments, &["--state", state_text]].concat());
        assert_eq!(code, Some(2), "{arguments:?}: {message}");
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    assert!(!state.exists());
}

#[test]
fn what_cannot_work_is_code_1_with_advice() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("empty.pem"), "").unwrap();
    fs::write(path("bad.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    fs::create_dir(path("open")).unwrap();
    fs::write(path("open/something"), "").unwrap();
    fs::set_permissions(path("open"), fs::Permissions::from_mode(0o755)).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let free = "127.0.0.1:0".to_owned();
    for (listen, state, trust, expected, advice) in [
        (&taken, "state", None, "cannot listen on", "port 0"),
        (&free, "open", None, "0755", "chmod"),
        (&free, "empty.pem", None, "cannot use", "--state"),
        (&free, "state", Some("absent.pem"), "trust file", "--trust-ca"),
        (&free, "state", Some("empty.pem"), "no certificate", "--trust-ca"),
        (&free, "state", Some("bad.pem"), "certificate 1", "--trust-ca"),
    ] {
        let state = path(state);
        let trust = trust.map(path);
        let mut arguments = vec!["--listen", listen, "--state", &state];
        arguments.extend(trust.iter().flat_map(|trust| ["--trust-ca", trust]));
        let (code, message) = failed(&arguments);
        assert_eq!(code, Some(1), "{message}");
        assert!(message.contains(expected) && message.contains(advice), "{message}");
        assert!(message.matches(". ").count() >= 1 && message.ends_with('.'), "two sentences: {message}");
    }
}

#[test]
fn a_url_that_pivkit_does_not_take_is_warned_of() {
    for (url, warned) in [("http://idp.example", true), ("https://idp.example", false)] {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state");
        let mut child =
            serve(&["--listen", "127.0.0.1:0", "--state", state.to_str().unwrap(), "--url", url]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("pivkit-idp listening on http://127.0.0.1:"), "{line}");
        kill(&child, "-TERM");
        let mut log = String::new();
        child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert_eq!(log.contains("give --url with https"), warned, "{log}");
        child.wait().unwrap();
    }
}

#[test]
fn files_that_cannot_be_used_are_named_and_secrets_in_them_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let write = |name: &str, text: &str, mode: u32| {
        fs::write(path(name), text).unwrap();
        fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    write("ca.pem", &Ca::new("CA").pem(), 0o644);
    write("other.crl", &Ca::new("CA").revocation_list(&[], time::Duration::HOUR), 0o644);
    write("open", "alice:sesame\n", 0o644);
    write("bad", "sesame\n", 0o600);
    write("empty", "\n", 0o600);
    let (state, trust) = (path("state"), path("ca.pem"));
    for (flag, file, expected, advice) in [
        ("--crl", "absent", "revocation list", "--crl"),
        ("--crl", "other.crl", "did not sign", "--trust-ca"),
        ("--crl", "ca.pem", "something else than revocation lists", "--crl"),
        ("--passwords", "open", "0644", "chmod"),
        ("--passwords", "bad", "line 1", "0600"),
        ("--passwords", "absent", "no such file", "0600"),
        ("--registration-token-file", "open", "0644", "chmod"),
        ("--registration-token-file", "empty", "it is empty", "0600"),
    ] {
        let file = path(file);
        let arguments = ["--listen", "127.0.0.1:0", "--state", &state, "--trust-ca", &trust, flag, &file];
        let (code, message) = failed(&arguments);
        assert_eq!(code, Some(1), "{message}");
        assert!(message.contains(expected) && message.contains(advice) && !message.contains("sesame"), "{message}");
    }
    assert!(!Path::new(&state).exists(), "nothing was made");
}

#[test]
fn the_key_is_rotated_while_the_server_runs_and_only_where_there_is_one() {
    for algorithm in ["ES256", "RS256"] {
        is_rotated(algorithm);
    }
}

fn is_rotated(algorithm: &str) {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let rotate = |state: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pivkit-idp"));
        command.args(["rotate-key", "--state", state.to_str().unwrap()]).output().unwrap()
    };
    let arguments = ["--listen", "127.0.0.1:0", "--id-token-algorithm", algorithm, "--state", state.to_str().unwrap()];
    let mut child = serve(&arguments).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim_end().strip_prefix("pivkit-idp listening on ").unwrap();
    let kids = || -> Vec<String> {
        let keys = get(&format!("{url}/psso/jwks")).json();
        let keys = keys["keys"].as_array().unwrap();
        assert!(keys.iter().all(|key| key["alg"] == algorithm), "{keys:?}");
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let before = kids();
    let Output { status, stdout, .. } = rotate(&state);
    assert!(status.success());
    let after = kids();
    assert_eq!((after.len(), &after[1]), (2, &before[0]));
    let printed = String::from_utf8(stdout).unwrap();
    assert_eq!(printed, format!("{} signs from now on; the key before stays published for 24 hours\n", after[0]));
    kill(&child, "-TERM");
    child.wait().unwrap();

    let absent = directory.path().join("absent");
    let Output { status, stdout, stderr } = rotate(&absent);
    assert_eq!((status.code(), stdout.is_empty()), (Some(1), true), "{stderr:?}");
    let message = String::from_utf8(stderr).unwrap();
    assert!(
        message.contains("there is no database in") && message.contains("Name the directory of a server"),
        "{message}"
    );
    assert!(!absent.exists(), "nothing was made");
}

#[test]
fn every_address_is_fine_for_a_server_with_a_name_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let arguments = ["--listen", "0.0.0.0:0", "--allow-remote", "--url", "http://127.0.0.1:8642", "--state"];
    let mut child = serve(&[&arguments[..], &[state.to_str().unwrap()]].concat()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    kill(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(line.starts_with("pivkit-idp listening on http://127.0.0.1:8642, at 0.0.0.0:"), "{line}");
}

#[test]
fn the_commands_of_a_demo_work_in_every_directory() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = serve(&["--demo", "--listen", "127.0.0.1:0"]).current_dir(directory.path()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let lines: Vec<_> = lines.take_while(|line| !line.starts_with("# That is all")).collect();
    kill(&child, "-TERM");
    child.wait().unwrap();
    let folder = directory.path().canonicalize().unwrap().join("pivkit-demo/demo");
    let paths = lines.iter().flat_map(|line| line.split_whitespace()).filter(|word| word.contains("demo/"));
    assert!(paths.clone().count() > 15, "{lines:?}");
    for path in paths {
        let path = path.trim_start_matches("9a=");
        assert!(Path::new(path).starts_with(&folder), "{path}");
    }
}

#[test]
fn the_faults_are_listed_with_what_a_client_does_about_them() {
    let output = Command::new(env!("CARGO_BIN_EXE_pivkit-idp")).arg("faults").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    for fault in test_idp::Fault::all() {
        let (does, answers, must) = (fault.does(), fault.answers(), fault.client_must());
        let entry = format!("\n{fault}\n    {does}\n    Answers: {answers}\n    Client: {must}\n");
        assert!(text.contains(&entry), "{entry} in {text}");
    }
}
