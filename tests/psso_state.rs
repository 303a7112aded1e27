//! What a login leaves on the disk, and what lives on it: refresh, status, logout; killed processes, two at once, folders open
//! to others, another identity provider.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::bad_input::assert_refused;
use crate::bench::card::{Card, pin_tries};
use crate::bench::idp::{Device, Idp};
use crate::bench::process::{LIMIT, Output};
use crate::bench::recorder::Recorder;
use crate::bench::{Bench, binary, not_run};

const FAILED: i32 = 1;
const USAGE: i32 = 2;
const NO_IDENTITY: i32 = 5;
const LOGIN: i32 = 7;

#[test]
fn a_refresh_needs_no_card_and_brings_another_token() {
    let (bench, idp, card, device) = signed_in();
    drop(card);
    let first = device.signed_in(&bench, "refresh", &["--show-token"]).success();
    let second = device.signed_in(&bench, "refresh", &["--show-token"]).success();
    let (one, two) = (first.json(), second.json());
    assert_eq!(one["schema_version"], 1, "{first}");
    assert_eq!(one["id_token_claims"]["sub"], "alice", "{first}");
    assert_eq!(one["id_token_claims"]["iss"], idp.url, "{first}");
    assert_ne!(refresh_token(&one), refresh_token(&two), "the token is renewed");
    let status = device.signed_in(&bench, "status", &[]).success();
    let sign_on = status.json()["sign_on"].clone();
    assert!(sign_on["last_refresh"].is_string() && sign_on["can_refresh"] == true, "{status}");
    // With the configuration of the login, and with it named.
    device.signed_in(&bench, "refresh", &["--config", device.config()]).success();
    assert!(!second.stderr.contains(refresh_token(&two)));
}

#[test]
fn refreshes_at_once_go_one_after_the_other_and_lose_no_token() {
    let (bench, _idp, _card, device) = signed_in();
    let outputs: Vec<Output> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..6)
            .map(|_| device.signed_in_run(&bench, "refresh", &["--show-token"]))
            .map(|run| scope.spawn(|| run.output()))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let tokens: std::collections::BTreeSet<String> =
        outputs.into_iter().map(|output| refresh_token(&output.success().json()).to_owned()).collect();
    assert_eq!(tokens.len(), 6, "each one got a token of its own");
    // A token that was used twice would have ended them all.
    device.signed_in(&bench, "refresh", &[]).success();
}

#[test]
fn ctrl_c_waits_until_the_new_token_is_on_the_disk() {
    let (bench, recorder, _idp, device) = signed_in_through_a_recorder();
    let held = recorder.hold("/psso/refresh");
    let mut child = refresh(&device);
    held.wait_for_request();
    let heard = interrupt(&mut child);
    assert!(heard.contains("once more ends it at once"), "{heard}");
    held.let_through();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["id_token_claims"]["sub"], "alice");
    device.signed_in(&bench, "refresh", &[]).success();
}

#[test]
fn ctrl_c_during_a_refresh_that_fails_is_ctrl_c_all_the_same() {
    let (bench, recorder, _idp, device) = signed_in_through_a_recorder();
    let held = recorder.hold("/psso/refresh");
    let mut child = refresh(&device);
    held.wait_for_request();
    interrupt(&mut child);
    held.cut();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("refresh endpoint"), "{said}");
    device.signed_in(&bench, "refresh", &[]).success();
}

#[test]
fn ctrl_c_before_anything_is_sent_ends_at_once() {
    if !Path::new("/proc/self/fd").exists() {
        return not_run::report("looks into /proc").unwrap_or_default();
    }
    let (bench, _idp, _card, device) = signed_in();
    let before = state_files(&device);
    let lock = fs::File::open(&device.state).unwrap();
    lock.lock().unwrap();
    let mut child = refresh(&device);
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    // It has opened the directory, and waits for the lock.
    let has_opened = |link: &Path| fs::read_link(link).is_ok_and(|target| target == device.state);
    wait_until("it waits for the lock", || {
        fs::read_dir(process.join("fd")).unwrap().any(|entry| has_opened(&entry.unwrap().path()))
    });
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(lock);
    assert_eq!(state_files(&device), before);
    device.signed_in(&bench, "refresh", &[]).success();
}

/// A refresh that runs.
fn refresh(device: &Device) -> Child {
    Command::new(binary("pivkit"))
        .args(["psso", "refresh", "--state", device.state.to_str().unwrap(), "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Ctrl-C; what it says to that, one line.
fn interrupt(child: &mut Child) -> String {
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let (stderr, mut line, mut byte) = (child.stderr.as_mut().unwrap(), Vec::new(), [0]);
    while stderr.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
        line.extend(byte);
    }
    String::from_utf8(line).unwrap()
}

/// Alice, signed in with her card, and somebody between her and the identity provider.
fn signed_in_through_a_recorder() -> (Bench, Recorder, Idp, Device) {
    let (bench, recorder) = (Bench::vpcd(), Recorder::new());
    let card = Card::alice(&bench);
    let idp = Idp::start(&bench, &card.authority(), &["--url", &recorder.url()]);
    recorder.lead_to(&idp.url);
    let device = Device::new(&bench, idp.configuration(&bench));
    device.register(&bench).success();
    device.login(&bench).success();
    (bench, recorder, idp, device)
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
    }
}

#[test]
fn what_status_says_from_the_empty_folder_to_the_login() {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let idp = Idp::start(&bench, &card.authority(), &[]);
    let device = Device::new(&bench, idp.configuration(&bench));
    let status = || device.signed_in(&bench, "status", &[]).success().json();
    let before = status();
    assert!(
        before["device"].is_object() && before["registration"].is_null() && before["sign_on"].is_null(),
        "{before}"
    );
    device.register(&bench).success();
    let registered = status();
    assert_eq!(registered["registration"]["issuer"], idp.url, "{registered}");
    assert_eq!(registered["registration"]["users"][0]["user"], "alice", "{registered}");
    assert_eq!(registered["registration"]["users"][0]["method"], "smart-card", "{registered}");
    assert_refused(&device.signed_in(&bench, "refresh", &[]), NO_IDENTITY, &["nobody is signed in", "psso login"]);

    device.login(&bench).success();
    let found = status();
    let sign_on = &found["sign_on"];
    assert_eq!((&sign_on["user"], &sign_on["method"]), (&"alice".into(), &"smart-card".into()), "{found}");
    assert_eq!(sign_on["sealed_with"]["place"], "file", "{found}");
    assert!(sign_on["sealed_with"]["meaning"].as_str().unwrap().contains("beside"), "{found}");
    assert_eq!(sign_on["claims"]["upn"], "alice@example.test", "{found}");
    assert!(sign_on["refresh_token_expires_at"].as_str() > sign_on["last_login"].as_str(), "{found}");
    let text = bench.pivkit(&["psso", "status", "--state", device.state.to_str().unwrap()]).output().success();
    for words in ["signed in: alice by smart-card", "can be refreshed until", "in a file beside", "registered at"] {
        assert!(text.stdout.contains(words), "{words}: {text}");
    }
    let missing = bench.path("nowhere");
    let nowhere = bench.pivkit(&["psso", "status", "--state", missing.to_str().unwrap()]).output();
    assert_refused(&nowhere, FAILED, &["no such state directory"]);
}

#[test]
fn a_process_that_is_killed_while_it_writes_leaves_a_whole_file_and_a_good_token() {
    let (bench, _idp, _card, device) = signed_in();
    let file = device.state.join("sign-on.json");
    let before = fs::read(&file).unwrap();
    assert!(before.len() > 1024, "{} bytes", before.len());
    // No file may have more than 512 bytes: the system kills whoever writes the next (SIGXFSZ).
    let killed = refresh_with_small_files(&bench, &device, "");
    assert_eq!((killed.code, killed.stdout.as_str()), (None, ""), "{killed}");
    assert_eq!(fs::read(&file).unwrap(), before, "the old file is whole");
    assert_eq!(unfinished(&device), 1, "it was killed in the middle of a writing");
    let status = device.signed_in(&bench, "status", &[]).success();
    assert_eq!(status.json()["sign_on"]["user"], "alice", "{status}");

    // What it wrote was room for the new token. The old one was not spent yet.
    device.signed_in(&bench, "refresh", &[]).success();
    assert_eq!(unfinished(&device), 0, "the next one cleans up");
}

#[test]
fn a_disk_without_room_costs_no_token() {
    let (bench, _idp, _card, device) = signed_in();
    let before = state_files(&device);
    // Who ignores the signal is told that there is no room, as on a full disk.
    let refused = refresh_with_small_files(&bench, &device, "trap '' XFSZ; ");
    assert_refused(&refused, FAILED, &["cannot be written", "Make room"]);
    assert_eq!(state_files(&device), before);
    device.signed_in(&bench, "refresh", &[]).success();
}

/// A refresh that can write no file of more than 512 bytes.
fn refresh_with_small_files(bench: &Bench, device: &Device, before: &str) -> Output {
    let (binary, state) = (binary("pivkit"), device.state.display());
    let line = format!("ulimit -c 0; ulimit -f 1; {before}exec '{}' psso refresh --state '{state}'", binary.display());
    bench.command("sh", &["-c", &line]).output()
}

#[test]
fn a_login_that_is_killed_while_it_writes_leaves_nobody_signed_in() {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let idp = Idp::start(&bench, &card.authority(), &[]);
    let device = Device::new(&bench, idp.configuration(&bench));
    device.register(&bench).success();
    let arguments: Vec<String> = device.login_arguments().iter().map(|argument| format!("'{argument}'")).collect();
    let binary = binary("pivkit").display().to_string();
    let transport = format!("--transport 'vpcd:{}'", bench.reader_address());
    let line = format!("ulimit -c 0; ulimit -f 1; exec '{binary}' {} {transport}", arguments.join(" "));
    let killed = bench.command("sh", &["-c", &line]).output();
    assert_eq!(killed.code, None, "{killed}");
    assert!(device.signed_in(&bench, "status", &[]).success().json()["sign_on"].is_null());
    device.login(&bench).success();
    assert_eq!(unfinished(&device), 0);
}

#[test]
fn a_sign_on_that_others_can_read_is_not_used() {
    let (bench, _idp, _card, device) = signed_in();
    for name in ["sign-on.json", "sign-on-key", "registration.json", "device-signing-key.pem"] {
        let path = device.state.join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let command = if name == "registration.json" { "status" } else { "refresh" };
        assert_refused(&device.signed_in(&bench, command, &[]), FAILED, &[name, "0600"]);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    fs::set_permissions(&device.state, fs::Permissions::from_mode(0o750)).unwrap();
    for command in ["refresh", "status", "logout", "key-request", "key-exchange"] {
        assert_refused(&device.signed_in(&bench, command, &[]), FAILED, &["0700"]);
    }
    fs::set_permissions(&device.state, fs::Permissions::from_mode(0o700)).unwrap();
    device.signed_in(&bench, "refresh", &[]).success();
}

#[test]
fn a_folder_of_one_identity_provider_is_not_used_with_another() {
    let (bench, idp, _card, device) = signed_in();
    let good = fs::read_to_string(device.config()).unwrap();
    let before = state_files(&device);
    for (old, new) in [
        (format!("issuer = \"{}\"", idp.url), "issuer = \"https://evil.example\"".to_owned()),
        ("client_id = \"".to_owned(), "client_id = \"x".to_owned()),
    ] {
        assert!(good.contains(&old), "{old} is not in {good}");
        fs::write(device.config(), good.replace(&old, &new)).unwrap();
        let config = ["--config", device.config()];
        for output in [
            device.login(&bench),
            device.register(&bench),
            device.signed_in(&bench, "refresh", &config),
            device.signed_in(&bench, "key-request", &config),
            device.signed_in(&bench, "key-exchange", &config),
            device.signed_in(&bench, "status", &config),
            device.signed_in(&bench, "logout", &[&config[..], &["--yes"]].concat()),
        ] {
            assert_refused(&output, NO_IDENTITY, &["this state directory is of", "--state"]);
        }
    }
    assert_eq!(pin_tries(&bench, "card"), 3);
    assert_eq!(state_files(&device), before);
    device.signed_in(&bench, "refresh", &[]).success();
}

#[test]
fn logging_out_removes_the_tokens_and_tells_what_the_provider_still_knows() {
    let (bench, _idp, _card, device) = signed_in();
    let before = state_files(&device);
    assert_refused(&device.signed_in(&bench, "logout", &[]), USAGE, &["--yes"]);
    let dry = device.signed_in(&bench, "logout", &["--dry-run", "--forget-device"]).success().json();
    assert_eq!((dry["dry_run"].as_bool(), dry["removed"].as_array().unwrap().len()), (Some(true), 3), "{dry}");
    assert_eq!(state_files(&device), before, "nothing was changed so far");

    let kid = device.keys(&bench)["device_signing_key"]["kid"].as_str().unwrap().to_owned();
    let out = device.signed_in(&bench, "logout", &["--yes"]).success();
    let known = out.json()["still_known"].to_string();
    assert!(known.contains(&kid) && known.contains("refresh token of alice, until 20"), "{out}");
    assert!(!device.state.join("sign-on.json").exists() && !device.state.join("sign-on-key").exists());
    assert_refused(&device.signed_in(&bench, "refresh", &[]), NO_IDENTITY, &["nobody is signed in"]);
    let again = device.signed_in(&bench, "logout", &["--yes"]).success();
    assert!(again.json()["removed"].as_array().unwrap().is_empty(), "{again}");
    // The device is the same, and signs in again.
    device.login(&bench).success();
    device.signed_in(&bench, "logout", &["--yes", "--forget-device"]).success();
    assert_eq!(fs::read_dir(&device.state).unwrap().count(), 0);
    assert_refused(&device.login(&bench), FAILED, &["psso register"]);
}

#[test]
fn a_token_whose_time_is_over_is_told_and_not_sent() {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let idp = Idp::start(&bench, &card.authority(), &["--refresh-token-lifetime", "1"]);
    let device = Device::new(&bench, idp.configuration(&bench));
    device.register(&bench).success();
    device.login(&bench).success();
    let can_refresh = || device.signed_in(&bench, "status", &[]).success().json()["sign_on"]["can_refresh"] == true;
    wait_until("a token for a second is over", || !can_refresh());
    let status = device.signed_in(&bench, "status", &[]).success();
    assert!(status.json()["sign_on"]["why_not"].as_str().unwrap().contains("expired at 20"), "{status}");
    drop(idp);
    // Nobody is there to be asked; and nobody has to be.
    for command in ["refresh", "key-request", "key-exchange"] {
        assert_refused(&device.signed_in(&bench, command, &[]), NO_IDENTITY, &["expired at 20", "psso login"]);
    }
}

#[test]
fn a_provider_that_is_down_during_a_refresh_costs_nothing() {
    let (bench, idp, _card, device) = signed_in();
    let before = state_files(&device);
    let address = idp.url.trim_start_matches("http://").to_owned();
    drop(idp);
    assert_refused(&device.signed_in(&bench, "refresh", &[]), LOGIN, &["JWKS endpoint", "identity provider runs"]);
    assert_eq!(state_files(&device), before);
    // It comes back with what it knew, and the token is as good as before.
    let _idp = Idp::start(&bench, &crate::bench::card::authority(&bench.path("card")), &["--listen", &address]);
    device.signed_in(&bench, "refresh", &[]).success();
}

#[test]
fn a_damaged_sign_on_is_told_and_can_be_removed() {
    let (bench, _idp, _card, device) = signed_in();
    fs::write(device.state.join("sign-on.json"), "{\"schema_version\":1,").unwrap();
    for command in ["refresh", "status"] {
        assert_refused(&device.signed_in(&bench, command, &[]), FAILED, &["damaged", "psso logout"]);
    }
    assert_refused(&device.login(&bench), FAILED, &["damaged"]);
    device.signed_in(&bench, "logout", &["--yes"]).success();
    device.login(&bench).success();
}

pub(crate) fn refresh_token(report: &Value) -> &str {
    report["tokens"]["refresh_token"].as_str().unwrap()
}

/// How many files that were never finished lie in the state directory.
fn unfinished(device: &Device) -> usize {
    state_files(device)
        .iter()
        .filter(|(path, _)| path.file_name().unwrap().to_str().unwrap().starts_with(".new-"))
        .count()
}

fn state_files(device: &Device) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(&device.state)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Alice, signed in with her card.
pub(crate) fn signed_in() -> (Bench, Idp, Card, Device) {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let idp = Idp::start(&bench, &card.authority(), &[]);
    let device = Device::new(&bench, idp.configuration(&bench));
    device.register(&bench).success();
    device.login(&bench).success();
    (bench, idp, card, device)
}
